"""The sequence-to-sequence network in NumPy, twice: to be read, and to be trained.

:func:`forward` takes one pair at a time and one step after the other, so it knows no pads.
:class:`TwinNetwork` is the program that a NumPy programmer writes to train the same network:
minibatches, a matrix product for each step, gradients by hand.

Notation: S source steps, T target steps, B pairs, E length of an embedding, H width, G gates,
V words, D width of the decoder, A width of additive attention.

A source has pads (-1) in front and at least one unit; inputs and targets have them behind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from seq2seq_numpy_steps import GATES, STATES, Attention, run_back, run_layer, step, step_back

__all__ = ["Batch", "TwinConfig", "TwinNetwork", "forward", "mean_loss", "random_params", "shapes"]


@dataclass(frozen=True)
class TwinConfig:
    """The form of the network; the lengths of embeddings and vocabularies are the arrays'."""

    cell: str = "lstm"
    hidden: int = 128
    layers: int = 1
    bidirectional: str | None = None
    """None, "concat" or "sum": how the encoder's two directions are joined."""
    peeky: bool = False
    attention: str = "none"
    """"none", "dot", "general" or "additive"."""
    context_to: str = "output"
    """"output", or "input" for input feeding."""
    tied: bool = False
    residual: bool = False

    @property
    def width(self):
        """D: how wide the decoder is, and what leaves a layer of the encoder."""
        return 2 * self.hidden if self.bidirectional == "concat" else self.hidden

    @property
    def attends(self):  # noqa: D102
        return self.attention != "none"

    @property
    def feeds(self):
        """True if the context enters the next step's input."""
        return self.attends and self.context_to == "input"

    @property
    def sides(self):
        """The encoder's directions, as its parameters name them."""
        return ("layers", "backward_layers") if self.bidirectional else ("layers",)


class Batch(NamedTuple):
    """Pairs side by side."""

    sources: np.ndarray
    """(S, B), with -1 in front."""
    inputs: np.ndarray
    """(T, B), with -1 behind."""
    targets: np.ndarray
    """(T, B), with -1 behind."""


def shapes(config, source_words, target_words, embedding, attention_width):
    """The shape of each parameter, by name."""
    E, D, A = embedding, config.width, attention_width
    made = {"encoder.embedding": (source_words, E), "decoder.embedding": (target_words, E)}

    def add_layer(name, before, H):
        gates = GATES[config.cell]
        made[f"{name}.weight_input"] = (gates * H, before)
        made[f"{name}.weight_hidden"] = (gates * H, H)
        made[f"{name}.bias"] = (gates * H,)
        if config.cell == "gru":
            made[f"{name}.extra"] = (H,)
        elif config.cell == "peephole":
            made[f"{name}.extra"] = (3, H)

    for i in range(config.layers):
        for side in config.sides:
            add_layer(f"encoder.{side}.{i}", D if i else E, config.hidden)
        add_layer(f"decoder.layers.{i}", D if i else E + D * (config.feeds + config.peeky), D)
    if config.attention == "general":
        made["attention.weight"] = (D, D)
    elif config.attention == "additive":
        made["attention.query"] = made["attention.key"] = (A, D)
        made["attention.score"] = (A,)
    features = D * (1 + (config.attends and not config.feeds) + config.peeky)
    if not config.tied:
        made["output"] = (target_words, features)
    elif features != E:
        made["projection"] = (E, features)
    made["bias"] = (target_words,)
    return made


def random_params(
    config, source_words, target_words, embedding, attention_width, rng, dtype=np.float32
):
    """Parameters drawn from normal distributions of deviation 1/√(length of a row)."""
    made = shapes(config, source_words, target_words, embedding, attention_width)
    return {
        name: (rng.standard_normal(shape) / math.sqrt(shape[-1])).astype(dtype)
        for name, shape in made.items()
    }


# To be read: one pair, one step.


def forward(params, config, batch):
    """Logits (T, B, V), and the weights of attention (T, B, S) or None.

    Both are zero from the first pad of a pair's inputs on.
    """
    (S, B), T, bias = batch.sources.shape, len(batch.inputs), params["bias"]
    logits = np.zeros((T, B, len(bias)), bias.dtype)
    weights = np.zeros((T, B, S), bias.dtype) if config.attends else None
    for b in range(B):
        source = [unit for unit in batch.sources[:, b] if unit >= 0]
        encoded, states = _encode(params, config, source)
        summary = states[-1][0]
        context = np.zeros_like(summary)
        for t, word in enumerate(batch.inputs[:, b]):
            if word < 0:
                break
            x = [params["decoder.embedding"][None, word]]
            x += [context] if config.feeds else []
            x += [summary] if config.peeky else []
            top, states = _decoder_step(params, config, np.hstack(x), states)
            features = [top]
            if config.attends:
                context, weights[t, b, S - len(source) :] = _attend(params, config, top[0], encoded)
                features += [] if config.feeds else [context]
            features += [summary] if config.peeky else []
            logits[t, b] = _logits(params, config, np.hstack(features))[0]
    return logits, weights


def _encode(params, config, source):
    """The outputs of the last layer, (len(source), 1, D), and the layers' final states."""
    xs = [params["encoder.embedding"][None, unit] for unit in source]
    states = []
    for i in range(config.layers):
        outputs, final = _read(params, config, f"encoder.layers.{i}", xs)
        if config.bidirectional:
            back, back_final = _read(params, config, f"encoder.backward_layers.{i}", xs[::-1])
            outputs = [_joined(config, pair) for pair in zip(outputs, back[::-1], strict=True)]
            final = [_joined(config, pair) for pair in zip(final, back_final, strict=True)]
        xs = [_residual(config, x, out) for x, out in zip(xs, outputs, strict=True)]
        states.append(tuple(final))
    return np.stack(xs), states


def _read(params, config, name, xs):
    """The outputs of one layer in the order it reads, and its final state."""
    H, dtype = config.hidden, xs[0].dtype
    state = tuple(np.zeros((1, H), dtype) for _ in range(STATES[config.cell]))
    outputs = []
    for x in xs:
        state = _cell(params, config, name, x, state)
        outputs.append(state[0])
    return outputs, state


def _decoder_step(params, config, x, states):
    """The output of the top layer, and the layers' states."""
    after = []
    for i, state in enumerate(states):
        after.append(_cell(params, config, f"decoder.layers.{i}", x, state))
        x = _residual(config, x, after[-1][0])
    return x, after


def _cell(params, config, name, x, state):
    return step(config.cell, _layer(params, name), x, state)[0]


def _layer(arrays, name):
    """The arrays of one layer, without its name before theirs."""
    return {key[len(name) + 1 :]: a for key, a in arrays.items() if key.startswith(name + ".")}


def _attend(params, config, top, encoded):
    """The context (1, D) and the weight of each unit."""
    scores = np.stack([_score(params, config, top, unit) for unit in encoded[:, 0]])
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    return sum(weight * unit for weight, unit in zip(weights, encoded, strict=True)), weights


def _score(params, config, top, unit):
    """Luong et al. (2015), section 3.1; additive: Bahdanau et al. (2015), appendix A.1.2."""
    if config.attention == "dot":
        return top @ unit
    if config.attention == "general":
        return top @ params["attention.weight"] @ unit
    seen = params["attention.query"] @ top + params["attention.key"] @ unit
    return params["attention.score"] @ np.tanh(seen)


def _logits(params, config, features):
    if "projection" in params:
        features = features @ params["projection"].T
    weight = params["decoder.embedding"] if config.tied else params["output"]
    return features @ weight.T + params["bias"]


def _joined(config, parts):
    """The outputs of both directions, joined along the last axis."""
    if config.bidirectional == "concat":
        return np.concatenate(parts, axis=-1)
    return sum(parts[1:], start=parts[0])


def _residual(config, x, out):
    return out + x if config.residual and x.shape == out.shape else out


def mean_loss(logits, targets):
    """Cross-entropy in nats, the mean over targets, and its gradient with respect to the logits."""
    real = targets >= 0
    count = int(real.sum())
    shifted = logits - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(axis=-1, keepdims=True)
    t, b = np.nonzero(real)
    words = targets[t, b]
    losses = np.log(sums[t, b, 0]) - shifted[t, b, words]
    d_logits = powers / sums
    d_logits[t, b, words] -= 1
    d_logits *= real[:, :, None] / logits.dtype.type(count)
    return float(losses.sum(dtype=np.float64)) / count, d_logits


# To be trained: minibatches.


class TwinNetwork:
    """The network with gradients by hand and Adam; it changes the arrays of ``params``."""

    def __init__(self, params, config):
        self.params = params
        self.config = config
        self.means = {name: np.zeros_like(array) for name, array in params.items()}
        self.squares = {name: np.zeros_like(array) for name, array in params.items()}
        self.updates = 0

    def fit_epoch(self, batches, lr, clip):
        """Learn from each batch once; the mean loss of a target over all of them."""
        total = count = 0
        for batch in batches:
            loss, gradients = self.loss_and_gradients(batch)
            self.clip(gradients, clip)
            self.update(gradients, lr)
            targets = int((batch.targets >= 0).sum())
            total += loss * targets
            count += targets
        return total / count

    def loss_and_gradients(self, batch):
        """The mean loss of a target, and the gradient of each parameter by name."""
        logits, _, tapes = self._forward(batch)
        loss, d_logits = mean_loss(logits, batch.targets)
        gradients = {name: np.zeros_like(array) for name, array in self.params.items()}
        self._backward(batch, d_logits, gradients, tapes)
        return loss, gradients

    @staticmethod
    def clip(gradients, norm):
        """Scale the gradients in place so that their joint norm is ``norm`` at most; the norm."""
        found = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))
        if found > norm:
            for gradient in gradients.values():
                gradient *= norm / found
        return found

    def update(self, gradients, lr, betas=(0.9, 0.999), epsilon=1e-8):
        """Kingma and Ba (2015), algorithm 1."""
        self.updates += 1
        bias1 = 1 - betas[0] ** self.updates
        bias2 = 1 - betas[1] ** self.updates
        for name, gradient in gradients.items():
            mean, square = self.means[name], self.squares[name]
            mean += (1 - betas[0]) * (gradient - mean)
            square += (1 - betas[1]) * (gradient * gradient - square)
            self.params[name] -= lr / bias1 * mean / (np.sqrt(square / bias2) + epsilon)

    def greedy(self, sources, eos, most, start=None):
        """Decode greedily: the most probable word at each step, up to ``eos`` or ``most`` words.

        The first input is ``start``, or ``eos`` where there is none. ``eos`` is left out.
        """
        encoded, states, _ = self._encode(sources)
        attention = self._attention(encoded, sources)
        summary, context = states[-1][0], np.zeros_like(states[-1][0])
        words = np.full(sources.shape[1], eos if start is None else start)
        answers = [[] for _ in words]
        going = np.ones(len(words), bool)
        for _ in range(most):
            embedded = self.params["decoder.embedding"][words]
            features, states, context, *_ = self._step(
                embedded, states, context, summary, attention
            )
            words = _logits(self.params, self.config, features).argmax(axis=1)
            going &= words != eos
            if not going.any():
                break
            for b in np.flatnonzero(going):
                answers[b].append(int(words[b]))
        return answers

    def logits(self, batch):
        """Return the result of :func:`forward`, undefined at pads of the inputs."""
        logits, weights, _ = self._forward(batch)
        return logits, weights

    def _attention(self, encoded, sources):
        if not self.config.attends:
            return None
        return Attention(self.config.attention, self.params, encoded, sources >= 0)

    def _forward(self, batch):
        """Logits (T, B, V), the weights of attention (T, B, S) or None, and the tapes."""
        encoded, states, encoder_tape = self._encode(batch.sources)
        attention = self._attention(encoded, batch.sources)
        summary, context = states[-1][0], np.zeros_like(states[-1][0])
        features, weights, decoder_tape = [], [], []
        for embedded in self.params["decoder.embedding"][batch.inputs]:
            feature, states, context, weight, tape = self._step(
                embedded, states, context, summary, attention
            )
            features.append(feature)
            weights.append(weight)
            decoder_tape.append(tape)
        features = np.stack(features)
        logits = _logits(self.params, self.config, features)
        weights = np.stack(weights) if attention else None
        return logits, weights, (features, attention, encoder_tape, decoder_tape)

    def _orders(self, S):
        """The directions of the encoder: their names, and the order of the steps."""
        return zip(self.config.sides, (range(S), range(S - 1, -1, -1)), strict=False)

    def _encode(self, sources):
        """Outputs of the last layer (S, B, D), the final state of each layer, and the tape."""
        real = (sources >= 0)[:, :, None]
        x = self.params["encoder.embedding"][sources] * real
        states, tapes = [], []
        for i in range(self.config.layers):
            runs = [
                run_layer(
                    self.config.cell,
                    _layer(self.params, f"encoder.{side}.{i}"),
                    x,
                    real,
                    order,
                )
                for side, order in self._orders(len(sources))
            ]
            outputs, finals, tape = zip(*runs, strict=True)
            states.append(tuple(_joined(self.config, p) for p in zip(*finals, strict=True)))
            x = _residual(self.config, x, _joined(self.config, outputs))
            tapes.append(tape)
        return x, states, tapes

    def _step(self, embedded, states, context, summary, attention):
        """Features, states, context, weights of attention, and the tape of a decoder's step."""
        config = self.config
        x = [embedded]
        x += [context] if config.feeds else []
        x += [summary] if config.peeky else []
        x = np.concatenate(x, axis=1)
        after, cell_tapes = [], []
        for i, state in enumerate(states):
            layer = _layer(self.params, f"decoder.layers.{i}")
            state, tape = step(config.cell, layer, x, state)
            x = _residual(config, x, state[0])
            after.append(state)
            cell_tapes.append(tape)
        features = [x]
        weights = attention_tape = None
        if attention:
            context, weights, attention_tape = attention.step(x)
            features += [] if config.feeds else [context]
        features += [summary] if config.peeky else []
        features = np.concatenate(features, axis=1)
        return features, after, context, weights, (cell_tapes, attention_tape)

    def _backward(self, batch, d_logits, gradients, tapes):
        """Add the gradients of the parameters to ``gradients``."""
        features, attention, encoder_tape, decoder_tape = tapes
        d_features = self._output_back(features, d_logits, gradients)
        if attention:
            attention.start_back()
        d_states, d_summary = self._decode_back(
            batch, d_features, attention, gradients, decoder_tape
        )
        d_states[-1] = (d_states[-1][0] + d_summary, *d_states[-1][1:])
        d_encoded = attention.finish_back(gradients) if attention else None
        self._encode_back(batch.sources, d_encoded, d_states, gradients, encoder_tape)

    def _output_back(self, features, d_logits, gradients):
        """The gradient of the features (T, B, their width)."""
        T, B, V = d_logits.shape
        d = d_logits.reshape(T * B, V)
        features = features.reshape(T * B, -1)
        name = "decoder.embedding" if self.config.tied else "output"
        projection = self.params.get("projection")
        projected = features if projection is None else features @ projection.T
        gradients["bias"] += d.sum(axis=0)
        gradients[name] += d.T @ projected
        d = d @ self.params[name]
        if projection is not None:
            gradients["projection"] += d.T @ features
            d = d @ projection
        return d.reshape(T, B, -1)

    def _decode_back(self, batch, d_features, attention, gradients, tapes):
        """The gradients of the states that the decoder starts from, and of the summary."""
        config = self.config
        B, D, E = batch.inputs.shape[1], config.width, self.params["decoder.embedding"].shape[1]
        zeros = np.zeros((B, D), d_features.dtype)
        d_states = [(zeros,) * STATES[config.cell] for _ in range(config.layers)]
        d_summary, d_context = zeros, zeros
        d_embedded = np.zeros((*batch.inputs.shape, E), d_features.dtype)
        for t in reversed(range(len(batch.inputs))):
            cell_tapes, attention_tape = tapes[t]
            d = d_features[t][:, :D]
            if attention:
                if not config.feeds:
                    d_context = d_features[t][:, D : 2 * D]
                d = d + attention.step_back(gradients, d_context, attention_tape)
            d, d_states = self._layers_back(d, d_states, gradients, cell_tapes)
            d_embedded[t] = d[:, :E]
            if config.feeds:
                d_context = d[:, E : E + D]
            if config.peeky:
                d_summary = d_summary + d_features[t][:, -D:] + d[:, -D:]
        np.add.at(gradients["decoder.embedding"], batch.inputs, d_embedded)
        return d_states, d_summary

    def _layers_back(self, d, d_states, gradients, tapes):
        """One step of the decoder's layers: the gradients of the input and the states before."""
        before = [None] * len(d_states)
        for i in reversed(range(len(d_states))):
            name = f"decoder.layers.{i}"
            layer, found = _layer(self.params, name), _layer(gradients, name)
            d_after = (d_states[i][0] + d, *d_states[i][1:])
            d_x, before[i] = step_back(self.config.cell, layer, found, d_after, tapes[i])
            d = _residual(self.config, d, d_x)
        return d, before

    def _encode_back(self, sources, d_encoded, d_states, gradients, tapes):
        config, S = self.config, len(sources)
        real = (sources >= 0)[:, :, None]
        if d_encoded is None:
            d_encoded = np.zeros((*sources.shape, config.width), d_states[0][0].dtype)
        d = d_encoded
        for i in reversed(range(config.layers)):
            d_inputs = 0
            for k, (side, order) in enumerate(self._orders(S)):
                name = f"encoder.{side}.{i}"
                layer, found = _layer(self.params, name), _layer(gradients, name)
                d_final = tuple(self._share(part, k) for part in d_states[i])
                d_inputs = d_inputs + run_back(
                    config.cell, layer, found, self._share(d, k), d_final, real, order, tapes[i][k]
                )
            d = _residual(config, d, d_inputs)
        np.add.at(gradients["encoder.embedding"], sources, d * real)

    def _share(self, d, k):
        """The part of a gradient that goes to direction ``k``."""
        H = self.config.hidden
        return d[..., k * H : (k + 1) * H] if self.config.bidirectional == "concat" else d
