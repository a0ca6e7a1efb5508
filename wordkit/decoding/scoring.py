"""Scoring: log-probabilities of given words, and perplexity.

T steps, B sequences of a batch. Logarithms are natural; the network evaluates in full precision,
sums are in double precision, and every token is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from wordkit.config import check_number
from wordkit.errors import DivergenceError
from wordkit.evaluation.perplexity import Perplexity
from wordkit.nn.network import SequenceNetwork, State, device_of, inference
from wordkit.runtime import Report

__all__ = [
    "NO_NUMBERS", "Learn", "Stream", "measure_perplexity", "score_sequences",
    "stream_pieces", "token_log_probs",
]  # fmt: skip

Ids = npt.NDArray[np.int64]
LogProbs = npt.NDArray[np.float64]

Learn = Callable[[Ids, Ids], object]
"""Trains the network on a piece of the text: the word before each target, and the targets."""

NO_NUMBERS = (
    "the model gives probabilities that are no numbers: its weights are far too large; train it "
    "again with a lower learning rate"
)
"""The message of a DivergenceError."""

_STEPS = 512  # that are read in one piece
_MAX_SEQUENCES, _MAX_TOKENS = 64, 1 << 13  # of a batch


class Stream(Protocol):
    """A text as one sequence of ids, such as an array of int64."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Ids: ...


def token_log_probs(
    network: SequenceNetwork, inputs: Ids, targets: Ids, state: State
) -> tuple[LogProbs, State]:
    """Return log p of each target, (T, B), and the state after them.

    Args:
        network: what is asked.
        inputs: the word before each target, shape (T, B).
        targets: shape (T, B); −1 where there is none.
        state: before the first.

    Raises:
        DivergenceError: the network gives no numbers.
    """
    device = device_of(network)
    with inference(network):
        features, state = network(torch.from_numpy(inputs).to(device), state)
        found = network.output.target_log_probs(features, torch.from_numpy(targets).to(device))
    log_p = found.cpu().numpy().astype(np.float64)
    if not np.isfinite(log_p).all():
        raise DivergenceError(NO_NUMBERS)
    return log_p, state


def stream_pieces(stream: Stream, first: int, steps: int) -> Iterator[tuple[Ids, Ids]]:
    """Yield the pieces of a text: the word before each target, and the targets, (T, 1) each."""
    before, N = first, len(stream)
    for start in range(0, N, steps):
        ids = stream[start : min(start + steps, N)]
        yield np.concatenate([[before], ids[:-1]])[:, None], ids[:, None]
        before = int(ids[-1])


def measure_perplexity(
    network: SequenceNetwork,
    stream: Stream,
    *,
    first: int,
    unk: int | None = None,
    steps: int = _STEPS,
    learn: Learn | None = None,
) -> Generator[Report, None, Perplexity]:
    """Measure the perplexity of a text, read as one stream; reports the tokens read.

    The state is kept through the whole text, and every token to the last one is a target. Where
    the text is cut into pieces changes nothing but rounding.

    Args:
        network: what is asked.
        stream: the text, at least one token.
        first: the word before the first token.
        unk: the word of unknown ones, which are counted separately; None: there is none.
        steps: tokens read in one piece, at least 1.
        learn: is given each piece after it was scored; None: nothing is learnt.

    Raises:
        ConfigError: ``steps`` is below 1.
        DivergenceError: the network gives no numbers.
    """
    check_number("steps", steps)
    state, N = network.initial_state(1), len(stream)
    log_likelihood = unk_log_likelihood = 0.0
    tokens = unknown = 0
    yield Report("scoring", 0, N, "tokens")
    for inputs, ids in stream_pieces(stream, first, steps):
        log_p, state = token_log_probs(network, inputs, ids, state)
        if learn is not None:
            learn(inputs, ids)
        is_unknown = ids == (-1 if unk is None else unk)
        log_likelihood += float(log_p.sum())
        unk_log_likelihood += float(log_p[is_unknown].sum())
        tokens, unknown = tokens + len(ids), unknown + int(is_unknown.sum())
        score = Perplexity(log_likelihood, tokens, unknown, unk_log_likelihood)
        yield Report("scoring", tokens, N, "tokens", {"perplexity": score.perplexity})
    return score


def score_sequences(
    network: SequenceNetwork, sequences: Sequence[Ids], *, first: int
) -> list[LogProbs]:
    """Return log p of each word of sequences that do not depend on each other, in their order.

    Sequences of similar length go through the network together.

    Args:
        network: what is asked.
        sequences: ids, at least one in each.
        first: the word before the first one of each.
    """
    scores: dict[int, LogProbs] = {}
    for batch in _batches([len(ids) for ids in sequences]):
        found = _score_batch(network, [sequences[i] for i in batch], first)
        scores.update(zip(batch, found, strict=True))
    return [scores[i] for i in range(len(sequences))]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the numbers of the sequences of each batch, longest first, with little padding."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        size = max(min(_MAX_TOKENS // lengths[order[0]], _MAX_SEQUENCES), 1)
        yield order[:size]
        order = order[size:]


def _score_batch(network: SequenceNetwork, rows: Sequence[Ids], first: int) -> list[LogProbs]:
    """Return log p of each word of sequences, the longest one first."""
    T, B = len(rows[0]), len(rows)
    targets = np.full((T, B), -1, dtype=np.int64)  # −1: padding
    for column, row in zip(targets.T, rows, strict=True):
        column[: len(row)] = row
    inputs = np.full((T, B), first, dtype=np.int64)
    inputs[1:] = np.where(targets[:-1] < 0, first, targets[:-1])
    state, pieces = network.initial_state(B), []
    for start in range(0, T, _STEPS):
        piece = slice(start, start + _STEPS)
        log_p, state = token_log_probs(network, inputs[piece], targets[piece], state)
        pieces.append(log_p)
    table = np.concatenate(pieces)
    return [table[: len(row), column] for column, row in enumerate(rows)]
