"""The losses of word2vec for blocks of words: matrix products and indexed adds.

G is the number of blocks in a batch, I of inputs in a block (contexts for skip-gram, means of
contexts for CBOW), T of centres in it, Q of outputs in it, V of words, S the length of a row, K
the number of negatives for each centre, N of those in a block, L of nodes on the longest way
through the Huffman tree.

The loss is the sum over pairs of an input and a centre that are linked of −log p(centre | input).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.huffman import HuffmanTree, huffman_tree
from wordkit.word2vec.sampling import alias_table, noise_probabilities
from wordkit.word2vec.torch_rows import Rows

__all__ = [
    "FullSoftmax",
    "HierarchicalSoftmax",
    "NegativeSampling",
    "Outcome",
    "OutputLoss",
    "Predictions",
    "make_loss",
]

_LEAST_SHARED = 64  # negatives for a block: four for each of its centres
_LOGITS = 1 << 23  # of the full softmax, held at a time: 32 MB


@dataclass(frozen=True)
class Predictions:
    """What is to be predicted in a batch."""

    inputs: Tensor
    """Shape (G, I, S)."""

    links: Tensor
    """Shape (G, I, T), float: 1 where the input is to predict the centre, else 0."""

    centres: Tensor
    """Shape (G, T), int64: rows of words."""

    negatives: Tensor
    """Shape (G, N), int64: what the loss has drawn for each block."""


@dataclass(frozen=True)
class Outcome:
    """What a batch costs, and where its inputs should go."""

    loss: Tensor
    """A single number: nats, summed."""

    change: Tensor
    """Shape (G, I, S): minus the gradient of the loss with respect to the inputs."""

    mass: Tensor
    """Shape (G, I): the weight of all dot products of an input, as :class:`Rows` has it."""


class OutputLoss(Protocol):
    """A loss with its output matrix."""

    centres_in_block: int
    """T that it works well with."""

    outputs_in_block: int
    """Q for this T."""

    def draw(self, blocks: int, random: torch.Generator) -> Tensor:
        """Negatives for so many blocks, shape (blocks, N); N is 0 where there are none."""
        ...

    def step(self, batch: Predictions, lr: float) -> Outcome:
        """Change the outputs by a step, and say where the inputs should go."""
        ...


def make_loss(outputs: Rows, counts: npt.NDArray[np.int64], config: Word2VecConfig) -> OutputLoss:
    """The loss of a configuration.

    Args:
        outputs: the output matrix.
        counts: how often each word occurs, shape (V,).
        config: says which loss.
    """
    if config.loss == "ns":
        return NegativeSampling(outputs, noise_probabilities(counts, config.ns_exponent), config)
    if config.loss == "hs":
        return HierarchicalSoftmax(outputs, huffman_tree(counts))
    return FullSoftmax(outputs)


class NegativeSampling:
    """Mikolov et al. (2013), "Distributed Representations", equation 4, with shared negatives.

    N negatives are drawn for a block. All of them that are not the centre itself count against
    it, and weigh K together, so that the gradient is that of K negatives in expectation.
    """

    centres_in_block = 16

    def __init__(
        self, outputs: Rows, noise: npt.NDArray[np.float64], config: Word2VecConfig
    ) -> None:
        self._outputs, self._negative = outputs, config.negative
        self._shared = max(_LEAST_SHARED, config.negative)
        self.outputs_in_block = self.centres_in_block + self._shared
        device, table = outputs.weights.device, alias_table(noise)
        own = (table & np.uint64(0xFFFFFFFF)).astype(np.float32) / np.float32(2**32)
        alias = (table >> np.uint64(32)).astype(np.int64)
        self._own = torch.from_numpy(own).to(device)
        self._alias = torch.from_numpy(alias).to(device)
        self._signs = torch.ones(self.outputs_in_block, device=device)
        self._signs[: self.centres_in_block] = -1

    def draw(self, blocks: int, random: torch.Generator) -> Tensor:
        """Words from the noise distribution; see :class:`OutputLoss`."""
        V, device = len(self._own), self._own.device
        entries = torch.randint(V, (blocks, self._shared), generator=random, device=device)
        draws = torch.rand(entries.shape, generator=random, device=device)
        return torch.where(draws < self._own[entries], entries, self._alias[entries])

    def step(self, batch: Predictions, lr: float) -> Outcome:
        """See :class:`OutputLoss`."""
        others = (batch.centres[:, :, None] != batch.negatives[:, None]).to(batch.links.dtype)
        others *= self._negative / others.sum(2, keepdim=True).clamp_(min=1)
        weights = torch.cat([batch.links, torch.bmm(batch.links, others)], 2)
        rows = torch.cat([batch.centres, batch.negatives], 1)
        return _logistic_step(self._outputs, batch.inputs, rows, weights, self._signs, lr)


class HierarchicalSoftmax:
    """Morin and Bengio (2005), with a Huffman tree as in word2vec.c: left is yes, right is no."""

    centres_in_block = 1  # centres have hardly a node in common but the first ones

    def __init__(self, outputs: Rows, tree: HuffmanTree) -> None:
        lengths = np.diff(tree.starts)
        on_way = np.arange(tree.longest) < lengths[:, None]  # (V, L); row by row, as the tree's
        nodes = np.zeros(on_way.shape, dtype=np.int32)
        signs = np.zeros(on_way.shape, dtype=np.int8)
        nodes[on_way] = tree.nodes
        signs[on_way] = np.where(tree.turns == 1, 1, -1)
        device = outputs.weights.device
        self._nodes = torch.from_numpy(nodes).to(device)
        self._signs = torch.from_numpy(signs).to(device)  # 0 beyond the end of the way
        self._outputs = outputs
        self.outputs_in_block = tree.longest

    def draw(self, blocks: int, random: torch.Generator) -> Tensor:
        """Nothing; see :class:`OutputLoss`."""
        return torch.zeros((blocks, 0), dtype=torch.int64, device=self._outputs.weights.device)

    def step(self, batch: Predictions, lr: float) -> Outcome:
        """See :class:`OutputLoss`."""
        signs = self._signs[batch.centres].to(batch.links.dtype)  # (G, T, L)
        weights = (batch.links[..., None] * signs.abs()[:, None]).flatten(2)  # (G, I, T·L)
        rows = self._nodes[batch.centres].flatten(1)
        signs = signs.flatten(1)[:, None]
        return _logistic_step(self._outputs, batch.inputs, rows, weights, signs, lr)


def _logistic_step(
    outputs: Rows, inputs: Tensor, rows: Tensor, weights: Tensor, signs: Tensor, lr: float
) -> Outcome:
    """A step down the sum of weight · −log σ(−sign · input · output).

    Args:
        outputs: the output matrix.
        inputs: shape (G, I, S).
        rows: shape (G, Q), rows of outputs.
        weights: shape (G, I, Q), at least 0.
        signs: −1 where the answer is yes, 1 where it is no; broadcast to (G, I, Q).
        lr: the learning rate.
    """
    vectors = outputs.gather(rows)
    scores = torch.bmm(inputs, vectors.transpose(1, 2)).mul_(signs)
    loss = F.softplus(scores).mul_(weights).sum()
    pull = scores.sigmoid_().mul_(weights).mul_(-signs)  # minus the gradient by dot product
    change = torch.bmm(pull, vectors)
    outputs.add(rows, torch.bmm(pull.transpose(1, 2), inputs), weights.sum(1), lr)
    return Outcome(loss, change, weights.sum(2))


class FullSoftmax:
    """The model as Mikolov et al. (2013) begin with it: a word against all others.

    What an input predicts is the same for all its centres, and computed once for them.
    """

    centres_in_block = 16
    outputs_in_block = 16
    _CURVATURE = 4.0  # that of a softmax, against the 1/4 of a sigmoid

    def __init__(self, outputs: Rows) -> None:
        self._outputs = outputs

    def draw(self, blocks: int, random: torch.Generator) -> Tensor:
        """Nothing; see :class:`OutputLoss`."""
        return torch.zeros((blocks, 0), dtype=torch.int64, device=self._outputs.weights.device)

    def step(self, batch: Predictions, lr: float) -> Outcome:
        """See :class:`OutputLoss`."""
        weights = self._outputs.weights
        inputs, links = batch.inputs, batch.links
        right = self._outputs.gather(batch.centres)
        change = torch.bmm(links, right)
        loss = -(change * inputs).sum()
        attracted = torch.bmm(links.transpose(1, 2), inputs).flatten(0, 1)
        to_outputs = torch.zeros_like(weights)
        to_outputs.index_add_(0, batch.centres.flatten(), attracted)
        mass = links.sum(2)
        of_outputs = weights.new_zeros(len(weights))
        size = max(_LOGITS // len(weights), 1)
        every = inputs.flatten(0, 1), change.flatten(0, 1), mass.flatten()[:, None]
        for start in range(0, len(every[0]), size):
            x, x_change, times = (t[start : start + size] for t in every)
            logits = x @ weights.T
            norm = logits.logsumexp(1, keepdim=True)
            loss += (norm * times).sum()
            expected = logits.sub_(norm).exp_().mul_(times)  # (size, V)
            x_change.addmm_(expected, weights, alpha=-1)
            to_outputs.addmm_(expected.T, x, alpha=-1)
            of_outputs += expected.sum(0)
        self._outputs.add_to_all(to_outputs, of_outputs * self._CURVATURE, lr)
        return Outcome(loss, change, mass * self._CURVATURE)
