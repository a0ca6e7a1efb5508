"""Training on a device through torch: large batches of blocks of neighbouring words.

S is the length of a row, J the number of contexts in a block, Q of outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import numpy as np
import numpy.typing as npt
import torch

from wordkit.errors import ResourceError
from wordkit.runtime import choose_device
from wordkit.text import Corpus
from wordkit.word2vec.chunks import tokens_of_work
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.memory import check_beside
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Chunk, Tally
from wordkit.word2vec.torch_architectures import make_architecture
from wordkit.word2vec.torch_batches import BlockMaker, generator_for
from wordkit.word2vec.torch_losses import make_loss
from wordkit.word2vec.torch_rows import Rows

__all__ = ["TorchEngine"]

_FEWEST_STEPS = 2000  # in a training, where the corpus has enough tokens
_FEWEST_CENTRES, _MOST_CENTRES = 64, 1 << 14  # in a batch
_NUMBERS = 1 << 25  # in one array of a batch: 128 MB
_LINKS = 1 << 26  # between contexts and centres of a chunk, a byte each
_CHUNK = {"cpu": 1 << 17}  # tokens
_LARGEST_CHUNK = 1 << 20
_WORK = {"cpu": 1 << 31}  # products in a chunk; only the full softmax is so much work
_LARGEST_WORK = 1 << 38
_BESIDES = 2 << 30  # bytes on the device for all but the weights


class TorchEngine:
    """See :class:`wordkit.word2vec.state.Engine`.

    A batch holds so many words that the device is busy, but no more than leaves a training some
    thousand steps: all words of a batch see the same vectors.

    Args:
        corpus: what to train on; it is copied to the device chunk by chunk.
        start: the weights to begin with, which :meth:`fetch` changes.
        config: the settings.
        device: ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ResourceError: the machine has no such device, or too little memory on it.
    """

    packages: tuple[str, ...] = ("numpy", "torch")

    def __init__(
        self, corpus: Corpus, start: StartingPoint, config: Word2VecConfig, *, device: str
    ) -> None:
        self._device = choose_device(device)
        self.name = "torch on the CPU" if self._device == "cpu" else self._device
        self._config, self._weights = config, start.state.weights
        self._check_memory()
        self._inputs = self._rows(self._weights.padded_input)
        self._outputs = self._rows(self._weights.padded_output)
        # a word that the text does not hold is not drawn, and keeps its vectors
        drawn = config.loss == "ns"
        counts = start.occurrences(corpus) if drawn else start.vocabulary.counts
        self._loss = make_loss(self._outputs, counts, config)
        self._architecture = make_architecture(self._inputs, config)
        T = self._loss.centres_in_block
        self._maker = BlockMaker(corpus, start, config, centres=T, device=self._device)
        contexts = T + 2 * config.window
        widest = max(contexts, self._loss.outputs_in_block)
        most = min(_CHUNK.get(self._device, _LARGEST_CHUNK), _LINKS // widest)
        if config.loss == "softmax":
            work, V = _WORK.get(self._device, _LARGEST_WORK), len(start.vocabulary)
            most = tokens_of_work(work, most, words=V, config=config)
        self.chunk_tokens = most
        self._blocks = self._blocks_in_batch(contexts)

    def prepare(self) -> None:
        """Nothing: torch needs no warning."""

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, Tally], None]
    ) -> Generator[None, None, None]:
        """Train on the chunks; yield after each."""
        for chunk in chunks:
            try:
                with torch.inference_mode():
                    tally = self._train(chunk)
            except torch.cuda.OutOfMemoryError as error:
                raise ResourceError(
                    "the device has too little memory for training beside what else uses it: "
                    f"{str(error).split('. ')[0]}; lower window or negative, or take --device cpu"
                ) from error
            record(chunk, tally)
            yield

    def fetch(self) -> None:
        """Copy the weights from the device; on the CPU they are where they belong."""
        torch.from_numpy(self._weights.padded_input).copy_(self._inputs.weights)
        torch.from_numpy(self._weights.padded_output).copy_(self._outputs.weights)

    def _train(self, chunk: Chunk) -> Tally:
        """Train on a chunk. Only its end waits for the device, besides its count of words."""
        random = generator_for(self._config, chunk, self._device)
        blocks = self._maker.make(chunk, random)
        negatives = self._loss.draw(len(blocks), random)
        starts = range(0, len(blocks), self._blocks)
        losses = torch.zeros(len(starts), device=self._device)
        for batch, start in enumerate(starts):
            done = (batch + 0.5) / len(starts)
            lr = chunk.start_lr + (chunk.stop_lr - chunk.start_lr) * done
            part = slice(start, start + self._blocks)
            losses[batch] = self._architecture.step(blocks[part], negatives[part], self._loss, lr)
        predictions = int(self._architecture.predictions(blocks))
        return Tally(float(losses.cpu().double().sum()), predictions)

    def _rows(self, weights: npt.NDArray[np.float32]) -> Rows:
        return Rows(torch.from_numpy(weights).to(self._device))

    def _blocks_in_batch(self, contexts: int) -> int:
        """How many blocks a batch should have."""
        tokens = self._maker.expected_tokens * self._config.epochs
        centres = min(max(tokens / _FEWEST_STEPS, _FEWEST_CENTRES), _MOST_CENTRES)
        outputs, length = self._loss.outputs_in_block, int(self._inputs.weights.shape[1])
        largest = max(contexts * outputs, (contexts + outputs) * length)
        return max(min(int(centres) // self._loss.centres_in_block, _NUMBERS // largest), 1)

    def _check_memory(self) -> None:
        """Find out before the work whether the weights, or what goes beside them, fit."""
        weights = self._weights
        gradient = weights.padded_output.nbytes if self._config.loss == "softmax" else 0
        if self._device != "cuda":
            if gradient:
                check_beside(gradient, "the gradient of the words that come out")
            return
        needed = weights.padded_input.nbytes + weights.padded_output.nbytes + gradient + _BESIDES
        free, _ = torch.cuda.mem_get_info()
        if needed > free:
            raise ResourceError(
                f"{len(weights.padded_input):,} words of {weights.dim} dimensions need "
                f"{needed / 2**30:.1f} GiB on the device, and {free / 2**30:.1f} GiB are free "
                "there; raise the minimum count, cap the vocabulary, lower dim or take --device cpu"
            )
