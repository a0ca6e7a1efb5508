"""The LSTM, with and without peepholes, over all steps of a window.

Letters: T steps, B tracks side by side, H width of the layer. Gates lie side by side: i, f, g, o.
Addresses are int64, in bytes; strides count floats.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from numba import types

from wordkit.kernels.jit import njit
from wordkit.recurrent.kernels.activations import sigmoid, tanh
from wordkit.recurrent.kernels.calls import product
from wordkit.recurrent.kernels.jobs import kernel, over_tracks
from wordkit.recurrent.kernels.low import low_stride
from wordkit.recurrent.kernels.registers import Register, along, pointer

__all__ = ["backward", "forward"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic
Numbers = tuple[int, ...]


@njit(nogil=True, inline="always")
def _forward(first: int, last: int, numbers: Numbers) -> None:
    """The tracks from first to last, whose numbers are: T, B, H, its product and the matrix,
    projected (T, B, 4H), h and c before (B, H), extra (3, H) or none, outputs (T, B, H), gates
    (·, B, 4H) and from one step to the next, cells (·, B, H) and from one step to the next, h
    before each step in bfloat16 (·, B, low stride), if the form is low, and from one step to the
    next."""
    T, B, H, multiply, matrix, projected, h, c, extra, outputs = numbers[2:12]
    gates, gates_step, cells, cells_step, low, low_step = numbers[12:18]
    for t in range(T):
        product(
            multiply, last - first, H, 4 * H, h + 4 * first * H, H, matrix,
            projected + 16 * (t * B + first) * H, 4 * H, gates + 16 * first * H, 4 * H,
            low + 4 * first * low_stride(H),
        )  # fmt: skip
        h = outputs + 4 * t * B * H
        for row in range(first, last):
            at = 4 * row * H
            if extra == 0:
                lstm_forward(H, gates + 4 * at, c + at, cells + at, h + at, extra)
            else:
                peephole_forward(H, gates + 4 * at, c + at, cells + at, h + at, extra)
        c = cells
        gates += 4 * gates_step
        cells += 4 * cells_step
        low += 4 * low_step


@njit(nogil=True, inline="always")
def _backward(first: int, last: int, numbers: Numbers) -> None:
    """The tracks from first to last, whose numbers are: T, B, H, its product and the matrix,
    extra (3, H) or none, c before (B, H), gates (T, B, 4H), cells (T, B, H), the gradients of
    outputs (T, B, H) with their distance from step to step and from row to row, those of h and c
    after, that become those before (B, H), those of gates (T, B, 4H), a row of zeros, whether the
    gradient of h before is wanted, and the gradients of gates in bfloat16 (T, B, low stride)."""
    T, B, H, multiply, matrix, extra, c_before, gates, cells, d_out, d_out_step, d_out_row = (
        numbers[2:14]
    )
    d_h, d_c, d_gates, zeros, wanted, low = numbers[14:20]
    for t in range(T - 1, -1, -1):
        for row in range(first, last):
            at, by = 4 * (t * B + row) * H, 4 * row * H
            c = c_before + by if t == 0 else cells + at - 4 * B * H
            d = d_out + 4 * (t * d_out_step + row * d_out_row)
            places = H, gates + 4 * at, c, cells + at, d, d_h + by, d_c + by, d_gates + 4 * at
            if extra == 0:
                lstm_backward(*places, extra)
            else:
                peephole_backward(*places, extra)
        if t > 0 or wanted:
            product(
                multiply, last - first, 4 * H, H, d_gates + 16 * (t * B + first) * H, 4 * H, matrix,
                zeros, 0, d_h + 4 * first * H, H, low + 4 * (t * B + first) * low_stride(4 * H),
            )  # fmt: skip


def _row(builder: Any, arguments: Any, body: Any) -> None:
    """Call body(register, place in the row, pointers) along a row; the first argument is H."""
    H, *addresses = arguments
    places = [pointer(builder, address) for address in addresses]
    along(builder, H, lambda b, d: body(b, d, *places))


def _columns(builder: Any, H: Any, d: Any, count: int) -> list[Any]:
    """Where d is in each of some rows of H numbers side by side."""
    columns = [d]
    for _ in range(count - 1):
        columns.append(builder.add(columns[-1], H))
    return columns


def _forward_row(builder: Any, arguments: Any, peepholes: bool) -> None:
    """One row of one step: H, gates (before and after), c before, c, h, extra."""
    H = arguments[0]

    def body(b: Register, d: Any, gates: Any, before: Any, cell: Any, out: Any, extra: Any) -> None:
        columns = _columns(builder, H, d, 4)
        i, f, g, o = (b.load(gates, column) for column in columns)
        c = b.load(before, d)
        if peepholes:
            to_i, to_f, to_o = (b.load(extra, column) for column in columns[:3])
            i, f = b.fused(to_i, c, i), b.fused(to_f, c, f)
        i, f, g = sigmoid(b, i), sigmoid(b, f), tanh(b, g)
        c = b.fused(f, c, b.times(i, g))
        if peepholes:
            o = b.fused(to_o, c, o)
        o = sigmoid(b, o)
        b.store(c, cell, d)
        b.store(b.times(o, tanh(b, c)), out, d)
        for value, column in zip((i, f, g, o), columns, strict=True):
            b.store(value, gates, column)

    _row(builder, arguments, body)


def _backward_row(builder: Any, arguments: Any, peepholes: bool) -> None:
    """One row of one step: H, gates, c before, c, d_out, d_h, d_c, d_gates, extra."""
    H = arguments[0]

    def body(
        b: Register, d: Any, gates: Any, before: Any, cell: Any, d_out: Any, d_h: Any, d_c: Any,
        d_gates: Any, extra: Any,
    ) -> None:  # fmt: skip
        columns, one = _columns(builder, H, d, 4), b.constant(1)
        i, f, g, o = (b.load(gates, column) for column in columns)
        before, squashed = b.load(before, d), tanh(b, b.load(cell, d))
        dh = b.plus(b.load(d_out, d), b.load(d_h, d))
        do = b.times(b.times(dh, squashed), b.times(o, b.minus(one, o)))
        slope = b.fused(b.negated(squashed), squashed, one)
        dc = b.fused(b.times(dh, o), slope, b.load(d_c, d))
        if peepholes:
            to_i, to_f, to_o = (b.load(extra, column) for column in columns[:3])
            dc = b.fused(do, to_o, dc)
        di = b.times(b.times(dc, g), b.times(i, b.minus(one, i)))
        df = b.times(b.times(dc, before), b.times(f, b.minus(one, f)))
        dg = b.times(b.times(dc, i), b.fused(b.negated(g), g, one))
        dc = b.times(dc, f)
        if peepholes:
            dc = b.fused(di, to_i, b.fused(df, to_f, dc))
        b.store(dc, d_c, d)
        for value, column in zip((di, df, dg, do), columns, strict=True):
            b.store(value, d_gates, column)

    _row(builder, arguments, body)


@intrinsic
def lstm_forward(
    typing_context: Any, H: Any, gates: Any, before: Any, cell: Any, out: Any, extra: Any
) -> Any:
    """Gates from what goes into them, c and h: one row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _forward_row(builder, arguments, peepholes=False)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


@intrinsic
def peephole_forward(
    typing_context: Any, H: Any, gates: Any, before: Any, cell: Any, out: Any, extra: Any
) -> Any:
    """The same with peepholes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _forward_row(builder, arguments, peepholes=True)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


@intrinsic
def lstm_backward(
    typing_context: Any, H: Any, gates: Any, before: Any, cell: Any, d_out: Any, d_h: Any,
    d_c: Any, d_gates: Any, extra: Any,
) -> Any:  # fmt: skip
    """Gradients of the gates and of c before: one row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _backward_row(builder, arguments, peepholes=False)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 9), generate


@intrinsic
def peephole_backward(
    typing_context: Any, H: Any, gates: Any, before: Any, cell: Any, d_out: Any, d_h: Any,
    d_c: Any, d_gates: Any, extra: Any,
) -> Any:  # fmt: skip
    """The same with peepholes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _backward_row(builder, arguments, peepholes=True)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 9), generate


# --- what the window calls; compiled where it stands, so after all that it calls ----------------


@kernel
def forward(block: int) -> None:
    """Outputs, gates and cells of all steps; a task is a range of tracks."""
    over_tracks(block, _forward)


@kernel
def backward(block: int) -> None:
    """The gradients of all steps' gates and of the state before; a task is a range of tracks."""
    over_tracks(block, _backward)
