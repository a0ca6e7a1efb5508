"""The lines of a text, as they stand, for whatever looks at them one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from wordkit.text.blocks import TextSource
from wordkit.text.scanner import not_utf8

__all__ = ["Line", "line_groups_of", "lines_of", "numbered_lines_of"]


class Line(NamedTuple):
    """A line and where it stands."""

    text: str
    """Without its line end."""

    source: str
    """Where it comes from, for messages: a path, or "standard input"."""

    number: int
    """From 1, in its source."""


def lines_of(source: TextSource) -> Iterator[str]:
    """All lines, blank ones too, without their line ends.

    Args:
        source: the text; read once, as the lines are asked for.

    Raises (as it goes on):
        TextError: the text cannot be read, or is not UTF-8.
    """
    with contextlib.closing(numbered_lines_of(source)) as lines:  # type: ignore[type-var]
        for line in lines:
            yield line.text


def numbered_lines_of(source: TextSource) -> Iterator[Line]:
    """All lines, as :func:`lines_of` gives them, with the file that each stands in and its number.

    Args:
        source: the text; read once, as the lines are asked for.

    Raises (as it goes on):
        TextError: the text cannot be read, or is not UTF-8.
    """
    with contextlib.closing(line_groups_of(source)) as groups:  # type: ignore[type-var]
        for group in groups:
            yield from group


def line_groups_of(source: TextSource) -> Iterator[list[Line]]:
    """All lines, those of a block together: a group is what has been read before more is asked for.

    Args:
        source: the text; read once, as the groups are asked for.

    Raises (as it goes on):
        TextError: the text cannot be read, or is not UTF-8.
    """
    begun: list[str] = []  # the start of a line, which may go on over several blocks
    with contextlib.closing(source.blocks()) as blocks:  # type: ignore[type-var]
        for block in blocks:
            try:
                text = block.data.decode(errors="replace" if source.replace_errors else "strict")
            except UnicodeDecodeError as error:
                raise not_utf8(block, error.start) from error
            first, *others = text.split("\n")
            begun.append(first)
            group = []
            for number, line in enumerate(others, block.line):
                group.append(Line("".join(begun).removesuffix("\r"), block.source, number))
                begun = [line]
            if group:
                yield group
