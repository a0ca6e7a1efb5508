"""Rows of text: a word, then D numbers, split from the right.

A row is split at spaces (0x20) and nothing else, so that words may hold no-break spaces, line
separators and even spaces. What is left of the last D numbers is the word. One case is decided
here: in ``catch 22 0.5 0.25`` with D = 2 the word is ``catch 22``, but in ``catch 2.2 0.5 0.25``
there is one value too many. A number before the values belongs to the word only when it is
written in another manner than they are: whole, where the first value has a point or an exponent.
Two spaces before D numbers are the word ``" "``, which gensim writes, and the space after it.

These functions are the plain form of the kernels in :mod:`wordkit.embeddings.kernels`, which read
and write nearly all rows; what the kernels leave aside comes here, and so do all error messages.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.source import BYTE_ORDER_MARK, HEAD
from wordkit.errors import EmbeddingsError
from wordkit.runtime import ordered_map

__all__ = [
    "RowError",
    "check_words",
    "count_values",
    "first_line",
    "format_all",
    "format_values",
    "is_number",
    "parse_row",
    "write_rows",
]

_NUMBER = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)
_WHOLE = re.compile(rb"[+-]?[0-9]+")
_BLANK_WORD = re.compile(rb"  [^ ]")
_BLANK_LINES = re.compile(rb"\A[\r\n]+")
_LINE_END = re.compile(rb"[\r\n]")
_TASK_VALUES = 1 << 18  # numbers that one thread takes at a time
_MAX_PLAIN_VALUES = 1 << 16  # these are written by the time that compiled code is loaded


class RowError(ValueError):
    """The fault of a row, to follow "line 7" in a message."""


def is_number(token: bytes) -> bool:
    """Return whether a token is a decimal number (or nan, or inf)."""
    return _NUMBER.fullmatch(token) is not None


def parse_row(row: bytes, dim: int) -> tuple[bytes, npt.NDArray[np.float32]] | None:
    """Return the word and the D values of a row, or None where the row is blank.

    Spaces and a carriage return at the end do not count.

    Raises:
        RowError: it is no word with D finite numbers after it.
    """
    tokens = row.rstrip(b" \r\n").split(b" ")
    if tokens == [b""]:
        return None
    values: list[bytes] = []
    while tokens and len(values) < dim:
        token = tokens.pop()
        if token:  # there may be several spaces between two values
            values.append(token)
    values.reverse()
    word = b" ".join(tokens).strip(b" ")
    if not word and _BLANK_WORD.match(row):
        word = b" "
    for token in values:
        if not is_number(token):
            raise RowError(_wrong_count(row, dim) or f"{_shown(token)} is not a number")
    if not word:
        fault = None if row.startswith(b" ") else _wrong_count(row, dim)
        raise RowError(fault or "there is no word before the numbers")
    if len(values) < dim or _ends_in_value(word, values[0]):
        raise RowError(_wrong_count(row, dim) or f"there are more than {dim} numbers")
    with np.errstate(over="ignore"):
        numbers = np.array([float(token) for token in values]).astype(np.float32)
    if not np.isfinite(numbers).all():
        token = values[int(np.argmin(np.isfinite(numbers)))]
        raise RowError(f"{_shown(token)} is not a finite number of 32 bits")
    return word, numbers


def count_values(row: bytes) -> int:
    """Count the numbers at the end of a row, whose first token is its word, if that is no blank.

    A file without a header has the dimension of its first row, whose word must therefore not end
    in a number of its own.
    """
    tokens = [token for token in row.rstrip(b" \r\n").split(b" ") if token]
    word = bool(tokens and _WHOLE.fullmatch(tokens[0])) or not _BLANK_WORD.match(row)
    count = 0
    for token in reversed(tokens[word:]):
        if not is_number(token):
            break
        count += 1
    return count


def first_line(head: bytes) -> bytes:
    """Return the first line that is not blank; of one longer than the head, its whole tokens."""
    head = _BLANK_LINES.sub(b"", head.removeprefix(BYTE_ORDER_MARK))
    line, *more = _LINE_END.split(head, 1)
    return line if more or len(head) < HEAD // 2 else line.rpartition(b" ")[0]


def format_values(values: npt.NDArray[np.float32]) -> bytes:
    """Format values, separated by spaces, in the fewest digits that give the same float32 back."""
    return " ".join(map(str, values)).encode()


def _ends_in_value(word: bytes, first_value: bytes) -> bool:
    """Return whether the last token of a word of several tokens is written as the values are."""
    _, space, last = word.rpartition(b" ")
    if not space or not is_number(last):
        return False
    return not (_WHOLE.fullmatch(last) and not _WHOLE.fullmatch(first_value))


def _wrong_count(row: bytes, dim: int) -> str | None:
    found = count_values(row)
    return None if found == dim else f"{dim} numbers should follow the word, but {found} do"


def _shown(token: bytes) -> str:
    text = token.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 20 else text[:20] + "…")


# --- writing -----------------------------------------------------------------------------------


def _word_fault(word: bytes) -> str | None:
    if b"\r" in word:
        return "holds a carriage return"
    if word.strip(b" ") != word != b" ":
        return "begins or ends with a space"
    if b" " in word and _ends_in_value(word, b"0.5"):
        return "ends in a number that would be read as a value"
    return None


def check_words(
    embeddings: Embeddings, name: str, fault: Callable[[bytes], str | None] = _word_fault
) -> None:
    """Check that rows can hold all words.

    Raises:
        EmbeddingsError: one cannot be distinguished from its values, or from another word.
    """
    for word in embeddings.words:
        found = fault(word.encode())
        if found is not None:
            raise EmbeddingsError(
                f"{name} cannot hold the word {word!r}: it {found}; "
                "remove it, or save a .safetensors file"
            )


def write_rows(embeddings: Embeddings, file: IO[bytes]) -> None:
    """Write each word with its values, in the fewest digits that give the same float32 back."""
    with contextlib.closing(format_all(embeddings.words, embeddings.vectors)) as parts:
        for part in parts:
            file.write(part)


def format_all(
    words: Sequence[str], vectors: npt.NDArray[np.float32]
) -> Generator[bytes, None, None]:
    """Yield rows of ``words`` (V) and ``vectors`` (V, D) as text, many at a time."""
    step = max(_TASK_VALUES // vectors.shape[1], 1)
    tasks = [slice(row, row + step) for row in range(0, len(words), step)]
    if vectors.size <= _MAX_PLAIN_VALUES:
        yield from (_plain(words[rows], vectors[rows]) for rows in tasks)
    else:
        yield from ordered_map(lambda rows: _compiled(words[rows], vectors[rows]), tasks)


def _plain(words: Sequence[str], vectors: npt.NDArray[np.float32]) -> bytes:
    return b"".join(
        b"%b %b\n" % (word.encode(), format_values(vector))
        for word, vector in zip(words, vectors, strict=True)
    )


def _compiled(words: Sequence[str], vectors: npt.NDArray[np.float32]) -> bytes:
    from wordkit.embeddings.kernels import CHARACTERS, format_rows

    blob = ("\n".join(words) + "\n").encode()
    text = np.frombuffer(blob, dtype=np.uint8)
    out = np.empty(len(blob) + CHARACTERS * vectors.size, dtype=np.uint8)
    parts: list[bytes] = []
    row, offset = 0, 0
    while row < len(words):
        row, offset, end = format_rows(vectors, row, text, offset, out, 0)
        parts.append(out[:end].tobytes())
        if row < len(words):  # the kernel has left it aside
            parts.append(_plain(words[row : row + 1], vectors[row : row + 1]))
            row, offset = row + 1, offset + len(words[row].encode()) + 1
    return b"".join(parts)
