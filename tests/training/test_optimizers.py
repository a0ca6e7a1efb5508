"""Steps on the weights, beside torch's optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from wordkit.config import from_record
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.lm.model import RecurrentModel
from wordkit.training.optimizers import Updater, WeightAverage, steps_by_rows
from wordkit.training.row_updates import RowGradients

Make = Callable[[Iterable[nn.Parameter], float], torch.optim.Optimizer]
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
RATES = [0.1, 0.02, 0.3, 0.05]
WORDS = 9


def config_of(**settings: Any) -> TrainingConfig:
    given = {"momentum": 0.8, "beta2": 0.95, "weight_decay": 0.01, "clip_norm": None, **settings}
    return from_record(TrainingConfig, given)  # without those that have no effect


def new_model(seed: int = 1, **settings: Any) -> RecurrentModel:
    model = RecurrentModel(ModelConfig(**{"hidden": 3, "tied": False, **settings}), WORDS)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-1, 1, generator=generator)
    return model


def gradients_of(model: RecurrentModel, seed: int, scale: float = 1.0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: scale * torch.randn(p.shape, generator=generator)
        for name, p in model.named_parameters()
    }


def give(updater: Updater, model: RecurrentModel, gradients: dict[str, Tensor]) -> None:
    """Let gradients come to where the updater looks for them."""
    updater.clear()
    for name, parameter in model.named_parameters():
        if name in updater.rows:
            rows = updater.rows[name]
            assert isinstance(rows, RowGradients)
            ids = gradients[name].reshape(WORDS, -1).abs().sum(1).nonzero()[:, 0]
            rows.add(ids, gradients[name][ids])
        else:
            parameter.grad = gradients[name].clone()


def assert_same(model: RecurrentModel, other: RecurrentModel, rtol: float = 1e-5) -> None:
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=rtol, atol=1e-6, msg=lambda m, n=name: n + m)


@pytest.mark.parametrize("name", PEERS)
def test_steps_are_those_of_torch(name: str) -> None:
    model, peer_model = new_model(), new_model()
    updater = Updater(model, config_of(optimizer=name), by_rows=False)
    peer = PEERS[name](peer_model.parameters(), 1.0)
    for step, lr in enumerate(RATES):
        gradients = gradients_of(model, step)
        give(updater, model, gradients)
        updater.step(lr)
        for key, parameter in peer_model.named_parameters():
            parameter.grad = gradients[key]
        peer.param_groups[0]["lr"] = lr
        peer.step()
        assert_same(model, peer_model)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_by_rows_is_the_same_where_all_rows_are_touched(weight_decay: float) -> None:
    config = config_of(optimizer="adamw", weight_decay=weight_decay, clip_norm=0.7)
    models = new_model(), new_model()
    by_rows, dense = (
        Updater(model, config, by_rows=flag)
        for model, flag in zip(models, (True, False), strict=True)
    )
    assert set(by_rows.rows) == {"embedding", "output", "bias"} and not dense.rows
    for step, lr in enumerate(RATES):
        gradients = gradients_of(models[0], step)
        norms = []
        for updater, model in zip((by_rows, dense), models, strict=True):
            give(updater, model, gradients)
            norms.append(updater.clip())
            updater.step(lr)
        assert norms[0] == pytest.approx(norms[1])
        assert_same(*models)


def test_rows_that_are_not_touched_stay() -> None:
    model = new_model()
    updater = Updater(model, config_of(optimizer="adamw", weight_decay=0.3), by_rows=True)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    gradients = gradients_of(model, 1)
    for name in updater.rows:
        gradients[name][4:] = 0
    give(updater, model, gradients)
    updater.step(0.1)
    for name, parameter in model.named_parameters():
        changed = parameter.detach() != before[name]
        if name in updater.rows:
            assert changed[:4].any(-1 if changed.dim() > 1 else 0).all()
            assert not changed[4:].any(), name
        else:
            assert changed.all(), name


def test_going_over_to_whole_matrices_keeps_the_moments() -> None:
    config = config_of(optimizer="adamw")
    models = new_model(), new_model()
    changing, dense = (
        Updater(model, config, by_rows=flag)
        for model, flag in zip(models, (True, False), strict=True)
    )
    for step, lr in enumerate(RATES * 2):
        if step == 3:
            changing.go_dense()
            assert not changing.by_rows
        gradients = gradients_of(models[0], step)
        for updater, model in zip((changing, dense), models, strict=True):
            give(updater, model, gradients)
            updater.step(lr)
        assert_same(*models)
    fresh = new_model()
    forgetful = Updater(fresh, config, by_rows=False)
    with torch.no_grad():
        for ours, theirs in zip(fresh.parameters(), models[0].parameters(), strict=True):
            ours.copy_(theirs)
    gradients = gradients_of(fresh, 99)
    for updater, model in ((forgetful, fresh), (changing, models[0])):
        give(updater, model, gradients)
        updater.step(0.1)
    assert not torch.allclose(fresh.embedding, models[0].embedding), "moments do matter here"


def test_a_tied_matrix_is_one_for_the_optimizer_too() -> None:
    updater = Updater(new_model(tied=True), config_of(optimizer="adamw"), by_rows=True)
    assert set(updater.rows) == {"embedding", "bias"}


def test_what_is_frozen_is_left_alone() -> None:
    model = new_model()
    model.embedding.requires_grad_(False)
    before = model.embedding.clone()
    for by_rows in (True, False):
        updater = Updater(model, config_of(optimizer="adamw", weight_decay=0.5), by_rows=by_rows)
        assert "embedding" not in updater.rows
        updater.clear()
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.ones_like(parameter)
        updater.clip()
        updater.step(0.1)
    assert torch.equal(model.embedding, before)


# --- clipping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.01, 10.0])
@pytest.mark.parametrize("by_rows", [True, False])
def test_clipping_by_norm(by_rows: bool, scale: float) -> None:
    """By rows and whole, the norm is that of all gradients together."""
    model, peer = new_model(), new_model()
    updater = Updater(model, config_of(clip_norm=0.8), by_rows=by_rows)
    gradients = gradients_of(model, 1, scale)
    give(updater, model, gradients)
    norm = updater.clip()
    for name, parameter in peer.named_parameters():
        parameter.grad = gradients[name].clone()
    assert norm == pytest.approx(float(nn.utils.clip_grad_norm_(peer.parameters(), 0.8)), rel=1e-5)
    for (name, parameter), theirs in zip(model.named_parameters(), peer.parameters(), strict=True):
        ours = updater.rows[name].values if name in updater.rows else parameter.grad
        torch.testing.assert_close(ours, theirs.grad, rtol=1e-5, atol=1e-7)


def test_clipping_by_value() -> None:
    model = new_model()
    updater = Updater(model, config_of(optimizer="sgd", clip_value=0.5), by_rows=False)
    gradients = gradients_of(model, 1)
    give(updater, model, gradients)
    updater.clip()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter.grad, gradients[name].clamp(-0.5, 0.5))  # type: ignore[arg-type]


def test_no_clipping() -> None:
    model = new_model()
    updater = Updater(model, config_of(), by_rows=False)
    gradients = gradients_of(model, 1, 1000)
    give(updater, model, gradients)
    updater.clip()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter.grad, gradients[name])  # type: ignore[arg-type]


@pytest.mark.parametrize("by_rows", [True, False])
def test_a_gradient_that_is_no_number_is_told(by_rows: bool) -> None:
    model = new_model()
    updater = Updater(model, config_of(clip_norm=1.0), by_rows=by_rows)
    gradients = gradients_of(model, 1)
    gradients["embedding"][2, 1] = torch.nan
    give(updater, model, gradients)
    assert updater.clip() != updater.clip(), "NaN"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"optimizer": "adamw", "weight_decay": 0.1}, True),
        ({"optimizer": "adam"}, True),
        ({"optimizer": "adam", "weight_decay": 0.1}, False),
        ({"optimizer": "adamw", "clip_value": 1.0}, False),
        ({"optimizer": "sgd"}, False),
    ],
)
def test_which_settings_can_go_by_rows(settings: dict[str, Any], expected: bool) -> None:
    assert steps_by_rows(TrainingConfig(**settings)) == expected


# --- going on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_rows", [True, False])
@pytest.mark.parametrize("name", PEERS)
def test_what_it_remembers_can_be_handed_on(name: str, by_rows: bool) -> None:
    config = config_of(optimizer=name)
    by_rows = by_rows and name == "adamw"
    model, other = new_model(), new_model(seed=2)
    updater = Updater(model, config, by_rows=by_rows)
    for step in (1, 2, 3):
        give(updater, model, gradients_of(model, step))
        updater.step(0.1)
    with torch.no_grad():
        for ours, theirs in zip(other.parameters(), model.parameters(), strict=True):
            ours.copy_(theirs)
    kept = {key: value.clone() for key, value in updater.state().items()}
    heir = Updater(other, config, by_rows=by_rows)
    heir.restore(kept)
    for step in (4, 5):
        for each, whose in ((updater, model), (heir, other)):
            give(each, whose, gradients_of(model, step))
            each.step(0.05)
        assert all(map(torch.equal, model.parameters(), other.parameters())), "to the last bit"
    again = updater.state()
    assert set(again) == set(kept)
    if name not in ("sgd", "asgd"):
        assert any(not torch.equal(again[key], kept[key]) for key in kept), "and kept is a copy"


# --- averaging ------------------------------------------------------------------------------------


def test_the_mean_of_all_weights_since_it_began() -> None:
    model = new_model()
    seen = [[p.detach().clone() for p in model.parameters()]]
    average = WeightAverage(model)
    for step in range(5):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(step + 0.5)
        seen.append([p.detach().clone() for p in model.parameters()])
        average.update()
    expected = [torch.stack(values).mean(0) for values in zip(*seen, strict=True)]
    with average.applied():
        for parameter, mean in zip(model.parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.detach(), mean)
    assert all(map(torch.equal, model.parameters(), seen[-1])), "and back again"
    for kept, mean in zip(average.mean.values(), expected, strict=True):
        torch.testing.assert_close(kept, mean)


def test_the_weights_come_back_whatever_happens() -> None:
    model = new_model()
    average = WeightAverage(model)
    with torch.no_grad():
        model.embedding.add_(1)
    average.update()
    before = model.embedding.detach().clone()
    with pytest.raises(KeyboardInterrupt), average.applied():  # noqa: PT012
        assert not torch.equal(model.embedding, before)
        raise KeyboardInterrupt
    assert torch.equal(model.embedding, before)
