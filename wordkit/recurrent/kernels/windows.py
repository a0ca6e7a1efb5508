"""A window of steps on the CPU: memory for it, and the kernels of its cell.

Letters: T steps, B tracks side by side, H width of the layer, G gates of the cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from wordkit.recurrent.cells import CELLS
from wordkit.recurrent.kernels import jobs
from wordkit.recurrent.kernels.low import SUPPORTED, low_stride
from wordkit.recurrent.kernels.packing import (
    PAIRED,
    STRAIGHT,
    TURNED,
    pack_panels,
    packed_size,
    panel_count,
)

__all__ = ["Gradients", "Window", "differentiate", "run"]

_FEW_ROWS = 8  # for so few steps and tracks, to pack the matrix takes longer than it saves
_TRACKS = 48  # of a task: what they need at each step stays in the cache
_SMALL = 50_000  # products: fewer are done before a second thread has begun


@dataclass(frozen=True)
class Window:
    """What a window has made, and what its gradients are taken from."""

    outputs: Tensor
    """Shape (T, B, H)."""

    final: tuple[Tensor, ...]
    """The state after the last step, shapes (B, H)."""

    kept: tuple[Tensor, ...]
    """Of all steps, if wanted: gates (T, B, G·H) and cells (LSTM) or what r scales (GRU)."""

    low: Tensor | None
    """h before each step in bfloat16, if the products were taken in it: (T, B, at least H)."""


@dataclass(frozen=True)
class Gradients:
    """Of a loss by what went into a window."""

    projected: Tensor
    weight_hidden: Tensor | None
    state: tuple[Tensor, ...]
    extra: Tensor | None


def run(
    cell: str, projected: Tensor, weight: Tensor, state: Sequence[Tensor], extra: Tensor | None,
    *, keep: bool, precision: str = "fp32",
) -> Window:  # fmt: skip
    """Go through the steps of a window.

    Args:
        cell, projected, weight, state, extra: see :func:`wordkit.recurrent.recurrence.recur`;
            contiguous float32 on the CPU.
        keep: whether gradients will be wanted.
        precision: of the products.
    """
    T, B, H = *projected.shape[:2], weight.shape[1]
    G, steps = CELLS[cell].gates, T if keep else 1
    outputs = projected.new_empty(T, B, H)
    kept: tuple[Tensor, ...] = ()
    if G > 1:
        kept = projected.new_empty(steps, B, G * H), projected.new_empty(steps, B, H)
    at: list[int] = []
    for tensor in kept:
        at += tensor.data_ptr(), tensor.stride(0) if keep else 0
    form, parts = _form(T, B, precision), _parts(cell, weight)
    matrices = [_prepared(part, form) for part in parts]
    low = _low(outputs, steps, H) if form == "low" else None
    at_low = (0, 0) if low is None else (low.data_ptr(), keep * B * low_stride(H))
    sizes = T, B, H, _product(form).address, *(matrix.data_ptr() for matrix in matrices)
    x, h, out = projected.data_ptr(), state[0].data_ptr(), outputs.data_ptr()
    further = 0 if extra is None else extra.data_ptr()
    if cell == "gru":
        numbers = (*sizes, x, h, further, out, *at, *at_low)
    elif G == 1:
        numbers = (*sizes, x, h, cell == "rnn-relu", out, *at_low)
    else:
        numbers = (*sizes, x, h, state[1].data_ptr(), further, out, *at, *at_low)
    jobs.run(_kernels(cell).forward, _tasks(T, B, weight), numbers)
    final = [outputs[-1].clone()]
    if len(state) > 1:
        final.append(kept[1][-1].clone() if keep else kept[1][0])
    return Window(outputs, tuple(final), kept if keep else (), low if keep else None)


def differentiate(
    cell: str, window: Window, weight: Tensor, state: Sequence[Tensor], extra: Tensor | None,
    d_outputs: Tensor | None, d_final: Sequence[Tensor | None], wanted: Sequence[bool],
) -> Gradients:  # fmt: skip
    """Go back through a window.

    Args:
        cell, weight, state, extra: as for :func:`run`.
        window: what that returned.
        d_outputs, d_final: the gradients of its outputs and of its final state, None: zero.
        wanted: whether the gradients of weight and state are.
    """
    outputs, kept = window.outputs, window.kept
    T, B, H = outputs.shape
    wants_weight, wants_state = wanted
    if d_outputs is None:
        d_outputs = outputs.new_zeros(H).expand(T, B, H)
    elif d_outputs.stride(2) != 1:
        d_outputs = d_outputs.contiguous()
    zeros = outputs.new_zeros(H)
    d_state = tuple(
        torch.zeros_like(before) if d is None else d.clone(memory_format=torch.contiguous_format)
        for before, d in zip(state, d_final, strict=True)
    )
    d_gates = outputs.new_empty(T, B, weight.shape[0])
    d_scaled = torch.empty_like(outputs) if cell == "gru" else None
    form, parts = ("packed" if window.low is None else "low"), _parts(cell, weight)
    matrices = [_packed(part, PAIRED if form == "low" else STRAIGHT) for part in parts]
    lows = [_low(outputs, T, len(part)) for part in parts] if form == "low" else []
    wants_state = (
        wants_state or form == "low"
    )  # the product rounds what the weights' gradient needs
    sizes = T, B, H, _product(form).address, *(matrix.data_ptr() for matrix in matrices)
    d_out = d_outputs.data_ptr(), d_outputs.stride(0), d_outputs.stride(1)
    at = [tensor.data_ptr() for tensor in kept]
    places = [tensor.data_ptr() for tensor in (*d_state, d_gates)]
    at_low = [tensor.data_ptr() for tensor in lows] or [0] * len(parts)
    if d_scaled is not None:
        numbers = (
            *sizes, state[0].data_ptr(), outputs.data_ptr(), *at, *d_out, *places,
            d_scaled.data_ptr(), *at_low,
        )  # fmt: skip
    elif len(state) == 1:
        numbers = (
            *sizes, cell == "rnn-relu", outputs.data_ptr(), *d_out, *places, zeros.data_ptr(),
            wants_state, *at_low,
        )  # fmt: skip
    else:
        further = 0 if extra is None else extra.data_ptr()
        numbers = (
            *sizes, further, state[1].data_ptr(), *at, *d_out, *places, zeros.data_ptr(),
            wants_state, *at_low,
        )  # fmt: skip
    jobs.run(_kernels(cell).backward, _tasks(T, B, weight), numbers)
    d_weight = None
    if wants_weight:
        if window.low is not None:
            d_weight = _low_weight_gradient(lows, window.low, weight)
        else:
            d_weight = _weight_gradient(d_gates, d_scaled, outputs, state[0], weight)
    d_extra = None
    if cell == "gru" and d_scaled is not None:
        d_extra = d_scaled.sum((0, 1))
    elif extra is not None:
        d_extra = _peephole_gradient(d_gates, kept[1], state[1])
    return Gradients(d_gates, d_weight, d_state, d_extra)


def _kernels(cell: str) -> Any:
    """The module of the cell's kernels; they are compiled when it is first imported."""
    if cell == "gru":
        from wordkit.recurrent.kernels import gru

        return gru
    if CELLS[cell].gates == 1:
        from wordkit.recurrent.kernels import elman

        return elman
    from wordkit.recurrent.kernels import lstm

    return lstm


def _product(form: str) -> Any:
    """The product with a matrix of this form."""
    if form == "low":
        from wordkit.recurrent.kernels.low_products import low

        return low
    if form == "packed":
        from wordkit.recurrent.kernels.packed_products import packed

        return packed
    from wordkit.recurrent.kernels.dots import plain

    return plain


def _parts(cell: str, weight: Tensor) -> list[Tensor]:
    """The matrices that a step multiplies by, of shape (·, H)."""
    if cell != "gru":
        return [weight]
    H = weight.shape[1]
    return [weight[: 2 * H], weight[2 * H :]]


def _form(T: int, B: int, precision: str) -> str:
    """The form of the matrix that is the fastest, when it must be prepared anew for a window."""
    if T * B <= _FEW_ROWS:
        return "plain"
    if precision == "bf16" and SUPPORTED:
        return "low"
    return "packed" if B > 1 else "plain"


def _prepared(part: Tensor, form: str) -> Tensor:
    """A part of the matrix, (·, H), as the forward kernels want its transpose."""
    if form == "plain":
        return part
    if form == "packed":
        return _packed(part, TURNED)
    if part.shape[1] % 2:
        part = torch.nn.functional.pad(part, (0, 1))
    # its columns in pairs, that will be rows
    return _packed(part.bfloat16().view(torch.float32), TURNED)


def _packed(matrix: Tensor, way: int) -> Tensor:
    """A contiguous matrix, or its transpose, in panels."""
    K, N = reversed(matrix.shape) if way == TURNED else matrix.shape
    size = packed_size((K + 1) // 2 if way == PAIRED else K, N)
    packed = matrix.new_empty(size)
    numbers = way, matrix.data_ptr(), matrix.shape[1], K, N, packed.data_ptr()
    jobs.run(pack_panels, panel_count(N), numbers, alone=K * N < _SMALL)
    return packed


def _low(like: Tensor, steps: int, K: int) -> Tensor:
    """Memory for rows of K numbers in bfloat16."""
    return like.new_empty(steps, like.shape[1], 2 * low_stride(K), dtype=torch.bfloat16)


def _tasks(T: int, B: int, weight: Tensor) -> int:
    """How many tasks the tracks are parted into."""
    if T * B * weight.numel() < _SMALL:
        return 1
    threads = torch.get_num_threads()
    return min(B, threads * -(-B // (threads * _TRACKS)))


def _weight_gradient(
    d_gates: Tensor, d_scaled: Tensor | None, outputs: Tensor, before: Tensor, weight: Tensor
) -> Tensor:
    """Of the recurrent matrix: a sum over all steps and tracks, one product."""
    H = weight.shape[1]
    result = torch.empty_like(weight, memory_format=torch.contiguous_format)
    columns = d_gates.shape[2] if d_scaled is None else 2 * H
    pairs = [(d_gates[:, :, :columns], result[:columns])]
    if d_scaled is not None:
        pairs.append((d_scaled, result[columns:]))
    for d, goal in pairs:
        torch.mm(d[0].t(), before, out=goal)
        if len(d) > 1:
            goal.addmm_(d[1:].flatten(0, 1).t(), outputs[:-1].flatten(0, 1))
    return result


def _low_weight_gradient(d_gates: Sequence[Tensor], h: Tensor, weight: Tensor) -> Tensor:
    """The same from what the kernels have rounded to bfloat16."""
    H = weight.shape[1]
    h = h.flatten(0, 1)[:, :H]
    counts = [len(weight)] if len(d_gates) == 1 else [2 * H, H]
    return torch.cat(
        [d.flatten(0, 1)[:, :n].t() @ h for d, n in zip(d_gates, counts, strict=True)]
    ).float()


def _peephole_gradient(d_gates: Tensor, cells: Tensor, before: Tensor) -> Tensor:
    """Of the weights from c before to i and f and from c to o, shape (3, H)."""
    H = before.shape[1]
    d_i, d_f, d_o = (d_gates[..., start * H : (start + 1) * H] for start in (0, 1, 3))
    d_first = torch.stack([(d[0] * before).sum(0) for d in (d_i, d_f)])
    d_rest = torch.stack([(d[1:] * cells[:-1]).sum((0, 1)) for d in (d_i, d_f)])
    return torch.cat([d_first + d_rest, (d_o * cells).sum((0, 1)).unsqueeze(0)])
