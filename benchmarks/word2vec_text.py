"""The text that the benchmarks of word2vec train on, in all the forms that they need."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from machine import describe

from wordkit.text import Corpus, Vocabulary, iter_prepare
from wordkit.text.corpus_folder import CorpusWriter
from wordkit_corpora.plaintext import open_text

__all__ = ["DATA", "MIN_COUNT", "Text", "enwiki", "introduction", "write_repeated", "write_tokens"]

DATA = Path(__file__).resolve().parents[2] / "shared/data"
MIN_COUNT = 5
_PIECE = 1 << 20  # tokens that are held as words at a time


@dataclass(frozen=True)
class Text:
    """One text: raw, prepared, and as tokens."""

    raw: Path
    """The text on the disk, compressed with gzip."""

    corpus: Corpus
    """Prepared by wordkit, memory-mapped."""

    folder: Path
    """Where the corpus lies, and where there is room for more."""

    def tokens(self) -> Path:
        """A file of its tokens, a sentence a line: what gensim reads. Written at the first call."""
        path = self.folder / "tokens.txt"
        if not path.exists():
            write_tokens(self.corpus, path)
        return path

    def words(self) -> int:
        """The number of words frequent enough to get a vector."""
        return self.corpus.vocabulary.size_at(min_count=MIN_COUNT)

    def __str__(self) -> str:
        tokens, words = f"{self.corpus.tokens:,} tokens", f"{self.words():,} words"
        return f"{self.raw.name}: {tokens}, {words} seen {MIN_COUNT} times or more"


@contextmanager
def enwiki(data: Path = DATA, limit: int | None = None) -> Iterator[Text]:
    """The sentences of English Wikipedia in shared/data, prepared in a temporary folder.

    Args:
        data: the folder of the texts.
        limit: take so many lines from the start; None: all.
    """
    raw = data / "enwiki-2018/enwiki-2018.txt.gz"
    if not raw.is_file():
        raise SystemExit(
            f"this benchmark needs {raw.name} in shared/data/enwiki-2018 beside the repository, or "
            "in the folder that --data names; it is not there"
        )
    with tempfile.TemporaryDirectory(prefix="wordkit-benchmark-") as name:
        folder = Path(name)
        if limit is not None:
            raw = _first_lines(raw, folder / "first.txt.gz", limit)
        corpus = iter_prepare(open_text([raw]), folder / "corpus.ids").result()
        yield Text(raw, corpus, folder)


def introduction(text: Text, *facts: str) -> str:
    """Return the introduction of a table: the machine, the text, and the settings."""
    return f"{describe()}\n\n{text}\n{', '.join(facts)}\n"


def _first_lines(source: Path, path: Path, lines: int) -> Path:
    with gzip.open(source) as whole, gzip.open(path, "wb", compresslevel=1) as part:
        part.writelines(islice(whole, lines))
    return path


def write_tokens(corpus: Corpus, path: Path, fraction: float = 1.0) -> int:
    """Write the first sentences of a corpus, one a line with spaces between the tokens.

    Args:
        corpus: the sentences.
        path: the file.
        fraction: part of the corpus to write, above 0, at most 1.

    Returns:
        The number of tokens written.
    """
    words = corpus.vocabulary.words
    limit = fraction * corpus.tokens
    begin = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for end in corpus.offsets[1:].tolist():
            if end > limit and begin:
                break
            file.write(" ".join([words[i] for i in corpus.ids[begin:end].tolist()]) + "\n")
            begin = end
    return int(begin)


def write_repeated(corpus: Corpus, times: int, folder: Path) -> None:
    """Write a corpus that is another one so many times over."""
    with CorpusWriter(folder) as writer:
        with writer.part("ids") as file:
            for _ in range(times):
                for start in range(0, corpus.tokens, _PIECE):
                    file.append(corpus.ids[start : start + _PIECE])
        with writer.part("offsets") as file:
            file.append(np.zeros(1, dtype=np.int64))
            for i in range(times):
                file.append(corpus.offsets[1:] + i * corpus.tokens)
        counts = corpus.vocabulary.counts
        writer.finish(Vocabulary(corpus.vocabulary.words, counts * times), corpus.settings)
