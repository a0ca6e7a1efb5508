"""How the weights of recurrent layers and matrices are drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from wordkit.nn.config import NetworkConfig, full_name
from wordkit.nn.initialization import initialize_layers, initialize_matrix
from wordkit.nn.recurrent import GATES, RecurrentStack

D, H = 40, 24


def layer_of(seed: int = 1, **settings: Any) -> Any:
    config = NetworkConfig(**settings)
    stack = RecurrentStack(full_name(config.cell, config.activation), [D, H, H])
    for layer in stack.layers:
        torch.nn.init.constant_(layer.weight_input, math.nan)  # type: ignore[arg-type]
        torch.nn.init.constant_(layer.weight_hidden, math.nan)  # type: ignore[arg-type]
    initialize_layers(stack, config, torch.Generator().manual_seed(seed))
    assert all(parameter.isfinite().all() for parameter in stack.parameters())
    return stack.layers[0]


def is_uniform(values: torch.Tensor, scale: float) -> bool:
    """Whether values look drawn evenly from −scale to scale."""
    values = values.detach()
    return bool(0.93 * scale < values.abs().max() <= scale) and math.isclose(
        float(values.square().mean()), scale**2 / 3, rel_tol=0.2
    )


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "peephole"])
def test_a_seed_gives_the_same_weights(cell: str) -> None:
    one, same, other = (layer_of(seed, cell=cell) for seed in (1, 1, 2))
    for (name, a), b, c in zip(
        one.named_parameters(), same.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(a, b), name
        assert torch.equal(a, c) == (not a.any()), name


@pytest.mark.parametrize(
    ("settings", "to_input", "to_hidden", "to_bias"),
    [
        ({}, 1 / math.sqrt(H), 1 / math.sqrt(H), 0),
        ({"start_scale": 0.05}, 0.05, 0.05, 0.05),
        # each gate is a matrix of its own: ±√(6 / (inputs + outputs)) and ±√(6 / inputs)
        ({"start_weights": "xavier"}, math.sqrt(6 / (D + H)), math.sqrt(6 / (H + H)), 0),
        ({"start_weights": "he"}, math.sqrt(6 / D), math.sqrt(6 / H), 0),
    ],
)
def test_ranges(settings: Any, to_input: float, to_hidden: float, to_bias: float) -> None:
    layer = layer_of(**settings)
    assert is_uniform(layer.weight_input, to_input)
    assert is_uniform(layer.weight_hidden, to_hidden)
    assert is_uniform(layer.bias, to_bias) if to_bias else not layer.bias.any()
    matrix = torch.empty(300, D)
    config = NetworkConfig(**settings)
    initialize_matrix(matrix, H, config, torch.Generator().manual_seed(1))
    assert is_uniform(matrix, to_input)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "peephole"])
def test_orthogonal_matrices_one_for_each_gate(cell: str) -> None:
    layer = layer_of(cell=cell, orthogonal=True)
    gates = layer.weight_hidden.detach().chunk(GATES[layer.cell])
    for matrix in gates:
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(H), rtol=0, atol=1e-5)
    assert len(gates) == 1 or not torch.equal(gates[0], gates[1])


@pytest.mark.parametrize("cell", ["lstm", "peephole"])
def test_the_bias_of_forget_gates(cell: str) -> None:
    for scale in (None, 0.05):
        bias = layer_of(cell=cell, forget_bias=1.5, start_scale=scale).bias
        assert (bias[H : 2 * H] == 1.5).all()
        assert (torch.cat([bias[:H], bias[2 * H :]]).abs() <= (scale or 0)).all()


def test_an_open_forget_gate_keeps_the_cell() -> None:
    """It is that gate which the bias goes to, not its neighbour."""
    layer, cell = layer_of(forget_bias=30.0), torch.linspace(-1, 1, H)[None]
    with torch.no_grad():
        layer.weight_input.zero_()
        layer.weight_hidden.zero_()
        _, (_, after) = layer(torch.zeros(5, 1, D), (torch.zeros(1, H), cell))
    torch.testing.assert_close(after, cell)
