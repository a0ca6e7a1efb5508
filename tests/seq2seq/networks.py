"""Shapes of networks of every kind, with random weights, and batches for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from wordkit.seq2seq.batches import PairBatch
from wordkit.seq2seq.config import AttentionKind, Seq2SeqConfig
from wordkit.seq2seq.network import Seq2SeqNetwork

E, H, VS, VT, A = 3, 4, 6, 5, 2

BASE = Seq2SeqConfig(hidden=H, dim=E, attention="none")


def attending(kind: AttentionKind, **more: Any) -> Seq2SeqConfig:
    """The same with attention of a kind; what is additive has a width of its own."""
    return replace(BASE, attention=kind, attention_width=A if kind == "additive" else None, **more)


CELLS = ("rnn", "lstm", "gru", "peephole")
SHAPES = [
    *(replace(BASE, cell=cell) for cell in CELLS),
    replace(BASE, cell="rnn", activation="relu"),
    *(
        replace(
            BASE, cell=cell, layers=2, directions=ways, peeky=True, attention="dot", residual=True
        )
        for cell, ways in zip(CELLS, ("concat", "sum", "concat", "sum"), strict=True)
    ),
    *(
        attending(kind, context_to=to, directions=ways, peeky=peeky, tied=tied)
        for kind, to, (ways, peeky, tied) in itertools.product(
            ("dot", "general", "additive"),
            ("output", "input"),
            (("one", False, False), ("one", True, True), ("concat", False, True)),
        )
    ),
    replace(BASE, cell="gru", dim=H, tied=True, residual=True),
    replace(BASE, cell="gru", layers=3, directions="sum", attention="general", residual=True),
]
"""Shapes of every kind of recurrent network."""

_TRANSFORMER = Seq2SeqConfig(arch="transformer", hidden=H, dim=E, heads=2, feed_forward=5)
TRANSFORMERS = [_TRANSFORMER, replace(_TRANSFORMER, dim=H, layers=2, heads=1, tied=True)]


LATENT = [
    replace(BASE, latent=2),
    attending("additive", context_to="input", directions="concat", peeky=True, latent=3),
    attending("dot", cell="gru", layers=2, tied=True, latent=1),
    replace(BASE, layers=2, directions="concat", latent=2, autoencode=True),
]
"""Shapes with a latent variable."""


def random_network(
    config: Seq2SeqConfig, seed: int = 0, dtype: torch.dtype = torch.float64
) -> Seq2SeqNetwork:
    """A network in evaluation mode with weights from −1 to 1."""
    network = Seq2SeqNetwork(config, VS, VT).to(dtype).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-1, 1, generator=generator)
    return network


def random_batch(seed: int = 0, S: int = 5, T: int = 4, B: int = 4) -> PairBatch:
    """Pairs of several lengths; the first fills the batch, the last is as short as can be."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=generator)

    lengths, steps = 1 + drawn(S, B), 1 + drawn(T, B)
    lengths[0], steps[0], lengths[-1], steps[-1] = S, T, 1, 1
    targets = drawn(VT, T, B).masked_fill(torch.arange(T).unsqueeze(1) >= steps, -1)
    return PairBatch(drawn(VS, S, B), lengths, drawn(VT, T, B), targets)


def run(network: Seq2SeqNetwork, batch: PairBatch) -> tuple[Tensor, Tensor | None]:
    """log p, (T, B, V), and the attention weights of each step, (B, T, S)."""
    state, features, weights = network.encode(batch.sources, batch.lengths), [], []
    for row in batch.inputs.split(1):
        found, state = network(row, state)
        features.append(found)
        weights.append(state.weights)
    log_p = network.output.logits(torch.cat(features)).log_softmax(-1)
    return log_p, None if state.weights is None else torch.stack(weights, 1)  # type: ignore[arg-type]


def check_gradients(network: Seq2SeqNetwork, loss: Callable[[], Tensor]) -> None:
    """Check each parameter's gradient along a random direction, by central differences."""
    loss().backward()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in network.named_parameters():
        direction = torch.empty_like(parameter).normal_(generator=generator) * 1e-5
        slopes = []
        with torch.no_grad():
            for sign in (1, -1):
                parameter.add_(direction, alpha=sign)
                slopes.append(loss().item())
                parameter.sub_(direction, alpha=sign)
        assert parameter.grad is not None, name
        expected = (slopes[0] - slopes[1]) / 2e-5
        found = (parameter.grad * direction).sum().item() / 1e-5
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-6), name
