"""What word2vec costs as the text grows: time, and memory beside that of its two matrices."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from machine import Timing, counted, heading, in_turns, row, run_process
from word2vec_text import Text, enwiki, introduction, write_repeated

__all__ = ["scaling"]

SCRIPT = Path(__file__).resolve().with_name("word2vec_wordkit.py")
SIZES = (1, 4, 16)
DIMS = (300, 500)  # beside 100, for the memory
ARCHS = ("skipgram", "cbow")
COLUMNS = ("", "median", "words/s", "of the first", "peak memory", "two matrices", "the rest")


@dataclass(frozen=True)
class Case:
    """One training."""

    arch: str
    times: int
    """How often the text is repeated."""

    dim: int
    threads: int

    def __str__(self) -> str:
        threads = counted(self.threads, "thread")
        return f"{self.arch}, {self.times}x the text, dim {self.dim}, {threads}"


def scaling(options: argparse.Namespace) -> None:
    """Words a second and peak memory over the size of the text, the dimensions and the threads."""
    sizes, most = options.sizes or SIZES, options.threads
    with enwiki(options.data, options.limit) as text:
        rounds = counted(options.rounds, "round")
        print(introduction(text, "window 5", "5 negatives", "1 epoch", rounds))
        print("each training in a process of its own; the same vocabulary for all", flush=True)
        for times in sizes:
            write_repeated(text.corpus, times, _folder(text, times))
        for arch in options.arch or ARCHS:
            cases = [Case(arch, times, 100, most) for times in sizes]
            cases += [Case(arch, sizes[0], 100, threads) for threads in range(1, most)]
            cases += [Case(arch, sizes[0], dim, most) for dim in DIMS]
            peaks: dict[str, int] = {}
            jobs = {str(case): _job(case, text, peaks) for case in cases}
            _print(cases, text, in_turns(jobs, options.rounds), peaks)


def _folder(text: Text, times: int) -> Path:
    return text.folder / f"x{times}.ids"


def _job(case: Case, text: Text, peaks: dict[str, int]) -> Callable[[], float]:
    """A training in a process; its peak memory is noted."""
    settings = {
        "arch": case.arch,
        "dim": case.dim,
        "max_vocabulary": text.words(),
        "epochs": 1,
        "threads": case.threads,
    }
    folder = str(_folder(text, case.times))
    command = [sys.executable, str(SCRIPT), folder, json.dumps(settings)]

    def run() -> float:
        process = run_process(command)
        peaks[str(case)] = max(peaks.get(str(case), 0), process.peak)
        return float(json.loads(process.output)["seconds"])

    return run


def _print(
    cases: list[Case], text: Text, timings: dict[str, Timing], peaks: dict[str, int]
) -> None:
    """The table of an architecture; words a second are compared with those of the first case."""
    print(f"\n{heading(COLUMNS)}")
    rates = {case: case.times * text.corpus.tokens / timings[str(case)].median for case in cases}
    for case, rate in rates.items():
        seconds, share = timings[str(case)].median, rate / rates[cases[0]]
        peak, matrices = peaks[str(case)], 2 * 4 * text.words() * case.dim
        memory = [f"{value / 1e6:.0f} MB" for value in (peak, matrices, peak - matrices)]
        figures = f"{seconds:.2f} s", f"{rate:,.0f}", f"{share:.0%}"
        print(row([case, *figures, *memory]), flush=True)
    alone = next((case for case in cases if case.threads == 1), cases[0])
    if alone is not cases[0]:
        ratio = rates[cases[0]] / rates[alone]
        print(f"\n{counted(cases[0].threads, 'thread')} are {ratio:.2f} times as fast as one")
