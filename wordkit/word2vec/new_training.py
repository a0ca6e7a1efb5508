"""Where a new training starts: with random vectors, or with those of a file.

Where one that goes on starts, :mod:`wordkit.word2vec.resumed_training` says.

V is the number of words.
"""

from __future__ import annotations

import numpy as np

from wordkit.embeddings import Embeddings
from wordkit.errors import VocabularyError
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.memory import check_memory
from wordkit.word2vec.starting_point import (
    StartingPoint,
    carry_rows,
    check_vectors,
    rows_in,
)
from wordkit.word2vec.state import TrainingState
from wordkit.word2vec.weights import Weights, output_rows

__all__ = ["start_afresh", "start_from_vectors", "words_to_train"]


def start_afresh(corpus: Corpus, config: Word2VecConfig) -> StartingPoint:
    """Random vectors for the words of the corpus that are frequent enough.

    Raises:
        VocabularyError: fewer than two words are left.
        ResourceError: there is too little memory.
    """
    vocabulary = words_to_train(corpus, config)
    V = len(vocabulary)
    check_memory(V, config)
    weights = Weights.initial(V, output_rows(V, config), config)
    rows = rows_in(vocabulary, corpus.vocabulary.words)
    return StartingPoint(vocabulary, rows, TrainingState(weights), joined=V)


def start_from_vectors(
    corpus: Corpus, config: Word2VecConfig, embeddings: Embeddings
) -> StartingPoint:
    """The words of the corpus that are frequent enough, with the vectors that are known of them.

    These go in; the other words begin as in :func:`start_afresh`, and so does all that comes out.

    Args:
        corpus: what will be trained on.
        config: the settings.
        embeddings: vectors from anywhere, of ``config.dim`` dimensions. Words that the corpus
            lacks are left behind.

    Raises:
        ConfigError: the vectors have another number of dimensions.
        VocabularyError: fewer than two words are left, or none of them has a vector.
        FormatError: the vectors come from a damaged file.
        ResourceError: there is too little memory.
    """
    check_vectors(embeddings, config)
    vocabulary = words_to_train(corpus, config)
    V = len(vocabulary)
    check_memory(V, config)
    embeddings.check()
    known = rows_in(embeddings.vocabulary, vocabulary.words)
    kept = int(np.count_nonzero(known >= 0))
    if kept == 0:
        raise VocabularyError(
            f"none of the {V:,} words of the text is among the {len(embeddings):,} that have "
            "vectors; preprocess it as their text was, or start without them"
        )
    weights = Weights.initial(V, output_rows(V, config), config)
    carry_rows(embeddings.vectors, known, weights.input)
    rows = rows_in(vocabulary, corpus.vocabulary.words)
    return StartingPoint(vocabulary, rows, TrainingState(weights), kept, V - kept)


def words_to_train(corpus: Corpus, config: Word2VecConfig) -> Vocabulary:
    """The words of the corpus that are frequent enough: the first ones of its vocabulary.

    Raises:
        VocabularyError: fewer than two are left.
    """
    vocabulary = corpus.vocabulary.cut(min_count=config.min_count, max_size=config.max_vocabulary)
    if len(vocabulary) < 2:
        raise VocabularyError(
            f"word2vec needs at least 2 words that occur {config.min_count} times or more, and "
            f"the corpus has {len(vocabulary)}; lower the minimum count or give more text"
        )
    return vocabulary
