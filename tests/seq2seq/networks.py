"""Networks with the weights of the NumPy twin, and batches for both."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from twin_network import Batch, TwinConfig, random_params

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
        for cell, ways in itertools.product(CELLS, ("concat", "sum"))
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
"""Shapes of every kind of network."""


def twin_of(config: Seq2SeqConfig) -> TwinConfig:
    """The same shape in the twin's words."""
    return TwinConfig(
        cell=f"rnn-{config.activation}" if config.cell == "rnn" else config.cell,
        hidden=config.hidden,
        layers=config.layers,
        bidirectional=None if config.directions == "one" else config.directions,
        peeky=config.peeky,
        attention=config.attention,
        context_to=config.context_to,
        tied=config.tied,
        residual=config.residual,
    )


def twin_name(name: str) -> str:
    """What the twin calls a parameter of the network."""
    return name.removeprefix("decoder.") if name.startswith("decoder.attention") else name


def made(
    config: Seq2SeqConfig, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[Seq2SeqNetwork, dict[str, np.ndarray]]:
    """A network and the twin's parameters, which are the same."""
    params = random_params(
        twin_of(config), VS, VT, config.dim, config.width_of_attention, np.random.default_rng(seed),
        np.float64,
    )  # fmt: skip
    network = Seq2SeqNetwork(config, VS, VT).to(dtype)
    named = dict(network.named_parameters())
    assert {twin_name(name) for name in named} == params.keys()
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(torch.from_numpy(params[twin_name(name)]))
    return network, params


def random_batch(seed: int = 0, S: int = 5, T: int = 4, B: int = 4) -> Batch:
    """Pairs of several lengths; the first fills the batch, the last is as short as can be."""
    rng = np.random.default_rng(seed)
    batch = Batch(
        rng.integers(VS, size=(S, B)), rng.integers(VT, size=(T, B)), rng.integers(VT, size=(T, B))
    )
    for b in range(1, B):
        units, words = (1, 1) if b == B - 1 else rng.integers((1, 1), (S, T))
        batch.sources[: S - units, b] = -1
        batch.targets[words:, b] = -1
    return batch
