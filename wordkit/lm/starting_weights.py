"""What the weights of a language model are before training.

V words, D length of a word's vector, H width of a layer, G gates.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wordkit.counts import CountsConfig, train_counts
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError, counted
from wordkit.lm.model import RecurrentModel
from wordkit.recurrent.starting_weights import draw_evenly, start_layer, start_matrix
from wordkit.runtime import Report
from wordkit.text import Corpus, Vocabulary

__all__ = ["Coverage", "check_dimensions", "counted_vectors", "put_vectors", "start_weights"]

_VECTORS = 0.1  # range of the word vectors where none is given


@dataclass(frozen=True)
class Coverage:
    """How many words of a model got a vector from elsewhere."""

    known: int
    words: int

    def __str__(self) -> str:
        return f"{self.known:,} of {counted(self.words, 'word')} have vectors to start from"


def start_weights(
    model: RecurrentModel, vocabulary: Vocabulary, generator: torch.Generator
) -> None:
    """Draw all weights of a new model, as its configuration says.

    Args:
        model: whose weights are set.
        vocabulary: of V words, with counts.
        generator: of the random numbers, on the CPU.
    """
    config = model.config
    scale = _VECTORS if config.start_scale is None else config.start_scale
    with torch.no_grad():
        draw_evenly(model.embedding, scale, generator)
        for layer in model.layers:
            start_layer(layer, config, generator)  # type: ignore[arg-type]
        if model.projection is not None:
            start_matrix(model.projection, model.projection.shape[1], config, generator)
        if model.adaptive is not None:
            for parameter in model.adaptive.parameters():
                draw_evenly(parameter, scale, generator)
            return
        if not config.tied:
            draw_evenly(model.output, scale, generator)
        if config.unigram_bias:
            model.bias.copy_(_log_frequencies(vocabulary))


def _log_frequencies(vocabulary: Vocabulary) -> Tensor:
    """log of each word's share of the text, shape (V,); of unseen words as if seen half a time."""
    counts = np.maximum(vocabulary.counts, 0.5)
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))


def counted_vectors(
    corpus: Corpus, vocabulary: Vocabulary, dim: int, threads: int | None = None
) -> Generator[Report, None, Embeddings]:
    """Vectors of a model's words by counting the training text itself: PPMI and SVD.

    They are scaled so that their values have the deviation of random ones.

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
    run = train_counts(corpus, config, threads=threads)
    yield from run
    return run.result()


_WINDOW, _EXPONENT = 5, 0.5


def check_dimensions(vectors: Embeddings, dim: int) -> None:
    """Raise ConfigError where the vectors do not have so many dimensions."""
    if vectors.dim != dim:
        raise ConfigError(
            f"the vectors to start from have {vectors.dim} dimensions, and the model's word "
            f"vectors {dim}; set dim to {vectors.dim} or give other vectors"
        )


def put_vectors(
    model: RecurrentModel, vocabulary: Vocabulary, vectors: Embeddings, *, scaled: bool = False
) -> Coverage:
    """Let the words that go in start with these vectors, matched by word.

    Args:
        model: whose embedding is set, and with it what comes out where both are tied.
        vocabulary: of the model.
        vectors: of D dimensions.
        scaled: whether the vectors are brought to the deviation of random ones.

    Raises:
        ConfigError: the vectors have another number of dimensions.
        VocabularyError: no word of the model has a vector.
    """
    check_dimensions(vectors, model.embedding.shape[1])
    rows, ids = [], []
    for row, word in enumerate(vocabulary.words):
        found = vectors.vocabulary.get(word)
        if found is not None:
            rows.append(row)
            ids.append(found)
    if not rows:
        raise VocabularyError(
            f"none of the model's {len(vocabulary):,} words is among the {len(vectors):,} that "
            "have vectors; preprocess the text as theirs was, or start without them"
        )
    values = np.asarray(vectors.vectors[ids])
    if scaled:
        wanted = _VECTORS / math.sqrt(3)  # the deviation of even numbers from −0.1 to 0.1
        values = values * (wanted / max(float(values.std()), 1e-12))
    with torch.no_grad():
        target = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        model.embedding[rows] = target.to(model.device)
    return Coverage(len(rows), len(vocabulary))
