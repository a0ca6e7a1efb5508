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

__all__ = ["RowAdamW", "RowGradients", "embedding_lookup"]


class RowGradients:
    """The gradient of some rows of a parameter.

    Args:
        parameter: shape (V, H), or (V,), where a row is a single number.
    """

    def __init__(self, parameter: Tensor) -> None:
        self.parameter = parameter
        with torch.no_grad():
            self.values = torch.zeros_like(parameter)
        """The sum of what was added, shaped like the parameter; 0 where nothing was."""
        self._touched = torch.zeros(len(parameter), dtype=torch.bool, device=parameter.device)

    def add(self, ids: Tensor, rows: Tensor) -> None:
        """Add gradients to rows; one that occurs more than once gets the sum.

        Args:
            ids: which rows, shape (…,), int64; gradients of −1 are left out.
            rows: their gradients, shape (…, H), or (…,) where a row is a number.
        """
        flat = ids.reshape(-1)
        rows = rows.detach().reshape(len(flat), *self.values.shape[1:]).to(self.values.dtype)
        there = flat >= 0
        if not bool(there.all()):
            flat, rows = flat[there], rows[there]
        self.values.index_add_(0, flat, rows)
        self._touched[flat] = True

    def rows(self) -> Tensor:
        """The rows touched since the last :meth:`clear`, each once, ascending; int64."""
        return self._touched.nonzero()[:, 0]

    def squared_norm(self) -> Tensor:
        """The sum of squares of the gradient, a scalar: for clipping."""
        return self.values.square().sum()

    def scale_(self, factor: float | Tensor) -> None:
        """Multiply the gradient."""
        self.values.mul_(factor)

    def clear(self) -> None:
        """Set the touched rows to 0 and forget that they were touched."""
        self.values.zero_()
        self._touched.zero_()

    def mask(self) -> Tensor:
        """Which rows are touched, shape (V,), bool."""
        return self._touched


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
        with torch.no_grad():
            self._mean = torch.zeros_like(parameter)
            self._square = torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Change the touched rows by a step."""
        self.steps += 1
        mean_left, square_left = 1 - self.betas[0] ** self.steps, 1 - self.betas[1] ** self.steps
        gradient, parameter = self.row_gradients.values, self.parameter
        touched = self.row_gradients.mask().to(gradient.dtype)
        if gradient.dim() > 1:
            touched = touched[:, None].expand_as(gradient)
        self._mean.lerp_(gradient, touched * (1 - self.betas[0]))
        self._square.lerp_(gradient.square(), touched * (1 - self.betas[1]))
        parameter.mul_(1 - touched * (lr * self.weight_decay))
        divisor = self._square.sqrt().div_(square_left**0.5).add_(self.eps)
        parameter.addcdiv_(self._mean * touched, divisor, value=-lr / mean_left)

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
