"""Peak memory of training by size of the vocabulary, beside a plain PyTorch loop."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from lm_processes import compile_kernels, plain
from lm_text import Treebank, introduction, treebank, write_zipf
from machine import counted, heading, row, run_process

__all__ = ["memory"]

HIDDEN, LAYERS = 200, 2
TOKENS = 500_000  # of made-up text, behind one of each word
MARKS = 2  # <unk> and <eos>, which wordkit adds to the words of a text
SAMPLED = ("--softmax", "sampled", "--optimizer", "adamw", "--lr", "1e-3", "--clip-norm", "1")


def memory(options: argparse.Namespace) -> None:
    """The peak of anonymous memory of a process that reads a text and trains on it."""
    with treebank(options.data, options.limit) as text:
        network = f"LSTM {HIDDEN} x {LAYERS}", "untied", "batch 20", "35 steps"
        windows = counted(options.windows, "window")
        ways = f"wordkit for {options.seconds:g} s, the plain loop {windows}"
        print(introduction(text, *network, ways, counted(options.threads, "thread")), flush=True)
        compile_kernels(text)
        texts = {"PTB": text.train}
        for words in options.words:
            texts[f"{words:,} made-up words"] = path = text.folder / f"zipf-{words}.txt"
            write_zipf(path, words - MARKS, TOKENS)
        columns = [name for text_name in texts for name in (text_name, "of the plain loop's")]
        print(heading(["peak memory", *columns]), flush=True)
        reference: list[int] = []
        for name, job in _jobs(text, options).items():
            peaks = [job(path) for path in texts.values()]
            print(row([name, *_cells(peaks, reference)]), flush=True)
            reference = reference or peaks


def _cells(peaks: list[int], reference: list[int]) -> list[str]:
    """Each peak, and its ratio to that of the plain loop, where that is known."""
    cells = []
    for i, peak in enumerate(peaks):
        ratio = f"{peak / reference[i]:.0%}" if reference and reference[i] else ""
        cells += [f"{peak / 1e6:,.0f} MB", ratio]
    return cells


def _jobs(text: Treebank, options: argparse.Namespace) -> dict[str, Callable[[Path], int]]:
    """Functions by name that train on a text and return the peak of their memory."""

    def plain_loop(path: Path) -> int:
        shape = "--hidden", HIDDEN, "--layers", LAYERS, "--lr", 1
        windows = "--windows", options.windows, "--warm-up", 0
        return plain(path, *shape, *windows, threads=options.threads)[0].peak

    def wordkit(*way: str) -> Callable[[Path], int]:
        return lambda path: run_process(_command(path, text, options, *way)).peak

    return {
        "plain loop": plain_loop,
        "wordkit, exact softmax": wordkit("--softmax", "exact", "--lr", "1"),
        "wordkit, sampled softmax, then exact": wordkit(*SAMPLED),
    }


def _command(path: Path, text: Treebank, options: argparse.Namespace, *way: str) -> list[str]:
    """wordkit train-lm with the plain loop's network, for some seconds."""
    output = text.folder / "lm.safetensors"
    reading = "--tokenizer", "whitespace", "--min-count", 1, "--hold-out", 0
    network = "--preset", "rnnlm", "--hidden", HIDDEN, "--layers", LAYERS
    ending = "--max-minutes", options.seconds / 60, "--threads", options.threads
    arguments = map(str, (path, "-o", output, *reading, *network, *ending))
    return [sys.executable, "-m", "wordkit_cli", "train-lm", *arguments, *way]
