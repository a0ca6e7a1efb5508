"""Time to the test perplexity of the textbook's LSTM, beside a plain PyTorch loop."""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass

from lm_processes import compile_kernels, plain, train_lm
from lm_text import Treebank, introduction, treebank
from machine import counted, heading, row

__all__ = ["goal"]

TARGET = 135.3  # test perplexity of the textbook's LSTM of 100 after four epochs
GOAL = 8  # times as long as wordkit that the plain loop takes
MINUTES = (0.25, 0.35, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Best:
    """The first training that got there, or the best where none did."""

    seconds: float
    perplexity: float
    after: str
    """What it took, in words."""

    @property
    def is_reached(self) -> bool:
        """True if it reached the perplexity that is asked for."""
        return self.perplexity <= TARGET


def goal(options: argparse.Namespace) -> None:
    """Seconds to the perplexity, of both, in turns."""
    minutes = options.minutes or MINUTES
    with treebank(options.data, options.limit) as text:
        threads, rounds = counted(options.threads, "thread"), counted(options.rounds, "round")
        print(introduction(text, f"to test perplexity {TARGET}", threads, rounds))
        print(
            "plain loop: LSTM 100, SGD 20, clip 0.25; only the training is counted\n"
            "wordkit train-lm: its own choice of everything; the whole process is counted, but not "
            "the test\n"
        )
        print(heading(["", "seconds", "test perplexity", "of the whole process"]), flush=True)
        compile_kernels(text)
        theirs, ours = [], []
        for _ in range(options.rounds):
            theirs.append(_plain(text, options))
            ours.append(_wordkit(text, minutes, options))
    _print_ratio(theirs, ours)


def _plain(text: Treebank, options: argparse.Namespace) -> Best:
    """The plain loop over its epochs."""
    given = "--test", text.test, "--epochs", options.epochs
    process, epochs = plain(text.train, *given, threads=options.threads)
    results = []
    for known in epochs:
        after = counted(int(known["epoch"]), "epoch")
        results.append(Best(known["seconds"], known["test_perplexity"], after))
        whole = f"{process.seconds:.1f} s" if known is epochs[-1] else ""
        _print(f"plain loop, {after}", results[-1], whole)
    return _chosen(results)


def _wordkit(text: Treebank, minutes: tuple[float, ...], options: argparse.Namespace) -> Best:
    """wordkit with ever more time, until it gets there."""
    results = []
    for most in minutes:
        trained = train_lm(text, ["--max-minutes", most], threads=options.threads)
        seconds = trained.process.seconds - trained.testing
        results.append(Best(seconds, trained.test_perplexity, f"--max-minutes {most:g}"))
        whole = f"{trained.process.seconds:.1f} s"
        _print(f"wordkit train-lm --max-minutes {most:g}", results[-1], whole)
        if results[-1].is_reached:
            break
    return _chosen(results)


def _chosen(results: list[Best]) -> Best:
    first = next((result for result in results if result.is_reached), None)
    return first or min(results, key=lambda result: result.perplexity)


def _print(name: str, result: Best, whole: str) -> None:
    print(row([name, f"{result.seconds:.1f} s", f"{result.perplexity:.2f}", whole]), flush=True)


def _print_ratio(theirs: list[Best], ours: list[Best]) -> None:
    """Print the ratio of the medians of the rounds."""
    print(f"\n{heading(['', 'seconds', 'test perplexity', 'after', 'ratio', 'goal'])}")
    plain_seconds, seconds = (
        statistics.median(result.seconds for result in results) for results in (theirs, ours)
    )
    ratio = plain_seconds / seconds
    at_least = "" if all(result.is_reached for result in theirs) else "at least "
    is_reached = all(result.is_reached for result in ours)
    shown = f"{at_least}{ratio:.1f} x" if is_reached else f"{TARGET} not reached"
    cells = shown, f"{GOAL} x: {'reached' if is_reached and ratio >= GOAL else 'missed'}"
    for name, results, median, more in (
        ("plain loop", theirs, plain_seconds, ("", "")),
        ("wordkit", ours, seconds, cells),
    ):
        perplexity = statistics.median(result.perplexity for result in results)
        after = " / ".join(dict.fromkeys(result.after for result in results))
        print(row([name, f"{median:.1f} s", f"{perplexity:.2f}", after, *more]))
