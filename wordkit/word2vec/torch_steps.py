"""Steps of gradient descent on blocks of words: matrix products and indexed adds.

G is the number of blocks in a batch, J of contexts in a block, I of inputs in it (contexts for
skip-gram, means of contexts for CBOW), T of centres, Q of outputs, V of words, R of rows of a
matrix, S the stride, K the number of negatives for each centre, N of those in a block, L of nodes
on the longest path through the Huffman tree.

The loss is the sum over pairs of an input and a centre that are linked of −log p(centre | input).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.huffman import HuffmanTree, huffman_tree
from wordkit.word2vec.sampling import alias_table, noise_probabilities
from wordkit.word2vec.torch_blocks import Blocks

__all__ = ["OutputLoss", "Rows", "Stepper", "make_loss"]

_MIN_SHARED_NEGATIVES = 64  # for a block: four for each of its centres
_MAX_LOGITS = 1 << 23  # of the full softmax, held at a time: 32 MB
_MAX_STEP = 4.0  # over the weight of a row; see Rows.add


class Rows:
    """A matrix of which a batch reads and updates rows in place.

    Args:
        weights: shape (R, S), float32.
    """

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights
        self._weight_sums = weights.new_zeros(len(weights))

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows of these numbers, shape (…, S) for rows of shape (…)."""
        return F.embedding(rows, self.weights)

    def add(self, rows: Tensor, change: Tensor, weight: Tensor, lr: float) -> None:
        """Take a step along a change, for rows that may occur many times in a batch.

        All changes in a batch start from the same vectors. A frequent word gathers so many that
        their sum would go far beyond where each of them leads. The loss of a dot product
        curves by at most 1/4 of its weight, times the square of the other vector's length; were
        that 1, a step of 4/w would never do harm, where w is the weight of all dot products that
        a row is part of in the batch. No row takes a larger step. In trials on 11 million words,
        smaller limits learned more slowly, twice as large ones too, and without a limit batches
        of 4,096 words diverged.

        Args:
            rows: shape (…).
            change: shape (…, S), minus the gradient; overwritten.
            weight: shape (…), at least 0.
            lr: the learning rate.
        """
        rows = rows.reshape(-1)
        sums = self._weight_sums.zero_().index_add_(0, rows, weight.reshape(-1))
        change = change.reshape(len(rows), -1).div_(_limited(sums.index_select(0, rows), lr))
        self.weights.index_add_(0, rows, change, alpha=_MAX_STEP)

    def add_to_all(self, change: Tensor, weight: Tensor, lr: float) -> None:
        """Take a step along a change of the whole matrix.

        Args:
            change: shape (R, S), minus the gradient; overwritten.
            weight: shape (R,); overwritten.
            lr: the learning rate.
        """
        self.weights.add_(change.div_(_limited(weight, lr)), alpha=_MAX_STEP)


def _limited(weight: Tensor, lr: float) -> Tensor:
    """Return the divisor of _MAX_STEP that gives min(lr, _MAX_STEP / weight): shape (·, 1)."""
    return weight.clamp_(min=_MAX_STEP / max(lr, 1e-30))[:, None]


# --- architectures -------------------------------------------------------------------------------


class Stepper:
    """The input side of skip-gram, where each context predicts each centre in whose window it is,
    and of CBOW, where the mean of its contexts predicts each centre.

    Args:
        inputs: the input embeddings.
        loss: with the output embeddings.
        config: the settings.
    """

    def __init__(self, inputs: Rows, loss: OutputLoss, config: Word2VecConfig) -> None:
        self._inputs, self._loss = inputs, loss
        self._is_skipgram = config.arch == "skipgram"
        self._true_gradient = config.cbow_gradient == "true"

    def step(self, blocks: Blocks, negatives: Tensor, lr: float) -> Tensor:
        """Update inputs and outputs by a step on a batch.

        Args:
            blocks: the batch.
            negatives: shape (G, N), what the loss has drawn for it.
            lr: the learning rate.

        Returns:
            The loss before the step, a scalar.
        """
        contexts = self._inputs.gather(blocks.contexts)
        links = blocks.links.to(contexts.dtype)
        if self._is_skipgram:
            outcome = self._loss.step(contexts, links, blocks.centres, negatives, lr)
            self._inputs.add(blocks.contexts, outcome.change, outcome.weight, lr)
            return outcome.loss
        counts = links.sum(1, keepdim=True)  # (G, 1, T): contexts of each centre
        fractions = links / counts.clamp(min=1)  # (G, J, T)
        means = torch.bmm(fractions.transpose(1, 2), contexts)  # (G, T, S)
        own = torch.diag_embed(counts.squeeze(1).clamp(max=1))  # a centre without contexts: 0
        outcome = self._loss.step(means, own, blocks.centres, negatives, lr)
        spread = fractions if self._true_gradient else links
        change = torch.bmm(spread, outcome.change)
        self._inputs.add(blocks.contexts, change, torch.bmm(spread, outcome.weight[..., None]), lr)
        return outcome.loss

    def predictions(self, blocks: Blocks) -> Tensor:
        """Return the number of predictions in the blocks, a scalar, int64."""
        return blocks.links.sum() if self._is_skipgram else blocks.links.any(1).sum()


# --- losses --------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """The loss of a batch and its gradient."""

    loss: Tensor  # scalar: nats, summed
    change: Tensor  # (G, I, S): minus the gradient with respect to the inputs
    weight: Tensor  # (G, I): of all dot products of an input, see Rows.add


class OutputLoss(ABC):
    """A loss with its output embeddings."""

    centres_in_block = 16
    """T that suits it."""

    outputs_in_block = 16
    """Q for this T."""

    def __init__(self, outputs: Rows) -> None:
        self._outputs = outputs

    def draw(self, blocks: int, random: torch.Generator) -> Tensor:
        """Draw negatives, shape (blocks, N); N is 0 for losses without them."""
        return torch.zeros((blocks, 0), dtype=torch.int64, device=self._outputs.weights.device)

    @abstractmethod
    def step(
        self, inputs: Tensor, links: Tensor, centres: Tensor, negatives: Tensor, lr: float
    ) -> Outcome:
        """Update the outputs by a step; return the gradient of the inputs.

        Args:
            inputs: shape (G, I, S).
            links: shape (G, I, T), float: 1 where the input is to predict the centre, else 0.
            centres: shape (G, T), int64: rows of words.
            negatives: shape (G, N), int64.
            lr: the learning rate.
        """


def make_loss(outputs: Rows, counts: npt.NDArray[np.int64], config: Word2VecConfig) -> OutputLoss:
    """Make the loss of a configuration.

    Args:
        outputs: the output embeddings.
        counts: how often each word occurs, shape (V,).
        config: the settings.
    """
    if config.loss == "ns":
        noise = noise_probabilities(counts, config.ns_exponent)
        return NegativeSampling(outputs, noise, config.negative)
    if config.loss == "hs":
        return HierarchicalSoftmax(outputs, huffman_tree(counts))
    return FullSoftmax(outputs)


class NegativeSampling(OutputLoss):
    """Mikolov et al. (2013), "Distributed Representations", equation 4, with shared negatives.

    N negatives are drawn for a block. All of them that are not the centre itself count against
    it, and weigh K together, so that the gradient is that of K negatives in expectation.
    """

    def __init__(self, outputs: Rows, noise: npt.NDArray[np.float64], negative: int) -> None:
        super().__init__(outputs)
        self._negative = negative
        self._shared = max(_MIN_SHARED_NEGATIVES, negative)
        self.outputs_in_block = self.centres_in_block + self._shared
        device, table = outputs.weights.device, alias_table(noise)
        own = (table & np.uint64(0xFFFFFFFF)).astype(np.float32) / np.float32(2**32)
        alias = (table >> np.uint64(32)).astype(np.int64)
        self._own = torch.from_numpy(own).to(device)
        self._alias = torch.from_numpy(alias).to(device)
        self._signs = torch.ones(self.outputs_in_block, device=device)
        self._signs[: self.centres_in_block] = -1

    def draw(self, blocks: int, random: torch.Generator) -> Tensor:
        """Draw words from the noise distribution; see :class:`OutputLoss`."""
        V, device = len(self._own), self._own.device
        entries = torch.randint(V, (blocks, self._shared), generator=random, device=device)
        draws = torch.rand(entries.shape, generator=random, device=device)
        return torch.where(draws < self._own[entries], entries, self._alias[entries])

    def step(
        self, inputs: Tensor, links: Tensor, centres: Tensor, negatives: Tensor, lr: float
    ) -> Outcome:
        """See :class:`OutputLoss`."""
        others = (centres[:, :, None] != negatives[:, None]).to(links.dtype)
        others *= self._negative / others.sum(2, keepdim=True).clamp_(min=1)
        weights = torch.cat([links, torch.bmm(links, others)], 2)
        rows = torch.cat([centres, negatives], 1)
        return _logistic_step(self._outputs, inputs, rows, weights, self._signs, lr)


class HierarchicalSoftmax(OutputLoss):
    """Morin and Bengio (2005), with a Huffman tree as in word2vec.c: a left turn is label 1."""

    centres_in_block = 1  # paths have hardly any node in common but the first ones

    def __init__(self, outputs: Rows, tree: HuffmanTree) -> None:
        super().__init__(outputs)
        lengths = np.diff(tree.starts)
        on_path = np.arange(tree.longest) < lengths[:, None]  # (V, L); row by row, as the tree's
        nodes = np.zeros(on_path.shape, dtype=np.int32)
        signs = np.zeros(on_path.shape, dtype=np.int8)
        nodes[on_path] = tree.nodes
        signs[on_path] = np.where(tree.codes == 1, 1, -1)
        device = outputs.weights.device
        self._nodes = torch.from_numpy(nodes).to(device)
        self._signs = torch.from_numpy(signs).to(device)  # 0 beyond the end of the path
        self.outputs_in_block = tree.longest

    def step(
        self, inputs: Tensor, links: Tensor, centres: Tensor, negatives: Tensor, lr: float
    ) -> Outcome:
        """See :class:`OutputLoss`."""
        signs = self._signs[centres].to(links.dtype)  # (G, T, L)
        weights = (links[..., None] * signs.abs()[:, None]).flatten(2)  # (G, I, T·L)
        rows = self._nodes[centres].flatten(1)
        signs = signs.flatten(1)[:, None]
        return _logistic_step(self._outputs, inputs, rows, weights, signs, lr)


def _logistic_step(
    outputs: Rows, inputs: Tensor, rows: Tensor, weights: Tensor, signs: Tensor, lr: float
) -> Outcome:
    """Take a step down the sum of weight · −log σ(−sign · input · output).

    Shapes: inputs (G, I, S), rows of outputs (G, Q), weights ≥ 0 (G, I, Q). Signs are −1 for label
    1, 1 for label 0, and broadcast to (G, I, Q).
    """
    vectors = outputs.gather(rows)
    logits = torch.bmm(inputs, vectors.transpose(1, 2)).mul_(signs)
    loss = F.softplus(logits).mul_(weights).sum()
    gradient = logits.sigmoid_().mul_(weights).mul_(-signs)  # minus that of each dot product
    change = torch.bmm(gradient, vectors)
    outputs.add(rows, torch.bmm(gradient.transpose(1, 2), inputs), weights.sum(1), lr)
    return Outcome(loss, change, weights.sum(2))


class FullSoftmax(OutputLoss):
    """The full softmax, with which Mikolov et al. (2013) begin.

    The probabilities given an input are the same for all its centres, and computed once for them.
    """

    _CURVATURE = 4.0  # of a softmax, against the 1/4 of a sigmoid

    def step(
        self, inputs: Tensor, links: Tensor, centres: Tensor, negatives: Tensor, lr: float
    ) -> Outcome:
        """See :class:`OutputLoss`."""
        weights = self._outputs.weights
        change = torch.bmm(links, self._outputs.gather(centres))
        loss = -(change * inputs).sum()
        to_centres = torch.bmm(links.transpose(1, 2), inputs).flatten(0, 1)
        to_outputs = torch.zeros_like(weights)
        to_outputs.index_add_(0, centres.flatten(), to_centres)
        counts = links.sum(2)
        output_weights = weights.new_zeros(len(weights))
        size = max(_MAX_LOGITS // len(weights), 1)
        every = inputs.flatten(0, 1), change.flatten(0, 1), counts.flatten()[:, None]
        for start in range(0, len(every[0]), size):
            x, x_change, times = (t[start : start + size] for t in every)
            logits = x @ weights.T
            normalizer = logits.logsumexp(1, keepdim=True)
            loss += (normalizer * times).sum()
            probabilities = logits.sub_(normalizer).exp_().mul_(times)  # (size, V)
            x_change.addmm_(probabilities, weights, alpha=-1)
            to_outputs.addmm_(probabilities.T, x, alpha=-1)
            output_weights += probabilities.sum(0)
        self._outputs.add_to_all(to_outputs, output_weights * self._CURVATURE, lr)
        return Outcome(loss, change, counts * self._CURVATURE)
