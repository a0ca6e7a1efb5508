"""Recurrent layers beside a plain loop in float64 and torch's modules: values and gradients.

Notation: T steps, B sequences of a batch, D input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wordkit.nn.dropout import Dropout, dropout_generator
from wordkit.nn.recurrent import GATES, RecurrentLayer, RecurrentStack, reversed_in_time

Cell = Callable[[Tensor, Tensor, tuple[Tensor, ...], RecurrentLayer], tuple[Tensor, ...]]

D, H = 3, 4
MODULES: dict[str, Callable[..., torch.nn.RNNBase]] = {
    "rnn-tanh": torch.nn.RNN,
    "rnn-relu": lambda *sizes, **more: torch.nn.RNN(*sizes, nonlinearity="relu", **more),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}


def lstm(x: Tensor, h: Tensor, state: tuple[Tensor, ...], _: Any) -> tuple[Tensor, ...]:
    i, f, g, o = (x + h).chunk(4, 1)
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def peephole(x: Tensor, h: Tensor, state: tuple[Tensor, ...], layer: Any) -> tuple[Tensor, ...]:
    i, f, g, o = (x + h).chunk(4, 1)
    p, c = layer.peephole_weights, state[1]
    new = (f + p[1] * c).sigmoid() * c + (i + p[0] * c).sigmoid() * g.tanh()
    return (o + p[2] * new).sigmoid() * new.tanh(), new


def gru(x: Tensor, h: Tensor, state: tuple[Tensor, ...], layer: Any) -> tuple[Tensor, ...]:
    (r, z, n), (to_r, to_z, to_n) = x.chunk(3, 1), h.chunk(3, 1)
    candidate = (n + (r + to_r).sigmoid() * (to_n + layer.recurrent_bias)).tanh()
    z = (z + to_z).sigmoid()
    return ((1 - z) * candidate + z * state[0],)


STEPS: dict[str, Cell] = {
    "rnn-tanh": lambda x, h, *_: ((x + h).tanh(),),
    "rnn-relu": lambda x, h, *_: ((x + h).relu(),),
    "lstm": lstm, "gru": gru, "peephole": peephole,
}  # fmt: skip


def unrolled(
    layer: RecurrentLayer, x: Tensor, state: tuple[Tensor, ...], lengths: Tensor | None = None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The layer, step by step from the equations."""
    outputs = []
    ends = torch.full(x.shape[1:2], len(x)) if lengths is None else lengths
    for t, x_t in enumerate(x):
        projected = x_t @ layer.weight_input.T + layer.bias
        new = STEPS[layer.cell](projected, state[0] @ layer.weight_hidden.T, state, layer)
        inside = (t < ends).unsqueeze(1)
        outputs.append(torch.where(inside, new[0], 0))
        state = tuple(torch.where(inside, *pair) for pair in zip(new, state, strict=True))
    return torch.stack(outputs), state


def drawn(module: torch.nn.Module, seed: int = 1, scale: float = 0.7) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-scale, scale, generator=generator)
    return module


def inputs(T: int, B: int, layer: Any, seed: int = 2) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Inputs and a state before them, whose gradients are wanted."""
    generator = torch.Generator().manual_seed(seed)
    dtype = next(layer.parameters()).dtype

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype).requires_grad_()

    state = layer.initial_state(B)
    return draw(T, B, D), tuple(draw(*part.shape) for part in state)


def all_of(
    outputs: Tensor, state: tuple[Tensor, ...], leaves: list[Tensor], seed: int = 3
) -> list[Tensor]:
    """Outputs, state, and the gradients of a random linear function of both."""
    generator = torch.Generator().manual_seed(seed)
    found = [outputs, *state]
    loss = sum((p * torch.randn(p.shape, generator=generator).to(p)).sum() for p in found)
    return [*found, *torch.autograd.grad(loss, leaves)]  # type: ignore[arg-type]


def assert_near(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert float((a - b).detach().norm()) <= tolerance * max(float(b.detach().norm()), 1.0)


@pytest.mark.parametrize("cell", GATES)
@settings(max_examples=12)
@given(st.data())
def test_layers_are_their_equations_step_by_step(cell: str, data: st.DataObject) -> None:
    T, B = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    lengths = data.draw(st.none() | st.lists(st.integers(1, T), min_size=B, max_size=B))
    ends = None if lengths is None else torch.tensor(lengths)
    layer = drawn(RecurrentLayer(cell, D, H)).double()
    x, state = inputs(T, B, layer)
    leaves = [x, *state, *layer.parameters()]
    expected = all_of(*unrolled(layer, x, state, ends), leaves)
    assert_near(all_of(*layer(x, state, ends), leaves), expected, 1e-12)
    with torch.no_grad():
        outputs, after = layer(x, state, ends)
    assert outputs.grad_fn is None
    assert_near([outputs, *after], expected[: 1 + len(after)], 1e-12)
    after_each = [unrolled(layer, x[: step + 1], state)[1] for step in range(T)]
    every = map(torch.stack, zip(*after_each, strict=True))
    assert_near([*layer.states(x, state)], [*every], 1e-12)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("lengths", [None, [7, 2, 5]])
def test_bf16_is_near_and_all_that_comes_out_is_float32(cell: str, lengths: Any) -> None:
    ends = None if lengths is None else torch.tensor(lengths)
    layer = drawn(RecurrentLayer(cell, D, 20))
    x, state = inputs(7, 3, layer)
    leaves = [x, *state, *layer.parameters()]
    expected = all_of(*layer(x, state, ends), leaves)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, after = layer(x, state, ends)
    found = all_of(outputs, after, leaves)
    assert_near(found, expected, 0.03)
    assert not torch.equal(found[0], expected[0])


@pytest.mark.parametrize("lengths", [None, [5, 1, 3]])
def test_a_stack_adds_inputs_and_drops_between_its_layers(lengths: Any) -> None:
    ends = None if lengths is None else torch.tensor(lengths)
    stack = drawn(
        RecurrentStack("lstm", [D, H, H, 2 * H], residual=True, dropout=Dropout(0.5, locked=True))
    ).double()
    x = torch.randn(5, 3, D, dtype=torch.float64)
    with dropout_generator(torch.Generator().manual_seed(1)):
        outputs, after = stack(x, stack.initial_state(3), ends)
    with dropout_generator(torch.Generator().manual_seed(1)):
        first, s0 = stack.layers[0](x, stack.initial_state(3)[0], ends)  # no sizes are the same
        below = stack.dropout(first)
        second, s1 = stack.layers[1](below, stack.initial_state(3)[1], ends)
        third, s2 = stack.layers[2](stack.dropout(second + below), stack.initial_state(3)[2], ends)
    torch.testing.assert_close(outputs, third)
    torch.testing.assert_close(after, (s0, s1, s2))
    assert (below == 0).any(), "something is dropped"


@pytest.mark.parametrize("cell", MODULES)
def test_both_directions_concatenated_are_torchs(cell: str) -> None:
    module = drawn(MODULES[cell](D, H, num_layers=2, bidirectional=True, bias=False))
    stack = RecurrentStack(cell, [D, 2 * H, 2 * H], directions="concat")
    backward: Any = stack.backward_layers
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.zero_()
        for k in range(2):
            for layer, suffix in ((stack.layers[k], ""), (backward[k], "_reverse")):
                layer.weight_input.copy_(getattr(module, f"weight_ih_l{k}{suffix}"))  # type: ignore[union-attr, operator]
                layer.weight_hidden.copy_(getattr(module, f"weight_hh_l{k}{suffix}"))  # type: ignore[union-attr, operator]
    x, ends = torch.randn(6, 3, D), torch.tensor([4, 6, 1])
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, ends, enforce_sorted=False)
    outputs, after = module(packed)
    outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs)
    found, state = stack(x, stack.initial_state(3), ends)
    torch.testing.assert_close(found, outputs, rtol=1e-4, atol=1e-5)
    for part, both in zip(
        zip(*state, strict=True), after if cell == "lstm" else (after,), strict=True
    ):
        for k, joined in enumerate(part):
            expected = torch.cat([both[2 * k], both[2 * k + 1]], 1)
            torch.testing.assert_close(joined, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lengths", [None, [5, 2]])
def test_both_directions_may_be_summed(lengths: Any) -> None:
    ends = None if lengths is None else torch.tensor(lengths)
    stack: Any = drawn(RecurrentStack("gru", [D, H], directions="sum")).double()
    x, state = torch.randn(5, 2, D, dtype=torch.float64), stack.initial_state(2)
    found, (after,) = stack(x, state, ends)
    there, a = stack.layers[0](x, state[0], ends)
    back, b = stack.backward_layers[0](reversed_in_time(x, ends), state[0], ends)
    torch.testing.assert_close(found, there + reversed_in_time(back, ends))
    torch.testing.assert_close(after[0], a[0] + b[0])


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_reversal_leaves_padding_behind(lengths: list[int]) -> None:
    T, ends = max(lengths) + 1, torch.tensor(lengths)
    x = torch.arange(T * len(lengths)).view(T, -1, 1)
    back = reversed_in_time(x, ends)
    for b, end in enumerate(lengths):
        assert torch.equal(back[:end, b], x[:end, b].flip(0))
        assert torch.equal(back[end:, b], x[end:, b])
    assert torch.equal(reversed_in_time(back, ends), x)


@pytest.mark.parametrize("cell", ["lstm", "peephole"])
def test_weight_drop_is_drawn_for_each_call_and_in_training_alone(cell: str) -> None:
    layer = drawn(RecurrentLayer(cell, D, 12, weight_drop=0.5))
    plain = RecurrentLayer(cell, D, 12)
    plain.load_state_dict(layer.state_dict())
    x, state = torch.randn(4, 2, D), layer.initial_state(2)
    before = layer.weight_hidden.detach().clone()
    outputs = []
    for seed in (1, 1, 2):
        with dropout_generator(torch.Generator().manual_seed(seed)):
            outputs.append(layer(x, state)[0])
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])
    outputs[0].sum().backward()
    assert torch.equal(layer.weight_hidden, before)
    without = float((layer.weight_hidden.grad == 0).float().mean())
    assert 0.4 < without < 0.6, "what is dropped has no gradient"
    assert torch.equal(layer.eval()(x, state)[0], plain(x, state)[0])
