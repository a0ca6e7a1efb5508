"""How far a training has come, and the engines that move it on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.weights import Weights

__all__ = ["Chunk", "Engine", "Tally", "TrainingState", "learning_rate"]


@dataclass(frozen=True)
class Chunk:
    """A piece of the corpus to train on, with the learning rate at its ends."""

    epoch: int
    """From 0."""

    start: int
    """The first token, from 0 in each epoch."""

    stop: int
    """The token after the last."""

    start_lr: float
    stop_lr: float

    @property
    def tokens(self) -> int:
        """The number of tokens."""
        return self.stop - self.start


@dataclass(frozen=True)
class Tally:
    """What a piece of training cost."""

    loss: float = 0.0
    """Sum over the predictions of −log p, in nats, before each step."""

    predictions: int = 0
    """Pairs of centre and context word for skip-gram, centres for CBOW."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.loss + other.loss, self.predictions + other.predictions)

    @property
    def mean_loss(self) -> float:
        """Nats a prediction; 0 where there was none."""
        return self.loss / self.predictions if self.predictions else 0.0


@dataclass
class TrainingState:
    """All that a training needs to go on from where it is."""

    weights: Weights
    """Up to date on this machine after :meth:`Engine.fetch`."""

    epoch: int = 0
    """Epochs done."""

    position: int = 0
    """Tokens of the present epoch that have been handed out: where the next chunk starts."""

    tally: Tally = Tally()
    """Of the present epoch."""

    seconds: float = 0.0
    """Spent on training, by this process and those it goes on from."""


class Engine(Protocol):
    """What trains: the CPU's kernels, or a device through torch.

    It is made for a corpus, a vocabulary, a configuration and weights that it may change.
    """

    name: str
    """For people: "2 CPU threads", "cuda"."""

    packages: tuple[str, ...]
    """The packages that its results depend on."""

    chunk_tokens: int
    """The size of chunk that it works well with."""

    def prepare(self) -> None:
        """Do what has to be done once before the first chunk, and may take seconds."""
        ...

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, Tally], None]
    ) -> Generator[None, None, None]:
        """Train on the chunks, in order; call ``record`` as each is done; yield now and then.

        When the iterator is exhausted or closed, no chunk is under way and each that was done
        has been recorded.
        """
        ...

    def fetch(self) -> None:
        """Bring the weights to the arrays that the engine was given."""
        ...


def learning_rate(config: Word2VecConfig, done: float) -> float:
    """The learning rate where this share of all words is done: it falls evenly to a floor."""
    return max(config.start_lr * (1 - done), min(config.min_lr, config.start_lr))
