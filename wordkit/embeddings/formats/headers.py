"""The first line of word2vec's files: how many words, how many dimensions."""

from __future__ import annotations

import re
from typing import NamedTuple

from wordkit.embeddings.formats.source import Source
from wordkit.errors import FormatError

__all__ = ["HEADER", "Header", "read_header"]

HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t\r]*(?:\n|\Z)")
"""Two numbers alone on a line. (A byte order mark before them does no harm.)"""


class Header(NamedTuple):
    """What a file announces."""

    words: int
    dim: int


def read_header(source: Source, *, row_bytes: int, value_bytes: int, limit: int | None) -> Header:
    """The header of a file, believed only as far as the file is long.

    Args:
        source: stands at the start of its file.
        row_bytes: the fewest bytes that a row takes beside its values.
        value_bytes: the fewest bytes that a value takes.
        limit: the most rows that will be read.

    Raises:
        FormatError: there is no header, or the file is too short for what it announces.
    """
    found = HEADER.match(source.head)
    if found is None:
        raise FormatError(
            f"{source.path}, line 1: expected the number of words and of dimensions, found "
            f"{source.head[:30]!r}; a file without such a line can be read as glove"
        )
    source.read(found.end())
    words, dim = int(found[1]), int(found[2])
    if words < 1 or dim < 1:
        raise FormatError(
            f"{source.path}, line 1: {words} words of {dim} dimensions are announced; "
            "there must be at least one of each"
        )
    rows = words if limit is None else min(words, limit)
    least = rows * (row_bytes + dim * value_bytes) - 1  # the last line break may be missing
    if source.size is not None and source.size - source.offset < least:
        raise FormatError(
            f"{source.path} is truncated, or its header is wrong: {words} words of {dim} "
            f"dimensions take {least} bytes or more, and {source.size - source.offset} follow; "
            "copy or make the file again"
        )
    return Header(words, dim)
