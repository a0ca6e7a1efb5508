"""The vocabularies of both sides, as files keep them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.storage import TensorFile
from wordkit.text import Vocabulary

__all__ = ["VOCABULARY_ARRAYS", "read_vocabularies", "vocabulary_arrays"]

VOCABULARY_ARRAYS = ("source_words", "source_counts", "target_words", "target_counts")
"""The names of the arrays."""


def vocabulary_arrays(source: Vocabulary, target: Vocabulary) -> dict[str, npt.NDArray[Any]]:
    """Both vocabularies as arrays by name.

    Raises:
        VocabularyError: one has no counts.
    """
    arrays = {}
    for side, vocabulary in (("source", source), ("target", target)):
        _ = vocabulary.counts  # raises where there are none
        for name, array in vocabulary.to_arrays().items():
            arrays[f"{side}_{name}"] = array
    return arrays


def read_vocabularies(file: TensorFile) -> tuple[Vocabulary, Vocabulary]:
    """Both vocabularies of a file.

    Raises:
        FormatError: an array is missing or damaged.
    """
    source, target = (
        Vocabulary.from_arrays(
            file.tensor(f"{side}_words", np.uint8, 1),
            file.tensor(f"{side}_counts", np.int64, 1),
            str(file.path),
        )
        for side in ("source", "target")
    )
    return source, target
