"""LSTM and Transformer after some minutes; words, pieces and characters after some more."""

from __future__ import annotations

import argparse
import gzip
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lm_processes import Command, compile_kernels, perplexity, train_lm, wordkit_call
from lm_text import Treebank, introduction, treebank
from machine import counted, heading, row, run_process

__all__ = ["architectures"]

ARCHITECTURES = ("recurrent", "transformer")
UNITS = {"word": (), "bpe": ("--tokenizer", "bpe"), "char": ("--tokenizer", "char")}
ENWIKI = "enwiki-2018/enwiki-2018.txt.gz"
_HELD_OUT = 2000  # lines of enwiki to validate on, and as many to test on
_COLUMNS = ["minutes", "per token", "per word", "bits per character", "epochs", "tokens/s"]


def architectures(options: argparse.Namespace) -> None:
    """Train both architectures on words of PTB and pieces of enwiki, and PTB by each unit."""
    with treebank(options.data, options.limit) as text:
        threads = counted(options.threads, "thread")
        print(introduction(text, "test perplexity by the minutes of training", threads))
        print(
            "per word: of what white space separates, and line ends; PTB's <unk> and N are read as "
            "they stand, by words too\n"
        )
        compile_kernels(text)
        if "architectures" in options.parts:
            print(heading(["PTB, words", *_COLUMNS, "model"]), flush=True)
            _table(text, options.minutes, options, [])
            with _enwiki(options.data, options.limit) as wiki:
                print(f"\n{heading(['enwiki-2018, BPE', *_COLUMNS, 'model'])}", flush=True)
                _table(wiki, options.minutes, options, [])
        if "units" in options.parts:
            print(f"\n{heading(['PTB', *_COLUMNS, 'model'])}", flush=True)
            for unit, given in UNITS.items():
                _table(text, [options.unit_minutes], options, given, f"{unit}, ")


def _table(
    text: Treebank,
    minutes: Sequence[float],
    options: argparse.Namespace,
    given: Sequence[str],
    unit: str = "",
) -> None:
    for most in minutes:
        for arch in ARCHITECTURES:
            settings = ["--max-minutes", most, "--arch", arch, *given]
            trained = train_lm(text, settings, threads=options.threads)
            print(row([f"{unit}{arch}", f"{most:g}", *_figures(text, trained)]), flush=True)


def _figures(text: Treebank, trained: Command) -> list[str]:
    _, known = perplexity(text.test, [text.folder / "lm.safetensors"])
    content = text.test.read_text(encoding="utf-8")
    nats, words = -known["log_likelihood"], len(content.split()) + content.count("\n")
    rates = [line["per_second"] for line in trained.log if line["stage"] == "training"]
    return [
        f"{known['perplexity']:.2f}",
        f"{math.exp(nats / words):.2f}",
        f"{nats / len(content) / math.log(2):.4f}",
        f"{trained.epochs:.2f}",
        f"{rates[-1]:,.0f}" if rates and rates[-1] else "",
        trained.model,
    ]


@contextmanager
def _enwiki(data: Path, limit: int | None) -> Iterator[Treebank]:
    """Introductions of Wikipedia, cut into 8,000 pieces, the last ones held out."""
    if not (data / ENWIKI).is_file():
        raise SystemExit(f"this benchmark needs {data / ENWIKI}; it is not there")
    with gzip.open(data / ENWIKI, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    if limit is not None:
        lines = lines[: limit + 2 * _HELD_OUT]
    with TemporaryDirectory(prefix="wordkit-benchmark-") as name:
        folder = Path(name)
        parts = {
            "train": lines[: -2 * _HELD_OUT],
            "valid": lines[-2 * _HELD_OUT : -_HELD_OUT],
            "test": lines[-_HELD_OUT:],
        }
        for part, content in parts.items():
            (folder / f"{part}.txt").write_text("".join(content), encoding="utf-8")
        cut = "prepare", folder / "train.txt", "--tokenizer", "bpe", "--eos", "-q"
        run_process(wordkit_call(*cut, "-o", folder / "train.ids"))
        yield Treebank(folder / "train.ids", folder / "valid.txt", folder / "test.txt", folder)
