"""One step of each part of the network and its gradient, by hand in NumPy.

Each step gives what it makes and a tape: what its gradient needs. Gradients of parameters are
added to dicts of arrays with the parameters' names.

Notation: S source steps, B pairs, H width of a layer, G gates of a cell, D width of the decoder,
A width of additive attention.
"""

from __future__ import annotations

import numpy as np

__all__ = ["GATES", "STATES", "Attention", "run_back", "run_layer", "step", "step_back"]

GATES = {"rnn-tanh": 1, "rnn-relu": 1, "lstm": 4, "peephole": 4, "gru": 3}
STATES = {"rnn-tanh": 1, "rnn-relu": 1, "lstm": 2, "peephole": 2, "gru": 1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# Cells, forward: from the input's part (B, G·H), the state's part (B, G·H), the state before and
# the extra parameter, to the state after and the activations.


def _tanh(x, u, state, extra):
    h = np.tanh(x + u)
    return (h,), (h,)


def _relu(x, u, state, extra):
    h = np.maximum(x + u, 0)
    return (h,), (h,)


def _lstm(x, u, state, extra):
    i, f, g, o = np.split(x + u, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * state[1] + i * g
    squashed = np.tanh(c)
    return (o * squashed, c), (i, f, g, o, squashed)


def _peephole(x, u, state, extra):
    before = state[1]
    i, f, g, o = np.split(x + u, 4, axis=1)
    i, f, g = sigmoid(i + extra[0] * before), sigmoid(f + extra[1] * before), np.tanh(g)
    c = f * before + i * g
    o = sigmoid(o + extra[2] * c)
    squashed = np.tanh(c)
    return (o * squashed, c), (i, f, g, o, squashed)


def _gru(x, u, state, extra):
    h = state[0]
    H = h.shape[1]
    r = sigmoid(x[:, :H] + u[:, :H])
    z = sigmoid(x[:, H : 2 * H] + u[:, H : 2 * H])
    inner = u[:, 2 * H :] + extra
    n = np.tanh(x[:, 2 * H :] + r * inner)
    return ((1 - z) * n + z * h,), (r, z, n, inner)


# Cells, backward: from the gradient of the state after, to those of the input's part, the state's
# part, the state before (where it was used as it is) and the extra parameter.


def _tanh_back(d_after, state, after, kept, extra):
    (h,) = kept
    d = d_after[0] * (1 - h * h)
    return d, d, (0,), None


def _relu_back(d_after, state, after, kept, extra):
    (h,) = kept
    d = d_after[0] * (h > 0)
    return d, d, (0,), None


def _lstm_back(d_after, state, after, kept, extra):
    d_h, d_c = d_after
    i, f, g, o, squashed = kept
    d_c = d_c + d_h * o * (1 - squashed * squashed)
    d_i = d_c * g * i * (1 - i)
    d_f = d_c * state[1] * f * (1 - f)
    d_g = d_c * i * (1 - g * g)
    d_o = d_h * squashed * o * (1 - o)
    d = np.concatenate([d_i, d_f, d_g, d_o], axis=1)
    return d, d, (0, d_c * f), None


def _peephole_back(d_after, state, after, kept, extra):
    d_h, d_c = d_after
    i, f, g, o, squashed = kept
    d_o = d_h * squashed * o * (1 - o)
    d_c = d_c + d_h * o * (1 - squashed * squashed) + d_o * extra[2]
    d_i = d_c * g * i * (1 - i)
    d_f = d_c * state[1] * f * (1 - f)
    d_g = d_c * i * (1 - g * g)
    d = np.concatenate([d_i, d_f, d_g, d_o], axis=1)
    d_extra = np.stack([(d_i * state[1]).sum(0), (d_f * state[1]).sum(0), (d_o * after[1]).sum(0)])
    return d, d, (0, d_c * f + d_i * extra[0] + d_f * extra[1]), d_extra


def _gru_back(d_after, state, after, kept, extra):
    (d_h,) = d_after
    r, z, n, inner = kept
    d_n = d_h * (1 - z) * (1 - n * n)
    d_z = d_h * (state[0] - n) * z * (1 - z)
    d_r = d_n * inner * r * (1 - r)
    d_x = np.concatenate([d_r, d_z, d_n], axis=1)
    d_u = np.concatenate([d_r, d_z, d_n * r], axis=1)
    return d_x, d_u, (d_h * z,), (d_n * r).sum(0)


_FORWARD = {
    "rnn-tanh": _tanh,
    "rnn-relu": _relu,
    "lstm": _lstm,
    "peephole": _peephole,
    "gru": _gru,
}
_BACKWARD = {
    "rnn-tanh": _tanh_back,
    "rnn-relu": _relu_back,
    "lstm": _lstm_back,
    "peephole": _peephole_back,
    "gru": _gru_back,
}


def step(cell, layer, x, state):
    """The state after one step from the input (B, in), and the tape."""
    from_x = x @ layer["weight_input"].T + layer["bias"]
    from_h = state[0] @ layer["weight_hidden"].T
    after, kept = _FORWARD[cell](from_x, from_h, state, layer.get("extra"))
    return after, (x, state, after, kept)


def step_back(cell, layer, gradients, d_after, tape):
    """The gradients of the input and of the state before."""
    x, state, after, kept = tape
    d_x, d_u, d_state, d_extra = _BACKWARD[cell](d_after, state, after, kept, layer.get("extra"))
    gradients["weight_input"] += d_x.T @ x
    gradients["weight_hidden"] += d_u.T @ state[0]
    gradients["bias"] += d_x.sum(0)
    if d_extra is not None:
        gradients["extra"] += d_extra
    return d_x @ layer["weight_input"], (d_state[0] + d_u @ layer["weight_hidden"], *d_state[1:])


def run_layer(cell, layer, inputs, real, order):
    """Outputs (S, B, H), the final state and the tape of one direction of a layer.

    Where ``real`` (S, B, 1) is false, the state stays as it was and the output is zero.
    """
    S, B, _ = inputs.shape
    H = layer["weight_hidden"].shape[1]
    state = tuple(np.zeros((B, H), inputs.dtype) for _ in range(STATES[cell]))
    outputs = np.zeros((S, B, H), inputs.dtype)
    tape = []
    for s in order:
        after, kept = step(cell, layer, inputs[s], state)
        state = tuple(np.where(real[s], new, old) for new, old in zip(after, state, strict=True))
        outputs[s] = after[0] * real[s]
        tape.append(kept)
    return outputs, state, tape


def run_back(cell, layer, gradients, d_outputs, d_final, real, order, tape):
    """The gradient of the inputs (S, B, in) of :func:`run_layer`."""
    d_inputs = [None] * len(real)
    d_state = d_final
    for s, kept in zip(reversed(order), reversed(tape), strict=True):
        d_after = [d * real[s] for d in d_state]
        d_after[0] = d_after[0] + d_outputs[s] * real[s]
        d_inputs[s], d_before = step_back(cell, layer, gradients, d_after, kept)
        d_state = tuple(
            new + old * ~real[s] for new, old in zip(d_before, d_state, strict=True)
        )  # what a pad let through
    return np.stack(d_inputs)


class Attention:
    """Attention over one batch of encoded sources.

    ``encoded`` is (S, B, D), ``real`` is (S, B) and true where a source has a unit.
    """

    def __init__(self, kind, params, encoded, real):
        self.kind = kind
        self.params = params
        self.encoded = np.ascontiguousarray(encoded.transpose(1, 0, 2))  # (B, S, D)
        self.real = real.T
        if kind == "additive":
            self.keys = self.encoded @ params["attention.key"].T  # (B, S, A)

    def step(self, top):
        """The context (B, D) of the query ``top`` (B, D), the weights (B, S) and the tape."""
        if self.kind == "dot":
            query = top
            scores = (self.encoded @ query[:, :, None])[:, :, 0]
        elif self.kind == "general":
            query = top @ self.params["attention.weight"]
            scores = (self.encoded @ query[:, :, None])[:, :, 0]
        else:
            asked = top @ self.params["attention.query"].T
            query = np.tanh(self.keys + asked[:, None, :])  # (B, S, A)
            scores = query @ self.params["attention.score"]
        scores = np.where(self.real, scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        context = (weights[:, None, :] @ self.encoded)[:, 0]
        return context, weights, (top, query, weights)

    def start_back(self):
        """Make room for the gradients that all steps add to."""
        self.d_encoded = np.zeros_like(self.encoded)
        if self.kind == "additive":
            self.d_keys = np.zeros_like(self.keys)

    def step_back(self, gradients, d_context, tape):
        """The gradient of ``top``."""
        top, query, weights = tape
        d_weights = (self.encoded @ d_context[:, :, None])[:, :, 0]
        self.d_encoded += weights[:, :, None] * d_context[:, None, :]
        d_scores = weights * (d_weights - (weights * d_weights).sum(axis=1, keepdims=True))
        if self.kind == "additive":
            d_tanh = d_scores[:, :, None] * self.params["attention.score"] * (1 - query * query)
            gradients["attention.score"] += d_scores.ravel() @ query.reshape(-1, query.shape[2])
            self.d_keys += d_tanh
            d_asked = d_tanh.sum(axis=1)
            gradients["attention.query"] += d_asked.T @ top
            return d_asked @ self.params["attention.query"]
        self.d_encoded += d_scores[:, :, None] * query[:, None, :]
        d_query = (d_scores[:, None, :] @ self.encoded)[:, 0]
        if self.kind == "dot":
            return d_query
        gradients["attention.weight"] += top.T @ d_query
        return d_query @ self.params["attention.weight"].T

    def finish_back(self, gradients):
        """The gradient of the encoded sources (S, B, D)."""
        if self.kind == "additive":
            D, A = self.encoded.shape[2], self.keys.shape[2]
            flat = self.d_keys.reshape(-1, A)  # (B·S, A)
            gradients["attention.key"] += flat.T @ self.encoded.reshape(-1, D)
            self.d_encoded += self.d_keys @ self.params["attention.key"]
        return self.d_encoded.transpose(1, 0, 2)
