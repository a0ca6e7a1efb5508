"""Processes of one thread under torchrun, beside one process with as many threads."""

from __future__ import annotations

import argparse
import statistics

from machine import counted, heading, row
from word2vec_quality import Result, scores_row, verdict
from word2vec_scores import SETS, EvaluationSets, System, measured
from word2vec_text import MIN_COUNT, enwiki, introduction

from wordkit.word2vec import Word2VecConfig

__all__ = ["processes"]


def processes(options: argparse.Namespace) -> None:
    """Scores over some seeds, time, and bytes sent; each is trained in turns with the other."""
    sets = EvaluationSets(options.data)
    with enwiki(options.data, options.limit) as text:
        epochs, seeds = counted(options.epochs, "epoch"), ", ".join(map(str, options.seeds))
        print(introduction(text, "dim 100", "window 5", "5 negatives", epochs))
        print(f"percent: mean (lowest–highest) of seeds {seeds}\n")
        print(heading(["", *SETS, "words/s", "measured"]), flush=True)
        pairs = []
        for arch in options.arch or ("skipgram", "cbow"):
            config = Word2VecConfig(arch, min_count=MIN_COUNT, epochs=options.epochs)
            for count in options.counts:
                name = f"{arch}, {count} processes", f"{arch}, {count} threads"
                ours = Result(System(name[0], config, "cpu", 1, count), [])
                theirs = Result(System(name[1], config, "cpu", count), [])
                for seed in options.seeds:
                    for result in (theirs, ours):
                        system = result.system.with_seed(seed)
                        result.scores.extend(measured([system], text, sets, options.keep))
                for result in (theirs, ours):
                    print(scores_row(result, text), flush=True)
                pairs.append((ours, theirs))
    print("\nDifferences of the means; not below the threads' by more than their own spread?\n")
    print(heading(["", *SETS, "time, median of ratios", "bytes sent per word"]))
    for ours, theirs in pairs:
        ratios = (a.seconds / b.seconds for a, b in zip(ours.scores, theirs.scores, strict=True))
        sent = ours.scores[0].bytes_per_word
        verdicts = (verdict(ours, theirs, name) for name in SETS)
        print(row([ours.system.name, *verdicts, f"{statistics.median(ratios):.2f}", f"{sent:.1f}"]))
