"""The continuous cache: words of the text before come again (Grave, Joulin and Usunier 2017).

Beside each of the last N words the cache holds the features from which the network predicted it.
With h the present features, p_cache(w) is in proportion to the sum of exp(θ h·hᵢ) over the places
where w stood, and p = (1 − λ) p_network + λ p_cache.

Notation: T steps, B sequences of a batch, F features, V words, N words of the cache at most, M
words in it and in the steps at hand, λ the weight of the cache, θ its flatness.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wordkit.decoding.scoring import Learn, Stream, stream_pieces
from wordkit.nn.network import State, device_of, inference
from wordkit.runtime import Report

__all__ = [
    "USUAL_FLATNESS", "USUAL_WEIGHT", "CacheNetwork", "CacheState", "cache_steps", "fit_cache",
]  # fmt: skip

USUAL_WEIGHT, USUAL_FLATNESS = 0.1, 0.3
"""λ and θ where there is no text to fit them to."""

Floats = npt.NDArray[np.float64]

_FLATNESSES = 2.0 ** np.arange(-9, 6)  # that are tried
_EM_STEPS, _MAX_WEIGHT = 100, 0.99
_SCORES = 1 << 18  # of one piece of a text: 1 MB, which stays in the processor's cache
_MIN_STEPS, _MAX_STEPS = 16, 512


class CacheState(NamedTuple):
    """The state of the network, and the cache."""

    inner: State

    keys: Tensor | None = None
    """Features from which each word was predicted, (B, M, F), M at most N; None at the start."""

    words: Tensor | None = None
    """The words, (B, M)."""

    last: Tensor | None = None
    """Features of the last step, (B, F), whose word is the next input."""


class CacheNetwork(nn.Module):
    """A :class:`wordkit.nn.network.SequenceNetwork` with a cache.

    Its features are those of the network, the probability of each word in the cache, and these
    words: F + 2M of them.

    Args:
        network: what the cache is added to.
        size: N.
        weight: λ, from 0 to below 1.
        flatness: θ; 0: all words of the cache are equally probable.
    """

    def __init__(self, network: nn.Module, size: int, weight: float, flatness: float) -> None:
        super().__init__()
        self.network, self.size, self.flatness = network, size, flatness
        self.output = CacheOutput(network.output, weight)

    def initial_state(self, batch: int) -> CacheState:
        """Return the state of the network, and an empty cache."""
        return CacheState(self.network.initial_state(batch))  # type: ignore[operator]

    def forward(self, ids: Tensor, state: CacheState) -> tuple[Tensor, CacheState]:
        """Return the features, (T, B, F + 2M), of ids, (T, B), and the state after the last step.

        Words are among the features as numbers, which float32 holds exactly below 2²⁴.
        """
        features, similarities, after, words = self.look_up(ids, state)
        p = similarities.mul_(self.flatness).softmax(-1).nan_to_num_(0.0)  # where it is empty
        self.output.width = features.shape[-1]
        words = words.to(features.dtype).expand(len(ids), -1, -1)
        return torch.cat([features, p.transpose(0, 1), words], -1), after

    def look_up(self, ids: Tensor, state: CacheState) -> tuple[Tensor, Tensor, CacheState, Tensor]:
        """Compare the features of each step with those in the cache at that step.

        Returns:
            The features, (T, B, F); h·hᵢ, (B, T, M), −∞ where a word is not yet or no longer in
            the cache; the state after the last step; and the words, (B, M).
        """
        features, inner = self.network(ids, state.inner)
        h = features.transpose(0, 1)
        keys, words = h[:, :-1], ids.T[:, 1:]
        if state.keys is not None and state.words is not None and state.last is not None:
            keys = torch.cat([state.keys, state.last.unsqueeze(1), keys], 1)
            words = torch.cat([state.words, ids.T], 1)
        T, M = len(ids), keys.shape[1]
        ends = torch.arange(M - T + 1, M + 1, device=ids.device).unsqueeze(1)
        places = torch.arange(M, device=ids.device)
        is_outside = (places >= ends) | (places < ends - self.size)  # (T, M)
        similarities = (h @ keys.transpose(1, 2)).masked_fill_(is_outside, -torch.inf)
        after = CacheState(inner, keys[:, -self.size :], words[:, -self.size :], h[:, -1])
        return features, similarities, after, words


class CacheOutput:
    """The output layer of a network with a cache; ``width`` is F.

    Args:
        output: of the network.
        weight: λ.
    """

    def __init__(self, output: Any, weight: float) -> None:
        self.output, self.weight, self.width = output, weight, 0

    def target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return log p of each target, (T, B), without gradients; 0 where it is −1."""
        inner, p, words = self._split(features)
        log_p = self.output.target_log_probs(inner, targets)
        cached = p.mul(words == targets.unsqueeze(2)).sum(2)
        return self._mixed(log_p, cached, p).masked_fill(targets < 0, 0.0)

    def log_probs(self, features: Tensor) -> Tensor:
        """Return log p of every word, (T, B, V), without gradients."""
        inner, p, words = self._split(features)
        log_p = self.output.log_probs(inner)
        cached = torch.zeros_like(log_p).scatter_add_(2, words.to(torch.int64), p)
        return self._mixed(log_p, cached, p.unsqueeze(2))

    def _split(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        M = (features.shape[-1] - self.width) // 2
        inner, p, words = torch.split(features, [self.width, M, M], -1)
        return inner, p, words

    def _mixed(self, log_p: Tensor, cached: Tensor, p: Tensor) -> Tensor:
        """Return log((1 − λ) p_network + λ p_cache); λ is 0 where the cache is empty."""
        weight = self.weight * p.sum(-1).round()
        return torch.logaddexp(log_p + torch.log1p(-weight), (self.weight * cached).log())


def cache_steps(size: int) -> int:
    """Return how many steps to read in one piece with a cache of N words."""
    return min(max(_SCORES // size, _MIN_STEPS), _MAX_STEPS)


def fit_cache(
    network: CacheNetwork,
    stream: Stream,
    *,
    first: int,
    weight: float | None = None,
    flatness: float | None = None,
    steps: int | None = None,
    learn: Learn | None = None,
) -> Generator[Report, None, tuple[float, float]]:
    """Find the weight λ and the flatness θ that predict a text best; reports the tokens read.

    Args:
        network: with a cache, whose own λ and θ are not used.
        stream: the text, at least one token.
        first: the word before the first token.
        weight, flatness: where they are known already.
        steps, learn: as for :func:`wordkit.decoding.scoring.stream_pieces`.
    """
    flatnesses = _FLATNESSES if flatness is None else np.array([flatness])
    state, device, found = network.initial_state(1), device_of(network), []
    yield Report("fitting the cache", 0, len(stream), "tokens")
    done = 0
    for inputs, targets in stream_pieces(stream, first, steps or cache_steps(network.size)):
        ids, following = (torch.from_numpy(part).to(device) for part in (inputs, targets))
        with inference(network):
            features, similarities, state, words = network.look_up(ids, state)
            rows = [network.output.output.target_log_probs(features, following)[:, 0].exp()]
            is_target = words[0] == following  # (T, M)
            for theta in flatnesses:
                p = (similarities[0] * theta).softmax(-1).nan_to_num_(0.0)
                rows.append(p.mul_(is_target).sum(-1))
        found.append(torch.stack(rows).cpu().numpy().astype(np.float64))
        if learn is not None:
            learn(inputs, targets)
        done += len(inputs)
        yield Report("fitting the cache", done, len(stream), "tokens")
    p, *cached = np.concatenate(found, 1)
    weights = np.array([_best_weight(p, row) if weight is None else weight for row in cached])
    mixed = (1 - weights[:, None]) * p + weights[:, None] * np.array(cached)
    with np.errstate(divide="ignore"):
        best = int(np.argmax(np.log(mixed).sum(1)))
    return float(weights[best]), float(flatnesses[best])


def _best_weight(p: Floats, cached: Floats) -> float:
    """Return the λ of the highest likelihood, by EM."""
    weight, tiny = 0.1, np.finfo(np.float64).tiny
    for _ in range(_EM_STEPS):
        part = weight * cached
        weight = float(np.mean(part / np.maximum((1 - weight) * p + part, tiny)))
    return min(weight, _MAX_WEIGHT)
