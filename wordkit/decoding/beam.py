"""Beam search: probable sequences, found by following several hypotheses at a time.

Notation: B sequences of a batch, K hypotheses followed for each (the beam, or as many as there
are), V words, T steps so far.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from wordkit.decoding.steps import Hypothesis, decode, length_norm, next_log_probs
from wordkit.nn.network import SequenceNetwork, State, device_of, select, widest_float

__all__ = ["BeamConfig", "beam_search"]


@dataclass(frozen=True)
class BeamConfig:
    """The settings of a beam search."""

    beam: int
    """K, at least 1."""

    max_length: int
    """Words after which a hypothesis is cut, at least 1."""

    alternatives: int = 1
    """Hypotheses to return for each sequence, from 1 to K."""

    length_penalty: float = 0.0
    """α of :meth:`wordkit.decoding.steps.Hypothesis.score`; 0: log p alone."""

    eos: int | None = None
    """The word that ends a hypothesis; None: all have ``max_length`` words."""

    banned: Tensor | None = None
    """Ids of words that are never generated."""


def beam_search(
    network: SequenceNetwork, first: int, state: State, batch: int, config: BeamConfig
) -> list[list[Hypothesis]]:
    """Return the best hypotheses for each state of a batch, best first: ``alternatives`` of them.

    At each step the K most probable ones of a sequence are extended; finished ones are set aside.
    The greedy answer is always among them, and none that is less probable is ranked above it: so
    the first is never less probable than the greedy answer.

    Args:
        network: in evaluation mode.
        first: the word that sequences begin after.
        state: before it.
        batch: B.
        config: the settings.
    """
    options = {"max_length": config.max_length, "banned": config.banned, "eos": config.eos}
    greedy = decode(network, first, state, batch, **options)  # type: ignore[arg-type]
    if config.beam == 1:
        return [[hypothesis] for hypothesis in greedy]
    search = _Search(network, config, greedy)
    return [
        search.ranked(b, found)[: config.alternatives]
        for b, found in enumerate(search.run(first, state, batch))
    ]


@dataclass
class _Beams:
    """The unfinished hypotheses of some sequences."""

    rows: Tensor
    """Indices of the sequences in the batch, shape (B,)."""

    totals: Tensor
    """log p so far, shape (B, K), best first; −∞ where there is no hypothesis."""

    ids: Tensor
    """Words so far, shape (B, K, T)."""


class _Search:
    def __init__(
        self, network: SequenceNetwork, config: BeamConfig, greedy: list[Hypothesis]
    ) -> None:
        self.network, self.config, self.greedy = network, config, greedy
        self.found: list[list[Hypothesis]] = [[] for _ in greedy]

    def run(self, first: int, state: State, batch: int) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sequence that have ended, or were cut."""
        rows = torch.arange(batch, device=device_of(self.network))
        totals = torch.zeros(batch, 1, dtype=widest_float(rows.device), device=rows.device)
        beams = _Beams(rows, totals, rows.new_empty(batch, 1, 0))
        chosen = torch.full_like(rows, first)
        for step in itertools.count(1):
            log_p, state = next_log_probs(
                self.network, chosen.unsqueeze(0), state, self.config.banned
            )
            K = beams.totals.shape[1]
            parents = self._grow(beams, log_p)
            kept = self._undecided(beams).nonzero()[:, 0]
            if step == self.config.max_length:
                self._cut(beams, kept)
                break
            if not len(kept):
                break
            offsets = torch.arange(len(parents), device=rows.device).unsqueeze(1) * K
            state = select(state, (offsets + parents)[kept].flatten())
            beams = _Beams(beams.rows[kept], beams.totals[kept], beams.ids[kept])
            chosen = beams.ids[:, :, -1].flatten()
        return self.found

    def ranked(self, row: int, found: list[Hypothesis]) -> list[Hypothesis]:
        """Return the greedy answer of a sequence and those found, best first, each once."""
        greedy = self.greedy[row]
        others = (each for each in found if each.ids != greedy.ids)  # the search may find it too
        return sorted([greedy, *others], key=lambda each: self._rank(row, each), reverse=True)

    def _rank(self, row: int, hypothesis: Hypothesis) -> tuple[bool, float]:
        """Return the sort key; no hypothesis less probable than the greedy one is above it."""
        is_above = hypothesis.log_probability >= self.greedy[row].log_probability
        return is_above, hypothesis.score(self.config.length_penalty)

    def _grow(self, beams: _Beams, log_p: Tensor) -> Tensor:
        """Extend the hypotheses by a word; return the index of each new one's parent, (B, K)."""
        (B, K), V, beam = beams.totals.shape, log_p.shape[1], self.config.beam
        totals = beams.totals.unsqueeze(2) + log_p.view(B, K, V)
        best, indices = totals.view(B, K * V).topk(min(2 * beam, K * V))  # half of them do not end
        parents, words = indices // V, indices % V
        ends = words == (-1 if self.config.eos is None else self.config.eos)
        for b, k in (ends & (best > -torch.inf)).nonzero().tolist():
            ids = tuple(beams.ids[b, parents[b, k]].tolist())
            self.found[int(beams.rows[b])].append(Hypothesis(ids, float(best[b, k]), True))
        open_totals = best.masked_fill(ends, -torch.inf)
        beams.totals, chosen = open_totals.topk(min(beam, K * V))
        parents, words = parents.gather(1, chosen), words.gather(1, chosen)
        rows = torch.arange(B, device=parents.device).unsqueeze(1)
        beams.ids = torch.cat([beams.ids[rows, parents], words.unsqueeze(2)], 2)
        return parents

    def _undecided(self, beams: _Beams) -> Tensor:
        """Return a mask of the sequences that may still find a better answer, shape (B,)."""
        config = self.config
        at_most = length_norm(config.max_length, config.length_penalty)
        undecided = []
        for row, total in zip(beams.rows.tolist(), beams.totals[:, 0].tolist(), strict=True):
            # a further word only makes a hypothesis less probable
            bound = total >= self.greedy[row].log_probability, total / at_most
            known = self.ranked(row, self.found[row])
            better = sum(self._rank(row, each) >= bound for each in known)
            undecided.append(better < config.alternatives)
        return torch.tensor(undecided, device=beams.totals.device) & (
            beams.totals[:, 0] > -torch.inf
        )

    def _cut(self, beams: _Beams, kept: Tensor) -> None:
        """Set aside the unfinished hypotheses."""
        for b in kept.tolist():
            for total, ids in zip(beams.totals[b].tolist(), beams.ids[b].tolist(), strict=True):
                if total > -torch.inf:
                    self.found[int(beams.rows[b])].append(Hypothesis(tuple(ids), total))
