"""The recurrence of a layer: the kernels beside torch's modules, plain loops and a NumPy twin.

Letters: T steps, B tracks side by side, H width of the layer, G gates of the cell.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recurrent import twin_cells

from wordkit.errors import ConfigError
from wordkit.recurrent.cells import CELLS, unrolled
from wordkit.recurrent.recurrence import is_bf16_fast, recur, supports_bf16
from wordkit.training.run import chosen_precision

SHAPES = [(1, 1, 1), (3, 1, 3), (35, 1, 40), (5, 2, 16), (7, 5, 17), (12, 21, 33), (4, 13, 200)]
MODULES = {
    "rnn-tanh": lambda H: torch.nn.RNN(3, H),
    "rnn-relu": lambda H: torch.nn.RNN(3, H, nonlinearity="relu"),
    "lstm": lambda H: torch.nn.LSTM(3, H),
    "gru": lambda H: torch.nn.GRU(3, H),
}


def make(cell, T, B, H, seed=0, dtype=torch.float32):
    """Something for the recurrence to work on: projected, weight, state, extra."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape, scale=1.0):
        values = torch.randn(*shape, generator=generator, dtype=torch.float64) * scale
        return values.to(dtype).requires_grad_()

    kind = CELLS[cell]
    shape = kind.extra_shape(H)
    return (
        draw(T, B, kind.gates * H),
        draw(kind.gates * H, H, scale=H**-0.5),
        tuple(draw(B, H) for _ in range(kind.states)),
        None if shape is None else draw(*shape),
    )


def values_and_gradients(function, cell, case, seed=1, **options):
    """Outputs, final state and all gradients of a random linear function of them."""
    projected, weight, state, extra = case
    outputs, final = function(cell, projected, weight, state, extra, **options)
    generator = torch.Generator().manual_seed(seed)
    loss = sum(
        (made * torch.randn(made.shape, generator=generator).to(made.dtype)).sum()
        for made in (outputs, *final)
    )
    leaves = [projected, weight, *state] + ([] if extra is None else [extra])
    return [outputs, *final, *torch.autograd.grad(loss, leaves)]


def distance(found, expected):
    """The largest difference, as a share of the largest expected number."""
    found, expected = found.detach(), expected.detach()
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-3))


@pytest.mark.parametrize(("T", "B", "H"), SHAPES)
@pytest.mark.parametrize("cell", MODULES)
def test_equals_torch(cell, T, B, H):
    torch.manual_seed(3)
    module = MODULES[cell](H)
    x = torch.randn(T, B, 3)
    state = tuple(torch.randn(B, H, requires_grad=True) for _ in range(CELLS[cell].states))
    before = tuple(part[None] for part in state)
    expected, final = module(x, before if cell == "lstm" else before[0])
    final = final if cell == "lstm" else (final,)
    upstream = torch.randn(T, B, H), [torch.randn(B, H) for _ in state]
    parameters = list(module.parameters())

    def gradients(outputs, after):
        loss = (outputs * upstream[0]).sum() + sum(
            (a * u).sum() for a, u in zip(after, upstream[1], strict=True)
        )
        return torch.autograd.grad(loss, [*parameters, *state])

    expected_gradients = gradients(expected, [part[0] for part in final])
    weight_input, weight_hidden, bias_input, bias_hidden = parameters
    bias, extra = bias_input + bias_hidden, None
    if cell == "gru":  # its candidate has the bias behind the reset gate
        bias = bias_input + torch.cat([bias_hidden[: 2 * H], torch.zeros(H)])
        extra = bias_hidden[2 * H :]
    projected = x @ weight_input.T + bias
    outputs, after = recur(cell, projected, weight_hidden, state, extra)
    assert distance(outputs, expected) < 2e-6
    for found, part in zip(after, final, strict=True):
        assert distance(found, part[0]) < 2e-6
    for found, wanted in zip(gradients(outputs, after), expected_gradients, strict=True):
        assert distance(found, wanted) < 2e-5


@pytest.mark.parametrize(("T", "B", "H"), SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_equals_the_numpy_twin(cell, T, B, H):
    projected, weight, state, extra = make(cell, T, B, H)

    def as_array(tensor):
        return None if tensor is None else tensor.detach().double().numpy()

    expected, final = twin_cells.recur(
        cell, as_array(projected), as_array(weight), [as_array(s) for s in state], as_array(extra)
    )
    outputs, after = recur(cell, projected, weight, state, extra)
    assert np.abs(as_array(outputs) - expected).max() < 5e-6 * max(1, np.abs(expected).max())
    for found, wanted in zip(after, final, strict=True):
        assert np.abs(as_array(found) - wanted).max() < 5e-6 * max(1, np.abs(wanted).max())


@settings(max_examples=40, deadline=None)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    T=st.integers(1, 9),
    B=st.integers(1, 21),
    H=st.integers(1, 80),
    seed=st.integers(0, 1000),
)
def test_equals_the_plain_loop_with_its_gradients(cell, T, B, H, seed):
    case = make(cell, T, B, H, seed)
    found = values_and_gradients(recur, cell, case)
    expected = values_and_gradients(unrolled, cell, case)
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert distance(a, b) < 3e-5


@pytest.mark.parametrize("cell", CELLS)
def test_the_plain_loop_has_the_right_gradients(cell):
    projected, weight, state, extra = make(cell, 3, 2, 4, dtype=torch.float64)
    rest = () if extra is None else (extra,)

    def function(projected, weight, *others):
        state, extra = others[: CELLS[cell].states], others[CELLS[cell].states :]
        outputs, final = unrolled(cell, projected, weight, state, *extra)
        return outputs, *final

    assert torch.autograd.gradcheck(function, (projected, weight, *state, *rest))


@pytest.mark.parametrize("cell", CELLS)
def test_the_kernels_have_the_right_gradients_by_differences(cell):
    projected, weight, state, extra = make(cell, 4, 3, 5, seed=4)
    leaves = [projected, weight, *state] + ([] if extra is None else [extra])
    gradients = values_and_gradients(recur, cell, (projected, weight, state, extra))
    gradients = gradients[1 + len(state) :]

    def loss(*values):
        values = list(values)
        part, others = values[2 : 2 + len(state)], values[2 + len(state) :]
        outputs, final = twin_cells.recur(cell, values[0], values[1], part, *others)
        generator = torch.Generator().manual_seed(1)
        return sum(
            (made * torch.randn(made.shape, generator=generator).numpy()).sum()
            for made in (outputs, *final)
        )

    points = [leaf.detach().double().numpy() for leaf in leaves]
    generator = np.random.default_rng(0)
    step = 1e-6
    for place, gradient in enumerate(gradients):
        direction = generator.standard_normal(points[place].shape)
        ahead, behind = list(points), list(points)
        ahead[place] = points[place] + step * direction
        behind[place] = points[place] - step * direction
        slope = (loss(*ahead) - loss(*behind)) / (2 * step)
        assert float((gradient.double().numpy() * direction).sum()) == pytest.approx(
            slope, rel=1e-4, abs=1e-4
        )


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_carried_state_equals_one_long_pass(cell, B):
    projected, weight, state, extra = make(cell, 30, B, 50)
    with torch.no_grad():
        whole, final = recur(cell, projected, weight, state, extra)
        parts = []
        for window in projected.split([1, 2, 17, 10]):
            outputs, state = recur(cell, window, weight, state, extra)
            parts.append(outputs)
    assert distance(torch.cat(parts), whole) < 5e-6
    for a, b in zip(state, final, strict=True):
        assert distance(a, b) < 5e-6


@pytest.mark.parametrize("cell", CELLS)
def test_without_gradients_the_same_is_made_and_nothing_kept(cell):
    case = make(cell, 9, 5, 50)
    outputs, final = recur(cell, *case)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            again, after = recur(cell, *case)
        assert torch.equal(outputs, again)
        assert all(torch.equal(a, b) for a, b in zip(final, after, strict=True))
        assert again.grad_fn is None


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_same_bits_again_and_on_any_number_of_threads(cell, precision):
    before = torch.get_num_threads()
    case = make(cell, 11, 20, 120)
    try:
        runs = []
        for threads in (1, 2, 3, 2, 2):
            torch.set_num_threads(threads)
            runs.append(values_and_gradients(recur, cell, case, precision=precision))
    finally:
        torch.set_num_threads(before)
    states = CELLS[cell].states
    for run in runs[1:]:
        for place, (a, b) in enumerate(zip(run, runs[0], strict=True)):
            if place == states + 2:  # a sum over all tracks, which torch's product may part
                assert distance(a, b) < 1e-6
            else:
                assert torch.equal(a, b)
    assert all(torch.equal(a, b) for a, b in zip(runs[3], runs[4], strict=True))


def test_plain_threads_serve_where_torch_has_no_openmp(monkeypatch):
    from wordkit.recurrent.kernels import jobs

    case = make("lstm", 11, 20, 120)
    expected = values_and_gradients(recur, "lstm", case)
    monkeypatch.setattr(jobs, "_team", lambda: None)
    found = values_and_gradients(recur, "lstm", case)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_more_tracks_than_a_task_takes():
    case = make("gru", 3, 203, 9)
    found = values_and_gradients(recur, "gru", case)
    for a, b in zip(found, values_and_gradients(unrolled, "gru", case), strict=True):
        assert distance(a, b) < 1e-5


@pytest.mark.parametrize("B", [1, 4])
@pytest.mark.parametrize("cell", CELLS)
def test_a_nan_is_not_hidden(cell, B):
    projected, weight, state, extra = make(cell, 6, B, 20)
    with torch.no_grad():
        projected[2, 0, -1] = float("nan")  # candidate, output gate or input
        outputs, final = recur(cell, projected, weight, state, extra)
        assert outputs[:2].isfinite().all()
        assert outputs[3:, 0].isnan().all()
        assert outputs[:, 1:].isfinite().all()
        assert final[0][0].isnan().all()


@pytest.mark.parametrize("cell", CELLS)
def test_large_numbers_saturate(cell):
    projected, weight, state, extra = make(cell, 3, 2, 20)
    with torch.no_grad():
        for scale in (1e3, 1e30, float("inf")):
            big = torch.where(projected > 0, scale, -scale)
            outputs, _ = recur(cell, big, weight, state, extra)
            if cell == "rnn-relu":
                assert not outputs[0].isnan().any()
            else:
                expected, _ = unrolled(cell, big, weight, state, extra)
                assert distance(outputs, expected) < 1e-6


@pytest.mark.parametrize("cell", CELLS)
def test_inputs_of_any_layout(cell):
    projected, weight, state, extra = make(cell, 5, 4, 20)
    wide = torch.zeros(4, 5, projected.shape[2] + 1)
    wide[:, :, 1:] = projected.detach().transpose(0, 1)
    turned = weight.detach().T.contiguous().T
    with torch.no_grad():
        expected, _ = recur(cell, projected, weight, state, extra)
        found, _ = recur(cell, wide[:, :, 1:].transpose(0, 1), turned, state, extra)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_sums_and_of_parts(cell):
    """Upstream gradients come as expanded views, or not at all."""
    projected, weight, state, extra = make(cell, 5, 4, 20)
    losses = [
        lambda outputs, final: outputs.sum(),
        lambda outputs, final: final[-1].sum(),
        lambda outputs, final: outputs[2].T.exp().sum() + outputs[:, :, 3].sum(),
        lambda outputs, final: outputs.transpose(0, 2).contiguous().pow(2).sum(),
    ]
    for loss in losses:
        gradients = [
            torch.autograd.grad(loss(*function(cell, projected, weight, state, extra)), projected)
            for function in (recur, unrolled)
        ]
        assert distance(gradients[0][0], gradients[1][0]) < 1e-5


def test_a_second_backward_gives_the_same():
    projected, weight, state, extra = make("lstm", 5, 4, 20)
    outputs, _ = recur("lstm", projected, weight, state, extra)
    once = torch.autograd.grad(outputs.sum(), [projected, weight], retain_graph=True)
    again = torch.autograd.grad(outputs.sum(), [projected, weight])
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_outputs_may_be_changed_in_place_where_nobody_needs_them():
    projected, weight, state, extra = make("lstm", 5, 4, 20)
    with torch.no_grad():
        outputs, final = recur("lstm", projected, weight, state, extra)
        kept = final[0].clone()
        outputs.zero_()
    assert torch.equal(final[0], kept)
    outputs, _ = recur("lstm", projected, weight, state, extra)
    outputs.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_other_numbers_take_the_plain_loop():
    case = make("gru", 3, 2, 4, dtype=torch.float64)
    found, _ = recur("gru", *case)
    assert found.dtype == torch.float64
    assert torch.equal(found, unrolled("gru", *case)[0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("T", "B", "H"), [(1, 1, 1), (9, 1, 30), (6, 5, 17), (10, 20, 200)])
def test_bf16_is_near(cell, T, B, H):
    """Beside a loop that rounds alike on the way forward; going back, only the kernels round.

    What is rounded to bfloat16 is off by up to 2⁻⁹ of itself.
    """

    def rounded(tensor):
        return tensor + (tensor.bfloat16().float() - tensor).detach()

    def rounding_loop(cell, projected, weight, state, extra):
        outputs = []
        for x in projected:
            state = CELLS[cell].step(x, rounded(weight), (rounded(state[0]), *state[1:]), extra)
            outputs.append(state[0])
        return torch.stack(outputs), state

    case = make(cell, T, B, H)
    found = values_and_gradients(recur, cell, case, precision="bf16")
    if not supports_bf16() or T * B <= 8:  # few steps and tracks are not worth rounding
        assert all(
            torch.equal(a, b)
            for a, b in zip(found, values_and_gradients(recur, cell, case), strict=True)
        )
        return
    expected = values_and_gradients(rounding_loop, cell, case)
    for a, b in zip(found, expected, strict=True):
        assert float((a - b).detach().norm() / b.detach().norm()) < 0.01
        assert a.dtype == torch.float32
    assert not torch.equal(found[0], recur(cell, *case)[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "ltsm"}, "cell is 'ltsm'; expected one of rnn-tanh"),
        ({"projected": torch.zeros(3, 2, 15)}, r"projected has shape \(3, 2, 15\)"),
        ({"projected": torch.zeros(0, 2, 16)}, "at least one step"),
        ({"weight_hidden": torch.zeros(12, 4)}, "weight_hidden has shape"),
        ({"state": (torch.zeros(2, 4),)}, "state has 1 tensors; expected 2"),
        ({"state": (torch.zeros(2, 4), torch.zeros(1, 4))}, r"state has shape \(1, 4\)"),
        ({"extra": torch.zeros(4)}, "extra has shape"),
        ({"precision": "fp16"}, "precision is 'fp16'"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    case = {
        "cell": "lstm",
        "projected": torch.zeros(3, 2, 16),
        "weight_hidden": torch.zeros(16, 4),
        "state": (torch.zeros(2, 4), torch.zeros(2, 4)),
    }
    with pytest.raises(ConfigError, match=message):
        recur(**(case | change))


def test_numba_waits_until_it_is_used():
    code = "import sys, wordkit.recurrent.recurrence; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "features", "is_fast"),
    [
        ("znver4", {"avx512bf16": True}, True),
        ("emeraldrapids", {"avx512bf16": True, "amx-bf16": True}, True),
        ("emeraldrapids", {"avx512bf16": True, "amx-bf16": False}, False),
    ],
)
def test_where_bf16_is_fast(monkeypatch, name, features, is_fast):
    monkeypatch.setattr("wordkit.recurrent.kernels.low.SUPPORTED", True)
    monkeypatch.setattr("wordkit.recurrent.kernels.registers.FEATURES", features)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: name)
    assert is_bf16_fast() == is_fast
    assert chosen_precision("auto", "cpu") == ("bf16" if is_fast else "fp32")
    assert chosen_precision("bf16", "cpu") == "bf16"
    monkeypatch.setattr("wordkit.recurrent.kernels.low.SUPPORTED", False)
    assert not is_bf16_fast()
