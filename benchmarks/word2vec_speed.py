"""Training speed of word2vec: wordkit and gensim in turns, by dimensions and negatives."""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

from machine import Timing, counted, heading, in_turns, row, run_process
from word2vec_gensim import Gensim, script
from word2vec_text import MIN_COUNT, Text, enwiki, introduction, write_tokens
from word2vec_wordkit import compile_kernels, train

from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.config import Arch

__all__ = ["command", "speed", "table"]

ARCHS: tuple[Arch, ...] = ("skipgram", "cbow")
GOALS = {"skipgram": 10, "cbow": 7}  # times as fast as gensim, to be reached at least
GOAL_OF_COMMAND = 5
DIMS = (50, 100, 200, 300, 500)
NEGATIVES = (5, 10, 15)
OF_GENSIM = ((100, 5), (300, 5), (300, 15))  # (dim, negative) that gensim is asked for as well


def one_epoch(arch: Arch, dim: int = 100, negative: int = 5) -> Word2VecConfig:
    """The settings that are compared; the learning rate is each program's default."""
    return Word2VecConfig(
        arch=arch,
        dim=dim,
        window=5,
        negative=negative,
        sample=1e-3,
        min_count=MIN_COUNT,
        epochs=1,
    )


def speed(options: argparse.Namespace) -> None:
    """Only the training, with all that comes before it done: wordkit and gensim in turns."""
    with enwiki(options.data, options.limit) as text:
        threads, rounds = counted(options.threads, "thread"), counted(options.rounds, "round")
        settings = ("dim 100", "window 5", "5 negatives", threads, "1 epoch", rounds)
        print(introduction(text, "training alone", *settings), flush=True)
        jobs: dict[str, Callable[[], float]] = {}
        for arch in ARCHS:
            config = one_epoch(arch)
            compile_kernels([config])
            jobs[f"{arch}, wordkit"] = _wordkit(text, config, options.threads)
            jobs[f"{arch}, gensim"] = _gensim(text, config, options.threads)
        timings = in_turns(jobs, options.rounds)
        tokens = text.corpus.tokens
    print(heading(["", "best", "median", "words/s", "as fast as gensim", "goal"]))
    for arch in ARCHS:
        ours, theirs = timings[f"{arch}, wordkit"], timings[f"{arch}, gensim"]
        cells = _ratio(ours, theirs, GOALS[arch])
        print(row([f"{arch}, wordkit", *_times(ours), f"{tokens / ours.median:,.0f}", *cells]))
        print(row([f"{arch}, gensim", *_times(theirs), f"{tokens / theirs.median:,.0f}", "", ""]))


def _wordkit(text: Text, config: Word2VecConfig, threads: int) -> Callable[[], float]:
    return lambda: train(text.corpus, config, threads=threads)[1]


def _gensim(text: Text, config: Word2VecConfig, threads: int) -> Callable[[], float]:
    model = Gensim(text.corpus, config, threads=threads)
    tokens = text.tokens()
    return lambda: model.train(tokens, text.corpus.tokens)


def _times(timing: Timing) -> tuple[str, str]:
    return f"{timing.best:.2f} s", f"{timing.median:.2f} s"


def _ratio(ours: Timing, theirs: Timing, goal: float) -> tuple[str, str]:
    """The ratio of gensim's time to wordkit's, and whether it meets the target."""
    ratio = theirs.median / ours.median
    return f"{ratio:.1f} x", f"{goal} x: {'reached' if ratio >= goal else 'missed'}"


# --- the whole command -----------------------------------------------------------------------


def command(options: argparse.Namespace) -> None:
    """Train from raw text to a file of vectors, as a process; gensim begins with the tokens."""
    with enwiki(options.data, options.limit) as text:
        threads, rounds = counted(options.threads, "thread"), counted(options.rounds, "round")
        settings = ("skip-gram", "defaults", "1 epoch", threads, rounds)
        print(introduction(text, "whole processes", *settings), flush=True)
        peaks: dict[str, int] = {}
        commands = {
            f"wordkit train-w2v {text.raw.name} --arch skipgram --epochs 1": _command(
                text.raw, text, options
            ),
            f"gensim, from {text.tokens().name}": [
                sys.executable,
                "-c",
                script(
                    text.tokens(), text.folder / "gensim.kv", one_epoch("skipgram"), options.threads
                ),
            ],
        }
        run_process(_command(_few_lines(text), text, options))  # compiles, where that is to do

        def job(name: str) -> Callable[[], float]:
            def run() -> float:
                process = run_process(commands[name])
                peaks[name] = max(peaks.get(name, 0), process.peak)
                return process.seconds

            return run

        timings = in_turns({name: job(name) for name in commands}, options.rounds)
    _print_commands(timings, peaks)


def _print_commands(timings: Mapping[str, Timing], peaks: Mapping[str, int]) -> None:
    print(heading(["", "best", "median", "peak memory", "as fast as gensim", "goal"]))
    ours, theirs = timings.values()
    for name, timing in timings.items():
        cells = _ratio(ours, theirs, GOAL_OF_COMMAND) if timing is ours else ("", "")
        print(row([name, *_times(timing), f"{peaks[name] / 1e6:.0f} MB", *cells]))


def _command(raw: Path, text: Text, options: argparse.Namespace) -> list[str]:
    """The command line, as a user types it but for the number of threads."""
    output = str(text.folder / "wordkit.safetensors")
    settings = ["--arch", "skipgram", "--epochs", "1", "--threads", str(options.threads)]
    return [sys.executable, "-m", "wordkit_cli", "train-w2v", str(raw), "-o", output, *settings]


def _few_lines(text: Text) -> Path:
    """The start of the text in a file of the same kind."""
    path = text.folder / "few.txt.gz"
    with gzip.open(text.raw) as whole, gzip.open(path, "wb") as part:
        part.writelines(islice(whole, 500))
    return path


# --- dimensions and negatives ----------------------------------------------------------------


def table(options: argparse.Namespace) -> None:
    """Words a second over dimensions and negatives; gensim for a few of them."""
    with enwiki(options.data, options.limit) as text:
        part = text.folder / "part.txt"
        words = write_tokens(text.corpus, part, options.part)
        threads, rounds = counted(options.threads, "thread"), counted(options.rounds, "round")
        print(introduction(text, "window 5", threads, "1 epoch", f"words/s by {rounds}"))
        print(f"gensim on the first {words:,} tokens, with the vocabulary of all\n")
        columns = [name for arch in ARCHS for name in (arch, f"gensim {arch}", "ratio")]
        print(heading(["dim, negative", *columns]), flush=True)
        for dim in options.dim or DIMS:
            for negative in options.negative or NEGATIVES:
                cells: list[str] = []
                for arch in ARCHS:
                    config = one_epoch(arch, dim, negative)
                    cells += _rates(text, config, (part, words), options)
                print(row([f"{dim}, {negative}", *cells]), flush=True)


def _rates(
    text: Text, config: Word2VecConfig, part: tuple[Path, int], options: argparse.Namespace
) -> list[str]:
    """Words a second of wordkit and of gensim, and their ratio."""
    compile_kernels([config])
    jobs = {"wordkit": _wordkit(text, config, options.threads)}
    if (config.dim, config.negative) in OF_GENSIM:
        model = Gensim(text.corpus, config, threads=options.threads)
        jobs["gensim"] = lambda: model.train(*part)
    timings = in_turns(jobs, options.rounds)
    ours = text.corpus.tokens / timings["wordkit"].median
    if "gensim" not in timings:
        return [f"{ours:,.0f}", "", ""]
    theirs = part[1] / timings["gensim"].median
    return [f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.1f} x"]
