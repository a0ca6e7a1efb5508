"""Initialization of weights.

D input size or dimensions of an embedding, H hidden size, G gates, V words.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError
from wordkit.nn.config import NetworkConfig
from wordkit.text import Vocabulary

__all__ = [
    "EMBEDDING_RANGE", "check_dimensions", "initialize_layers", "initialize_matrix", "orthogonal",
    "set_embeddings", "uniform_",
]  # fmt: skip

EMBEDDING_RANGE = 0.1
"""The range of random embeddings, to both sides of 0."""


def initialize_layers(
    network: nn.Module, config: NetworkConfig, generator: torch.Generator
) -> None:
    """Draw the weights of all layers of a network that have a method ``initialize``."""
    for module in network.modules():
        if hasattr(module, "initialize"):
            module.initialize(config, generator)  # type: ignore[operator]


def initialize_matrix(
    matrix: Tensor, size: int, config: NetworkConfig, generator: torch.Generator
) -> None:
    """Draw a matrix of shape (G·size or any, D); each gate counts as a matrix of its own.

    Args:
        matrix: whose values are set.
        size: of the output, or of one gate.
        config: how.
        generator: of the random numbers, on the CPU.
    """
    inputs = matrix.shape[1]
    if config.start_weights == "xavier":
        scale = math.sqrt(6 / (inputs + size))
    elif config.start_weights == "he":
        scale = math.sqrt(6 / inputs)
    elif config.start_scale is not None:
        scale = config.start_scale
    else:
        scale = 1 / math.sqrt(size)
    uniform_(matrix, scale, generator)


@torch.no_grad()
def uniform_(parameter: Tensor, scale: float, generator: torch.Generator) -> None:
    """Draw values from −scale to scale."""
    parameter.copy_(torch.empty(parameter.shape).uniform_(-scale, scale, generator=generator))


def orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """Return an orthogonal matrix, uniformly drawn: Q of a Gaussian one, with the signs of R."""
    Q, R = torch.linalg.qr(torch.empty(size, size).normal_(generator=generator))
    drawn: Tensor = Q * R.diagonal().sign()
    return drawn


def check_dimensions(vectors: Embeddings, dim: int) -> None:
    """Raise ConfigError if the vectors do not have ``dim`` dimensions."""
    if vectors.dim != dim:
        raise ConfigError(
            f"the vectors to start from have {vectors.dim} dimensions, and the model's word "
            f"vectors {dim}; set dim to {vectors.dim} or give other vectors"
        )


@torch.no_grad()
def set_embeddings(
    matrix: Tensor, vocabulary: Vocabulary, vectors: Embeddings, *, scaled: bool = False
) -> int:
    """Start training from these input embeddings, matched by word; return how many words have one.

    Args:
        matrix: the input embeddings, (V, D), and with them the output embeddings where both are
            tied.
        vocabulary: of the model.
        vectors: of D dimensions.
        scaled: whether the vectors are brought to the standard deviation of random ones.

    Raises:
        ConfigError: the vectors have another number of dimensions.
        VocabularyError: no word of the model has a vector.
    """
    check_dimensions(vectors, matrix.shape[1])
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
        deviation = EMBEDDING_RANGE / math.sqrt(3)  # of uniform random numbers
        values = values * (deviation / max(float(values.std()), 1e-12))
    matrix[rows] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(matrix)
    return len(rows)
