"""A matrix on a device, of which a batch reads and changes some rows.

R is the number of rows of the matrix, S the length of one.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

__all__ = ["Rows"]

_LARGEST_STEP = 4.0  # times the mass of a row; see Rows.add


class Rows:
    """The rows of a matrix, changed in place.

    Args:
        weights: shape (R, S), float32.
    """

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights
        self._mass = weights.new_zeros(len(weights))

    def gather(self, rows: Tensor) -> Tensor:
        """These rows, of shape (…, S) for rows of shape (…)."""
        return F.embedding(rows, self.weights)

    def add(self, rows: Tensor, change: Tensor, mass: Tensor, lr: float) -> None:
        """A step along a change, for rows that may occur many times in a batch.

        All changes in a batch start from the same vectors. A frequent word gathers so many that
        their sum would carry it far beyond where each of them leads. The loss of a dot product
        curves by at most 1/4 of its weight, times the square of the other vector's length; were
        that 1, a step of 4/mass would never do harm, where mass is the weight of all dot products
        that a row is part of in the batch. No row takes a larger step. In trials on 11 million
        words, smaller limits learned more slowly, twice as large ones too, and without a limit
        batches of 4,096 words diverged.

        Args:
            rows: shape (…).
            change: shape (…, S), minus the gradient; used up.
            mass: shape (…), at least 0.
            lr: the learning rate.
        """
        rows = rows.reshape(-1)
        total = self._mass.zero_().index_add_(0, rows, mass.reshape(-1))
        change = change.reshape(len(rows), -1).div_(_limited(total.index_select(0, rows), lr))
        self.weights.index_add_(0, rows, change, alpha=_LARGEST_STEP)

    def add_to_all(self, change: Tensor, mass: Tensor, lr: float) -> None:
        """A step along a change of the whole matrix.

        Args:
            change: shape (R, S), minus the gradient; used up.
            mass: shape (R,); used up.
            lr: the learning rate.
        """
        self.weights.add_(change.div_(_limited(mass, lr)), alpha=_LARGEST_STEP)


def _limited(mass: Tensor, lr: float) -> Tensor:
    """The largest step over this is min(lr, largest step / mass): shape (·, 1)."""
    return mass.clamp_(min=_LARGEST_STEP / max(lr, 1e-30))[:, None]
