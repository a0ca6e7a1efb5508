"""The simple recurrent cell, with tanh or rectified units, over all steps of a window.

Letters: T steps, B tracks side by side, H width of the layer.
Addresses are int64, in bytes; strides count floats.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from numba import types

from wordkit.kernels.jit import njit
from wordkit.recurrent.kernels.activations import tanh
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
    projected (T, B, H), h before (B, H), whether rectified, outputs (T, B, H), h before each step
    in bfloat16 (·, B, low stride), if the form is low, and from one step to the next."""
    T, B, H, multiply, matrix, projected, h, rectified, outputs, low, low_step = numbers[2:13]
    for t in range(T):
        at = 4 * (t * B + first) * H
        product(
            multiply, last - first, H, H, h + 4 * first * H, H, matrix, projected + at, H,
            outputs + at, H, low + 4 * (t * low_step + first * low_stride(H)),
        )  # fmt: skip
        # the rows lie one behind the other
        activate((last - first) * H, rectified, outputs + at)
        h = outputs + 4 * t * B * H


@njit(nogil=True, inline="always")
def _backward(first: int, last: int, numbers: Numbers) -> None:
    """The tracks from first to last, whose numbers are: T, B, H, its product and the matrix,
    whether rectified, outputs (T, B, H), the gradients of outputs (T, B, H) with their distance
    from step to step and from row to row, that of h after, that becomes that before (B, H), that
    of projected (T, B, H), a row of zeros, whether the gradient of h before is wanted, and that of
    projected in bfloat16 (T, B, low stride)."""
    T, B, H, multiply, matrix, rectified, outputs, d_out, d_out_step, d_out_row = numbers[2:12]
    d_h, d_projected, zeros, wanted, low = numbers[12:17]
    for t in range(T - 1, -1, -1):
        for row in range(first, last):
            at = 4 * (t * B + row) * H
            d = d_out + 4 * (t * d_out_step + row * d_out_row)
            differentiate(H, rectified, outputs + at, d, d_h + 4 * row * H, d_projected + at)
        if t > 0 or wanted:
            product(
                multiply, last - first, H, H, d_projected + 4 * (t * B + first) * H, H, matrix,
                zeros, 0, d_h + 4 * first * H, H, low + 4 * (t * B + first) * low_stride(H),
            )  # fmt: skip


@intrinsic
def activate(typing_context: Any, length: Any, rectified: Any, h: Any) -> Any:
    """h becomes tanh(h) or max(h, 0)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        length, rectified, h = arguments
        h = pointer(builder, h)
        is_rectified = builder.icmp_signed("!=", rectified, rectified.type(0))

        def rectify(b: Register, d: Any) -> None:
            b.store(b.at_least(b.load(h, d), 0), h, d)

        def squash(b: Register, d: Any) -> None:
            b.store(tanh(b, b.load(h, d)), h, d)

        with builder.if_else(is_rectified) as (then, otherwise):
            with then:
                along(builder, length, rectify)
            with otherwise:
                along(builder, length, squash)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), generate


@intrinsic
def differentiate(
    typing_context: Any, H: Any, rectified: Any, h: Any, d_out: Any, d_h: Any, d_projected: Any
) -> Any:
    """d_projected = (d_out + d_h) · the slope at h: one row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        H, rectified, *addresses = arguments
        h, d_out, d_h, d_projected = (pointer(builder, address) for address in addresses)
        is_rectified = builder.icmp_signed("!=", rectified, rectified.type(0))

        def body(b: Register, d: Any) -> None:
            value, one, zero = b.load(h, d), b.constant(1), b.constant(0)
            dh = b.plus(b.load(d_out, d), b.load(d_h, d))
            slope = b.fused(b.negated(value), value, one)
            straight = b.select(builder.fcmp_ordered("<=", value, zero), zero, dh)
            b.store(b.select(is_rectified, straight, b.times(dh, slope)), d_projected, d)

        along(builder, H, body)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


# --- what the window calls; compiled where it stands, so after all that it calls ----------------


@kernel
def forward(block: int) -> None:
    """Outputs of all steps; a task is a range of tracks."""
    over_tracks(block, _forward)


@kernel
def backward(block: int) -> None:
    """The gradients of what goes into all steps and of h before; a task is a range of tracks."""
    over_tracks(block, _backward)
