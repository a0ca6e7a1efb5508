"""Scores of the vectors of word2vec: beside gensim's, and over learning rates."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from machine import counted, heading, row
from word2vec_scores import SETS, EvaluationSets, Scores, System, measured
from word2vec_text import MIN_COUNT, Text, enwiki, introduction

from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.config import Arch, Kept

__all__ = ["Result", "quality", "scores_row", "sweep", "verdict"]

CBOW_LR_OF_WORD2VEC_C = 0.05  # gensim's default is half of it, and scores worse
MAKERS = ("gensim", "wordkit")


@dataclass(frozen=True)
class Result:
    """The scores of a system, seed by seed."""

    system: System
    scores: list[Scores]

    def of(self, name: str) -> list[float]:
        """Its percentages on a set; none where a training diverged."""
        return [scores.percent[name] for scores in self.scores if scores.percent is not None]

    def mean(self, name: str) -> float:
        """Over the seeds."""
        return statistics.fmean(self.of(name) or [0.0])

    def spread(self, name: str) -> float:
        """Format the range from the lowest to the highest."""
        values = self.of(name) or [0.0]
        return max(values) - min(values)


def _settings(options: argparse.Namespace) -> tuple[str, ...]:
    return "dim 100", "window 5", "5 negatives", counted(options.threads, "thread")


def _seeds(options: argparse.Namespace) -> str:
    return f"seed{'s' if len(options.seeds) > 1 else ''} {', '.join(map(str, options.seeds))}"


# --- beside gensim ---------------------------------------------------------------------------


def quality(options: argparse.Namespace) -> None:
    """The scores of gensim and of wordkit over some seeds, and how they compare."""
    sets = EvaluationSets(options.data)
    with enwiki(options.data, options.limit) as text:
        epochs = counted(options.epochs, "epoch")
        print(introduction(text, *_settings(options), epochs))
        print(f"percent: mean (lowest–highest) of {_seeds(options)}\n")
        print(heading(["", *SETS, "words/s", "measured"]), flush=True)
        results = []
        for system in _systems(options):
            trained = [system.with_seed(seed) for seed in options.seeds]
            result = Result(system, measured(trained, text, sets, options.keep))
            print(scores_row(result, text), flush=True)
            results.append(result)
    coverage = next((s.coverage for r in results for s in r.scores if s.coverage), {})
    print("\nused: " + "; ".join(f"{name} {used}" for name, used in coverage.items()))
    _print_verdicts(results)


def _systems(options: argparse.Namespace) -> list[System]:
    """gensim at its default learning rate, and for CBOW at word2vec.c's; wordkit at its own, and
    as near to gensim's as it gets.

    gensim's threads each take their own part of a file for the whole of it when they lower the
    learning rate, so that on W threads it falls in each epoch only to 1/W of the way: on average
    it is higher than it says, by a tenth on 2 threads over 5 epochs.
    """
    systems = []
    makers = options.only or [*MAKERS, *(["device"] if options.device else [])]

    def add(name: str, device: str, arch: Arch, lr: float | None = None, **more: Any) -> None:
        config = Word2VecConfig(arch, lr=lr, min_count=MIN_COUNT, epochs=options.epochs, **more)
        systems.append(System(name, config, device, options.threads))

    if "gensim" in makers:
        add("gensim, skipgram", "gensim", "skipgram")
        add("gensim, cbow", "gensim", "cbow")
        add(f"gensim, cbow, lr {CBOW_LR_OF_WORD2VEC_C}", "gensim", "cbow", CBOW_LR_OF_WORD2VEC_C)
    for maker, device in (("wordkit", "cpu"), ("device", options.device)):
        if maker in makers:
            beside = "" if maker == "wordkit" else f" on {device}"
            add(f"wordkit, skipgram{beside}", device, "skipgram")
            add(f"wordkit, cbow{beside}", device, "cbow")
            higher = 0.025 * _rate_of_gensim(options.threads, options.epochs)
            near = f"wordkit, skipgram{beside}, lr {higher:.4f}, in"
            add(near, device, "skipgram", higher, vectors="in")
            older = {"cbow_gradient": "word2vec", "vectors": "in"}
            lr = CBOW_LR_OF_WORD2VEC_C
            add(f"wordkit, cbow{beside}, gradient word2vec, in", device, "cbow", lr, **older)
    return systems


def _rate_of_gensim(threads: int, epochs: int) -> float:
    """The mean of gensim's learning rate over what it should be."""
    done = ((epochs - 1) / 2 + 1 / (2 * threads)) / epochs  # the mean fraction that it assumes
    return (1 - done) / 0.5


def scores_row(result: Result, text: Text) -> str:
    """A line of the table of scores."""
    name = result.system.name
    dates = "; ".join(sorted({scores.measured for scores in result.scores}))
    if not all(scores.percent for scores in result.scores):
        return row([name, *("diverged" for _ in SETS), "", dates])
    cells = []
    for column in SETS:
        values = result.of(column)
        cells.append(f"{result.mean(column):.1f} ({min(values):.1f}–{max(values):.1f})")
    seconds = statistics.fmean(scores.seconds for scores in result.scores)
    words = result.system.config.epochs * text.corpus.tokens
    return row([name, *cells, f"{words / seconds:,.0f}", dates])


def _print_verdicts(results: Sequence[Result]) -> None:
    """Every system of wordkit against every one of gensim of the same architecture."""
    theirs = [result for result in results if result.system.device == "gensim"]
    ours = [result for result in results if result.system.device != "gensim"]
    pairs = [
        (a, b) for a, b in product(ours, theirs) if a.system.config.arch == b.system.config.arch
    ]
    if not pairs:
        return
    print("\nDifferences of the means; not below gensim's by more than its own spread?\n")
    print(heading(["", "against", *SETS]))
    for a, b in pairs:
        print(row([a.system.name, b.system.name, *(verdict(a, b, name) for name in SETS)]))


def verdict(ours: Result, theirs: Result, name: str) -> str:
    """Whether one is not below another on a set, but for the spread of the other's seeds."""
    if not all(scores.percent for result in (ours, theirs) for scores in result.scores):
        return "diverged"
    difference, allowed = ours.mean(name) - theirs.mean(name), theirs.spread(name)
    return f"{difference:+.1f}: {'yes' if difference >= -allowed else f'no, {allowed:.1f} allowed'}"


# --- over learning rates ---------------------------------------------------------------------

RATES: dict[Arch, tuple[float, ...]] = {"skipgram": (0.025, 0.05, 0.1), "cbow": (0.1, 0.2, 0.4)}


def sweep(options: argparse.Namespace) -> None:
    """The learning rates that the defaults were chosen from, scored."""
    sets = EvaluationSets(options.data)
    with enwiki(options.data, options.limit) as text:
        counts = text.corpus.vocabulary.counts[: text.words()]
        print(introduction(text, *_settings(options)[1:]))
        print(f"percent: mean of {_seeds(options)}; in bold the defaults\n")
        columns = [*SETS[:3], "semantic", "syntactic", SETS[3], "mean of four"]
        print(heading(["", *columns]), flush=True)
        for dim, epochs in product(options.dim, options.epochs):
            results = [Result(system, []) for system in _grid(dim, epochs, options.threads)]
            for seed in options.seeds:
                for result in results:  # those of one training beside each other
                    result.scores.extend(
                        measured([result.system.with_seed(seed)], text, sets, options.keep)
                    )
            for result in results:
                print(row(_swept(result, columns, counts)), flush=True)


def _grid(dim: int, epochs: int, threads: int) -> list[System]:
    """All settings for so many dimensions and epochs."""
    configs = [
        Word2VecConfig(arch, dim=dim, lr=lr, min_count=MIN_COUNT, epochs=epochs, vectors=vectors)
        for arch, rates in RATES.items()
        for lr, vectors in product(rates, get_args(Kept))
    ]
    return [System(_setting(config), config, "cpu", threads) for config in configs]


def _setting(config: Word2VecConfig) -> str:
    """The name of a line."""
    dim, epochs = f"dim {config.dim}", counted(config.epochs, "epoch")
    return f"{config.arch}, {dim}, {epochs}, lr {config.start_lr}, {config.kept}"


def _swept(result: Result, columns: Sequence[str], counts: npt.NDArray[np.int64]) -> list[str]:
    """A line of the table of the sweep."""
    config = result.system.config
    default = Word2VecConfig(config.arch, epochs=config.epochs).with_stable_lr(counts)
    is_default = all(
        getattr(config, name) == getattr(default, name) for name in ("start_lr", "kept")
    )
    name = f"**{result.system.name}**" if is_default else result.system.name
    if not all(scores.percent for scores in result.scores):
        return [name, "diverged", *("" for _ in columns[1:])]
    means = [result.mean(column) for column in columns[:-1]]
    overall = statistics.fmean(result.mean(column) for column in SETS)
    return [name, *(f"{mean:.1f}" for mean in (*means, overall))]
