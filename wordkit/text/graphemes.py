"""Characters as a reader sees them: the extended grapheme clusters of Unicode.

A cluster is what a reader takes for one character: é of two code points, a flag of two letters, a
family of several emoji joined. After Unicode Standard Annex #29, by the package regex.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

__all__ = ["graphemes", "split_at_clusters"]


def graphemes(text: str) -> list[str]:
    """Return the extended grapheme clusters of a text; put together, they are the text."""
    if text.isascii():
        return list(text)
    clusters, joining = _searches()
    return clusters(text) if joining(text) else list(text)


def split_at_clusters(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a text in parts that end at line ends, each with whether it has clusters.

    In parts that have none each code point is a grapheme; the others are lines.
    """
    start = 0
    if not text.isascii():
        _, joining = _searches()
        while found := joining(text, start):
            begin = text.rfind("\n", start, found.start()) + 1 or start
            end = text.find("\n", begin) + 1 or len(text)
            if begin > start:
                yield text[start:begin], False
            yield text[begin:end], True
            start = end
    if start < len(text):
        yield text[start:], False


@cache
def _searches() -> tuple[Callable[[str], list[str]], Callable[..., Any]]:
    """Return the search for all clusters, and for a code point that may join others."""
    import regex  # takes 60 ms; ASCII needs none

    names = ("Other", "Control", "CR", "LF", "LV", "LVT")  # a syllable joins single Jamo only
    alone = "".join(rf"\p{{Grapheme_Cluster_Break={name}}}" for name in names)
    # \r\n, which would be a cluster, is two
    return regex.compile(r"\r|\X").findall, regex.compile(f"[^{alone}]").search
