"""Models that come with wordkit, so that queries have an answer before anything is trained.

Learnt by wordkit's own commands from English Wikipedia (CC BY-SA 3.0). Beside each file is its
model card, ``vectors.md``, ``counts.md`` and ``lm.md``, which says how, and how good it is;
``python benchmarks/bundled.py`` makes all of them anew.

::

    from wordkit import bundled
    from wordkit.embeddings import load_embeddings

    load_embeddings(bundled.VECTORS).most_similar("car")
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["COUNTS", "LANGUAGE_MODEL", "VECTORS"]

_FOLDER = Path(__file__).resolve().parent

VECTORS = _FOLDER / "vectors.safetensors"
"""Vectors of the 20,000 most frequent words, by word2vec."""

COUNTS = _FOLDER / "counts.safetensors"
"""Vectors of the same words, by counting."""

LANGUAGE_MODEL = _FOLDER / "lm.safetensors"
"""A small LSTM that knows 10,000 words."""
