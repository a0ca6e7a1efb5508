"""Steps on the weights, clipping and averaging, beside torch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from wordkit.config import from_record
from wordkit.training.config import LearningConfig
from wordkit.training.optimizers import (
    RowAdamW,
    WeightAverage,
    clip_gradients,
    make_optimizer,
    sparse_rows,
)

Make = Callable[[Iterable[nn.Parameter], float], torch.optim.Optimizer]
V, H, RATES = 9, 3, [0.1, 0.02, 0.3, 0.05]
PEERS: dict[str, Make] = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr, weight_decay=0.01),
    "asgd": lambda p, lr: torch.optim.SGD(p, lr, weight_decay=0.01),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.8, weight_decay=0.01),
    "nesterov": lambda p, lr: torch.optim.SGD(
        p, lr, momentum=0.8, weight_decay=0.01, nesterov=True
    ),
    "adagrad": lambda p, lr: torch.optim.Adagrad(p, lr, weight_decay=0.01),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr, weight_decay=0.01),
    "adam": lambda p, lr: torch.optim.Adam(p, lr, betas=(0.9, 0.95), weight_decay=0.01),
    "adamw": lambda p, lr: torch.optim.AdamW(p, lr, betas=(0.9, 0.95), weight_decay=0.01),
}


class Network(nn.Module):
    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        for name, shape in (("embedding", (V, H)), ("bias", (V,)), ("inner", (H, H))):
            self.register_parameter(name, nn.Parameter(torch.randn(shape, generator=generator)))


def config_of(**settings: Any) -> LearningConfig:
    given = {"momentum": 0.8, "beta2": 0.95, "weight_decay": 0.01, "clip_norm": None, **settings}
    return from_record(LearningConfig, given)  # without those that have no effect


def give(network: nn.Module, step: int, *, rows: Any = None, scale: float = 1.0) -> None:
    """Set random gradients; with rows those of the words are sparse, and of these rows alone."""
    generator = torch.Generator().manual_seed(step)
    for parameter in network.parameters():
        gradient = scale * torch.randn(parameter.shape, generator=generator)
        if rows is not None and len(parameter) == V:
            ids = torch.as_tensor(rows)
            gradient = torch.sparse_coo_tensor(
                ids[None], gradient[ids], gradient.shape, check_invariants=True
            )
        parameter.grad = gradient


def go(network: nn.Module, optimizer: torch.optim.Optimizer, step: int, **more: Any) -> None:
    give(network, step, **more)
    optimizer.param_groups[0]["lr"] = RATES[step % 4]
    optimizer.step()


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for (name, a), b in zip(one.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6, msg=lambda m, n=name: n + m)


@pytest.mark.parametrize("name", PEERS)
def test_steps_are_those_of_torch(name: str) -> None:
    network, peer = Network(), Network()
    optimizer = make_optimizer(network, config_of(optimizer=name))
    other = PEERS[name](peer.parameters(), 1.0)
    for step in range(4):
        go(network, optimizer, step)
        go(peer, other, step)
        assert_same(network, peer)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_where_all_rows_are_in_a_sparse_gradient_it_is_adamw(weight_decay: float) -> None:
    """And one may go over from sparse gradients to dense ones: the moments stay."""
    network, peer = Network(), Network()
    optimizer = make_optimizer(network, config_of(optimizer="adamw", weight_decay=weight_decay))
    other = torch.optim.AdamW(peer.parameters(), 1.0, (0.9, 0.95), weight_decay=weight_decay)
    for step in range(12):
        order = torch.randperm(V) if step < 8 else None
        go(network, optimizer, step, rows=order)
        go(peer, other, step)
        assert_same(network, peer)


def test_where_some_rows_are_it_is_sparse_adam() -> None:
    """But for eps, which is added elsewhere; it is as good as 0 here."""
    network, peer = Network(), Network()
    before = network.embedding.detach().clone()
    optimizer = RowAdamW(network.parameters(), 1.0, eps=1e-15, weight_decay=0, fused=True)
    words = [p for p in peer.parameters() if len(p) == V]
    other = torch.optim.SparseAdam(words, 1.0, eps=1e-15)
    for step in range(12):
        rows = [step % 5, 2, 2, (3 * step) % 5]  # some twice
        for one, by in ((network, optimizer), (peer, other)):
            go(one, by, step, rows=rows)
    for name in ("embedding", "bias"):
        ours, theirs = getattr(network, name), getattr(peer, name)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert torch.equal(network.embedding[5:], before[5:])
    assert not torch.equal(network.inner, peer.inner), "dense ones are updated beside them"


def test_decay_is_of_the_rows_in_the_gradient_alone() -> None:
    network = Network()
    before = network.embedding.detach().clone()
    optimizer = RowAdamW([network.embedding], 0.1, weight_decay=0.5)
    network.embedding.grad = sparse_rows(torch.eye(V)[:, [4] * H])
    network.embedding.grad._values().zero_()
    optimizer.step()
    torch.testing.assert_close(network.embedding[4], before[4] * 0.95)
    assert torch.equal(network.embedding[5:], before[5:])
    assert network.embedding.grad.is_sparse, "it is still there"


def test_what_is_frozen_is_left_alone() -> None:
    network = Network()
    network.embedding.requires_grad_(False)
    before = network.embedding.clone()
    optimizer = make_optimizer(network, config_of(optimizer="adamw", weight_decay=0.5))
    go(network, optimizer, 1)
    assert torch.equal(network.embedding, before)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"optimizer": "adamw", "weight_decay": 0.1}, True),
        ({"optimizer": "adam", "weight_decay": 0}, True),
        ({"optimizer": "adam", "weight_decay": 0.1}, False),
        ({"optimizer": "adamw", "clip_value": 1.0}, False),
        ({"optimizer": "sgd"}, False),
    ],
)
def test_which_settings_can_go_by_sparse_rows(settings: dict[str, Any], expected: bool) -> None:
    assert config_of(**settings).has_sparse_rows == expected


@pytest.mark.parametrize("shape", [(V, H), (V,)])
def test_dense_gradients_as_rows_that_are_not_zero(shape: tuple[int, ...]) -> None:
    gradient = torch.randn(shape)
    gradient[[0, 3]] = 0
    sparse = sparse_rows(gradient)
    assert torch.equal(sparse.to_dense(), gradient) and sparse.is_coalesced()
    assert sparse.indices()[0].tolist() == [1, 2, *range(4, V)]


# --- clipping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.01, 10.0])
@pytest.mark.parametrize("rows", [None, [1, 2, 2, 7]])
def test_clipping_by_the_norm_of_all_gradients_together(rows: Any, scale: float) -> None:
    """Sparse ones, where rows may be there twice, and dense ones."""
    network, peer = Network(), Network()
    give(network, 1, rows=rows, scale=scale)
    give(peer, 1, rows=rows, scale=scale)
    for parameter in peer.parameters():
        parameter.grad = parameter.grad.to_dense()  # type: ignore[union-attr]
    norm = clip_gradients(network.parameters(), config_of(clip_norm=0.8))
    expected = nn.utils.clip_grad_norm_(peer.parameters(), 0.8)
    assert norm == pytest.approx(float(expected), rel=1e-5)
    for ours, theirs in zip(network.parameters(), peer.parameters(), strict=True):
        torch.testing.assert_close(ours.grad.to_dense(), theirs.grad, rtol=1e-5, atol=1e-7)  # type: ignore[union-attr]


def test_clipping_by_value_and_none() -> None:
    for settings, limit in (({"clip_value": 0.5}, 0.5), ({}, torch.inf)):
        network, peer = Network(), Network()
        give(network, 1, scale=100)
        give(peer, 1, scale=100)
        clip_gradients(network.parameters(), config_of(optimizer="sgd", **settings))
        for ours, theirs in zip(network.parameters(), peer.parameters(), strict=True):
            assert torch.equal(ours.grad, theirs.grad.clamp(-limit, limit))  # type: ignore[arg-type, union-attr]
    assert clip_gradients(Network().parameters(), config_of()) == 0, "nothing to clip"


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("rows", [None, [2, 5]])
def test_gradients_that_are_no_numbers_show_in_the_norm(clip_norm: Any, rows: Any) -> None:
    network = Network()
    give(network, 1, rows=rows, scale=torch.nan)
    assert not torch.tensor(
        clip_gradients(network.parameters(), config_of(clip_norm=clip_norm))
    ).isfinite()


# --- averaging ------------------------------------------------------------------------------------


def changed(network: nn.Module, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    return network.embedding.detach().clone()  # type: ignore[operator, union-attr, return-value]


def test_the_weights_come_back_whatever_happens() -> None:
    network = Network()
    average = WeightAverage(network)
    before = changed(network, 1)
    average.update()
    with pytest.raises(KeyboardInterrupt), average.applied():  # noqa: PT012
        assert not torch.equal(network.embedding, before)
        raise KeyboardInterrupt
    assert torch.equal(network.embedding, before)
