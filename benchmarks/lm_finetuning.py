"""Fine-tuning: the bundled model on Shakespeare, beside a model that is trained from scratch."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lm_processes import compile_kernels, train_lm
from lm_text import Treebank, introduction
from machine import counted, heading, row

from wordkit import bundled
from wordkit.lm import load_language_model
from wordkit.text import get_tokenizer
from wordkit.text.vocabulary import UNK

__all__ = ["finetuning"]


def finetuning(options: argparse.Namespace) -> None:
    """Train both for some minutes, and measure them on the same words of the same text."""
    with _shakespeare(options.data, options.limit) as text:
        threads = counted(options.threads, "thread")
        print(introduction(f"tinyshakespeare, {text}", "90 % of it, 5 % each held out", threads))
        print(
            f"words that the bundled model does not know are {UNK} to both; it keeps those of its "
            "own that the text lacks\n"
        )
        compile_kernels(text)
        columns = ["", "minutes", "test", "validation", "epochs", "words", "model"]
        print(heading(columns), flush=True)
        starts: dict[str, tuple[float, list[object]]] = {
            "from scratch": (options.scratch_minutes, []),
            "--init, the bundled model": (options.minutes, ["--init", bundled.LANGUAGE_MODEL]),
        }
        for name, (minutes, start) in starts.items():
            given = ["--max-minutes", minutes, "--tokenizer", "basic", *start]
            trained = train_lm(text, given, threads=options.threads)
            figures = trained.test_perplexity, trained.valid_perplexity, trained.epochs
            words = f"{trained.known['words']:,}"
            shown = [f"{minutes:g}", *(f"{figure:.2f}" for figure in figures), words, trained.model]
            print(row([name, *shown]), flush=True)


@contextmanager
def _shakespeare(data: Path, limit: int | None) -> Iterator[Treebank]:
    """Shakespeare in three parts, as words: those of the bundled model that the first part has."""
    path = data / "tinyshakespeare/input.txt"
    if not path.is_file():
        raise SystemExit(f"this benchmark needs {path}; it is not there")
    tokenize = get_tokenizer("basic")
    lines = path.read_text(encoding="utf-8").splitlines()[:limit]
    tokens = [list(tokenize(line)) for line in lines if line]
    cut, held_out = len(tokens) * 9 // 10, len(tokens) * 19 // 20
    words = {word for line in tokens[:cut] for word in line}
    words &= {*load_language_model(bundled.LANGUAGE_MODEL).vocabulary}
    with TemporaryDirectory(prefix="wordkit-benchmark-") as name:
        paths = [Path(name, f"{part}.txt") for part in ("train", "valid", "test")]
        parts = tokens[:cut], tokens[cut:held_out], tokens[held_out:]
        for file, part in zip(paths, parts, strict=True):
            known = ([word if word in words else UNK for word in line] for line in part)
            file.write_text("".join(" ".join(line) + "\n" for line in known), encoding="utf-8")
        yield Treebank(*paths, Path(name))
