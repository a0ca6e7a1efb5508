"""One word after the other: greedy decoding and sampling.

Notation: B sequences of a batch, V words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wordkit.decoding.config import SamplingConfig
from wordkit.decoding.sampling import draw
from wordkit.nn.network import SequenceNetwork, State, device_of, inference, select, widest_float

__all__ = ["Hypothesis", "Rule", "decode", "generate_ids", "greedy", "next_log_probs", "sampler"]

Ids = npt.NDArray[np.int64]

Rule = Callable[[Tensor, Sequence[int]], Tensor]
"""Chooses the next word, (B,), from log p of all words, (B, V) in double precision; the second
argument has the indices of these sequences in the initial batch."""


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was decoded."""

    ids: tuple[int, ...]
    """Its words, without the end mark."""

    log_probability: float
    """log p of all words, the end mark included, natural."""

    ended: bool = False
    """True if it has ended; else it was cut."""

    def score(self, length_penalty: float) -> float:
        """Return log p over ((5 + length) / 6)^α, with the end mark (Wu et al. 2016, section 7)."""
        return self.log_probability / length_norm(len(self.ids) + self.ended, length_penalty)


def length_norm(length: int, length_penalty: float) -> float:
    """Return ((5 + length) / 6)^α."""
    return float(((5 + length) / 6) ** length_penalty)


def greedy(log_p: Tensor, rows: Sequence[int] = ()) -> Tensor:
    """Choose the most probable word of each sequence."""
    return log_p.argmax(1)


def sampler(config: SamplingConfig, generators: Sequence[np.random.Generator]) -> Rule:
    """Return a rule that draws words by their probability.

    Args:
        config: temperature, top-k, top-p.
        generators: of the random numbers, one for each sequence of the batch, so that what is
            drawn for a sequence does not depend on the others.
    """

    def sample(log_p: Tensor, rows: Sequence[int]) -> Tensor:
        ids = draw(log_p.cpu().numpy(), [generators[row] for row in rows], config)
        return torch.from_numpy(ids).to(log_p.device)

    return sample


def next_log_probs(
    network: SequenceNetwork, ids: Tensor, state: State, banned: Tensor | None = None
) -> tuple[Tensor, State]:
    """Return log p of every word as the next one, (B, V) in double precision, and the state.

    Args:
        network: in evaluation.
        ids: the words so far that the state does not know yet, (T, B).
        state: before them.
        banned: words that must not come, as their ids.
    """
    with inference(network):
        features, state = network(ids, state)
        log_p = network.output.log_probs(features[-1:])[0]
    log_p = log_p.to(widest_float(log_p.device))
    if banned is not None:
        log_p = log_p.index_fill(1, banned, -torch.inf)
    return log_p, state


def generate_ids(
    network: SequenceNetwork,
    log_p: Tensor,
    state: State,
    *,
    rule: Rule,
    max_length: int,
    banned: Tensor | None = None,
    eos: int | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the words of each step, (B,), and log p of each.

    Args:
        network: in evaluation.
        log_p: of every word as the first one, (B, V), see :func:`next_log_probs`.
        state: that belongs to it.
        rule: chooses the words.
        max_length: steps at most, at least 1.
        banned: words that must not come, as their ids.
        eos: the word that ends a sequence; ended ones are continued with it, at log p 0. None: no
            word does.
    """
    B, device = len(log_p), log_p.device
    rows = torch.arange(B, device=device)  # of the unfinished sequences
    for left in range(max_length, 0, -1):
        chosen = rule(log_p, rows.tolist())
        ids = torch.full((B,), 0 if eos is None else eos, device=device)
        gained = torch.zeros(B, dtype=log_p.dtype, device=device)
        ids[rows] = chosen
        gained[rows] = log_p.gather(1, chosen.unsqueeze(1)).squeeze(1)
        yield ids, gained
        if eos is not None and bool((chosen == eos).any()):
            kept = (chosen != eos).nonzero()[:, 0]
            if not len(kept):
                return
            rows, chosen, state = rows[kept], chosen[kept], select(state, kept)
        if left > 1:
            log_p, state = next_log_probs(network, chosen.unsqueeze(0), state, banned)


def decode(
    network: SequenceNetwork,
    first: int,
    state: State,
    batch: int,
    *,
    rule: Rule = greedy,
    max_length: int,
    banned: Tensor | None = None,
    eos: int | None = None,
) -> list[Hypothesis]:
    """Return the sequence that the rule makes of each state of a batch.

    Args:
        network: in evaluation.
        first: the word that sequences begin after.
        state: before it.
        batch: B.
        rule, max_length, banned, eos: as for :func:`generate_ids`.
    """
    start = torch.full((1, batch), first, device=device_of(network))
    log_p, state = next_log_probs(network, start, state, banned)
    steps = generate_ids(
        network, log_p, state, rule=rule, max_length=max_length, banned=banned, eos=eos
    )
    ids, gained = (torch.stack(parts, 1) for parts in zip(*steps, strict=True))
    hypotheses = []
    for row, total in zip(ids.tolist(), gained.sum(1).tolist(), strict=True):
        ended = eos is not None and eos in row
        hypotheses.append(Hypothesis(tuple(row[: row.index(eos)] if ended else row), total, ended))
    return hypotheses
