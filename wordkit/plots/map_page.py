"""A map of words as a page: one file that any browser shows, with search, zoom and neighbours.

The page asks for nothing outside of itself, and forbids itself to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from wordkit.errors import ConfigError
from wordkit.plots.word_map import Neighbours, WordMap
from wordkit.storage import atomic_write

__all__ = ["SUFFIXES", "write_page"]

SUFFIXES = (".html", ".htm")
"""The suffixes of a page."""

_MARK = "{{data}}"  # in the template; what it holds is replaced by the data
_STEPS = 10_000  # places on the page along the longer side


def write_page(
    drawn: WordMap,
    path: str | os.PathLike[str],
    *,
    neighbours: Sequence[Neighbours] | None = None,
    title: str = "Map of words",
) -> None:
    """Write a map of words as one HTML file.

    Args:
        drawn: the words with their places; where there is no room for all labels, the first ones
            are shown.
        path: the file.
        neighbours: of each word, nearest first; None: they are not shown.
        title: of the page.

    Raises:
        ConfigError: there are not as many lists of neighbours as words, or the suffix is another.
        StorageError: the file cannot be written.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise ConfigError(f"path ends in {Path(path).suffix!r}; expected {', '.join(SUFFIXES)}")
    if neighbours is not None and len(neighbours) != len(drawn.words):
        raise ConfigError(
            f"{len(drawn.words)} words need as many lists of neighbours, not {len(neighbours)}"
        )
    template = resources.files("wordkit.plots").joinpath("map.html").read_text(encoding="utf-8")
    before, _, after = template.partition(_MARK)
    page = before + _in_html(_data(drawn, neighbours, title)) + after
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def _data(drawn: WordMap, neighbours: Sequence[Neighbours] | None, title: str) -> dict[str, Any]:
    """What the page knows; a neighbour that is on the map is its number, another one a word."""
    low, high = drawn.places.min(axis=0), drawn.places.max(axis=0)
    scale = _STEPS / (float((high - low).max()) or 1.0)
    placed = np.rint((drawn.places - low) * scale).astype(int)
    numbers = {word: number for number, word in enumerate(drawn.words)}
    known: dict[str, Any] = {
        "title": title,
        "words": drawn.words,
        "x": placed[:, 0].tolist(),
        "y": placed[:, 1].tolist(),
        "named": [numbers[word] for word in drawn.words if word in drawn.named],
    }
    if drawn.counts is not None:
        known["counts"] = drawn.counts
    if neighbours is not None:
        known["near"] = [
            [[numbers.get(word, word), round(float(cosine), 3)] for word, cosine in found]
            for found in neighbours
        ]
    return known


def _in_html(value: Any) -> str:
    """JSON that no word in it can end, whatever the page's parser takes for its own."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":  # none is JSON's own, so that all of them lie in strings
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
