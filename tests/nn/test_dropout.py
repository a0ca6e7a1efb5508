"""Dropout: which values share a mask, how many are dropped, and where the masks come from."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wordkit.nn.dropout import Dropout, dropout_generator

T, B, W = 6, 50, 40


def dropped(x: Tensor, dropout: Dropout, seed: int = 1) -> Tensor:
    with dropout_generator(torch.Generator().manual_seed(seed)):
        result: Tensor = dropout(x)
    return result


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("p", [0.1, 0.8])
def test_a_fraction_is_dropped_and_the_rest_scaled_up(locked: bool, p: float) -> None:
    x = torch.rand(T, B, W) + 1
    y = dropped(x, Dropout(p, locked=locked))
    n = B * W if locked else x.numel()
    assert float((y == 0).float().mean()) == pytest.approx(p, abs=4 * (0.25 / n) ** 0.5)
    torch.testing.assert_close(y[y != 0], x[y != 0] / (1 - p))


def test_a_locked_mask_is_the_same_at_all_steps_but_not_for_all_sequences() -> None:
    mask = dropped(torch.ones(T, B, W), Dropout(0.5, locked=True))
    assert (mask == mask[0]).all()
    assert len({tuple(row.tolist()) for row in mask[0]}) == B
    mask = dropped(torch.ones(T, B, W), Dropout(0.5))
    assert len({tuple(row.tolist()) for step in mask for row in step}) == T * B


def test_masks_come_from_the_generator_alone_and_without_one_from_torchs() -> None:
    x, dropout = torch.ones(T, B, W), Dropout(0.5)
    first = dropped(x, dropout)
    torch.manual_seed(2)
    assert torch.equal(dropped(x, dropout), first)
    assert not torch.equal(dropped(x, dropout, seed=2), first)
    torch.manual_seed(3)
    own = dropout(x)
    torch.manual_seed(3)
    with dropout_generator(torch.Generator().manual_seed(1)), dropout_generator(None):
        assert torch.equal(dropout(x), own)
