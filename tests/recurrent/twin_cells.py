"""The recurrent cells in NumPy and float64, written from their equations."""

from __future__ import annotations

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recur(cell, projected, weight, state, extra=None):
    """Outputs (T, B, H) and the final state."""
    outputs = []
    for x in projected:
        state = STEPS[cell](x, weight, state, extra)
        outputs.append(state[0])
    return np.stack(outputs), state


def _lstm(x, weight, state, extra):
    h, c = state
    i, f, g, o = np.split(x + h @ weight.T, 4, axis=1)
    after = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(after), after


def _peephole(x, weight, state, extra):
    h, c = state
    i, f, g, o = np.split(x + h @ weight.T, 4, axis=1)
    after = sigmoid(f + extra[1] * c) * c + sigmoid(i + extra[0] * c) * np.tanh(g)
    return sigmoid(o + extra[2] * after) * np.tanh(after), after


def _gru(x, weight, state, extra):
    (h,) = state
    H = h.shape[1]
    rz = sigmoid(x[:, : 2 * H] + h @ weight[: 2 * H].T)
    r, z = np.split(rz, 2, axis=1)
    n = np.tanh(x[:, 2 * H :] + r * (h @ weight[2 * H :].T + extra))
    return ((1 - z) * n + z * h,)


STEPS = {
    "rnn-tanh": lambda x, weight, state, extra: (np.tanh(x + state[0] @ weight.T),),
    "rnn-relu": lambda x, weight, state, extra: (np.maximum(x + state[0] @ weight.T, 0),),
    "lstm": _lstm,
    "peephole": _peephole,
    "gru": _gru,
}
