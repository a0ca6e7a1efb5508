"""Dropout: which values share their fate, how many are dropped, and what is left of the rest."""

from __future__ import annotations

import pytest
import torch

from wordkit.recurrent.dropout import dropped, locked, word_mask

T, B, W = 6, 50, 40


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("drop", [dropped, locked])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_share_is_dropped_and_the_rest_scaled_up(drop: object, share: float) -> None:
    x = torch.rand(T, B, W) + 1
    y = drop(x, share, generator())  # type: ignore[operator]
    is_dropped = y == 0
    n = x.numel() if drop is dropped else B * W
    assert float(is_dropped.float().mean()) == pytest.approx(share, abs=4 * (0.25 / n) ** 0.5)
    torch.testing.assert_close(y[~is_dropped], x[~is_dropped] / (1 - share))


def test_locked_dropout_is_the_same_at_all_steps_but_not_in_all_tracks() -> None:
    mask = locked(torch.ones(T, B, W), 0.5, generator())
    assert (mask == mask[0]).all()
    assert len({tuple(track.tolist()) for track in mask[0]}) == B


def test_ordinary_dropout_differs_from_step_to_step() -> None:
    mask = dropped(torch.ones(T, B, W), 0.5, generator())
    assert len({tuple(track.tolist()) for step in mask for track in step}) == T * B


def test_words_are_dropped_whole() -> None:
    mask = word_mask(5000, 0.2, torch.device("cpu"), generator())
    assert mask.shape == (5000,)
    assert sorted(set(mask.tolist())) == pytest.approx([0, 1.25])
    assert float((mask == 0).float().mean()) == pytest.approx(0.2, abs=0.03)


def test_masks_come_from_the_generator_alone() -> None:
    x = torch.ones(T, B, W)
    for drop in (dropped, locked):
        torch.manual_seed(1)
        first = drop(x, 0.5, generator())
        torch.manual_seed(2)
        assert torch.equal(drop(x, 0.5, generator()), first)
        assert not torch.equal(drop(x, 0.5, generator(2)), first)


def test_gradients_are_dropped_with_the_values() -> None:
    x = torch.ones(T, B, W, requires_grad=True)
    y = locked(x, 0.5, generator())
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())  # type: ignore[arg-type]
