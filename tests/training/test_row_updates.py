"""Gradients and steps of rows: what torch does with whole matrices, on the rows alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from wordkit.training.row_updates import RowAdamW, RowGradients, embedding_lookup

V, H = 300, 41
SHAPES = [(V, H), (V, 1), (V,)]


@pytest.fixture(params=["kernels", "torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the kernels of the CPU, and as on a device."""
    if request.param == "torch":
        monkeypatch.setattr("wordkit.training.row_updates.uses_kernels", lambda parameter: False)
    return str(request.param)


def _parameter(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3)).requires_grad_()


def _some(step: int, shape: tuple[int, ...], count: int = 90) -> tuple[Tensor, Tensor]:
    """Ids, with doubles, and gradients for them."""
    random = torch.Generator().manual_seed(step)
    ids = torch.randint(V, (count,), generator=random)
    return ids, torch.randn(count, *shape[1:], generator=random)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_gathered_and_cleared(way: str, shape: tuple[int, ...]) -> None:
    gradients = RowGradients(_parameter(shape))
    expected = torch.zeros(shape)
    for step in range(3):
        ids, rows = _some(step, shape)
        ids[4] = -1
        gradients.add(ids, rows)
        for i, row in zip(ids.tolist(), rows, strict=True):
            if i >= 0:
                expected[i] += row
    torch.testing.assert_close(gradients.values, expected)
    touched = expected.reshape(V, -1).any(1)
    assert gradients.rows().tolist() == touched.nonzero()[:, 0].tolist()
    assert gradients.mask().equal(touched)
    torch.testing.assert_close(gradients.squared_norm(), expected.square().sum())
    gradients.scale_(0.25)
    torch.testing.assert_close(gradients.values, expected / 4)
    gradients.clear()
    assert not gradients.values.any()
    assert len(gradients.rows()) == 0
    assert gradients.squared_norm() == 0


def test_clearing_takes_away_what_is_no_number(way: str) -> None:
    gradients = RowGradients(_parameter((V, H)))
    gradients.add(torch.tensor([2]), torch.full((1, H), torch.nan))
    assert gradients.squared_norm().isnan()
    gradients.clear()
    assert not gradients.values.any()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.lists(st.integers(-1, 9), max_size=40))
def test_rows_are_the_ids_that_were_added(ids: list[int]) -> None:
    gradients = RowGradients(torch.zeros(10, 2))
    for part in (ids[:7], ids[7:]):
        gradients.add(torch.tensor(part, dtype=torch.int64), torch.ones(len(part), 2))
    assert gradients.rows().tolist() == sorted({i for i in ids if i >= 0})
    assert gradients.values[:, 1].tolist() == [ids.count(i) for i in range(10)]


def test_an_id_that_is_no_row(way: str) -> None:
    gradients = RowGradients(_parameter((V, H)))
    with pytest.raises((IndexError, RuntimeError)):
        gradients.add(torch.tensor([0, V]), torch.ones(2, H))


def test_lookup_sends_gradients_to_rows(way: str) -> None:
    parameter = _parameter((V, H))
    gradients = RowGradients(parameter)
    ids = torch.randint(V, (7, 5), generator=torch.Generator().manual_seed(1))
    factors = torch.randn(7, 5, H, generator=torch.Generator().manual_seed(2))
    vectors = embedding_lookup(parameter, ids, gradients)
    assert vectors.equal(parameter[ids])
    (vectors * factors).sum().backward()
    assert parameter.grad is None
    (parameter[ids] * factors).sum().backward()
    torch.testing.assert_close(gradients.values, parameter.grad)
    with torch.no_grad():
        assert not embedding_lookup(parameter, ids, gradients).requires_grad


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_all_rows_stepped_is_adamw(way: str, shape: tuple[int, ...], weight_decay: float) -> None:
    mine = _parameter(shape)
    other = mine.detach().clone().requires_grad_()
    gradients = RowGradients(mine)
    step_rows = RowAdamW(mine, gradients, (0.8, 0.99), 1e-6, weight_decay)
    adamw = torch.optim.AdamW([other], 1e-2, (0.8, 0.99), 1e-6, weight_decay)
    for step in range(30):
        other.grad = torch.randn(shape, generator=torch.Generator().manual_seed(step))
        order = torch.randperm(V)
        gradients.clear()
        gradients.add(order, other.grad[order])
        step_rows.step(1e-2)
        adamw.step()
    torch.testing.assert_close(mine, other, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_some_rows_stepped_is_sparse_adam(way: str, shape: tuple[int, ...]) -> None:
    """But for eps, which is added elsewhere; it is as good as 0 here."""
    mine = _parameter(shape)
    other = mine.detach().clone().requires_grad_()
    start = mine.detach().clone()
    gradients = RowGradients(mine)
    step_rows = RowAdamW(mine, gradients, eps=1e-15)
    sparse = torch.optim.SparseAdam([other], 1e-2, eps=1e-15)
    seen = torch.zeros(V, dtype=torch.bool)
    for step in range(20):
        ids, rows = _some(step, shape, 12)
        seen[ids] = True
        gradients.clear()
        gradients.add(ids, rows)
        step_rows.step(1e-2)
        other.grad = torch.sparse_coo_tensor(ids[None], rows, shape, check_invariants=True)
        sparse.step()
    torch.testing.assert_close(mine, other, rtol=1e-5, atol=3e-6)
    assert mine[~seen].equal(start[~seen])
    assert not seen.all()


def test_decay_of_touched_rows_only(way: str) -> None:
    parameter = _parameter((V, H))
    start = parameter.detach().clone()
    gradients = RowGradients(parameter)
    gradients.add(torch.tensor([4]), torch.zeros(1, H))
    RowAdamW(parameter, gradients, weight_decay=0.5).step(0.1)
    torch.testing.assert_close(parameter[4], start[4] * 0.95)
    assert parameter[5:].equal(start[5:])


def test_training_goes_on_in_torch(way: str) -> None:
    """What was learnt by rows goes on in a torch optimizer, as it would have in one."""
    mine = _parameter((V, H))
    other = mine.detach().clone().requires_grad_()
    gradients = RowGradients(mine)
    step_rows = RowAdamW(mine, gradients, weight_decay=0.01)
    whole = torch.optim.AdamW([other], 1e-2, weight_decay=0.01)
    for step in range(8):
        gradient = torch.randn(V, H, generator=torch.Generator().manual_seed(step))
        other.grad = gradient.clone()
        whole.step()
        if step < 5:
            gradients.clear()
            gradients.add(torch.arange(V), gradient)
            step_rows.step(1e-2)
            if step == 4:
                dense = torch.optim.AdamW([mine], 1e-2, weight_decay=0.01, fused=True)
                dense.state[mine] = step_rows.to_dense_state()
        else:
            mine.grad = gradient
            dense.step()
    torch.testing.assert_close(mine, other, rtol=1e-5, atol=3e-6)


def test_a_state_restored_goes_on_to_the_same_numbers(way: str) -> None:
    def run(steps: range, weights: Tensor, state: dict[str, Tensor] | None) -> RowAdamW:
        gradients = RowGradients(weights)
        step_rows = RowAdamW(weights, gradients, weight_decay=0.01)
        if state is not None:
            step_rows.load_state_dict(state)
        for step in steps:
            gradients.clear()
            gradients.add(*_some(step, (V, H)))
            step_rows.step(1e-2)
        return step_rows

    whole, parts = _parameter((V, H)).detach(), _parameter((V, H)).detach()
    expected = run(range(9), whole, None).state_dict()
    state = run(range(4), parts, None).state_dict()
    found = run(range(4, 9), parts, state).state_dict()
    assert parts.equal(whole)
    assert found.keys() == expected.keys()
    assert all(found[name].equal(expected[name]) for name in found)
