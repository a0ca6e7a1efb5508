"""Tab-separated files for TensorBoard's embedding projector; they are only written.

The projector takes two files: the vectors, and beside them the words (``vectors.tsv`` and
``vectors.metadata.tsv``), with their counts where they are known. It skips lines of white space
alone, and refuses vectors of one dimension.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.format import Format, writer
from wordkit.embeddings.formats.text_rows import check_words, format_all

__all__ = ["PROJECTOR", "tab_separated"]


def tab_separated(vectors: npt.NDArray[np.float32]) -> Iterator[bytes]:
    """Yield rows of numbers (V, D) as text, many at a time."""
    # rows whose word is empty: a space, then the values
    for part in format_all([""] * len(vectors), vectors):
        yield part[1:].replace(b"\n ", b"\n").replace(b" ", b"\t")


def _lines(embeddings: Embeddings) -> Iterator[bytes]:
    if not embeddings.vocabulary.has_counts:
        yield from (f"{word}\n".encode() for word in embeddings.words)
        return
    yield b"word\tcount\n"
    counts = embeddings.vocabulary.counts.tolist()
    for word, count in zip(embeddings.words, counts, strict=True):
        yield f"{word}\t{count}\n".encode()


def _check(embeddings: Embeddings) -> None:
    check_words(embeddings, "a tab-separated file", _fault)
    if not embeddings.vocabulary.has_counts:  # which stand in the line too
        check_words(embeddings, "a tab-separated file", _fault_of_line)


def _fault(word: bytes) -> str | None:
    return "holds a tab or a carriage return" if b"\t" in word or b"\r" in word else None


def _fault_of_line(word: bytes) -> str | None:
    is_blank = not word.decode().replace("\ufeff", "").strip()  # as JavaScript's trim
    return "is white space, and TensorBoard skips such lines" if is_blank else None


PROJECTOR = Format(
    name="projector",
    description="TSV for TensorBoard's projector, with the words in a second file (written only)",
    suffixes=(".tsv",),
    recognize=lambda head, suffix: False,
    read=None,
    write=writer(lambda embeddings, file: file.writelines(tab_separated(embeddings.vectors))),
    write_words=writer(lambda embeddings, file: file.writelines(_lines(embeddings))),
    check=_check,
    min_dim=2,
)
