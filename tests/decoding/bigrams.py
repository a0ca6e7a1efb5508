"""The smallest networks of the signature (ids, state) → (features, state): tables of bigrams."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


class Bigrams:
    """log p of each word after each word, (V, V)."""

    def __init__(self, table: Tensor) -> None:
        self.table, self.output = table, self

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, dtype=torch.int64)

    def __call__(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.table[ids], ids[-1]

    def log_probs(self, features: Tensor) -> Tensor:
        return features.clone()

    def target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        found = features.gather(2, targets.clamp(min=0).unsqueeze(2)).squeeze(2)
        return found.masked_fill(targets < 0, 0)

    def loss(self, features: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        return -self.target_log_probs(features, targets).sum()


class Trigrams(Bigrams):
    """log p after each pair of words, (V, V, V): the state is the first of them."""

    def __call__(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.table[torch.cat([state.unsqueeze(0), ids[:-1]]), ids], ids[-1]


def trigrams(words: int = 5, seed: int = 1, scale: float = 2.0) -> Trigrams:
    """A network of random probabilities."""
    generator = torch.Generator().manual_seed(seed)
    table = scale * torch.randn(words, words, words, generator=generator, dtype=torch.float64)
    return Trigrams(table.log_softmax(-1))


def log_p_of(network: Trigrams, words: Sequence[int], before: Sequence[int] = (0, 1)) -> float:
    """log p of words, each after the two before it."""
    text = [*before, *words]
    return math.fsum(
        float(network.table[text[i - 2], text[i - 1], text[i]]) for i in range(2, len(text))
    )
