"""The weights of a language model before training.

V words, D dimensions of an embedding.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from wordkit.counts import CountsConfig, iter_train_counts
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.lm.network import LanguageModelNetwork
from wordkit.nn.initialization import initialize_layers, initialize_matrix, uniform_
from wordkit.nn.network import device_of
from wordkit.runtime import Report
from wordkit.text import Corpus, Vocabulary

__all__ = [
    "check_dimensions",
    "count_embeddings",
    "initialize",
    "set_embeddings",
    "start_embeddings",
]

_EMBEDDING_RANGE = 0.1  # of random embeddings, to both sides of 0
_MIN_WORDS_TO_COUNT = 4  # times as many words as dimensions, for embeddings by counting
_WINDOW, _EXPONENT = 5, 0.5  # of embeddings by counting


def initialize(
    network: LanguageModelNetwork, vocabulary: Vocabulary, generator: torch.Generator
) -> None:
    """Draw all weights of a new network, as its settings say.

    Args:
        network: whose weights are set.
        vocabulary: of V words, with counts.
        generator: of the random numbers, on the CPU.
    """
    config, output = network.config, network.output
    scale = _EMBEDDING_RANGE if config.start_scale is None else config.start_scale
    uniform_(network.embedding, scale, generator)
    initialize_layers(network, config, generator)
    if config.adaptive:
        for parameter in output.parameters():
            uniform_(parameter, scale, generator)
        return
    if output.projection is not None:
        initialize_matrix(output.projection, output.projection.shape[1], config, generator)
    if not config.tied:
        uniform_(output.weight, scale, generator)
    if config.unigram_bias:
        with torch.no_grad():
            output.bias.copy_(_log_frequencies(vocabulary))


def _log_frequencies(vocabulary: Vocabulary) -> Tensor:
    """Return the log of each word's relative frequency, (V,); unseen words count 0.5."""
    counts = np.maximum(vocabulary.counts, 0.5)
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))


def count_embeddings(
    corpus: Corpus, vocabulary: Vocabulary, dim: int, threads: int | None = None
) -> Generator[Report, None, Embeddings]:
    """Make embeddings of a model's words by counting the training text itself: PPMI and SVD.

    Raises:
        ConfigError: the text has too few words for vectors of this length.
    """
    config = CountsConfig(
        dim=dim,
        window=_WINDOW,
        min_count=1,
        max_vocabulary=len(vocabulary),
        exponent=_EXPONENT,
    )
    run = iter_train_counts(corpus, config, threads=threads)
    yield from run
    return run.result()


def start_embeddings(
    network: LanguageModelNetwork,
    vocabulary: Vocabulary,
    corpus: Corpus,
    embeddings: Embeddings | None,
    threads: int | None = None,
) -> Generator[Report, None, int | None]:
    """Start from given embeddings, or from those counted in the text where the settings say so.

    Returns:
        How many words have one of the given embeddings; None where none are given.
    """
    dim = network.config.width_in
    if embeddings is not None:
        return set_embeddings(network, vocabulary, embeddings)
    is_counted = network.config.start_embeddings == "counts"
    if is_counted and len(vocabulary) >= _MIN_WORDS_TO_COUNT * dim:
        with contextlib.suppress(TextError):  # no two words in one line: all start at random
            counted = yield from count_embeddings(corpus, vocabulary, dim, threads)
            set_embeddings(network, vocabulary, counted, scaled=True)
    return None


def check_dimensions(vectors: Embeddings, dim: int) -> None:
    """Raise ConfigError if the vectors do not have ``dim`` dimensions."""
    if vectors.dim != dim:
        raise ConfigError(
            f"the vectors to start from have {vectors.dim} dimensions, and the model's word "
            f"vectors {dim}; set dim to {vectors.dim} or give other vectors"
        )


def set_embeddings(
    network: LanguageModelNetwork,
    vocabulary: Vocabulary,
    vectors: Embeddings,
    *,
    scaled: bool = False,
) -> int:
    """Start training from these input embeddings, matched by word; return how many words have one.

    Args:
        network: whose embedding is set, and with it the output embeddings where both are tied.
        vocabulary: of the model.
        vectors: of D dimensions.
        scaled: whether the vectors are brought to the standard deviation of random ones.

    Raises:
        ConfigError: the vectors have another number of dimensions.
        VocabularyError: no word of the model has a vector.
    """
    check_dimensions(vectors, network.embedding.shape[1])
    found = [vectors.vocabulary.find(word) for word in vocabulary.words]
    pairs = [(row, id_) for row, id_ in enumerate(found) if id_ is not None]
    if not pairs:
        raise VocabularyError(
            f"none of the model's {len(vocabulary):,} words is among the {len(vectors):,} that "
            "have vectors; preprocess the text as theirs was, or start without them"
        )
    rows, ids = (list(part) for part in zip(*pairs, strict=True))
    values = np.asarray(vectors.vectors[ids])
    if scaled:
        deviation = _EMBEDDING_RANGE / math.sqrt(3)  # of uniform random numbers
        values = values * (deviation / max(float(values.std()), 1e-12))
    with torch.no_grad():
        target = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        network.embedding[rows] = target.to(device_of(network))
    return len(rows)
