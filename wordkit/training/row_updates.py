"""Gradients and optimizer steps of a few rows of a large matrix.

V rows of the matrix, H the length of one.

A window of text touches a few thousand of the word vectors: those that go in, the targets, the
negatives. Autograd would hand back a gradient as large as the matrix, almost all of it zeros, and
an optimizer would step through all of it. Here the gradient of the touched rows is gathered in a
matrix that is kept, and only these rows are stepped and cleared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from wordkit.recurrent.row_softmax import uses_kernels

__all__ = ["RowAdamW", "RowGradients", "embedding_lookup"]


class RowGradients:
    """The gradient of some rows of a parameter.

    On the CPU a list of the touched rows is kept, and nothing goes over the others. On a device
    the whole matrix is gone over, which takes less time there than to wait for such a list.

    Args:
        parameter: shape (V, H), or (V,), where a row is a single number.
    """

    def __init__(self, parameter: Tensor) -> None:
        self.parameter = parameter
        self.values = torch.zeros(parameter.shape, dtype=parameter.dtype, device=parameter.device)
        """The sum of what was added, shaped like the parameter; 0 where nothing was."""
        self._touched = torch.zeros(len(parameter), dtype=torch.bool, device=parameter.device)
        self._uses_kernels = uses_kernels(parameter)
        self._list = torch.empty(len(parameter) if self._uses_kernels else 0, dtype=torch.int64)
        self._count = 0

    def add(self, ids: Tensor, rows: Tensor) -> None:
        """Add gradients to rows; one that occurs more than once gets the sum.

        Args:
            ids: which rows, shape (…,), int64; gradients of −1 are left out.
            rows: their gradients, shape (…, H), or (…,) where a row is a number.

        Raises:
            IndexError: an id is not below V (on a device torch says so in its own way).
        """
        flat = ids.reshape(-1)
        rows = rows.detach().reshape(len(flat), *self.values.shape[1:]).to(self.values.dtype)
        if self._uses_kernels:
            flat, rows = self._noted(flat, rows)
        else:
            there = flat >= 0
            flat = flat.clamp(min=0)
            rows = rows * there.view(-1, *[1] * (rows.dim() - 1))
            self._touched.logical_or_(torch.zeros_like(self._touched).index_add_(0, flat, there))
        self.values.index_add_(0, flat, rows)

    def _noted(self, ids: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What is to be added where, with the rows in the list."""
        from wordkit.recurrent.kernels.rows import mark

        touched, known = self._touched.numpy(), self._list.numpy()
        count = mark(ids.contiguous().numpy(), touched, known, self._count)
        if count < 0:
            raise IndexError(f"a row is {int(ids.max())}, but there are {len(touched)}")
        self._count = count
        if len(ids) and int(ids.min()) < 0:
            there = ids >= 0
            return ids[there], rows[there]
        return ids, rows

    @property
    def listed(self) -> Tensor | None:
        """The touched rows in the order they came; None where no list is kept."""
        return self._list[: self._count] if self._uses_kernels else None

    def mask(self) -> Tensor:
        """Which rows are touched, shape (V,), bool."""
        return self._touched

    def rows(self) -> Tensor:
        """The rows touched since the last :meth:`clear`, each once, ascending; int64."""
        return self._touched.nonzero()[:, 0] if self.listed is None else self.listed.sort().values

    def squared_norm(self) -> Tensor:
        """The sum of squares of the gradient, a scalar: for clipping."""
        if self.listed is None:
            return self.values.square().sum()
        from wordkit.recurrent.kernels.rows import on_rows

        return on_rows(self.listed, self.values, None).sum().to(self.values.dtype)

    def scale_(self, factor: float | Tensor) -> None:
        """Multiply the gradient."""
        if self.listed is None:
            self.values.mul_(factor)
        else:
            from wordkit.recurrent.kernels.rows import on_rows

            on_rows(self.listed, self.values, float(factor))

    def clear(self) -> None:
        """Set the touched rows to 0 and forget that they were touched."""
        if self.listed is None:
            self.values.zero_()
            self._touched.zero_()
        elif self._count:
            from wordkit.recurrent.kernels.rows import on_rows

            on_rows(self.listed, self.values, 0.0)
            self._touched[self.listed] = False
            self._count = 0


class _Lookup(torch.autograd.Function):
    """Rows of a parameter, with the way back to :class:`RowGradients` instead of ``.grad``."""

    @staticmethod
    def forward(ctx: Any, parameter: Tensor, ids: Tensor, gradients: RowGradients) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.gradients = gradients
        return F.embedding(ids, parameter)

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[None, None, None]:
        (ids,) = ctx.saved_tensors
        ctx.gradients.add(ids, gradient[0])
        return None, None, None


def embedding_lookup(parameter: Tensor, ids: Tensor, row_gradients: RowGradients) -> Tensor:
    """The rows of these ids; going back adds to ``row_gradients``, and leaves ``.grad`` alone.

    Args:
        parameter: shape (V, H).
        ids: shape (…), int64.
        row_gradients: of this parameter.

    Returns:
        Shape (…, H).
    """
    rows: Tensor = _Lookup.apply(parameter, ids, row_gradients)  # type: ignore[no-untyped-call]
    return rows


class RowAdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019) for the touched rows alone.

    The others, and their moments, stay as they are: "lazy" Adam. Where all rows are touched in
    every step, it is ``torch.optim.AdamW``; where some are, with no weight decay, it is
    ``torch.optim.SparseAdam``, but for eps, which that adds before it corrects the moment.

    Args:
        parameter: shape (V, H) or (V,), changed in place.
        row_gradients: of this parameter; :meth:`step` does not clear them.
        betas: how much of the two moments stays from step to step.
        eps: added to the root of the second moment.
        weight_decay: share of a touched row that is taken off in a step, times lr.
    """

    def __init__(
        self,
        parameter: Tensor,
        row_gradients: RowGradients,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameter, self.row_gradients = parameter, row_gradients
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.steps = 0
        self._mean = torch.zeros_like(row_gradients.values)
        self._square = torch.zeros_like(row_gradients.values)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Change the touched rows by a step."""
        self.steps += 1
        mean_left, square_left = 1 - self.betas[0] ** self.steps, 1 - self.betas[1] ** self.steps
        rate, kept = lr / mean_left, 1 - lr * self.weight_decay
        rows = self.row_gradients.listed
        if rows is None or not self.parameter.is_contiguous():
            self._step_all(rate, kept, square_left)
            return
        from wordkit.recurrent.kernels.rows import step_rows

        mean, square = self.betas
        step_rows(
            rows,
            self.parameter,
            self.row_gradients.values,
            (self._mean, self._square),
            (1 - mean, square, 1 - square, kept, rate, square_left**-0.5, self.eps),
        )

    def _step_all(self, rate: float, kept: float, square_left: float) -> None:
        """A step over the whole matrix that leaves the rows alone that are not touched."""
        gradient, parameter = self.row_gradients.values, self.parameter
        touched = self.row_gradients.mask().to(gradient.dtype)
        touched = touched.view(-1, *[1] * (gradient.dim() - 1)).expand_as(gradient)
        self._mean.lerp_(gradient, touched * (1 - self.betas[0]))
        self._square.lerp_(gradient.square(), touched * (1 - self.betas[1]))
        parameter.mul_(1 - touched * (1 - kept))
        divisor = self._square.sqrt().div_(square_left**0.5).add_(self.eps)
        parameter.addcdiv_(self._mean * touched, divisor, value=-rate)

    def state_dict(self) -> dict[str, Tensor]:
        """The state as tensors: ``step``, and ``exp_avg`` and ``exp_avg_sq`` (not copied)."""
        step = torch.tensor(float(self.steps))
        return {"step": step, "exp_avg": self._mean, "exp_avg_sq": self._square}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state, which is copied."""
        self.steps = int(state["step"])
        self._mean.copy_(state["exp_avg"])
        self._square.copy_(state["exp_avg_sq"])

    def to_dense_state(self) -> dict[str, Tensor]:
        """What ``torch.optim.AdamW`` keeps for a parameter, to go on with there.

        ::

            optimizer.state[parameter] = row_adamw.to_dense_state()
        """
        return self.state_dict()
