"""Models of characters on nanoGPT's split of Shakespeare: nats per character after some minutes."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from tempfile import TemporaryDirectory

from lm_processes import compile_kernels, train_lm
from lm_text import Treebank, introduction
from machine import counted, heading, row

__all__ = ["characters"]

GOALS = {("recurrent", 3.0): 1.46, ("recurrent", 15.0): 1.40, ("transformer", 3.0): 1.70}
"""Nats per character at most, by architecture and minutes."""


def characters(options: argparse.Namespace) -> None:
    """Train on the first nine tenths of tinyshakespeare, and validate on the rest, as nanoGPT."""
    whole = (options.data / "tinyshakespeare/input.txt").read_text(encoding="utf-8")
    whole = "".join(whole.splitlines(keepends=True)[: options.limit])
    cut = len(whole) * 9 // 10
    with TemporaryDirectory(prefix="wordkit-benchmark-") as name:
        train, valid = Path(name, "train.txt"), Path(name, "valid.txt")
        train.write_text(whole[:cut], encoding="utf-8")
        valid.write_text(whole[cut:], encoding="utf-8")
        text = Treebank(train, valid, valid, Path(name))
        facts = "characters, the last tenth held out", counted(options.threads, "thread")
        print(introduction(f"tinyshakespeare: {len(whole):,} characters", *facts))
        compile_kernels(text)
        columns = ["", "minutes", "nats per character", "goal", "epochs", "model"]
        print(heading(columns), flush=True)
        for (arch, minutes), goal in GOALS.items():
            most = minutes if options.minutes is None else options.minutes
            given = ["--tokenizer", "char", "--arch", arch, "--max-minutes", most]
            trained = train_lm(text, given, threads=options.threads)
            nats = math.log(trained.valid_perplexity)
            verdict = f"{goal:.2f}: {'reached' if nats <= goal else 'missed'}"
            verdict = verdict if most == minutes else ""
            figures = f"{most:g}", f"{nats:.3f}", verdict, f"{trained.epochs:.2f}", trained.model
            print(row([arch, *figures]), flush=True)
