"""Transformer layers beside torch's own and beside plain formulas: values, gradients, caches.

Notation: T steps, B sequences of a batch, H width, A heads, S steps of a source.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wordkit.nn import rotary, transformer
from wordkit.nn.config import NetworkConfig
from wordkit.nn.dropout import Dropout, dropout_generator
from wordkit.nn.rotary import rotate, rotated_heads, rotations
from wordkit.nn.transformer import TransformerLayer, TransformerStack, padding_mask

T, B, H, A, S, HIDDEN = 7, 3, 12, 2, 5, 20


def drawn(module: Any, seed: int = 1) -> Any:
    """A module with random weights, of float64."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-0.7, 0.7, generator=generator)
    return module.double()


def random(*shape: int, seed: int = 2) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stack_of(layers: int = 2, **options: Any) -> Any:
    return drawn(TransformerStack(H, H, layers, A, HIDDEN, **options))


def assert_same(found: Any, expected: Any) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


@pytest.fixture
def unrotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """All positions at angle 0, as torch's layers know of none."""

    def table(steps: int, size: int, dtype: Any, device: Any) -> tuple[Tensor, Tensor]:
        zeros = torch.zeros(steps, size, dtype=dtype, device=device)
        return zeros.cos(), zeros

    monkeypatch.setattr(rotary, "_rotation_table", table)


NAMES = {
    "self_attn.in_proj_weight": "qkv", "self_attn.out_proj.weight": "projection",
    "linear1.weight": "up", "linear2.weight": "down", "norm1.weight": "norm",
}  # fmt: skip


def copy_into(twin: torch.nn.Module, layer: TransformerLayer, names: dict[str, str]) -> None:
    ours = dict(layer.named_parameters())
    joined = {"multihead_attn.in_proj_weight": ("source_query", "source_kv")}
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parts = joined.get(name) or (names[name],)
            parameter.copy_(torch.cat([ours[part] for part in parts]))


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.usefixtures("unrotated")
def test_a_layer_is_that_of_torch(is_causal: bool) -> None:
    """Outputs and all gradients, of sequences that are padded where it sees both sides."""
    layer = drawn(TransformerLayer(H, A, HIDDEN))
    options: dict[str, Any] = {"norm_first": True, "bias": False, "batch_first": True}
    twin = torch.nn.TransformerEncoderLayer(H, A, HIDDEN, 0.0, "gelu", **options).double()
    copy_into(twin, layer, {**NAMES, "norm2.weight": "feed_forward_norm"})
    x = random(B, T, H).requires_grad_()
    lengths = torch.tensor([T, 3, 5])
    padding = padding_mask(lengths, T, x.device)
    if is_causal:
        triangle = torch.nn.Transformer.generate_square_subsequent_mask(T, dtype=x.dtype)
        expected = twin(x, src_mask=triangle, is_causal=True)
        found, _ = layer(x, is_causal=True)
    else:
        expected = twin(x, src_key_padding_mask=padding)
        found, _ = layer(x, mask=transformer._added(padding, x.dtype))
        found, expected = found[~padding], expected[~padding]
    assert_same(found, expected)
    weights = random(*found.shape, seed=3)
    [ours], [theirs] = (
        torch.autograd.grad(each, [x], weights, retain_graph=True) for each in (found, expected)
    )
    assert_same(ours, theirs)
    [ours], [theirs] = (
        torch.autograd.grad(each, [parameter], weights)
        for each, parameter in ((found, layer.qkv), (expected, twin.self_attn.in_proj_weight))
    )
    assert_same(ours, theirs)


@pytest.mark.usefixtures("unrotated")
def test_a_layer_of_a_decoder_is_that_of_torch() -> None:
    layer = drawn(TransformerLayer(H, A, HIDDEN, has_source=True))
    options: dict[str, Any] = {"norm_first": True, "bias": False, "batch_first": True}
    twin = torch.nn.TransformerDecoderLayer(H, A, HIDDEN, 0.0, "gelu", **options).double()
    names = {
        **NAMES, "multihead_attn.out_proj.weight": "source_projection",
        "norm2.weight": "source_norm", "norm3.weight": "feed_forward_norm",
    }  # fmt: skip
    copy_into(twin, layer, names)
    x, source = random(B, T, H), random(B, S, H, seed=4)
    padding = padding_mask(torch.tensor([S, 1, 4]), S, x.device)
    triangle = torch.nn.Transformer.generate_square_subsequent_mask(T, dtype=x.dtype)
    expected = twin(x, source, triangle, memory_key_padding_mask=padding, tgt_is_causal=True)
    empty = x[:, :0]
    state = (empty, empty, *torch.nn.functional.linear(source, layer.source_kv).chunk(2, 2))
    mask = transformer._added(padding, x.dtype)
    found, after = layer(x, state, is_causal=True, source_mask=mask)
    assert_same(found, expected)
    assert len(after) == 4, "weights are known without gradients alone"
    with torch.no_grad():
        weights = layer(x, state, is_causal=True, source_mask=mask)[1][4]
    assert_same(weights.sum(-1), torch.ones(B, A).double())
    assert not weights.transpose(1, 2)[padding].any()


def test_rotations_make_scores_depend_on_distances_alone() -> None:
    """And they are those of Su et al. (2021): complex numbers times exp(i·position·frequency)."""
    D = 6
    cos, sin = rotations(90, D, torch.float64, torch.device("cpu"))
    q, k = random(1, D), random(1, D, seed=5)
    scores = [
        float((rotate(q, cos[[n + 7]], sin[[n + 7]]) * rotate(k, cos[[n]], sin[[n]])).sum())
        for n in (0, 3, 80)
    ]
    assert scores == pytest.approx([scores[0]] * 3, rel=1e-12)
    frequencies = 10_000.0 ** (-torch.arange(0, D, 2) / D)
    pairs = torch.complex(q[0, : D // 2], q[0, D // 2 :])
    turned = pairs * torch.polar(torch.ones(3), (5 * frequencies)).to(pairs)
    expected = torch.cat([turned.real, turned.imag])
    torch.testing.assert_close(rotate(q, cos[[5]], sin[[5]])[0], expected, rtol=1e-6, atol=1e-6)


def test_gradients_of_rotated_parts() -> None:
    qkv = random(2, 4, 3, A, 6).requires_grad_()
    cos, sin = rotations(4, 6, torch.float64, qkv.device)
    assert torch.autograd.gradcheck(lambda x: rotated_heads(x, cos, sin), (qkv,))
    plain = rotate(qkv[:, :, 0].transpose(1, 2), cos, sin)
    assert_same(rotated_heads(qkv, cos, sin)[0], plain)
    one = qkv.detach()[:1, :1].clone()  # contiguous in either order of axes
    kept = one.clone()
    rotated_heads(one, cos[3:], sin[3:])
    assert_same(one, kept)


def by_definition(stack: Any, x: Tensor) -> Tensor:
    """A stack in which each step attends to itself and the N before it, with whole matrices."""
    D, x = H // A, x.transpose(0, 1)
    cos, sin = rotations(x.shape[1], D, x.dtype, x.device)
    steps = torch.arange(x.shape[1])
    distance = steps[:, None] - steps
    hidden = (distance < 0) | (distance > stack.memory)

    def norm(x: Tensor, weight: Tensor) -> Tensor:
        return (x - x.mean(-1, True)) / (x.var(-1, False, True) + 1e-5).sqrt() * weight

    for layer in stack.layers:
        q, k, v = (
            part.unflatten(2, (A, D)).transpose(1, 2)
            for part in (norm(x, layer.norm) @ layer.qkv.T).chunk(3, 2)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        scores = q @ k.transpose(2, 3) / D**0.5
        weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        x = x + (weights @ v).transpose(1, 2).flatten(2) @ layer.projection.T
        inner = torch.nn.functional.gelu(norm(x, layer.feed_forward_norm) @ layer.up.T)
        x = x + inner @ layer.down.T
    return norm(x, stack.norm).transpose(0, 1)


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_pieces_of_any_length_give_what_the_whole_gives(
    steps: int, memory: int, data: st.DataObject
) -> None:
    """Windows, word by word, or all at once: each step sees itself and the N before it."""
    stack, x = stack_of(memory=memory), random(steps, B, H)
    with torch.no_grad():
        expected = by_definition(stack, x)
        whole, final = stack(x, stack.initial_state(B))
        state, outputs, start = stack.initial_state(B), [], 0
        while start < steps:
            size = data.draw(st.integers(1, steps - start))
            part, state = stack(x[start : start + size], state)
            outputs.append(part)
            start += size
    assert_same(whole, expected)
    assert_same(torch.cat(outputs), expected)
    assert_same(state, final)
    assert {part.shape for layer in final for part in layer} == {(B, min(memory, steps), H)}


def test_a_later_step_changes_no_earlier_one() -> None:
    stack, x = stack_of(memory=4), random(T, B, H)
    other = x.clone()
    other[5:] = 0
    with torch.no_grad():
        found, changed = (stack(each, stack.initial_state(B))[0] for each in (x, other))
    assert torch.equal(found[:5], changed[:5])
    assert not (found[5:] == changed[5:]).any()


def test_gradients_of_a_window_that_sees_the_one_before() -> None:
    """Those of the last steps of the whole, where the steps before are constants."""
    stack, x = stack_of(memory=9), random(T, B, H)
    _, state = stack(x[:3], stack.initial_state(B))
    state = tuple(tuple(part.detach() for part in layer) for layer in state)
    inputs = x[3:].clone().requires_grad_()

    def loss(inputs: Tensor) -> Tensor:
        return stack(inputs, state)[0].tanh().sum()  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(loss, (inputs,))


def test_padding_changes_nothing() -> None:
    stack, x, lengths = stack_of(is_causal=False), random(T, B, H), torch.tensor([T, 2, 5])
    other = x.clone()
    for column, length in enumerate(lengths.tolist()):
        other[length:, column] = 9.0
    found, changed = (stack(each, lengths=lengths)[0] for each in (x, other))
    for column, length in enumerate(lengths.tolist()):
        assert_same(changed[:length, column], found[:length, column])
        alone, _ = stack(x[:length, [column]])
        assert_same(found[:length, [column]], alone)


@pytest.mark.parametrize("locked", [True, False])
def test_dropout_is_of_what_each_part_adds(locked: bool) -> None:
    stack = TransformerStack(H, H, 1, A, HIDDEN, dropout=Dropout(0.5, locked=locked)).train()
    stack.initialize(NetworkConfig(), torch.Generator().manual_seed(1))
    for layer in stack.layers:
        layer.initialize(NetworkConfig(), torch.Generator().manual_seed(1))  # type: ignore[operator]
        layer.up.data.zero_()  # the feed-forward network adds nothing
    x = random(T, B, H).float()
    x[1:] = x[0]  # so that all steps are alike but for the mask
    with torch.no_grad(), dropout_generator(torch.Generator().manual_seed(1)):
        added = stack.layers[0](x.transpose(0, 1), is_causal=True)[0].transpose(0, 1) - x
    dropped = added == 0
    assert 0.3 < float(dropped.float().mean()) < 0.7
    assert bool((dropped == dropped[0]).all()) == locked


@pytest.mark.parametrize("memory", [None, 5])
def test_bf16_is_near(memory: int | None) -> None:
    stack = stack_of(memory=memory).float()
    x = random(T, B, H).float()
    with torch.no_grad():
        expected, _ = stack(x, stack.initial_state(B))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        first, state = stack(x[:4], stack.initial_state(B))
        second, _ = stack(x[4:], state)
    found = torch.cat([first, second])
    assert found.dtype == torch.float32
    assert 0 < float((found - expected).norm()) < 0.05 * float(expected.norm())
