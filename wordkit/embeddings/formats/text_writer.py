"""Vectors to rows of text, on all cores."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.rows import format_values, word_fault
from wordkit.errors import EmbeddingsError
from wordkit.runtime import ordered_map

__all__ = ["check_words", "format_all", "write_rows"]

_VALUES = 1 << 18  # numbers that one thread takes at a time
_FEW = 1 << 16  # numbers; so many are written by the time that compiled code is loaded


def check_words(
    embeddings: Embeddings, name: str, fault: Callable[[bytes], str | None] = word_fault
) -> None:
    """Check that rows can hold all words.

    Raises:
        EmbeddingsError: one cannot be told from its values, or from another word.
    """
    for word in embeddings.words:
        found = fault(word.encode())
        if found is not None:
            raise EmbeddingsError(
                f"{name} cannot hold the word {word!r}: it {found}; "
                "remove it, or save a .safetensors file"
            )


def write_rows(file: IO[bytes], embeddings: Embeddings) -> None:
    """Write each word with its values, in the fewest digits that give the same float32 back."""
    with contextlib.closing(format_all(embeddings.words, embeddings.vectors)) as parts:
        for part in parts:
            file.write(part)


def format_all(
    words: Sequence[str], vectors: npt.NDArray[np.float32]
) -> Generator[bytes, None, None]:
    """Rows of text in pieces of many; ``words`` (V) and ``vectors`` (V, D)."""
    step = max(_VALUES // vectors.shape[1], 1)
    spans = [slice(row, row + step) for row in range(0, len(words), step)]
    if vectors.size <= _FEW:
        yield from (_plain(words[rows], vectors[rows]) for rows in spans)
    else:
        yield from ordered_map(lambda rows: _compiled(words[rows], vectors[rows]), spans)


def _plain(words: Sequence[str], vectors: npt.NDArray[np.float32]) -> bytes:
    """Rows without compiled code."""
    return b"".join(
        b"%b %b\n" % (word.encode(), format_values(vector))
        for word, vector in zip(words, vectors, strict=True)
    )


def _compiled(words: Sequence[str], vectors: npt.NDArray[np.float32]) -> bytes:
    """Rows by the kernel; one that it leaves aside is written the plain way."""
    from wordkit.embeddings.kernels import CHARACTERS, format_rows

    blob = ("\n".join(words) + "\n").encode()
    text = np.frombuffer(blob, dtype=np.uint8)
    out = np.empty(len(blob) + CHARACTERS * vectors.size, dtype=np.uint8)
    parts: list[bytes] = []
    row, offset = 0, 0
    while row < len(words):
        row, offset, end = format_rows(vectors, row, text, offset, out, 0)
        parts.append(out[:end].tobytes())
        if row < len(words):
            word = words[row].encode()
            parts.append(b"%b %b\n" % (word, format_values(vectors[row])))
            row, offset = row + 1, offset + len(word) + 1
    return b"".join(parts)
