"""The softmax over a target and a few sampled words, for training with many words.

N tokens, V words, H size of a hidden vector, S negatives, shared by all tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.network import uses_bf16, widest_float

__all__ = ["NegativeSampler", "sampled_cross_entropy"]


class NegativeSampler:
    """Draws S different words by frequency, as negatives.

    Words arrive at random, word w at a rate of p(w), and the first S to arrive are the negatives:
    the same as drawing from p until S different words are drawn. By the time τ at which S words
    are expected, w has arrived with probability 1 − exp(−p(w)·τ), its expected count. (With p in
    proportion to the counts the gradient of 500 negatives was nearest to the exact one: words by
    Zipf's law, V = 5000, off by 3 %; by 4 % with counts to the power of 0.75.)

    Args:
        counts: how often each word occurs, shape (V,).
        samples: S, at least 1; at most V are drawn.
        seed: of the random numbers.
        device: where the words are wanted.
    """

    def __init__(
        self,
        counts: npt.NDArray[np.int64],
        samples: int = 500,
        seed: int = 1,
        device: str | torch.device = "cpu",
    ) -> None:
        self.generator = torch.Generator(device).manual_seed(seed)
        """Its state is all that a draw depends on."""
        p = np.maximum(np.asarray(counts, np.float64), 1)  # no word is impossible
        p /= p.sum()
        self.samples = min(samples, len(p))
        self._p = torch.from_numpy(p.astype(np.float32)).to(device)
        log_expected = np.log(_inclusion_probabilities(p, self.samples))
        self.log_expected = torch.from_numpy(log_expected).to(device, torch.float32)
        """Logarithm of the expected count of each word among the negatives, shape (V,)."""

    def draw(self) -> Tensor:
        """Return S different words, shape (S,), int64."""
        times = torch.empty_like(self._p).exponential_(generator=self.generator)
        return times.div_(self._p).topk(self.samples, largest=False, sorted=False).indices


def _inclusion_probabilities(p: npt.NDArray[np.float64], samples: int) -> npt.NDArray[np.float64]:
    """Return 1 − exp(−p·τ) of each word, with the τ at which ``samples`` words are expected."""
    if samples == len(p):
        return np.ones_like(p)
    low, high = 0.0, 1.0
    while -np.expm1(-p * high).sum() < samples:
        low, high = high, 2 * high
    for _ in range(60):  # halvings: to the last bit
        middle = (low + high) / 2
        if -np.expm1(-p * middle).sum() < samples:
            low = middle
        else:
            high = middle
    return np.asarray(-np.expm1(-p * high))


def sampled_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    negatives: Tensor,
    log_expected: Tensor,
    *,
    sparse: bool = False,
) -> Tensor:
    """Return the sum of −log p(target) among the target and the negatives, in nats: a scalar.

    The logits are those of the whole softmax, less the logarithm of the expected count of a word
    among the classes, so that the gradient tends to that of the whole softmax as S grows (Bengio
    and Senécal 2008; Jean et al. 2015). A negative that is the target itself is left out.

    Args:
        hidden: shape (N, H).
        weight: shape (V, H).
        bias: shape (V,).
        targets: shape (N,), int64; −1 where there is nothing to predict.
        negatives: shape (S,), int64.
        log_expected: logarithm of the expected count of each word, shape (V,).
        sparse: whether the gradients of weight and bias are sparse tensors.
    """
    loss: Tensor = _SampledCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, negatives, log_expected, sparse, uses_bf16(hidden)
    )
    return loss


class _SampledCrossEntropy(torch.autograd.Function):
    """The loss; gradients are made from the probabilities in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor,
        negatives: Tensor, log_expected: Tensor, sparse: bool, bf16: bool,
    ) -> Tensor:  # fmt: skip
        with torch.autocast(hidden.device.type, enabled=False):
            dtype = torch.bfloat16 if bf16 else hidden.dtype
            ids, present = targets.clamp(min=0), targets >= 0
            target_rows = F.embedding(ids, weight)  # (N, H)
            negative_rows = F.embedding(negatives, weight).to(dtype)  # (S, H)
            target_logits = (hidden * target_rows).sum(1) + bias[ids] - log_expected[ids]
            logits = (hidden.to(dtype) @ negative_rows.T).to(hidden.dtype)  # (N, S)
            logits += bias[negatives] - log_expected[negatives]
            logits.masked_fill_(targets.unsqueeze(1) == negatives, -torch.inf)
            highest = torch.maximum(logits.amax(1), target_logits)
            exp_logits = logits.sub_(highest.unsqueeze(1)).exp_()
            sums = exp_logits.sum(1) + (target_logits - highest).exp_()
            losses = (sums.log() + highest - target_logits).masked_fill_(~present, 0)
            probs = exp_logits.mul_((present / sums).unsqueeze(1))
            # the gradient of the target's logit: −(1 − p), which is that of all others together
            d_target = -losses.neg().expm1().neg_()
        ctx.save_for_backward(hidden, target_rows, negative_rows, targets, negatives, probs)
        ctx.d_target, ctx.sparse, ctx.words = d_target, sparse, weight.shape[0]
        return losses.sum(dtype=widest_float(losses.device)).to(hidden.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        hidden, target_rows, negative_rows, targets, negatives, probs = ctx.saved_tensors
        d_target = (ctx.d_target * factor).unsqueeze(1)
        d_logits = (probs * factor).to(negative_rows.dtype)
        d_hidden = d_weight = d_bias = None
        ids = torch.cat([targets.clamp(min=0), negatives])
        if ctx.needs_input_grad[0]:
            d_hidden = torch.addcmul(
                (d_logits @ negative_rows).to(hidden.dtype), d_target, target_rows
            )
        if ctx.needs_input_grad[1]:
            of_negatives = (d_logits.T @ hidden.to(d_logits.dtype)).to(hidden.dtype)
            rows = torch.cat([hidden * d_target, of_negatives])
            d_weight = _row_gradient(ids, rows, ctx.words, ctx.sparse)
        if ctx.needs_input_grad[2]:
            rows = torch.cat([d_target.squeeze(1), d_logits.sum(0, dtype=hidden.dtype)])
            d_bias = _row_gradient(ids, rows, ctx.words, ctx.sparse)
        return d_hidden, d_weight, d_bias, None, None, None, None, None


def _row_gradient(ids: Tensor, rows: Tensor, words: int, sparse: bool) -> Tensor:
    """Return the gradient of a parameter whose rows ``ids`` have these gradients, as one tensor."""
    shape = (words, *rows.shape[1:])
    if sparse:
        return torch.sparse_coo_tensor(ids.unsqueeze(0), rows, shape, check_invariants=False)
    return rows.new_zeros(shape).index_add_(0, ids, rows)
