"""The engine for a device: the fast loops of the CPU, or torch."""

from __future__ import annotations

from wordkit.errors import ConfigError
from wordkit.runtime import DEVICES as TORCH_DEVICES
from wordkit.runtime import choose_device
from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Engine

__all__ = ["DEVICES", "make_engine"]

DEVICES = (*TORCH_DEVICES, "torch-cpu")
"""The names of devices: beside the machine's the CPU through torch."""


def make_engine(
    corpus: Corpus,
    start: StartingPoint,
    config: Word2VecConfig,
    *,
    device: str,
    threads: int | None,
) -> Engine:
    """What trains on this device.

    Raises:
        ConfigError: there is no device of this name, or ``threads`` is less than 1.
        ResourceError: the machine has no such device.
    """
    if device not in DEVICES:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if device == "auto":
        device = choose_device("auto")
    if device == "cpu":
        from wordkit.word2vec.cpu import CpuEngine  # Numba takes a while to load

        return CpuEngine(corpus, start, config, threads=threads)
    from wordkit.word2vec.torch_engine import TorchEngine  # torch takes seconds to load

    return TorchEngine(corpus, start, config, device=device.removeprefix("torch-"))
