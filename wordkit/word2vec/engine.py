"""The engines that train, the CPU's kernels or torch on a device, and the chunks of a corpus.

N is the number of tokens of the corpus, V of words, R and O of rows of the two matrices, D of
dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.runtime import DEVICES as TORCH_DEVICES
from wordkit.runtime import choose_device
from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.state import LossSum, TrainingState

__all__ = ["DEVICES", "Chunk", "Engine", "chunk_borders", "chunk_tokens", "make_engine"]

DEVICES = (*TORCH_DEVICES, "torch-cpu")
"""The names of devices: those of torch, and the CPU through torch."""

_MIN_CHUNKS = 64  # so that all threads have something to do, and progress shows
_MIN_CUT_TOKENS = 1000  # of a chunk that is cut within a sentence, which loses contexts


@dataclass(frozen=True)
class Chunk:
    """A range of tokens of the corpus, with the learning rate at its ends."""

    epoch: int
    """Number of the epoch, from 0."""

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


class Engine(Protocol):
    """Trains the weights of a state on chunks of a corpus."""

    name: str
    """Name for messages: "2 CPU threads", "cuda"."""

    packages: tuple[str, ...]
    """The packages that its results depend on."""

    chunk_tokens: int
    """Tokens of a chunk."""

    threads: int
    """Chunks that are trained on at a time."""

    matrices: tuple[Any, Any]
    """The weights that are trained, shapes (R, D) and (O, D): arrays, or tensors on a device."""

    @property
    def figures(self) -> Mapping[str, float]:
        """Figures for reports, and for the metadata of the vectors."""
        ...

    def prepare(self) -> None:
        """Do what is needed once before the first chunk, and may take seconds."""
        ...

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, LossSum], None]
    ) -> Generator[None, None, None]:
        """Train on the chunks, in order; call ``record`` as each is done; yield now and then.

        When the iterator is exhausted or closed, no chunk is under way and each that was done
        has been recorded.
        """
        ...

    def fetch(self) -> None:
        """Copy the weights from the device to the state."""
        ...


def make_engine(
    corpus: Corpus,
    state: TrainingState,
    config: Word2VecConfig,
    *,
    device: str,
    threads: int | None,
) -> Engine:
    """Make the engine for a device.

    Raises:
        ConfigError: there is no device of this name, ``threads`` is less than 1, or the device
            trains no subwords.
        ResourceError: the machine has no such device, or too little memory.
    """
    if device not in DEVICES:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if device == "auto":
        device = "cpu" if config.subwords is not None else choose_device("auto")
    if device == "cpu":
        from wordkit.word2vec.cpu import CpuEngine  # Numba takes a while to load

        return CpuEngine(corpus, state, config, threads=threads)
    if config.subwords is not None:
        raise ConfigError(f"subwords are trained on the CPU, not on {device}; choose device cpu")
    from wordkit.word2vec.torch_engine import TorchEngine  # torch takes seconds to load

    return TorchEngine(corpus, state, config, device=device.removeprefix("torch-"))


def chunk_borders(corpus: Corpus, tokens: int) -> npt.NDArray[np.int64]:
    """Return the tokens where chunks begin, and N: at starts of sentences, where there are enough.

    A sentence much longer than a chunk is cut within, but not into pieces so small that the
    contexts lost at their ends would count.

    Args:
        corpus: what is cut.
        tokens: of a chunk; fewer, where the corpus is small.
    """
    N = corpus.tokens
    offsets = np.asarray(corpus.offsets)
    size = max(min(tokens, N // _MIN_CHUNKS), _MIN_CUT_TOKENS)
    ideal = np.arange(0, N, size, dtype=np.int64)
    nearest = offsets[np.minimum(np.searchsorted(offsets, ideal), len(offsets) - 1)]
    borders = np.where(nearest - ideal < size, nearest, ideal)
    if tokens < size:  # smaller chunks, of whole sentences
        first = np.diff(offsets // max(tokens, 1), prepend=-1) > 0
        borders = np.concatenate([borders, offsets[first]])
    return np.unique(np.append(borders, N))


def chunk_tokens(products: float, max_tokens: int, *, words: int, config: Word2VecConfig) -> int:
    """Return the tokens that take this many products, so that progress and Ctrl-C need not wait.

    Args:
        products: multiplications of inner products alone.
        max_tokens: the maximum.
        words: V.
        config: the settings.
    """
    targets = {"ns": config.negative + 1, "hs": 1 + math.log2(words), "softmax": words}
    inputs = config.window if config.arch == "skipgram" else 1
    return max(int(min(products / (targets[config.loss] * inputs * config.dim), max_tokens)), 1)
