"""The torch engine: large batches of blocks of neighbouring words, on any device.

T is the number of centres in a block.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from wordkit.errors import ResourceError
from wordkit.runtime import choose_device, require_memory, torchrun_number
from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engine import Chunk, chunk_tokens
from wordkit.word2vec.state import LossSum, TrainingState
from wordkit.word2vec.torch_blocks import BlockMaker, generator_for
from wordkit.word2vec.torch_steps import Rows, Stepper, make_loss
from wordkit.word2vec.weights import check_softmax_memory

__all__ = ["TorchEngine"]

_MIN_STEPS = 2000  # in a training, where the corpus has enough tokens
_MIN_CENTRES, _MAX_CENTRES = 64, 1 << 14  # in a batch
_MAX_FLOATS = 1 << 25  # in one array of a batch: 128 MB
_MAX_LINKS = 1 << 26  # between contexts and centres of a chunk, a byte each
_CPU_CHUNK_TOKENS, _CHUNK_TOKENS = 1 << 17, 1 << 20
_CPU_CHUNK_PRODUCTS, _CHUNK_PRODUCTS = 1 << 31, 1 << 38  # only the full softmax has as many
_OTHER_BYTES = 2 << 30  # on the device, beside the weights


class TorchEngine:
    """Implements :class:`wordkit.word2vec.engine.Engine`.

    A batch holds enough words to keep the device busy, but few enough that a training has some
    thousand steps: all words of a batch see the same vectors.

    Args:
        corpus: what to train on; it is copied to the device chunk by chunk.
        state: the weights to begin with, which :meth:`fetch` updates.
        config: the settings.
        device: ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ResourceError: the machine has no such device, or too little memory on it.
    """

    figures: Mapping[str, float] = {}
    packages: tuple[str, ...] = ("numpy", "torch")
    threads = 1

    def __init__(
        self, corpus: Corpus, state: TrainingState, config: Word2VecConfig, *, device: str
    ) -> None:
        self._device = choose_device(device)
        if self._device == "cuda" and torchrun_number("WORLD_SIZE", 1) > 1:
            torch.cuda.set_device(torchrun_number("LOCAL_RANK", 0))
        self.name = "torch on the CPU" if self._device == "cpu" else self._device
        self._config, self._weights = config, state.weights
        self._check_device_memory()
        self._inputs = self._rows(self._weights.padded_input)
        self._outputs = self._rows(self._weights.padded_output)
        D = config.dim
        self.matrices = self._inputs.weights[:, :D], self._outputs.weights[:, :D]
        rows = state.rows_of(corpus)
        # a word that the text does not hold is not drawn, and keeps its vectors
        counts = state.vocabulary.counts
        counts = state.occurrences_in(corpus, rows) if config.loss == "ns" else counts
        self._loss = make_loss(self._outputs, counts, config)
        self._stepper = Stepper(self._inputs, self._loss, config)
        T = self._loss.centres_in_block
        self._maker = BlockMaker(corpus, rows, config, centres=T, device=self._device)
        contexts = T + 2 * config.window
        widest = max(contexts, self._loss.outputs_in_block)
        on_cpu = self._device == "cpu"
        max_tokens = min(_CPU_CHUNK_TOKENS if on_cpu else _CHUNK_TOKENS, _MAX_LINKS // widest)
        if config.loss == "softmax":
            products = _CPU_CHUNK_PRODUCTS if on_cpu else _CHUNK_PRODUCTS
            max_tokens = chunk_tokens(
                products, max_tokens, words=len(state.vocabulary), config=config
            )
        self.chunk_tokens = max_tokens
        self._blocks_in_batch = self._batch_size(contexts)

    def prepare(self) -> None:
        """Do nothing: torch needs no preparation."""

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, LossSum], None]
    ) -> Generator[None, None, None]:
        """Train on the chunks; yield after each."""
        for chunk in chunks:
            try:
                with torch.inference_mode():
                    loss_sum = self._train(chunk)
            except torch.cuda.OutOfMemoryError as error:
                raise ResourceError(
                    "the device has too little memory for training beside what else uses it: "
                    f"{str(error).split('. ')[0]}; lower window or negative, or choose device cpu"
                ) from error
            record(chunk, loss_sum)
            yield

    def fetch(self) -> None:
        """Copy the weights from the device; on the CPU they are where they belong."""
        torch.from_numpy(self._weights.padded_input).copy_(self._inputs.weights)
        torch.from_numpy(self._weights.padded_output).copy_(self._outputs.weights)

    def _train(self, chunk: Chunk) -> LossSum:
        """Train on a chunk. Only its end waits for the device, and the count of its words."""
        random = generator_for(self._config, chunk, self._device)
        blocks = self._maker.make(chunk, random)
        negatives = self._loss.draw(len(blocks), random)
        starts = range(0, len(blocks), self._blocks_in_batch)
        losses = torch.zeros(len(starts), device=self._device)
        for batch, start in enumerate(starts):
            done = (batch + 0.5) / len(starts)
            lr = chunk.start_lr + (chunk.stop_lr - chunk.start_lr) * done
            part = slice(start, start + self._blocks_in_batch)
            losses[batch] = self._stepper.step(blocks[part], negatives[part], lr)
        predictions = int(self._stepper.predictions(blocks))
        return LossSum(float(losses.cpu().double().sum()), predictions)

    def _rows(self, weights: npt.NDArray[np.float32]) -> Rows:
        return Rows(torch.from_numpy(weights).to(self._device))

    def _batch_size(self, contexts: int) -> int:
        """Return the number of blocks in a batch."""
        tokens = self._maker.expected_tokens * self._config.epochs
        centres = min(max(tokens / _MIN_STEPS, _MIN_CENTRES), _MAX_CENTRES)
        outputs, length = self._loss.outputs_in_block, int(self._inputs.weights.shape[1])
        largest = max(contexts * outputs, (contexts + outputs) * length)
        return max(min(int(centres) // self._loss.centres_in_block, _MAX_FLOATS // largest), 1)

    def _check_device_memory(self) -> None:
        """Raise ResourceError if the weights, or the gradient of the full softmax, do not fit."""
        weights = self._weights
        gradient = weights.padded_output.nbytes if self._config.loss == "softmax" else 0
        if self._device != "cuda":
            if gradient:
                check_softmax_memory(gradient, "the gradient of the output embeddings")
            return
        needed = (
            weights.padded_input.nbytes + weights.padded_output.nbytes + gradient + _OTHER_BYTES
        )
        require_memory(
            f"on the device, {len(weights.padded_input):,} words of {weights.dim} dimensions need",
            needed, "raise the minimum count, cap the vocabulary, lower dim or choose device cpu",
            free=torch.cuda.mem_get_info()[0],
        )  # fmt: skip
