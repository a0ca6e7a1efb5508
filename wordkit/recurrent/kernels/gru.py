"""The GRU over all steps of a window.

Letters: T steps, B tracks side by side, H width of the layer. Gates lie side by side: r, z, n.
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
    """The tracks from first to last, whose numbers are: T, B, H, their product, the matrices of
    r and z and of n, projected (T, B, 3H), h before (B, H), extra (H,), outputs (T, B, H), gates
    (·, B, 3H) and from one step to the next, what r scales, U h + extra (·, B, H), and from one
    step to the next, h before each step in bfloat16 (·, B, low stride), if the form is low, and
    from one step to the next."""
    T, B, H, multiply, matrix, matrix_n, projected, h, extra, outputs = numbers[2:12]
    gates, gates_step, scaled, scaled_step, low, low_step = numbers[12:18]
    rows = last - first
    for t in range(T):
        x = projected + 12 * t * B * H
        product(
            multiply, rows, H, 2 * H, h + 4 * first * H, H, matrix, x + 12 * first * H, 3 * H,
            gates + 12 * first * H, 3 * H, low + 4 * first * low_stride(H),
        )  # fmt: skip
        product(
            multiply, rows, H, H, h + 4 * first * H, H, matrix_n, extra, 0,
            scaled + 4 * first * H, H, low + 4 * first * low_stride(H),
        )  # fmt: skip
        out = outputs + 4 * t * B * H
        for row in range(first, last):
            at = 4 * row * H
            gru_forward(H, x + 3 * at + 8 * H, gates + 3 * at, scaled + at, h + at, out + at)
        h = out
        gates += 4 * gates_step
        scaled += 4 * scaled_step
        low += 4 * low_step


@njit(nogil=True, inline="always")
def _backward(first: int, last: int, numbers: Numbers) -> None:
    """The tracks from first to last, whose numbers are: T, B, H, their product, the matrices of
    r and z and of n, h before (B, H), outputs (T, B, H), gates (T, B, 3H), what r scaled
    (T, B, H), the gradients of outputs (T, B, H) with their distance from step to step and from
    row to row, that of h after, that becomes that before (B, H), those of projected (T, B, 3H) and
    of what r scaled (T, B, H), and of r and z, and of what r scaled, in bfloat16 (T, B, low
    stride)."""
    T, B, H, multiply, matrix, matrix_n, before, outputs, gates, scaled = numbers[2:12]
    d_out, d_out_step, d_out_row, d_h, d_projected, d_scaled, low, low_n = numbers[12:20]
    rows = last - first
    for t in range(T - 1, -1, -1):
        for row in range(first, last):
            at, by = 4 * (t * B + row) * H, 4 * row * H
            h = before + by if t == 0 else outputs + at - 4 * B * H
            d = d_out + 4 * (t * d_out_step + row * d_out_row)
            gru_backward(
                H, gates + 3 * at, scaled + at, h, d, d_h + by, d_projected + 3 * at, d_scaled + at
            )  # fmt: skip
        at, goal = 4 * (t * B + first) * H, d_h + 4 * first * H
        product(
            multiply, rows, 2 * H, H, d_projected + 3 * at, 3 * H, matrix, goal, H, goal, H,
            low + 4 * (t * B + first) * low_stride(2 * H),
        )  # fmt: skip
        product(
            multiply, rows, H, H, d_scaled + at, H, matrix_n, goal, H, goal, H,
            low_n + 4 * (t * B + first) * low_stride(H),
        )  # fmt: skip


@intrinsic
def gru_forward(
    typing_context: Any, H: Any, projected: Any, gates: Any, scaled: Any, before: Any, out: Any
) -> Any:
    """Gates from what goes into r and z, and h: one row. ``projected`` is that of n."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        H, *addresses = arguments
        projected, gates, scaled, before, out = (pointer(builder, place) for place in addresses)

        def body(b: Register, d: Any) -> None:
            at_z = builder.add(d, H)
            at_n = builder.add(at_z, H)
            r, z = sigmoid(b, b.load(gates, d)), sigmoid(b, b.load(gates, at_z))
            n = tanh(b, b.fused(r, b.load(scaled, d), b.load(projected, d)))
            b.store(b.fused(z, b.minus(b.load(before, d), n), n), out, d)
            for value, place in ((r, d), (z, at_z), (n, at_n)):
                b.store(value, gates, place)

        along(builder, H, body)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


@intrinsic
def gru_backward(
    typing_context: Any, H: Any, gates: Any, scaled: Any, before: Any, d_out: Any, d_h: Any,
    d_projected: Any, d_scaled: Any,
) -> Any:  # fmt: skip
    """Gradients of what goes into the gates, and d_h as far as it passes by them: one row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        H, *addresses = arguments
        gates, scaled, before, d_out, d_h, d_projected, d_scaled = (
            pointer(builder, place) for place in addresses
        )

        def body(b: Register, d: Any) -> None:
            at_z, one = builder.add(d, H), b.constant(1)
            at_n = builder.add(at_z, H)
            r, z, n = (b.load(gates, place) for place in (d, at_z, at_n))
            dh = b.plus(b.load(d_out, d), b.load(d_h, d))
            dn = b.times(b.times(dh, b.minus(one, z)), b.fused(b.negated(n), n, one))
            dz = b.times(
                b.times(dh, b.minus(b.load(before, d), n)), b.times(z, b.minus(one, z))
            )  # fmt: skip
            dr = b.times(b.times(dn, b.load(scaled, d)), b.times(r, b.minus(one, r)))
            b.store(b.times(dn, r), d_scaled, d)
            b.store(b.times(dh, z), d_h, d)
            for value, place in ((dr, d), (dz, at_z), (dn, at_n)):
                b.store(value, d_projected, place)

        along(builder, H, body)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 8), generate


# --- what the window calls; compiled where it stands, so after all that it calls ----------------


@kernel
def forward(block: int) -> None:
    """Outputs, gates and candidates of all steps; a task is a range of tracks."""
    over_tracks(block, _forward)


@kernel
def backward(block: int) -> None:
    """The gradients of all steps' gates and of h before; a task is a range of tracks."""
    over_tracks(block, _backward)
