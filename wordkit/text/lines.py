"""The lines of a text, as they stand, for whatever looks at them one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from wordkit.text.blocks import TextSource
from wordkit.text.scanner import not_utf8

__all__ = ["lines_of"]


def lines_of(source: TextSource) -> Iterator[str]:
    """All lines, blank ones too, without their line ends.

    Args:
        source: the text; read once, as the lines are asked for.

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
            for line in others:
                yield "".join(begun).removesuffix("\r")
                begun = [line]
