"""The softmax over a target and a few sampled words, for training with many words.

N tokens, V words, H width of a hidden vector, S negatives, shared by all tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.autograd.function import once_differentiable

from wordkit.errors import ConfigError
from wordkit.recurrent.row_softmax import check_precision, column_sums, uses_kernels
from wordkit.training.row_updates import RowGradients

__all__ = ["SharedNegatives", "sampled_cross_entropy"]

_LOG2_E = 1 / math.log(2)
_MANY = 4  # words to a negative: with fewer, too many are drawn again


class SharedNegatives:
    """Words drawn to stand for all others: S different ones, by frequency to a power.

    They are drawn without replacement, so that none is wasted on a word that is there already.
    Words arrive at random, word w at a rate of p(w), and the first S to arrive are the negatives:
    the same as drawing from p until S different words are there. By the time τ at which S words
    are expected, w has arrived with probability 1 − exp(−p(w)·τ), and so often it is expected.

    Args:
        counts: how often each word occurs, shape (V,).
        exponent: words are drawn by count to this power. With 1 the gradient of 500 negatives
            was nearest to the exact one (words by Zipf's law, V = 5000: off by 3 %, with 0.75 by
            4 %, with 0.5 by 6 %, and with less noise).
        samples: S; at most V are drawn.
        seed: where the random numbers start.
        device: where the words are to be.

    Raises:
        ConfigError: ``samples`` or ``exponent`` is out of its range.
    """

    def __init__(
        self,
        counts: npt.NDArray[np.int64],
        exponent: float = 1.0,
        samples: int = 500,
        seed: int = 1,
        device: str | torch.device = "cpu",
    ) -> None:
        if samples < 1:
            raise ConfigError(f"samples must be at least 1, not {samples}")
        if not 0 <= exponent <= 10:
            raise ConfigError(f"exponent must be from 0 to 10, not {exponent}")
        self.generator = torch.Generator(device).manual_seed(seed)
        """Its state is all that a draw depends on."""
        powers = np.maximum(np.asarray(counts, np.float64), 1) ** exponent  # none is impossible
        shares = powers / powers.sum()
        self.samples = min(samples, len(shares))
        self._shares = torch.from_numpy(shares.astype(np.float32)).to(device)
        expected = torch.from_numpy(np.log(_inclusion(shares, self.samples)))
        self._log_expected = expected.to(device, torch.float32)
        self._draws = 0
        self._cumulated = np.cumsum(shares)
        self._drawn = np.zeros(len(shares), np.int64)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Negatives and the logarithm of how often each is expected; both of shape (S,)."""
        few = self.samples * _MANY < len(self._shares)
        if few and self._shares.device.type == "cpu":
            negatives = self._distinct()
        else:
            times = torch.empty_like(self._shares).exponential_(generator=self.generator)
            times /= self._shares
            negatives = times.topk(self.samples, largest=False, sorted=False).indices
        return negatives, self._log_expected[negatives]

    def _distinct(self) -> Tensor:
        """Words drawn one by one until there are S: with few of many words, the faster way."""
        from wordkit.recurrent.kernels.rows import draw_distinct

        self._draws += 1
        found, count = np.empty(self.samples, np.int64), 0
        while count < self.samples:
            uniforms = torch.rand(2 * self.samples, dtype=torch.float64, generator=self.generator)
            count = draw_distinct(
                uniforms.numpy(), self._cumulated, self._drawn, self._draws, found, count
            )
        return torch.from_numpy(found)

    def log_expected(self, ids: Tensor) -> Tensor:
        """The logarithm of how often each of these words is expected among the negatives.

        Args:
            ids: any shape; for −1 it is that of any word.
        """
        return self._log_expected[ids]


def _inclusion(shares: npt.NDArray[np.float64], samples: int) -> npt.NDArray[np.float64]:
    """The probability 1 − exp(−p·τ) of each word, with the τ at which ``samples`` are expected."""
    if samples == len(shares):
        return np.ones_like(shares)
    low, high = 0.0, 1.0
    while -np.expm1(-shares * high).sum() < samples:
        low, high = high, 2 * high
    for _ in range(60):  # halvings: to the last bit
        middle = (low + high) / 2
        if -np.expm1(-shares * middle).sum() < samples:
            low = middle
        else:
            high = middle
    return np.asarray(-np.expm1(-shares * high))


def sampled_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    negatives: Tensor,
    log_expected_targets: Tensor | None,
    log_expected_negatives: Tensor,
    *,
    precision: str = "fp32",
    weight_rows: RowGradients | None = None,
    bias_rows: RowGradients | None = None,
) -> Tensor:
    """The sum of −log p(target) among the target and the negatives, in nats: a scalar.

    The logits are those of the whole softmax, less the logarithm of how often a word is expected
    to be among the classes, so that the gradient tends to that of the whole softmax as S grows
    (Bengio and Senécal 2008; Jean et al. 2015). A negative that is the target itself is left out.

    A target is always among its classes. With 0 for the logarithm of that (``None``), the sum of
    exponentials is that of the whole softmax in expectation (Blanc and Rendle 2018), and for few
    negatives the gradient was half as far off as with what is expected of a negative.

    Args:
        hidden: shape (N, H).
        weight: shape (V, H).
        bias: shape (V,), or None.
        targets: shape (N,), int64; −1 where there is nothing to predict.
        negatives: shape (S,), int64.
        log_expected_targets: shape (N,); None: zeros.
        log_expected_negatives: shape (S,).
        precision: of the matrix products, ``fp32`` or ``bf16``.
        weight_rows: where the gradient of ``weight`` goes; None: to ``.grad``, as a full matrix.
        bias_rows: where that of ``bias`` goes.
    """
    check_precision(precision)
    task = _Task(
        precision == "bf16",
        log_expected_targets,
        log_expected_negatives,
        weight_rows,
        bias_rows,
        torch.is_grad_enabled(),
    )
    loss: Tensor = _SampledCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, negatives, task
    )
    return loss


@dataclass(frozen=True)
class _Task:
    """How to compute the loss, and where its gradients go."""

    in_bf16: bool
    log_expected_targets: Tensor | None
    log_expected_negatives: Tensor
    weight_rows: RowGradients | None
    bias_rows: RowGradients | None
    with_gradients: bool


class _SampledCrossEntropy(torch.autograd.Function):
    """The loss; gradients are made from the probabilities on the way back."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        negatives: Tensor,
        task: _Task,
    ) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            target_rows = F.embedding(targets.clamp(min=0), weight)  # (N, H)
            negative_rows = F.embedding(negatives, weight)  # (S, H)
            positives = (hidden * target_rows).sum(1)
            if task.log_expected_targets is not None:
                positives -= task.log_expected_targets
            shift = -task.log_expected_negatives
            if bias is not None:
                positives += bias[targets.clamp(min=0)]
                shift = shift + bias[negatives]
            logits = _product(hidden, negative_rows.T, task.in_bf16)
            powers, factors, normalizers, pulls = _softmax(
                logits, shift, positives, targets, negatives
            )
            losses = (normalizers - positives).masked_fill_(targets < 0, 0)
        if task.with_gradients:
            ctx.save_for_backward(hidden, target_rows, negative_rows, targets, negatives)
            ctx.kept = powers, factors, pulls, weight, bias, task
        return losses.sum(dtype=torch.float64).to(positives.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor | None, ...]:
        hidden, target_rows, negative_rows, targets, negatives = ctx.saved_tensors
        powers, factors, pulls, weight, bias, task = ctx.kept
        factors, pulls = (factors * factor)[:, None], (pulls * factor)[:, None]
        to_hidden, to_weight, to_bias = None, None, None
        if ctx.needs_input_grad[0]:
            to_hidden = _product(powers, negative_rows, task.in_bf16).to(hidden.dtype)
            to_hidden.mul_(factors).addcmul_(pulls, target_rows)
        if ctx.needs_input_grad[1]:
            of_negatives = _product(powers.T, hidden * factors, task.in_bf16)
            pairs = [(targets, hidden * pulls), (negatives, of_negatives)]
            to_weight = _send(pairs, weight, task.weight_rows)
        if ctx.needs_input_grad[2]:
            pairs = [(targets, pulls[:, 0]), (negatives, column_sums(powers, factors[:, 0]))]
            to_bias = _send(pairs, bias, task.bias_rows)
        return to_hidden, to_weight, to_bias, None, None, None


def _softmax(
    logits: Tensor, shift: Tensor, positives: Tensor, targets: Tensor, negatives: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The softmax over the negatives and the target of each row.

    Args:
        logits: shape (N, S), of the negatives; used up.
        shift: shape (S,), to be added to them.
        positives: shape (N,): the logits of the targets.
        targets: shape (N,).
        negatives: shape (S,).

    Returns:
        E, shape (N, S), and the factor of each row, which times E is the softmax of the
        negatives; the normalizer of each row; and softmax − 1 of its target. Factors and the last
        are 0 where there is no target.
    """
    if uses_kernels(positives):
        from wordkit.recurrent.kernels.softmax import sampled_powers

        shift = (shift * _LOG2_E).contiguous()
        targets, negatives = targets.contiguous(), negatives.contiguous()
        return logits, *sampled_powers(logits, shift, targets, negatives, positives)
    wide = logits.to(positives.dtype).add_(shift)
    wide.masked_fill_(targets[:, None] == negatives, -torch.inf)
    normalizers = torch.logaddexp(wide.logsumexp(1), positives)
    there = (targets >= 0).to(positives.dtype)
    pulls = (positives - normalizers).expm1().mul_(there)
    return wide.sub_(normalizers[:, None]).exp_().to(logits.dtype), there, normalizers, pulls


def _send(
    pairs: list[tuple[Tensor, Tensor]], parameter: Tensor, row_gradients: RowGradients | None
) -> Tensor | None:
    """Gradients of rows, by their ids, to where they go; else as one of the whole parameter."""
    if row_gradients is not None:
        for ids, rows in pairs:
            row_gradients.add(ids, rows)
        return None
    total = torch.zeros_like(parameter)
    for ids, rows in pairs:
        total.index_add_(0, ids.clamp(min=0), rows.to(total.dtype))  # rows of −1 are 0
    return total


def _product(left: Tensor, right: Tensor, in_bf16: bool) -> Tensor:
    """left · right, taken and left in bfloat16 if so wanted."""
    return left.bfloat16() @ right.bfloat16() if in_bf16 else left @ right
