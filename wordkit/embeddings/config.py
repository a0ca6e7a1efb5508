"""The settings that all trainings of word vectors share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wordkit.config import Settings, setting
from wordkit.text.vocabulary import Vocabulary

__all__ = ["VectorsConfig"]


@dataclass(frozen=True, kw_only=True)
class VectorsConfig(Settings):
    """The vectors and the vocabulary of a training of word vectors."""

    dim: int = setting(100, "Dimensions of a vector (D).", at_least=1, main=True)
    window: int = setting(
        5,
        "Window radius: context words on each side of the centre. Windows end at the ends of the "
        "sentence.",
        at_least=1,
        at_most=1000,
        main=True,
    )
    min_count: int = setting(
        5,
        "Leave out words that occur less often, before windows are formed.",
        at_least=1,
        group="Text",
        main=True,
    )
    max_vocabulary: int | None = setting(
        None,
        "Size limit of the vocabulary: the most frequent words.",
        none="no limit",
        at_least=2,
        group="Text",
    )
    seed: int = setting(
        1,
        "Seed of the random numbers. The same seed on one thread of the CPU gives the same "
        "vectors, bit for bit.",
        at_least=0,
        at_most=math.inf,
        group="Running",
    )

    def cut(self, vocabulary: Vocabulary) -> Vocabulary:
        """Return the words of a text that are frequent enough.

        Raises:
            VocabularyError: there are none.
        """
        return vocabulary.cut(min_count=self.min_count, max_size=self.max_vocabulary)
