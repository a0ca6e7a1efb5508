"""Skip-gram and CBOW on blocks of words: from contexts to what is predicted from them.

G is the number of blocks in a batch, T of centres in one, J of contexts in one, S the length of a
row.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.torch_batches import Blocks
from wordkit.word2vec.torch_losses import OutputLoss, Predictions
from wordkit.word2vec.torch_rows import Rows

__all__ = ["Architecture", "Cbow", "SkipGram", "make_architecture"]


class Architecture(Protocol):
    """An architecture with its input matrix."""

    def step(self, blocks: Blocks, negatives: Tensor, loss: OutputLoss, lr: float) -> Tensor:
        """Change inputs and outputs by a step.

        Args:
            blocks: the batch.
            negatives: what the loss has drawn for it.
            loss: what is stepped down.
            lr: the learning rate.

        Returns:
            The loss before the step, a single number.
        """
        ...

    def predictions(self, blocks: Blocks) -> Tensor:
        """How many predictions the blocks hold, a single number, int64."""
        ...


def make_architecture(inputs: Rows, config: Word2VecConfig) -> Architecture:
    """The architecture of a configuration."""
    if config.arch == "skipgram":
        return SkipGram(inputs)
    return Cbow(inputs, true_gradient=config.cbow_gradient == "true")


class SkipGram:
    """Each context predicts each centre in whose window it is."""

    def __init__(self, inputs: Rows) -> None:
        self._inputs = inputs

    def step(self, blocks: Blocks, negatives: Tensor, loss: OutputLoss, lr: float) -> Tensor:
        """See :class:`Architecture`."""
        contexts = self._inputs.gather(blocks.contexts)
        links = blocks.links.to(contexts.dtype)
        outcome = loss.step(Predictions(contexts, links, blocks.centres, negatives), lr)
        self._inputs.add(blocks.contexts, outcome.change, outcome.mass, lr)
        return outcome.loss

    def predictions(self, blocks: Blocks) -> Tensor:
        """See :class:`Architecture`."""
        return blocks.links.sum()


class Cbow:
    """The mean of its contexts predicts each centre.

    Args:
        inputs: the input matrix.
        true_gradient: whether each of C contexts gets 1/C of what the mean gets, or all of it.
    """

    def __init__(self, inputs: Rows, *, true_gradient: bool) -> None:
        self._inputs, self._true_gradient = inputs, true_gradient

    def step(self, blocks: Blocks, negatives: Tensor, loss: OutputLoss, lr: float) -> Tensor:
        """See :class:`Architecture`."""
        contexts = self._inputs.gather(blocks.contexts)
        links = blocks.links.to(contexts.dtype)
        counts = links.sum(1, keepdim=True)  # (G, 1, T): C
        shares = links / counts.clamp(min=1)  # (G, J, T)
        means = torch.bmm(shares.transpose(1, 2), contexts)  # (G, T, S)
        own = torch.diag_embed(counts.squeeze(1).clamp(max=1))  # a centre without contexts: 0
        outcome = loss.step(Predictions(means, own, blocks.centres, negatives), lr)
        spread = shares if self._true_gradient else links
        change = torch.bmm(spread, outcome.change)
        mass = torch.bmm(spread, outcome.mass[..., None])
        self._inputs.add(blocks.contexts, change, mass, lr)
        return outcome.loss

    def predictions(self, blocks: Blocks) -> Tensor:
        """See :class:`Architecture`."""
        return blocks.links.any(1).sum()
