"""The layers of devices compute what the layers of the CPU do: both run here on the CPU."""

from __future__ import annotations

import pytest
import torch

from wordkit.recurrent.device_layer import CELLS_OF_DEVICES, device_layer
from wordkit.recurrent.layer import RecurrentLayer


@pytest.mark.parametrize("cell", CELLS_OF_DEVICES)
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 3e-2)])
def test_it_equals_the_layer_of_the_cpu(cell: str, precision: str, tolerance: float) -> None:
    T, B, D, H = 5, 3, 6, 7
    torch.manual_seed(1)
    layer = RecurrentLayer(cell, D, H)
    for parameter in layer.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    x = torch.randn(T, B, D, requires_grad=True)
    state = tuple(torch.randn(B, H) for _ in range(layer.cell.states))
    weights = (layer.weight_input, layer.weight_hidden, layer.bias, layer.extra)
    results = []
    for outputs, after in (
        layer(x, state, layer.weight_hidden, "fp32"),
        device_layer(cell, x, weights, state, precision),
    ):
        wanted = [p for p in (x, *weights) if p is not None]
        gradients = torch.autograd.grad(outputs.square().sum() + after[-1].sum(), wanted)
        results.append([outputs, *after, *gradients])
    for ours, theirs in zip(*results, strict=True):
        assert theirs.dtype == torch.float32
        scale = float(ours.detach().abs().max())
        assert torch.allclose(ours, theirs, rtol=0, atol=tolerance * max(scale, 1.0))
