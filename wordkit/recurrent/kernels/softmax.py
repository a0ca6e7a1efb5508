"""From logits to powers of e, a row at a time, where they lie: the softmax but for its division.

N rows, V columns. What a row is to be divided by is left to whoever multiplies a matrix by it:
that takes H numbers to be scaled instead of V.

Logits are float32, or bfloat16 held as uint16; all arithmetic is in float32, in base 2.
"""

from __future__ import annotations

import math
from typing import Any

import numba.extending
import numpy as np
import numpy.typing as npt
import torch
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from torch import Tensor

from wordkit.kernels.jit import njit
from wordkit.recurrent.kernels import jobs
from wordkit.recurrent.kernels.addresses import carray, floats, halves, longs
from wordkit.recurrent.kernels.jobs import kernel, read, share, take

__all__ = ["column_sums", "powers", "sampled_powers"]

# It supplies the first argument of the functions it decorates, which its type does not say.
intrinsic: Any = numba.extending.intrinsic
Numbers = tuple[int, ...]
Values = npt.NDArray[Any]

_FLOAT, _INT16, _INT32 = ir.FloatType(), ir.IntType(16), ir.IntType(32)
_LOG2_E = 1 / math.log(2)
_SCALE, _LN2 = np.float32(_LOG2_E), math.log(2)
_LEAST, _MOST = np.float32(-3e38), np.float32(1e30)
_FURTHEST = np.float32(125)  # 2 to minus this is still a normal number
_ONE, _ZERO = np.float32(1), np.float32(0)
_COLUMNS = 2048  # at a time, where many rows are summed: they stay in the first cache
_SMALL = 50_000  # numbers: fewer are done before a second thread has begun
_FAST = {"reassoc", "contract", "nsz", "arcp"}  # not those that believe in no NaN

# 2^x for x from −1/2 to 1/2: a polynomial through Chebyshev points, within 2e-7
_POWERS_OF_TWO = (
    np.polynomial.Chebyshev.interpolate(lambda x: 2.0**x, 5, domain=[-0.5, 0.5])
    .convert(kind=np.polynomial.Polynomial)
    .coef.tolist()
)


@intrinsic
def _widened(typing_context: Any, value: Any) -> Any:
    """A float32, or the bits of a bfloat16 as one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if value == types.float32:
            return arguments[0]
        bits = builder.shl(builder.zext(arguments[0], _INT32), _INT32(16))
        return builder.bitcast(bits, _FLOAT)

    return types.float32(value), generate


@intrinsic
def _stored(typing_context: Any, value: Any, like: Any) -> Any:
    """A float32 as what is stored in an array: itself, or the bits of the nearest bfloat16."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if like.dtype == types.float32:
            return arguments[0]
        bits = builder.add(builder.bitcast(arguments[0], _INT32), _INT32(0x8000))
        return builder.trunc(builder.lshr(bits, _INT32(16)), _INT16)

    return like.dtype(value, like), generate


@intrinsic
def _larger(typing_context: Any, a: Any, b: Any) -> Any:
    """The larger of two float32, in a form that LLVM makes a reduction of vectors of."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_FLOAT, [_FLOAT, _FLOAT])
        function = builder.module.declare_intrinsic("llvm.maxnum", [_FLOAT], kind)
        return builder.call(function, arguments, fastmath=("fast",))

    return types.float32(types.float32, types.float32), generate


@intrinsic
def _power(typing_context: Any, x: Any, less: Any) -> Any:
    """2^(x − less) for a whole number (int32), at least 2^−126.

    2^x = 2^n · 2^r with n whole and r from −1/2 to 1/2; n − less is added to the exponent's bits.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, less = arguments
        nearest = builder.module.declare_intrinsic("llvm.rint", [_FLOAT])
        whole = builder.call(nearest, [x])
        rest = builder.fsub(x, whole)
        result = ir.Constant(_FLOAT, float(np.float32(_POWERS_OF_TWO[-1])))
        for term in reversed(_POWERS_OF_TWO[:-1]):
            constant = ir.Constant(_FLOAT, float(np.float32(term)))
            product = builder.fmul(rest, result, flags=("contract",))
            result = builder.fadd(constant, product, flags=("contract",))
        exponent = builder.sub(builder.fptosi(whole, _INT32), less)
        bits = builder.add(builder.bitcast(result, _INT32), builder.shl(exponent, _INT32(23)))
        return builder.bitcast(bits, _FLOAT)

    return types.float32(types.float32, types.int32), generate


@njit(nogil=True, cache=True, fastmath=_FAST)
def _highest(row: Values, bias: Values, top: np.float32) -> np.float32:
    """The highest logit of a row in base 2, or ``top``."""
    for j in range(len(row)):
        top = _larger(top, _widened(row[j]) * _SCALE + bias[j])
    return top


@njit(nogil=True, cache=True, fastmath=_FAST)
def _to_powers(row: Values, bias: Values, less: int) -> np.float32:
    """Logits of a row to 2^(logit − less); their sum."""
    lowest, total = np.float32(less) - _FURTHEST, _ZERO
    for j in range(len(row)):
        power = _power(_larger(_widened(row[j]) * _SCALE + bias[j], lowest), np.int32(less))
        total += power
        row[j] = _stored(power, row)
    return total


@njit(nogil=True, cache=True)
def _rows(
    first: int, last: int, logits: Values, bias: Values, targets: Values, out: Values
) -> None:
    """See :func:`powers`. What comes out, shape (3, N): factors, normalizers, right logits."""
    for n in range(first, last):
        row, target = logits[n], targets[n]
        right = _ZERO
        if target >= 0:
            right = _widened(row[target]) * _SCALE + bias[target]
        top = _highest(row, bias, _LEAST)
        if not -_MOST < top < _MOST:
            out[:, n] = np.nan
            continue
        less = math.floor(top)
        total = _to_powers(row, bias, less)
        out[0, n] = _ONE / total if target >= 0 else _ZERO
        out[1, n] = (math.log2(total) + less) * _LN2
        out[2, n] = right * _LN2


@njit(nogil=True, cache=True)
def _sampled_rows(
    first: int, last: int, logits: Values, bias: Values, targets: Values, negatives: Values,
    positives: Values, out: Values,
) -> None:  # fmt: skip
    """See :func:`sampled_powers`. What comes out, shape (3, N): factors, normalizers, pulls."""
    nothing = _stored(_LEAST, logits)
    for n in range(first, last):
        row, target = logits[n], targets[n]
        if target < 0:
            out[:, n] = 0
            continue
        for j in range(len(row)):
            if negatives[j] == target:
                row[j] = nothing
        positive = positives[n] * _SCALE
        top = _highest(row, bias, positive)
        if not -_MOST < top < _MOST:
            out[:, n] = np.nan
            continue
        less = math.floor(top)
        others = _to_powers(row, bias, less)
        total = others + np.float32(2 ** np.float64(positive - less))
        out[0, n] = _ONE / total
        out[1, n] = (math.log2(total) + less) * _LN2
        out[2, n] = -others / total


@njit(nogil=True, cache=True)
def _shared_rows(block: int, numbers: Numbers, logits: Values) -> None:
    """A task is a range of rows. The numbers are: N, V, and the addresses of logits, bias (V,),
    targets (N,), what comes out (3, N), negatives (V,) or 0, positives (N,) or 0."""
    N, V = logits.shape
    bias, targets = carray(floats(numbers[5]), (V,)), carray(longs(numbers[6]), (N,))
    out = carray(floats(numbers[7]), (3, N))
    while True:
        task = take(block)
        if task >= numbers[1]:
            return
        first, last = share(task, numbers[1], N)
        if numbers[8] == 0:
            _rows(first, last, logits, bias, targets, out)
        else:
            negatives = carray(longs(numbers[8]), (V,))
            positives = carray(floats(numbers[9]), (N,))
            _sampled_rows(first, last, logits, bias, targets, negatives, positives, out)


@kernel
def _powers_of_floats(block: int) -> None:
    numbers = read(block)
    N, V = numbers[2], numbers[3]
    logits = carray(floats(numbers[4]), (N, V))
    _shared_rows(block, numbers, logits)


@kernel
def _powers_of_halves(block: int) -> None:
    numbers = read(block)
    N, V = numbers[2], numbers[3]
    logits = carray(halves(numbers[4]), (N, V))
    _shared_rows(block, numbers, logits)


@njit(nogil=True, cache=True, fastmath=_FAST)
def _add_columns(matrix: Values, factors: Values, out: Values, first: int, last: int) -> None:
    """Add rows times factors to a sum, four rows for each time that it is loaded."""
    N, sums = len(matrix), out[first:last]
    whole = N - N % 4
    for n in range(0, whole, 4):
        a, b, c, d = (
            matrix[n, first:last], matrix[n + 1, first:last],
            matrix[n + 2, first:last], matrix[n + 3, first:last],
        )  # fmt: skip
        p, q, r, s = factors[n], factors[n + 1], factors[n + 2], factors[n + 3]
        for j in range(len(sums)):
            sums[j] += (_widened(a[j]) * p + _widened(b[j]) * q) + (
                _widened(c[j]) * r + _widened(d[j]) * s
            )
    for n in range(whole, N):
        row, p = matrix[n, first:last], factors[n]
        for j in range(len(sums)):
            sums[j] += _widened(row[j]) * p


@njit(nogil=True, cache=True)
def _shared_columns(block: int, numbers: Numbers, matrix: Values) -> None:
    """A task is a range of columns. The numbers are: N, V, and the addresses of the matrix, of
    the rows' factors (N,) and of what their sum is added to (V,)."""
    N, V = matrix.shape
    factors, out = carray(floats(numbers[5]), (N,)), carray(floats(numbers[6]), (V,))
    while True:
        task = take(block)
        if task >= numbers[1]:
            return
        start = task * _COLUMNS
        _add_columns(matrix, factors, out, start, min(start + _COLUMNS, V))


@kernel
def _sums_of_floats(block: int) -> None:
    numbers = read(block)
    _shared_columns(block, numbers, carray(floats(numbers[4]), (numbers[2], numbers[3])))


@kernel
def _sums_of_halves(block: int) -> None:
    numbers = read(block)
    _shared_columns(block, numbers, carray(halves(numbers[4]), (numbers[2], numbers[3])))


def powers(logits: Tensor, bias: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Turn rows of logits into numbers that are in proportion to their softmax, in place.

    Args:
        logits: shape (N, V), float32 or bfloat16, contiguous, on the CPU; without the bias.
        bias: shape (V,), float32, contiguous, times log₂ e.
        targets: shape (N,), int64, contiguous, below V; where one is negative there is none.

    Returns:
        What each row is to be multiplied by (0 where there is no target), its normalizer
        log Σ exp, and the logit of its target: each of shape (N,), float32. NaN where a logit is
        infinite or none is a number.
    """
    out = torch.empty(3, len(logits))
    _run(_powers_of_floats, _powers_of_halves, logits, [bias, targets, out], [0, 0])
    return out[0], out[1], out[2]


def sampled_powers(
    logits: Tensor, bias: Tensor, targets: Tensor, negatives: Tensor, positives: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """As :func:`powers`, where the columns are some words and the target is one more of them.

    Args:
        logits, bias: of the negatives.
        targets: shape (N,), int64, contiguous; which words they are.
        negatives: shape (V,), int64, contiguous; which words the columns are. One that is the
            target of a row is as good as absent from it.
        positives: shape (N,), float32, contiguous: the logits of the targets.

    Returns:
        What each row is to be multiplied by, its normalizer with the target in it, and softmax − 1
        of the target: each of shape (N,), and 0 where there is no target.
    """
    out = torch.empty(3, len(logits))
    further = [negatives.data_ptr(), positives.data_ptr()]
    _run(_powers_of_floats, _powers_of_halves, logits, [bias, targets, out], further)
    return out[0], out[1], out[2]


def column_sums(matrix: Tensor, factors: Tensor, out: Tensor) -> None:
    """Add Σ factors[n] · matrix[n] to ``out``.

    Args:
        matrix: shape (N, V), float32 or bfloat16, contiguous, on the CPU.
        factors: shape (N,), float32, contiguous.
        out: shape (V,), float32, contiguous.
    """
    tasks = -(-matrix.shape[1] // _COLUMNS)
    _run(_sums_of_floats, _sums_of_halves, matrix, [factors, out], [], tasks)


def _run(
    of_floats: Any, of_halves: Any, matrix: Tensor, tensors: list[Tensor], further: list[int],
    tasks: int | None = None,
) -> None:  # fmt: skip
    """Run the kernel for the type of a matrix; a task is a few of its rows if not said."""
    chosen = of_floats if matrix.dtype == torch.float32 else of_halves
    N, V = matrix.shape
    if tasks is None:
        tasks = min(N, max(4 * torch.get_num_threads(), 1)) if N * V > _SMALL else 1
    addresses = [tensor.data_ptr() for tensor in (matrix, *tensors)]
    jobs.run(chosen, tasks, [N, V, *addresses, *further])
