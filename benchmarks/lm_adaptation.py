"""Language models that adapt to the text they read: a cache, dynamic evaluation, ensembles."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from lm_processes import compile_kernels, perplexity, train_lm
from lm_text import Treebank, introduction, treebank
from machine import counted, heading, row

__all__ = ["adaptation"]

GOALS = {"default": 82, "--cache": 78, "--dynamic": 75, "ensemble, --dynamic": 71}
"""Test perplexity at most, after 20 minutes of training for each model."""

_FITTED = "fitted to "


def adaptation(options: argparse.Namespace) -> None:
    """Train models that differ in their seeds, and let the first and all of them adapt."""
    with treebank(options.data, options.limit) as text:
        minutes, cache = f"{options.minutes:g} minutes", f"a cache of {options.cache:,} words"
        models, threads = counted(options.models, "model"), counted(options.threads, "thread")
        print(introduction(text, f"{models} of {minutes} each", cache, threads))
        compile_kernels(text)
        paths = list(_train(text, options))
        print(f"\n{heading(['', 'test', 'goal', 'fitted to the validation text', 'seconds'])}")
        ways: dict[str, list[object]] = {
            "default": [],
            "--cache": ["--cache", options.cache],
            "--dynamic": ["--dynamic"],
            "--cache --dynamic": ["--cache", options.cache, "--dynamic"],
        }
        asked = [(name, paths[:1], given) for name, given in ways.items()]
        if len(paths) > 1:
            asked += [("ensemble" + (f", {name}" if given else ""), paths, given)
                      for name, given in ways.items()]  # fmt: skip
        for name, models_asked, given in asked:
            if given:
                given = [*given, "--valid", text.valid]
            process, known = perplexity(text.test, models_asked, *given)
            told = [line for line in process.errors.splitlines() if line.startswith(_FITTED)]
            fitted = told[0].rpartition(": ")[2] if told else ""
            test, goal = known["perplexity"], GOALS.get(name)
            verdict = "" if goal is None else f"{goal}: {'reached' if test <= goal else 'missed'}"
            cells = [name, f"{test:.2f}", verdict, fitted, f"{process.seconds:.0f}"]
            print(row(cells), flush=True)


def _train(text: Treebank, options: argparse.Namespace) -> Iterator[Path]:
    """The files of models that are trained with all defaults but the seed."""
    print(heading(["seed", "test", "validation", "epochs", "model"]), flush=True)
    for seed in range(1, options.models + 1):
        name = f"lm{seed}.safetensors"
        given = ["--max-minutes", options.minutes, "--seed", seed]
        trained = train_lm(text, given, threads=options.threads, output=name)
        figures = trained.test_perplexity, trained.valid_perplexity, trained.epochs
        print(row([seed, *(f"{figure:.2f}" for figure in figures), trained.model]), flush=True)
        yield text.folder / name
