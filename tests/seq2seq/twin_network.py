"""The network as a slow, obvious twin in NumPy: one pair at a time, step by step, in its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.seq2seq.config import Seq2SeqConfig

Floats = npt.NDArray[Any]
Weights = Mapping[str, Floats]


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def step(config: Seq2SeqConfig, w: Weights, name: str, x: Floats, state: list[Floats]) -> Any:
    """The state of a layer after one step; its first part is what leaves it."""

    def part(end: str) -> Floats:
        return w[f"{name}.{end}"]

    h, given, bias = state[0], part("weight_input") @ x, part("bias")
    hidden = part("weight_hidden") @ h
    if config.cell == "rnn":
        total = given + hidden + bias
        return [np.tanh(total) if config.activation == "tanh" else np.maximum(total, 0)]
    if config.cell == "gru":
        (r, z, n), (hr, hz, hn), (br, bz, bn) = (np.split(a, 3) for a in (given, hidden, bias))
        r, z = sigmoid(r + hr + br), sigmoid(z + hz + bz)
        n = np.tanh(n + bn + r * (hn + part("recurrent_bias")))
        return [(1 - z) * n + z * h]
    c, (i, f, g, o) = state[1], np.split(given + hidden + bias, 4)
    to_i, to_f, to_o = part("peephole_weights") if config.cell == "peephole" else np.zeros((3, 1))
    c = sigmoid(f + to_f * c) * c + sigmoid(i + to_i * c) * np.tanh(g)
    return [sigmoid(o + to_o * c) * np.tanh(c), c]


def layer(config: Seq2SeqConfig, w: Weights, name: str, xs: list[Floats], state: Any) -> Any:
    outputs = []
    for x in xs:
        state = step(config, w, name, x, state)
        outputs.append(state[0])
    return outputs, state


def encode(config: Seq2SeqConfig, w: Weights, source: list[int]) -> tuple[Any, list[Any]]:
    """Outputs of the last layer, and the last state of each."""
    xs: Any = [w["encoder.embedding"][i] for i in source]
    zeros = [np.zeros(config.hidden)] * (2 if config.cell in ("lstm", "peephole") else 1)
    join = np.add if config.directions == "sum" else lambda a, b: np.concatenate([a, b])
    states = []
    for n in range(config.layers):
        ys, state = layer(config, w, f"encoder.recurrent.layers.{n}", xs, zeros)
        if config.directions != "one":
            name = f"encoder.recurrent.backward_layers.{n}"
            back, last = layer(config, w, name, xs[::-1], zeros)
            ys = [join(a, b) for a, b in zip(ys, back[::-1], strict=True)]
            state = [join(a, b) for a, b in zip(state, last, strict=True)]
        residual = config.residual and ys[0].shape == xs[0].shape
        xs = [y + x for y, x in zip(ys, xs, strict=True)] if residual else ys
        states.append(state)
    return np.array(xs), states


def attend(config: Seq2SeqConfig, w: Weights, query: Floats, values: Floats) -> Any:
    """The context, and the weights of the steps of the source."""

    def part(end: str) -> Floats:
        return w[f"decoder.attention.{end}"]

    if config.attention == "additive":
        inner = np.tanh(part("query") @ query + values @ part("key").T)
        scores = inner @ part("score")
    else:
        keys = values @ part("weight").T if config.attention == "general" else values
        scores = keys @ query
    weights = np.exp(scores) / np.exp(scores).sum()
    return weights @ values, weights


def log_probs(
    config: Seq2SeqConfig, w: Weights, source: list[int], inputs: list[int]
) -> tuple[Floats, Floats | None]:
    """log p of every word at each step, (T, V), and the attention weights, (T, S).

    Args:
        config: the shape.
        w: parameters by name.
        source: ids, in the order in which they are read.
        inputs: ids of the decoder.
    """
    values, states = encode(config, w, source)
    peek, context = states[-1][0], np.zeros(config.width)
    attends, feeds = config.attention != "none", config.context_to == "input"
    rows, looked = [], []
    for i in inputs:
        x = w["decoder.embedding"][i]
        more = [context] * (attends and feeds) + [peek] * config.peeky
        x = np.concatenate([x, *more])
        for n in range(config.layers):
            states[n] = step(config, w, f"decoder.recurrent.layers.{n}", x, states[n])
            residual = config.residual and states[n][0].shape == x.shape
            x = states[n][0] + x if residual else states[n][0]
        features = [x]
        if attends:
            context, weights = attend(config, w, x, values)
            looked.append(weights)
            features += [] if feeds else [context]
        features += [peek] * config.peeky
        out = np.concatenate(features)
        if "output.projection" in w:
            out = w["output.projection"] @ out
        logits = w["decoder.embedding" if config.tied else "output.weight"] @ out + w["output.bias"]
        rows.append(logits - np.log(np.exp(logits).sum()))
    return np.array(rows), np.array(looked) if attends else None
