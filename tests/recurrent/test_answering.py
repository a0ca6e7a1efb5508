"""A network that answers is as it was when it has answered."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wordkit.recurrent.answering import answering


class Toy(nn.Module):
    precision = "bf16"


@pytest.mark.parametrize("training", [True, False])
def test_it_is_as_before_whatever_happens(training: bool) -> None:
    network = Toy().train(training)
    with answering(network):
        assert not network.training and network.precision == "fp32"
        assert not torch.is_grad_enabled()
        with answering(network):
            assert not network.training
        assert not network.training and network.precision == "fp32"
    assert network.training == training and network.precision == "bf16"
    assert torch.is_grad_enabled()
    with pytest.raises(KeyboardInterrupt), answering(network):
        raise KeyboardInterrupt
    assert network.training == training and network.precision == "bf16"
    assert torch.is_grad_enabled()
