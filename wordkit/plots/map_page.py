"""A map of words as a page: one file that any browser shows, with search, zoom and neighbours.

The page asks for nothing outside of itself, and forbids itself to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from wordkit.errors import ConfigError
from wordkit.plots.figures import file_label
from wordkit.plots.word_map import Neighbours, WordMap
from wordkit.storage import atomic_write

__all__ = ["SUFFIXES", "write_page"]

SUFFIXES = (".html", ".htm")
"""The suffixes of a page."""

_PLACEHOLDER = "{{data}}"  # in the template
_STEPS = 10_000  # coordinates on the page along the longer side


def write_page(
    drawn: WordMap,
    path: str | os.PathLike[str],
    *,
    neighbours: Sequence[Neighbours] | None = None,
    title: str = "Map of words",
) -> None:
    """Write a map of words as one HTML file.

    Args:
        drawn: the words with their coordinates; the first ones are labelled where room is short.
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
    low, high = drawn.points.min(axis=0), drawn.points.max(axis=0)
    scale = _STEPS / (float((high - low).max()) or 1.0)
    x, y = np.rint((drawn.points - low) * scale).astype(int).T.tolist()
    numbers = {word: number for number, word in enumerate(drawn.words)}
    named = [number for word, number in numbers.items() if word in drawn.named]
    data = {"title": file_label(title), "words": drawn.words, "x": x, "y": y, "named": named}
    if drawn.counts is not None:
        data["counts"] = drawn.counts
    if neighbours is not None:  # a neighbour on the map is its number, another one a word
        data["near"] = [
            [[numbers.get(word, word), round(float(cosine), 3)] for word, cosine in found]
            for found in neighbours
        ]
    template = resources.files("wordkit.plots").joinpath("map.html").read_text(encoding="utf-8")
    before, _, after = template.partition(_PLACEHOLDER)
    with atomic_write(path) as temporary:
        temporary.write_text(before + _embed(data) + after, encoding="utf-8", newline="\n")


def _embed(data: object) -> str:
    """Return JSON in which no word can end the script element that holds it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":  # none is part of JSON's syntax, so that all are in strings
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
