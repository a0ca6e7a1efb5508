"""What a model writes: the most probable unit at each step, or by beam search.

Letters: B pairs, K hypotheses followed for each (the beam), V units, T units written.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from wordkit.config import Settings, setting
from wordkit.errors import ConfigError
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.network import Seq2SeqNetwork

__all__ = ["DecodingConfig", "Hypothesis", "beam_search", "greedy"]


@dataclass(frozen=True)
class DecodingConfig(Settings):
    """How targets are written."""

    beam: int = setting(1, "Hypotheses of the beam search per source (K); 1: greedy.", at_least=1)
    alternatives: int = setting(1, "Answers for each source, at most beam.", at_least=1)
    length_penalty: float = setting(
        0.6,
        "Length penalty of the beam search. Hypotheses are ranked by log p over "
        "((5 + length) / 6)^penalty, Wu et al. 2016, section 7; 0: by log p alone.",
        at_least=0,
        at_most=10,
    )
    max_length: int | None = setting(
        None,
        "Maximum length of an answer.",
        at_least=1,
        none="twice the longest target in training, and 10",
    )
    batch: int = setting(256, "Hypotheses per batch.", at_least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alternatives > self.beam:
            raise ConfigError(
                f"alternatives must be at most beam ({self.beam}), not {self.alternatives}"
            )


class Hypothesis(NamedTuple):
    """What was written for a source."""

    ids: tuple[int, ...]
    """Units, without the mark that ends them."""

    log_probability: float
    """Of all that was written, its end included, natural."""

    ended: bool
    """Whether it came to its end; else it was cut."""

    def score(self, penalty: float) -> float:
        """log p in relation to the length, its end included."""
        return self.log_probability / _normaliser(len(self.ids) + self.ended, penalty)


def _normaliser(length: int, penalty: float) -> float:
    return float(((5 + length) / 6) ** penalty)


def greedy(
    network: Seq2SeqNetwork, state: DecoderState, eos: int, banned: Tensor, most: int
) -> list[Hypothesis]:
    """What is written when each step takes the most probable unit.

    Args:
        network: as it answers, see :func:`wordkit.recurrent.answering.answering`.
        state: before the first step, of B sources.
        eos: the unit that writing begins after, and ends with.
        banned: units that are never written, shape (·,).
        most: units after which writing stops.
    """
    B = state.carried[0][0].shape[0]
    device = network.device
    alive = torch.arange(B, device=device)
    ids: list[Tensor] = []  # of each step: most may be far more than it takes
    totals = torch.zeros(B, dtype=torch.float64, device=device)
    ended = torch.zeros(B, dtype=torch.bool, device=device)
    written = torch.full((B,), eos, device=device)
    for _ in range(most):
        log_p, state = _step(network, written, state, banned)
        best, written = log_p.max(1)
        ids.append(torch.full((B,), eos, device=device).index_copy_(0, alive, written))
        totals[alive] += best
        goes_on = written != eos
        if not bool(goes_on.all()):
            ended[alive[~goes_on]] = True
            kept = goes_on.nonzero()[:, 0]
            if not len(kept):
                break
            alive, written, state = alive[kept], written[kept], state.take(kept)
    rows = torch.stack(ids, 1).tolist()
    return [
        Hypothesis(tuple(row[: row.index(eos)] if done else row), total, done)
        for row, total, done in zip(rows, totals.tolist(), ended.tolist(), strict=True)
    ]


def _step(
    network: Seq2SeqNetwork, written: Tensor, state: DecoderState, banned: Tensor
) -> tuple[Tensor, DecoderState]:
    """log p of each unit as the next one, (B, V), in double precision, and the state."""
    decoded = network.decode(written.unsqueeze(0), state)
    log_p = network.log_probabilities(decoded.features)
    log_p = log_p.double() if log_p.device.type != "mps" else log_p
    log_p[:, banned] = -torch.inf
    return log_p, decoded.state


def beam_search(
    network: Seq2SeqNetwork,
    state: DecoderState,
    eos: int,
    banned: Tensor,
    most: int,
    config: DecodingConfig,
) -> list[list[Hypothesis]]:
    """The best hypotheses that were found for each source, best first: ``alternatives`` of them.

    At each step the K most probable ones of a source go on; those that end are set aside. The
    greedy answer is among them whatever happens, and none that is less probable than it stands
    before it: so the first is never less probable than the greedy answer.

    Args:
        network, state, eos, banned, most: as for :func:`greedy`.
        config: beam, alternatives and length penalty.
    """
    surest = greedy(network, state, eos, banned, most)
    found = [[answer] for answer in surest]
    if config.beam > 1:
        more = _followed(network, state, _Search(eos, banned, most, config, surest))
        found = list(map(_with_greedy, surest, more))
    return [_ranked(answers, config) for answers in found]


def _with_greedy(greedy_one: Hypothesis, others: list[Hypothesis]) -> list[Hypothesis]:
    """All of them, the greedy one first, and once: that of a beam may be rounded otherwise."""
    return [greedy_one, *(answer for answer in others if answer.ids != greedy_one.ids)]


def _ranked(answers: list[Hypothesis], config: DecodingConfig) -> list[Hypothesis]:
    """The best answers; the first of those given is the greedy one."""
    least = answers[0].log_probability

    def rank(answer: Hypothesis) -> tuple[bool, float]:
        return _rank(answer.log_probability, least, answer.score(config.length_penalty))

    return sorted(answers, key=rank, reverse=True)[: config.alternatives]


def _rank(log_probability: float, least: float, score: float) -> tuple[bool, float]:
    """What answers are ordered by, the highest first."""
    return log_probability >= least, score


class _Search(NamedTuple):
    """What a beam search goes by."""

    eos: int
    banned: Tensor
    most: int
    config: DecodingConfig

    greedy: list[Hypothesis]
    """The greedy answer of each source."""


@dataclass
class _Beams:
    """The hypotheses that are followed for some sources."""

    pairs: Tensor
    """Which sources, shape (B,)."""

    totals: Tensor
    """log p so far, shape (B, K); −∞ where there is no hypothesis."""

    ids: Tensor
    """Written so far, shape (B, K, T)."""


def _followed(
    network: Seq2SeqNetwork, state: DecoderState, search: _Search
) -> list[list[Hypothesis]]:
    """For each source the hypotheses that ended, the best ones among them."""
    K, eos, device = search.config.beam, search.eos, network.device
    B = state.carried[0][0].shape[0]
    found: list[list[Hypothesis]] = [[] for _ in range(B)]
    totals = torch.full((B, K), -torch.inf, dtype=torch.float64, device=device)
    totals[:, 0] = 0  # all begin alike: one of them goes on
    beams = _Beams(
        torch.arange(B, device=device),
        totals,
        torch.empty(B, K, 0, dtype=torch.int64, device=device),
    )
    state = state.take(torch.arange(B, device=device).repeat_interleave(K))
    written = torch.full((B * K,), eos, device=device)
    for step in itertools.count(1):
        log_p, state = _step(network, written, state, search.banned)
        parents = _grow(beams, log_p, eos, found)
        goes_on = _undecided(beams, found, search)
        kept = goes_on.nonzero()[:, 0]
        if not len(kept):
            break
        if step == search.most:
            _cut(beams, found, kept)
            break
        places = (torch.arange(len(goes_on), device=device).unsqueeze(1) * K + parents)[kept]
        state = state.take(places.reshape(-1))
        beams = _Beams(beams.pairs[kept], beams.totals[kept], beams.ids[kept])
        written = beams.ids[:, :, -1].reshape(-1)
    return found


def _grow(beams: _Beams, log_p: Tensor, eos: int, found: list[list[Hypothesis]]) -> Tensor:
    """Let the hypotheses grow by a unit, setting aside those that end.

    Returns:
        The place in its beam, (B, K), that each new hypothesis has grown from.
    """
    B, K = beams.totals.shape
    V = log_p.shape[1]
    totals = beams.totals.unsqueeze(2) + log_p.view(B, K, V)
    best, places = totals.view(B, K * V).topk(min(2 * K, K * V))  # K of them do not end
    parents, units = places // V, places % V
    ends = units == eos
    for b, place in (ends & (best > -torch.inf)).nonzero().tolist():
        ids = beams.ids[b, parents[b, place]].tolist()
        found[int(beams.pairs[b])].append(Hypothesis(tuple(ids), float(best[b, place]), True))
    open_ones = best.masked_fill(ends, -torch.inf)
    if open_ones.shape[1] < K:  # fewer units than hypotheses
        missing = K - open_ones.shape[1]
        open_ones = torch.nn.functional.pad(open_ones, (0, missing), value=-torch.inf)
        parents = torch.nn.functional.pad(parents, (0, missing))
        units = torch.nn.functional.pad(units, (0, missing), value=eos)
    beams.totals, chosen = open_ones.topk(K)
    parents, units = parents.gather(1, chosen), units.gather(1, chosen)
    rows = torch.arange(B, device=parents.device).unsqueeze(1)
    beams.ids = torch.cat([beams.ids[rows, parents], units.unsqueeze(2)], 2)
    return parents


def _undecided(beams: _Beams, found: list[list[Hypothesis]], search: _Search) -> Tensor:
    """Which sources may still find a better answer, shape (B,).

    What is added makes a hypothesis less probable. So even the longest cannot score better than
    with what it has now.
    """
    config = search.config
    penalty, at_most = config.length_penalty, _normaliser(search.most, config.length_penalty)
    undecided = []
    for pair, total in zip(beams.pairs.tolist(), beams.totals[:, 0].tolist(), strict=True):
        answers = _with_greedy(search.greedy[pair], found[pair])
        least = answers[0].log_probability
        ranks = [_rank(each.log_probability, least, each.score(penalty)) for each in answers]
        within_reach = _rank(total, least, total / at_most)
        better = sum(rank >= within_reach for rank in ranks)
        undecided.append(better < config.alternatives)
    return torch.tensor(undecided, device=beams.totals.device) & (beams.totals[:, 0] > -torch.inf)


def _cut(beams: _Beams, found: list[list[Hypothesis]], rows: Tensor) -> None:
    """Take the hypotheses that have not ended as they are."""
    for b in rows.tolist():
        for total, ids in zip(beams.totals[b].tolist(), beams.ids[b].tolist(), strict=True):
            if total > -torch.inf:
                found[int(beams.pairs[b])].append(Hypothesis(tuple(ids), total, False))
