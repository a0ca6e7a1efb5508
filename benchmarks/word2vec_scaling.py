"""Costs of word2vec by size of the text: time, and memory beside that of its two matrices."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from machine import Timing, counted, heading, in_turns, row, run_process
from word2vec_text import Text, enwiki, introduction, write_repeated
from word2vec_wordkit import compile_kernels

from wordkit.word2vec import Word2VecConfig

__all__ = ["scaling"]

SCRIPT = Path(__file__).resolve().with_name("word2vec_wordkit.py")
SIZES = (1, 4, 16)
DIMS = (300, 500)  # beside 100, for the memory
ARCHS = ("skipgram", "cbow")
SPEEDS = ("best", "median", "words/s by the best", "of the first", "by the median", "of the first")
COLUMNS = ("", *SPEEDS, "peak memory", "two matrices", "the rest")


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
            compile_kernels([Word2VecConfig(arch=arch)])  # so that no process has to, in its memory
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
    """The table of an architecture; words a second are compared with those of the first case.

    Other work on a shared machine slows rounds down and never speeds them up: the best round of
    each is the nearest to what the program itself costs, and the median is what one meets.
    """
    print(f"\n{heading(COLUMNS)}")
    words = {case: case.times * text.corpus.tokens for case in cases}
    best = {case: words[case] / timings[str(case)].best for case in cases}
    median = {case: words[case] / timings[str(case)].median for case in cases}
    for case in cases:
        seconds = [
            f"{value:.2f} s" for value in (timings[str(case)].best, timings[str(case)].median)
        ]
        rates = []
        for rate in (best, median):
            rates += [f"{rate[case]:,.0f}", f"{rate[case] / rate[cases[0]]:.0%}"]
        peak, matrices = peaks[str(case)], 2 * 4 * text.words() * case.dim
        memory = [f"{value / 1e6:.0f} MB" for value in (peak, matrices, peak - matrices)]
        print(row([case, *seconds, *rates, *memory]), flush=True)
    alone = next((case for case in cases if case.threads == 1), cases[0])
    if alone is not cases[0]:
        by_best, by_median = (rate[cases[0]] / rate[alone] for rate in (best, median))
        print(
            f"\n{counted(cases[0].threads, 'thread')} are {by_best:.2f} times as fast as one by "
            f"the best rounds, {by_median:.2f} times by the medians"
        )
