"""Vectors for maps, and the texts of a figure."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from wordkit.embeddings import Embeddings
from wordkit.text import Vocabulary

HOSTILE = (
    "</script><script>document.title='broken'</script>",
    "<!--<script>",
    "-->",
    '"quo\'te"',
    "a\u2028b",
    "日本語",
    "$x^2$",
    "&amp;",
    "{{data}}",
    "new york",
    "a+b",
    "100%",
    "\x01",
    "\u200b",
)


def embeddings_of(words: tuple[str, ...], dim: int = 8) -> Embeddings:
    """Vectors drawn at random; the first word was seen most often."""
    vectors = np.random.default_rng(0).normal(size=(len(words), dim)).astype(np.float32)
    return Embeddings(Vocabulary(words, range(len(words) * 1000, 0, -1000)), vectors)


def numbered(N: int) -> Embeddings:
    """Vectors of the words w0, w1, …"""
    return embeddings_of(tuple(f"w{number}" for number in range(N)))


def texts_of(path: Path) -> list[str]:
    """The texts of an SVG, in the order of the file."""
    root = ElementTree.parse(path).getroot()
    return [
        "".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")
    ]
