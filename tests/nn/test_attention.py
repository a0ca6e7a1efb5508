"""Additive attention by tiles, and the plain formula."""

from __future__ import annotations

import pytest
import torch

from wordkit.nn import attention
from wordkit.nn.attention import Attention

T, S, B, D, A = 3, 5, 4, 6, 7


@pytest.mark.parametrize("tile", [1, 2 * S * A, 1 << 17])
def test_additive_attention_is_its_formula(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Context, weights and all gradients, one sequence at a time, some, and all."""
    monkeypatch.setattr(attention, "_TILE", tile)
    torch.manual_seed(1)
    layer = Attention("additive", D, A).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    queries = torch.randn(T, B, D, dtype=torch.double, requires_grad=True)
    values = torch.randn(B, S, D, dtype=torch.double, requires_grad=True)
    mask = torch.arange(S) >= torch.tensor([[S], [2], [1], [4]])
    leaves = [queries, values, *layer.parameters()]

    contexts, weights = layer(queries, layer.keys(values), values, mask)
    sums = (queries.transpose(0, 1) @ layer.query.T).unsqueeze(2) + (values @ layer.key.T)[:, None]
    scores = (sums.tanh() @ layer.score).masked_fill(mask[:, None], -torch.inf)  # (B, T, S)
    expected = (scores.softmax(-1) @ values).transpose(0, 1)
    torch.testing.assert_close(weights, scores.softmax(-1))
    torch.testing.assert_close(contexts, expected)
    cotangent = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(contexts, leaves, cotangent),
        torch.autograd.grad(expected, leaves, cotangent),
    )
