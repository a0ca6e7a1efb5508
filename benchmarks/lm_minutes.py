"""Test perplexity of a language model by minutes of training."""

from __future__ import annotations

import argparse

from lm_processes import Command, compile_kernels, train_lm
from lm_text import introduction, treebank
from machine import counted, heading, row

__all__ = ["minutes"]

GOALS = {1.0: 125, 2.0: 110, 6.0: 97, 20.0: 88}  # test perplexity at most, by minutes
COLUMNS = ("--max-minutes", "test", "goal", "validation", "epochs", "whole process", "peak memory")


def minutes(options: argparse.Namespace) -> None:
    """wordkit train-lm with --max-minutes and no other setting, as a process."""
    with treebank(options.data, options.limit) as text:
        threads = counted(options.threads, "thread")
        print(introduction(text, "perplexity by the minutes of training", threads))
        print(heading([*COLUMNS, "model"]), flush=True)
        compile_kernels(text)
        for most in options.minutes or GOALS:
            trained = train_lm(text, ["--max-minutes", most], threads=options.threads)
            print(row([f"{most:g}", *_figures(trained, GOALS.get(most))]), flush=True)


def _figures(trained: Command, goal: int | None) -> list[str]:
    test = trained.test_perplexity
    verdict = "" if goal is None else f"{goal}: {'reached' if test <= goal else 'missed'}"
    return [
        f"{test:.2f}",
        verdict,
        f"{trained.valid_perplexity:.2f}",
        f"{trained.epochs:.2f}",
        f"{trained.process.seconds:.1f} s",
        f"{trained.process.peak / 1e6:.0f} MB",
        trained.model,
    ]
