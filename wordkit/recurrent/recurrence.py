"""A recurrent layer over all steps of a window.

On the CPU the tracks, which do not depend on each other, are shared among the threads, and each
thread goes through all steps without waiting for another. The products of a step run on a matrix
that is packed once for the window, at about the speed of one large product.

Letters: T steps, B tracks side by side, H width of the layer, G gates of the cell.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wordkit.errors import ConfigError
from wordkit.recurrent.cells import CELLS, unrolled

__all__ = ["is_bf16_fast", "recur", "supports_bf16"]

State = tuple[Tensor, ...]


def recur(
    cell: str,
    projected: Tensor,
    weight_hidden: Tensor,
    state: State,
    extra: Tensor | None = None,
    *,
    precision: str = "fp32",
) -> tuple[Tensor, State]:
    """What comes out at each step, (T, B, H), and the state after the last.

    Args:
        cell: a name of :data:`wordkit.recurrent.cells.CELLS`.
        projected: shape (T, B, G·H), the input times its matrix, with the bias.
        weight_hidden: shape (G·H, H).
        state: before the first step: (h,), or (h, c) for the LSTMs, each of shape (B, H).
        extra: the bias of U·h in the candidate (gru), shape (H,), or the weights from c to i, f
            and o (peephole), shape (3, H).
        precision: ``fp32``, or ``bf16`` for the products with weight_hidden where
            :func:`supports_bf16`; all sums and the cells themselves are float32 in any case.

    Raises:
        ConfigError: if the cell is unknown or shapes do not fit.
    """
    if precision not in ("fp32", "bf16"):
        raise ConfigError(f"precision is {precision!r}; expected fp32 or bf16")
    _check(cell, projected, weight_hidden, state, extra)
    tensors = [projected, weight_hidden, *state]
    if extra is not None:
        tensors.append(extra)
    if not all(tensor.is_cpu and tensor.dtype == torch.float32 for tensor in tensors):
        return unrolled(cell, projected, weight_hidden, state, extra)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        apply: Any = _Recurrence.apply
        outputs, *final = apply(cell, precision, projected, weight_hidden, extra, *state)
        return outputs, tuple(final)
    from wordkit.recurrent.kernels.windows import run

    inputs = _contiguous(projected, weight_hidden, state, extra)
    window = run(cell, *inputs, keep=False, precision=precision)
    return window.outputs, window.final


def supports_bf16() -> bool:
    """Whether the kernels multiply in bfloat16 on this processor."""
    from wordkit.recurrent.kernels.low import SUPPORTED

    return SUPPORTED


def is_bf16_fast() -> bool:
    """Whether products in bfloat16 are quicker than those in float32 on this processor.

    Of those that can, AMD's multiply twice as many bfloat16 as float32 in a clock; Intel's do so in
    their matrix unit (AMX), and without it, as in many virtual machines, half as many.
    """
    import llvmlite.binding  # type: ignore[import-untyped]

    from wordkit.recurrent.kernels.registers import FEATURES

    name = llvmlite.binding.get_host_cpu_name()
    return supports_bf16() and (name.startswith("znver") or bool(FEATURES.get("amx-bf16")))


class _Recurrence(torch.autograd.Function):
    """The same, with gradients by the kernels."""

    @staticmethod
    def forward(
        ctx: Any, cell: str, precision: str, projected: Tensor, weight: Tensor,
        extra: Tensor | None, *state: Tensor,
    ) -> State:  # fmt: skip
        from wordkit.recurrent.kernels.windows import run

        projected, weight, before, extra = _contiguous(projected, weight, state, extra)
        window = run(cell, projected, weight, before, extra, keep=True, precision=precision)
        ctx.cell, ctx.states = cell, len(state)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight, extra, window.outputs, window.low, *before, *window.kept)
        return window.outputs, *window.final

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, *d_final: Tensor | None) -> Any:
        from wordkit.recurrent.kernels.windows import Window, differentiate

        weight, extra, outputs, low, *rest = ctx.saved_tensors
        before, kept = rest[: ctx.states], rest[ctx.states :]
        wanted = ctx.needs_input_grad
        gradients = differentiate(
            ctx.cell, Window(outputs, (), tuple(kept), low), weight, before, extra, d_outputs,
            d_final, (wanted[3], any(wanted[5:])),
        )  # fmt: skip
        return (
            None, None, gradients.projected, gradients.weight_hidden, gradients.extra,
            *gradients.state,
        )  # fmt: skip


def _contiguous(
    projected: Tensor, weight: Tensor, state: State, extra: Tensor | None
) -> tuple[Tensor, Tensor, State, Tensor | None]:
    return (
        projected.contiguous(),
        weight.contiguous(),
        tuple(tensor.contiguous() for tensor in state),
        None if extra is None else extra.contiguous(),
    )


def _check(
    cell: str, projected: Tensor, weight: Tensor, state: State, extra: Tensor | None
) -> None:
    """Raise a ConfigError where a shape does not fit: the kernels trust them."""
    kind = CELLS.get(cell)
    if kind is None:
        raise ConfigError(f"cell is {cell!r}; expected one of {', '.join(CELLS)}")
    H = weight.shape[-1]
    if projected.ndim != 3 or not projected.numel():
        raise ConfigError(
            f"projected has shape {tuple(projected.shape)}; expected (T, B, {kind.gates * H}), "
            "with at least one step and one track"
        )
    B = projected.shape[1]
    shapes = [
        ("projected", projected, (*projected.shape[:2], kind.gates * H)),
        ("weight_hidden", weight, (kind.gates * H, H)),
    ]
    shapes += [("state", tensor, (B, H)) for tensor in state]
    for name, tensor, shape in shapes:
        if tensor.shape != shape:
            raise ConfigError(f"{name} has shape {tuple(tensor.shape)}; expected {shape}")
    if len(state) != kind.states:
        raise ConfigError(f"state has {len(state)} tensors; expected {kind.states} for {cell}")
    found = None if extra is None else tuple(extra.shape)
    if found != kind.extra_shape(H):
        raise ConfigError(f"extra has shape {found}; expected {kind.extra_shape(H)} for {cell}")
