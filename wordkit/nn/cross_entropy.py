"""The softmax over all words and its cross-entropy, a chunk of rows at a time.

N tokens, V words, H size of a hidden vector, C rows of a chunk.

The logits of N tokens are N·V numbers, far more than all that they are made from. They are
computed for C rows, reduced to their part of the loss and of its gradients, and overwritten: the
gradients of a softmax are known as soon as its logits are, before anything asks for them (as in
Liger-Kernel's fused linear cross-entropy, Hsu et al. 2024).

Inside an autocast to bfloat16 the products are taken in it. A bfloat16 has 8 bits of fraction:
losses are within about 2e-2 of those in float32 for each token, and within 1e-3 for the mean of a
batch; gradients are within 1e-2 of theirs, as the norm of the difference. Each chunk's gradient of
the weights is rounded to bfloat16 once, and the chunks are summed in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.network import uses_bf16, widest_float

__all__ = ["linear_cross_entropy", "linear_target_log_probs"]

_CHUNK_BYTES = 1 << 24
_DEVICE_CHUNK_BYTES = 1 << 28
_REGISTER = 16  # values of float32


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    chunk: int | None = None,
) -> Tensor:
    """Return the sum of −log p(target) under softmax(hidden · weightᵀ + bias), in nats: a scalar.

    Gradients are computed along with it, so one can go back through it once only.

    Args:
        hidden: shape (N, H).
        weight: shape (V, H).
        bias: shape (V,), or None.
        targets: shape (N,), int64; −1 where there is nothing to predict.
        label_smoothing: fraction of the target's probability that is given to all words alike,
            from 0 to 1 (Szegedy et al. 2016).
        chunk: rows of a chunk at most; None: such that the logits of one take no more memory than
            the gradient of the weights does.

    Raises:
        IndexError: a target is not below V (on a device torch says so in its own way).
    """
    _check_targets(targets, weight)
    bf16, wanted = uses_bf16(hidden), torch.is_grad_enabled()
    loss: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, label_smoothing, chunk, bf16, wanted
    )
    return loss


@torch.no_grad()
def linear_target_log_probs(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> Tensor:
    """Return log p of each target, shape (N,), natural; 0 where the target is −1. No gradients.

    Args:
        hidden, weight, bias, targets: as for :func:`linear_cross_entropy`.
    """
    _check_targets(targets, weight)
    values = [
        torch.log_softmax(F.linear(hidden[rows], weight, bias), 1).gather(
            1, targets[rows].clamp(min=0).unsqueeze(1)
        )
        for rows in _chunks(len(hidden), weight, weight.element_size())
    ]
    return torch.cat(values).squeeze(1).masked_fill_(targets < 0, 0)


def _check_targets(targets: Tensor, weight: Tensor) -> None:
    if targets.device.type == "cpu" and len(targets) and int(targets.max()) >= len(weight):
        raise IndexError(f"a target is {int(targets.max())}, but there are {len(weight)} words")


def _chunks(count: int, weight: Tensor, itemsize: int, rows: int | None = None) -> Iterator[slice]:
    """Split rows into chunks of about the same size; there is always one."""
    if rows is None:
        min_bytes = _CHUNK_BYTES if weight.device.type == "cpu" else _DEVICE_CHUNK_BYTES
        size = max(weight.numel() * weight.element_size(), min_bytes)
        rows = max(size // (len(weight) * itemsize), 1)
    chunks = max(-(-count // rows), 1)
    return (slice(count * i // chunks, count * (i + 1) // chunks) for i in range(chunks))


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss, with its gradients made in the forward pass and kept for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor,
        smoothing: float, chunk: int | None, bf16: bool, wanted: bool,
    ) -> Tensor:  # fmt: skip
        needs = [need and wanted for need in ctx.needs_input_grad[:3]]
        with torch.autocast(hidden.device.type, enabled=False):
            task = _Chunked(weight, bias, smoothing, bf16)
            loss = task.run(hidden, targets, needs, chunk)
        ctx.needs, ctx.gradients = needs, (task.d_hidden, task.d_matrix)
        return loss.to(hidden.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            raise RuntimeError("linear_cross_entropy keeps its gradients for one backward pass")
        (d_hidden, d_matrix), (of_hidden, of_weight, of_bias) = gradients, ctx.needs
        return (
            d_hidden * factor if of_hidden else None,
            d_matrix[:, : d_hidden.shape[1]] * factor if of_weight else None,
            d_matrix[:, d_hidden.shape[1]] * factor if of_bias else None,
            None, None, None, None, None,
        )  # fmt: skip


class _Chunked:
    """Compute the loss and its gradients chunk by chunk.

    The bias is one more column of the weights, and 1 one more value of each hidden vector, so that
    no pass over the logits adds it, or sums its gradient; zeros after them fill whole registers.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, smoothing: float, bf16: bool) -> None:
        (V, H), self.smoothing = weight.shape, smoothing
        self.dtype = torch.bfloat16 if bf16 else weight.dtype
        self.matrix = torch.zeros(
            V, -(-(H + 1) // _REGISTER) * _REGISTER, dtype=self.dtype, device=weight.device
        )
        self.matrix[:, :H] = weight
        if bias is not None:
            self.matrix[:, H] = bias
        self.weight = weight
        self.d_hidden = self.d_matrix = weight.new_empty(0)

    def run(
        self, hidden: Tensor, targets: Tensor, needs: Sequence[bool], chunk: int | None
    ) -> Tensor:
        """Return the loss in float64; set the gradients of hidden (N, H) and matrix (V, ·)."""
        weight, (N, H) = self.weight, hidden.shape
        wide = widest_float(hidden.device)
        loss = torch.zeros((), dtype=wide, device=hidden.device)
        present = (targets >= 0).to(weight.dtype).unsqueeze(1)
        x = torch.zeros(N, self.matrix.shape[1], dtype=self.dtype, device=hidden.device)
        x[:, :H], x[:, H] = hidden, 1
        self.d_hidden = torch.empty_like(hidden)
        if needs[1] or needs[2]:
            self.d_matrix = torch.empty_like(self.matrix, dtype=weight.dtype)
        parts = list(_chunks(N, weight, self.matrix.element_size(), chunk))
        C = max(rows.stop - rows.start for rows in parts)
        buffers = torch.empty(2, C, len(weight), dtype=self.dtype, device=hidden.device)
        for rows in parts:
            logits, probs = buffers[:, : rows.stop - rows.start]
            torch.mm(x[rows], self.matrix.T, out=logits)
            torch.softmax(logits, 1, out=probs)
            losses = _losses(logits, probs, targets[rows])
            if self.smoothing:  # −log p of all words: their mean logit is that of mean weights
                ids, mean = targets[rows].clamp(min=0).unsqueeze(1), self.matrix.mean(0)
                gap = logits.gather(1, ids).squeeze(1) - x[rows] @ mean
                of_all = losses + gap.unsqueeze(1).to(losses.dtype)
                losses = torch.lerp(losses, of_all, self.smoothing)
            loss += (losses * present[rows]).sum(dtype=wide)
            if needs[0]:
                product = (probs @ self.matrix)[:, :H]
                torch.mul(product, present[rows], out=self.d_hidden[rows])
            if needs[1] or needs[2]:
                x[rows] *= present[rows]  # what has no target leaves no gradient of the weights
                _add_product(self.d_matrix, probs, x[rows], is_first=rows.start == 0)
        self._subtract_targets(hidden, targets, present, needs)
        return loss

    def _subtract_targets(
        self, hidden: Tensor, targets: Tensor, present: Tensor, needs: Sequence[bool]
    ) -> None:
        """Take from the gradients what is given to the targets, 1 − ε, and to all words, ε / V."""
        weight, smoothing, H = self.weight, self.smoothing, hidden.shape[1]
        ids, given = targets.clamp(min=0), present * (1 - smoothing)
        if needs[0]:
            self.d_hidden -= F.embedding(ids, weight).mul_(given)
            if smoothing:
                self.d_hidden -= present * (weight.mean(0) * smoothing)
        if needs[1] or needs[2]:
            self.d_matrix[:, :H].index_add_(0, ids, hidden.to(weight.dtype) * -given)
            self.d_matrix[:, H].index_add_(0, ids, -given.squeeze(1))
            if smoothing:
                each = smoothing / len(weight)
                self.d_matrix[:, :H] -= (present * hidden).sum(0) * each
                self.d_matrix[:, H] -= present.sum() * each


def _losses(logits: Tensor, probs: Tensor, targets: Tensor) -> Tensor:
    """Return −log p of the target of each row, (C, 1)."""
    ids, wide = targets.clamp(min=0).unsqueeze(1), torch.promote_types(probs.dtype, torch.float32)
    log_probs = probs.gather(1, ids).to(wide).log_()
    for row in (log_probs == -torch.inf).nonzero()[:, 0].tolist():  # p is too small for its type
        log_probs[row] = torch.log_softmax(logits[row].to(wide), 0)[ids[row]]
    return -log_probs


def _add_product(total: Tensor, left: Tensor, right: Tensor, *, is_first: bool) -> None:
    """Add leftᵀ · right to the total, or set it where this is the first."""
    if left.dtype == total.dtype:
        total.addmm_(left.T, right, beta=0 if is_first else 1)
    elif is_first:
        total.copy_(left.T @ right)
    else:
        total += left.T @ right
