"""The texts that the benchmarks of language models train on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from machine import describe

from wordkit.text import Corpus, TextConfig, iter_prepare
from wordkit_corpora.plaintext import open_text

__all__ = ["DATA", "Treebank", "introduction", "treebank", "write_zipf"]

DATA = Path(__file__).resolve().parents[2] / "shared/data"
_WORDS_IN_LINE = 20
_SHIFT = 2.7  # Mandelbrot's, for the most frequent words of English


@dataclass(frozen=True)
class Treebank:
    """The Penn Treebank as language models know it: 10,000 words, rare ones as ``<unk>``."""

    train: Path
    valid: Path
    test: Path

    folder: Path
    """Where there is room for more; it goes when the benchmark ends."""

    def corpus(self) -> Path:
        """The training text, prepared by wordkit. Written at the first call."""
        path = self.folder / "train.ids"
        if not path.exists():
            iter_prepare(open_text([self.train]), path, TextConfig("whitespace", eos=True)).result()
        return path

    def few_lines(self) -> Path:
        """The start of the training text."""
        return _first_lines(self.train, self.folder / "few.txt", 500)

    def __str__(self) -> str:
        corpus = Corpus.open(self.corpus())
        facts = f"{corpus.tokens:,} tokens, {len(corpus.vocabulary):,} words"
        return f"{self.train.name}: {facts}, <eos> among them"


@contextmanager
def treebank(data: Path = DATA, limit: int | None = None) -> Iterator[Treebank]:
    """The Penn Treebank in shared/data, and a temporary folder.

    Args:
        data: the folder of the texts.
        limit: take so many lines from the start of each text; None: all.
    """
    paths = [data / f"ptb/ptb.{part}.txt" for part in ("train", "valid", "test")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise SystemExit(
            f"this benchmark needs {', '.join(missing)} in shared/data/ptb beside the repository, "
            "or in the folder that --data names; it is not there"
        )
    with tempfile.TemporaryDirectory(prefix="wordkit-benchmark-") as name:
        folder = Path(name)
        if limit is not None:
            paths = [_first_lines(path, folder / path.name, limit) for path in paths]
        train, valid, test = paths
        yield Treebank(train, valid, test, folder)


def introduction(text: object, *facts: str) -> str:
    """Return the introduction of a table: the machine, the text, and the settings."""
    return f"{describe()}\n\n{text}\n{', '.join(facts)}\n"


def write_zipf(path: Path, words: int, tokens: int) -> None:
    """Write a text of made-up words, each seen at least once, with the frequencies of Zipf's law.

    Args:
        path: the file.
        words: how many words there are.
        tokens: how many are drawn at random, behind one of each.
    """
    random = np.random.default_rng(1)
    frequencies = 1 / (np.arange(words) + _SHIFT)
    drawn = random.choice(words, size=tokens, p=frequencies / frequencies.sum())
    ids = np.concatenate([random.permutation(words), drawn]).tolist()
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for start in range(0, len(ids), _WORDS_IN_LINE):
            line = " ".join([f"w{i}" for i in ids[start : start + _WORDS_IN_LINE]])
            file.write(line + "\n")


def _first_lines(source: Path, path: Path, lines: int) -> Path:
    with open(source, "rb") as whole, open(path, "wb") as part:
        part.writelines(islice(whole, lines))
    return path
