"""What the signature of networks promises: states, inference, products in bf16."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from wordkit.nn.network import (
    detach,
    device_of,
    inference,
    linear,
    map_state,
    select,
    split,
    uses_bf16,
)


class Named(NamedTuple):
    read: Tensor
    weights: Tensor | None


def nested() -> tuple[Named, tuple[()], None, tuple[Tensor, Tensor]]:
    parts = [torch.arange(6.0).view(3, 2) + n for n in range(3)]
    return Named(parts[0], None), (), None, (parts[1], parts[2].requires_grad_() * 1)


def test_helpers_go_into_every_tensor_and_keep_the_form() -> None:
    state = nested()
    doubled = map_state(lambda part: 2 * part, state)
    assert isinstance(doubled[0], Named) and doubled[0].weights is None
    assert doubled[1:3] == ((), None)
    assert torch.equal(doubled[0].read, 2 * state[0].read)
    assert torch.equal(doubled[3][1], 2 * state[3][1])
    chosen = select(state, torch.tensor([2, 0, 2, 1]))
    assert torch.equal(chosen[3][0], state[3][0][[2, 0, 2, 1]])
    halves = [*split(state, [2, 1])]
    assert [type(half[0]) for half in halves] == [Named] * 2 and halves[1][1:3] == ((), None)
    assert torch.equal(torch.cat([half[3][0] for half in halves]), state[3][0])
    assert state[3][1].requires_grad and not detach(state)[3][1].requires_grad
    assert select(None, torch.tensor([0])) is None


@pytest.mark.parametrize("training", [True, False])
def test_a_network_is_as_it_was_after_inference_whatever_happens(training: bool) -> None:
    network = nn.Linear(2, 2).train(training)
    with inference(network):
        assert not network.training and not torch.is_grad_enabled()
        with inference(network):
            assert not network.training
        assert not network.training
    assert network.training == training and torch.is_grad_enabled()
    with pytest.raises(KeyboardInterrupt), inference(network):
        raise KeyboardInterrupt
    assert network.training == training and torch.is_grad_enabled()


def test_networks_without_parameters_are_on_the_cpu() -> None:
    assert device_of(object()) == device_of(nn.Identity()) == torch.device("cpu")
    assert device_of(nn.Linear(1, 1, device="meta")).type == "meta"


def test_products_are_in_bf16_inside_an_autocast_alone() -> None:
    x, weight, bias = torch.randn(3, 40), torch.randn(5, 40), torch.randn(5)
    expected = x @ weight.T + bias
    torch.testing.assert_close(linear(x, weight, bias), expected)
    assert not uses_bf16(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert uses_bf16(x)
        found = linear(x, weight, bias)
        with torch.autocast("cpu", enabled=False):
            assert not uses_bf16(x)
    assert found.dtype == torch.float32 and not torch.equal(found, expected)
    assert float((found - expected).norm() / expected.norm()) < 0.01
