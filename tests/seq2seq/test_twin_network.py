"""The NumPy twin against central differences, against itself, and against torch's modules."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from recurrent import twin_cells
from twin_network import Batch, TwinConfig, TwinNetwork, forward, mean_loss, random_params
from twin_steps import GATES, STATES, step

E, H, VS, VT, A = 3, 4, 6, 5, 2
CONFIGS = [
    *(TwinConfig(cell, H) for cell in GATES),
    *(
        TwinConfig(cell, H, 2, joining, peeky=True, attention="dot", residual=True)
        for cell, joining in itertools.product(GATES, ("concat", "sum"))
    ),
    *(
        TwinConfig("lstm", H, 1, joining, peeky, attention, context_to, tied)
        for attention, context_to, (joining, peeky, tied) in itertools.product(
            ("dot", "general", "additive"),
            ("output", "input"),
            ((None, False, False), (None, True, True), ("concat", False, True)),
        )
    ),
    TwinConfig("lstm", H, tied=True),
    TwinConfig("gru", E, tied=True, residual=True),  # no projection; the first layer adds too
    TwinConfig("gru", H, 3, "sum", True, "general", "input", True, True),
    TwinConfig("peephole", H, 2, None, True, "additive", "input", False, True),
    TwinConfig("rnn-tanh", 2 * H, 2, "concat", False, "none", "input", False, True),
]


def random_batch(rng, S=5, T=4, B=3):
    """Pairs of which the first fills the batch and the last is as short as can be."""
    batch = Batch(
        rng.integers(VS, size=(S, B)), rng.integers(VT, size=(T, B)), rng.integers(VT, size=(T, B))
    )
    for b in range(1, B):
        units, words = (1, 1) if b == B - 1 else rng.integers((1, 1), (S, T))
        batch.sources[: S - units, b] = -1
        batch.inputs[words:, b] = -1
        batch.targets[words:, b] = -1
    return batch


def case(config, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    params = random_params(config, VS, VT, E, A, rng, dtype)
    for array in params.values():
        array *= 2  # far from where all is linear
    return params, random_batch(rng)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_gradients_are_central_differences_of_the_forward_pass(config):
    params, batch = case(config)
    loss, gradients = TwinNetwork(params, config).loss_and_gradients(batch)

    def read():
        return mean_loss(forward(params, config, batch)[0], batch.targets)[0]

    assert loss == pytest.approx(read(), rel=1e-12)
    assert gradients.keys() == params.keys()
    rng = np.random.default_rng(1)
    for name, array in params.items():
        kept, step = array.copy(), 1e-5
        for _ in range(2):
            direction = rng.standard_normal(array.shape)
            array[:] = kept + step * direction
            above = read()
            array[:] = kept - step * direction
            below = read()
            array[:] = kept
            slope = (above - below) / (2 * step)
            assert np.vdot(gradients[name], direction) == pytest.approx(slope, 1e-6, 1e-8), name


@pytest.mark.parametrize("cell", GATES)
def test_cells_are_those_of_the_language_model(cell):
    params, _ = case(TwinConfig(cell, H))
    name = "encoder.layers.0."
    layer = {key.removeprefix(name): a for key, a in params.items() if key.startswith(name)}
    rng = np.random.default_rng(2)
    x, *state = (rng.standard_normal((7, width)) for width in (E, *[H] * STATES[cell]))
    after, _ = step(cell, layer, x, state)
    projected = x @ layer["weight_input"].T + layer["bias"]
    _, expected = twin_cells.recur(
        cell, projected[None], layer["weight_hidden"], state, layer.get("extra")
    )
    np.testing.assert_allclose(after, expected, rtol=1e-12)


@pytest.mark.parametrize("attention", ["none", "dot", "general", "additive"])
def test_every_entry_of_a_gradient_is_a_central_difference(attention):
    config = TwinConfig("lstm", 2, peeky=True, attention=attention)
    params, batch = case(config)
    network = TwinNetwork(params, config)
    _, gradients = network.loss_and_gradients(batch)
    for name, array in params.items():
        for at in np.ndindex(array.shape):
            kept = array[at]
            array[at] = kept + 1e-5
            above = mean_loss(network.logits(batch)[0], batch.targets)[0]
            array[at] = kept - 1e-5
            below = mean_loss(network.logits(batch)[0], batch.targets)[0]
            array[at] = kept
            assert gradients[name][at] == pytest.approx((above - below) / 2e-5, 1e-6, 1e-8)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_minibatches_and_single_pairs_give_the_same(config):
    params, batch = case(config)
    read, read_weights = forward(params, config, batch)
    logits, weights = TwinNetwork(params, config).logits(batch)
    real = batch.inputs >= 0
    np.testing.assert_allclose(logits[real], read[real], rtol=1e-10, atol=1e-12)
    if config.attends:
        np.testing.assert_allclose(weights[real], read_weights[real], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(read_weights[real].sum(axis=1), 1)
        pads = np.broadcast_to((batch.sources < 0).T, read_weights.shape)
        assert not read_weights[pads].any()
    else:
        assert weights is None and read_weights is None


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_float32_stays_float32(config):
    params, batch = case(config, dtype=np.float32)
    network = TwinNetwork(params, config)
    loss, gradients = network.loss_and_gradients(batch)
    double = {name: array.astype(np.float64) for name, array in params.items()}
    expected, _ = TwinNetwork(double, config).loss_and_gradients(batch)
    assert loss == pytest.approx(expected, rel=1e-5)
    network.clip(gradients, 0.1)
    network.update(gradients, 0.01)
    logits, weights = forward(params, config, batch)
    assert {a.dtype for a in (*params.values(), *gradients.values(), logits)} == {
        params["bias"].dtype
    }
    assert weights is None or weights.dtype == np.float32


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_more_pads_change_nothing(config):
    params, batch = case(config)
    more = Batch(
        np.pad(batch.sources, ((2, 0), (0, 0)), constant_values=-1),
        np.pad(batch.inputs, ((0, 3), (0, 0)), constant_values=-1),
        np.pad(batch.targets, ((0, 3), (0, 0)), constant_values=-1),
    )
    network = TwinNetwork(params, config)
    loss, gradients = network.loss_and_gradients(batch)
    same, same_gradients = network.loss_and_gradients(more)
    assert loss == pytest.approx(same, rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, same_gradients[name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn-tanh"])
@pytest.mark.parametrize("both", [False, True])
def test_network_is_torchs_modules_in_a_row(cell, both):
    config = TwinConfig(cell, H, 2, "concat" if both else None, attention="dot")
    params, batch = case(config)
    batch = Batch(*(array[:, :1] for array in batch))  # a pair without pads
    D = config.width
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn-tanh": torch.nn.RNN}[cell]
    encoder = kind(E, H, 2, bidirectional=both, dtype=torch.float64)
    decoder = kind(E, D, 2, dtype=torch.float64)
    for i in range(2):
        load(encoder, f"_l{i}", params, f"encoder.layers.{i}")
        load(decoder, f"_l{i}", params, f"decoder.layers.{i}")
        if both:
            load(encoder, f"_l{i}_reverse", params, f"encoder.backward_layers.{i}")
    tensors = {name: torch.from_numpy(array) for name, array in params.items()}
    with torch.no_grad():
        encoded, final = encoder(tensors["encoder.embedding"][torch.from_numpy(batch.sources)])
        final = final if cell == "lstm" else (final,)
        # (layers·directions, 1, H) to (layers, 1, directions·H)
        final = tuple(s.view(2, -1, 1, H).transpose(1, 2).reshape(2, 1, D) for s in final)
        embedded = tensors["decoder.embedding"][torch.from_numpy(batch.inputs)]
        top, _ = decoder(embedded, final if cell == "lstm" else final[0])
        query, keys = top.transpose(0, 1), encoded.transpose(0, 1)
        context = torch.nn.functional.scaled_dot_product_attention(query, keys, keys, scale=1.0)
        features = torch.cat([top, context.transpose(0, 1)], 2)
        expected = features @ tensors["output"].T + tensors["bias"]
    np.testing.assert_allclose(forward(params, config, batch)[0], expected, rtol=1e-9, atol=1e-12)


def load(module, suffix, params, name):
    """Give a layer of a torch module the values of a layer of the twin."""
    state = {key: torch.zeros_like(value) for key, value in module.state_dict().items()}
    state = {key: value for key, value in state.items() if key.endswith(suffix)}
    state["weight_ih" + suffix] = torch.from_numpy(params[f"{name}.weight_input"])
    state["weight_hh" + suffix] = torch.from_numpy(params[f"{name}.weight_hidden"])
    state["bias_ih" + suffix] = torch.from_numpy(params[f"{name}.bias"])
    if f"{name}.extra" in params:
        extra = params[f"{name}.extra"]
        state["bias_hh" + suffix][-len(extra) :] = torch.from_numpy(extra)
    module.load_state_dict(state, strict=False)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_greedy_takes_the_likeliest_word_of_each_step(config):
    params, batch = case(config, seed=3)
    eos, most = 0, 5
    expected = []
    for b in range(batch.sources.shape[1]):
        words = [eos]
        while len(words) <= most:
            inputs = np.array(words)[:, None]
            logits, _ = forward(params, config, Batch(batch.sources[:, b : b + 1], inputs, inputs))
            word = int(logits[-1, 0].argmax())
            if word == eos:
                break
            words.append(word)
        expected.append(words[1:])
    assert TwinNetwork(params, config).greedy(batch.sources, eos, most) == expected


def test_clipping_and_adam_are_torchs():
    config = TwinConfig("lstm", H, attention="general")
    params, batch = case(config)
    tensors = {n: torch.nn.Parameter(torch.from_numpy(a.copy())) for n, a in params.items()}
    adam = torch.optim.Adam(tensors.values(), lr=0.01)
    network = TwinNetwork(params, config)
    for _ in range(4):
        _, gradients = network.loss_and_gradients(batch)
        for name, gradient in gradients.items():
            tensors[name].grad = torch.from_numpy(gradient.copy())
        norm = torch.nn.utils.clip_grad_norm_(tensors.values(), 0.3)
        adam.step()
        assert network.clip(gradients, 0.3) == pytest.approx(float(norm))
        network.update(gradients, 0.01)
    for name, array in params.items():
        np.testing.assert_allclose(array, tensors[name].detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("attention", ["none", "additive"])
def test_learns_to_turn_round(attention):
    rng = np.random.default_rng(0)
    sources = rng.integers(1, VT, size=(3, 64))
    targets = np.vstack([sources[::-1], np.zeros((1, 64), int)])
    batch = Batch(sources, np.vstack([targets[-1:], targets[:-1]]), targets)
    config = TwinConfig("lstm", 24, attention=attention)
    network = TwinNetwork(random_params(config, VT, VT, 8, 8, rng), config)
    losses = [network.fit_epoch([batch], 0.02, 5.0) for _ in range(150)]
    assert losses[0] > 1 and losses[-1] < 0.1
    answers = network.greedy(sources, eos=0, most=5)
    right = sum(
        answer == list(column) for answer, column in zip(answers, sources[::-1].T, strict=True)
    )
    assert right > 60
