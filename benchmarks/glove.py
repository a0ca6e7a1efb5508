"""GloVe from text to vectors, beside its own program: speed, and scores on the evaluation sets.

    python benchmarks/glove.py [--program GloVe/build]

The program is built from https://github.com/stanfordnlp/GloVe by make, outside of this project;
without it wordkit alone is measured. Both read the same tokens, with the same settings.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from machine import counted, heading, row, run_process
from word2vec_scores import SETS, EvaluationSets
from word2vec_text import DATA, MIN_COUNT, Text, enwiki, introduction

from wordkit.embeddings import load_embeddings

__all__ = ["main"]

WINDOW = 15
GOAL = 4  # times as fast as the program


def main() -> None:
    """Train with both, and print times and scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, help="folder of vocab_count, cooccur, …")
    parser.add_argument("--data", type=Path, default=DATA, help="shared/data")
    parser.add_argument("--limit", type=int, default=None, help="number of lines; all by default")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--x-max", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with enwiki(options.data, options.limit) as text:
        settings = (
            f"dim {options.dim}", f"window {WINDOW}", f"x_max {options.x_max:g}",
            counted(options.epochs, "epoch"), counted(options.threads, "thread"),
        )  # fmt: skip
        print(introduction(text, "from text to vectors", *settings), flush=True)
        sets = EvaluationSets(options.data)
        jobs = {"wordkit train-glove": _wordkit, "wordkit train-w2v": _word2vec}
        jobs["wordkit train-counts"] = _counts
        if options.program is not None:
            jobs["GloVe's program"] = _program
        print(heading(["", "seconds", *SETS]), flush=True)
        seconds = {}
        for name, job in jobs.items():
            seconds[name], path = job(text, options)
            percent, _ = sets.score(load_embeddings(path))
            print(row([name, f"{seconds[name]:.1f} s", *(f"{percent[s]:.1f}" for s in SETS)]))
    if options.program is not None:
        ratio = seconds["GloVe's program"] / seconds["wordkit train-glove"]
        reached = "reached" if ratio >= GOAL else "missed"
        print(f"\n{ratio:.1f} x as fast as GloVe's program (goal {GOAL} x: {reached})")


def _command(text: Text, name: str, *arguments: str) -> tuple[float, Path]:
    output = text.folder / f"{name}.safetensors"
    command = [sys.executable, "-m", "wordkit_cli", name, str(text.tokens()), "-o", str(output)]
    common = ["--tokenizer", "whitespace", "--min-count", str(MIN_COUNT), "-q"]
    return run_process([*command, *common, *arguments]).seconds, output


def _training(options: argparse.Namespace) -> list[str]:
    names = ("dim", "epochs", "threads")
    return [part for name in names for part in (f"--{name}", str(getattr(options, name)))]


def _wordkit(text: Text, options: argparse.Namespace) -> tuple[float, Path]:
    more = ("--window", str(WINDOW), "--x-max", str(options.x_max))
    return _command(text, "train-glove", *_training(options), *more)


def _word2vec(text: Text, options: argparse.Namespace) -> tuple[float, Path]:
    size = ("--dim", str(options.dim), "--threads", str(options.threads), "--epochs", "5")
    return _command(text, "train-w2v", *size)


def _counts(text: Text, options: argparse.Namespace) -> tuple[float, Path]:
    size = ("--dim", str(options.dim), "--threads", str(options.threads))
    return _command(text, "train-counts", *size)


def _program(text: Text, options: argparse.Namespace) -> tuple[float, Path]:
    """Run the four programs of GloVe, as its demo.sh does."""
    folder = text.folder
    steps = [
        ("vocab_count", f"-min-count {MIN_COUNT}", text.tokens(), "vocab.txt"),
        ("cooccur", f"-window-size {WINDOW} -vocab-file vocab.txt", text.tokens(), "pairs.bin"),
        ("shuffle", "", folder / "pairs.bin", "shuffled.bin"),
    ]
    began = time.perf_counter()
    for name, arguments, source, target in steps:
        with open(source, "rb") as given, open(folder / target, "wb") as made:
            subprocess.run(
                [options.program.resolve() / name, "-verbose", "0", *arguments.split()],
                stdin=given, stdout=made, stderr=subprocess.DEVNULL, cwd=folder, check=True,
            )  # fmt: skip
    arguments = (
        f"-input-file shuffled.bin -vocab-file vocab.txt -save-file program -binary 0"
        f" -x-max {options.x_max} -vector-size {options.dim} -iter {options.epochs}"
        f" -threads {options.threads} -verbose 0"
    )
    subprocess.run(
        [options.program.resolve() / "glove", *arguments.split()], cwd=folder, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began, folder / "program.txt"


if __name__ == "__main__":
    main()
