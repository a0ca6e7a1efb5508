"""The weights of a language model before training.

V words, D dimensions of an embedding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from wordkit.counts import CountsConfig, iter_train_counts
from wordkit.embeddings import Embeddings
from wordkit.errors import TextError
from wordkit.lm.network import LanguageModelNetwork
from wordkit.nn.initialization import (
    EMBEDDING_RANGE,
    initialize_layers,
    initialize_matrix,
    set_embeddings,
    uniform_,
)
from wordkit.nn.mixture import MixtureOutputLayer
from wordkit.runtime import Report
from wordkit.text import Corpus, Vocabulary
from wordkit.training.finetuning import copy_weights, share_unk_bias

if TYPE_CHECKING:
    from wordkit.lm.model import LanguageModel

__all__ = [
    "initialize",
    "start_embeddings",
    "start_from",
]

_WORD_PARAMETERS = ("embedding", "output.weight", "output.bias")  # a row for each word
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
    scale = EMBEDDING_RANGE if config.start_scale is None else config.start_scale
    uniform_(network.embedding, scale, generator)
    initialize_layers(network, config, generator)
    if config.adaptive:
        for parameter in output.parameters():
            uniform_(parameter, scale, generator)
        return
    if output.projection is not None:
        initialize_matrix(output.projection, output.projection.shape[1], config, generator)
    if isinstance(output, MixtureOutputLayer):
        for matrix in (output.prior, output.latent):
            initialize_matrix(matrix, matrix.shape[1], config, generator)
    if not config.tied:
        uniform_(output.weight, scale, generator)
    if config.unigram_bias:
        with torch.no_grad():
            output.bias.copy_(_log_frequencies(vocabulary))


def _log_frequencies(vocabulary: Vocabulary) -> Tensor:
    """Return the log of each word's relative frequency, (V,); unseen words count 0.5."""
    counts = np.maximum(vocabulary.counts, 0.5)
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))


def start_embeddings(
    network: LanguageModelNetwork,
    vocabulary: Vocabulary,
    corpus: Corpus,
    embeddings: Embeddings | None,
    threads: int | None = None,
) -> Generator[Report, None, int | None]:
    """Start from given embeddings, or from those counted in the text (PPMI and SVD) if set so.

    Returns:
        How many words have one of the given embeddings; None where none are given.
    """
    dim = network.config.width_in
    if embeddings is not None:
        return set_embeddings(network.embedding, vocabulary, embeddings)
    is_counted = network.config.start_embeddings == "counts"
    if is_counted and len(vocabulary) >= _MIN_WORDS_TO_COUNT * dim:
        with contextlib.suppress(TextError):  # no two words in one line: all start at random
            config = CountsConfig(
                dim=dim, window=_WINDOW, min_count=1, max_vocabulary=len(vocabulary),
                exponent=_EXPONENT,
            )  # fmt: skip
            counted = yield from iter_train_counts(corpus, config, threads=threads)
            set_embeddings(network.embedding, vocabulary, counted, scaled=True)
    return None


def start_from(
    network: LanguageModelNetwork, vocabulary: Vocabulary, init: LanguageModel, found: Vocabulary
) -> None:
    """Start training from the weights of a model; new words start as ``<unk>``.

    Args:
        network: whose weights are set, of the same shape but for its words.
        vocabulary: of the network: the words of the model, and new ones.
        init: the model.
        found: all words of the training text.
    """
    pair = (init.vocabulary, vocabulary)
    copy_weights(network, init.network, dict.fromkeys(_WORD_PARAMETERS, pair))
    if not network.config.adaptive:
        share_unk_bias(network.output.bias, *pair, found)
