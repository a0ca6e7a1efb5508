"""A network as it answers: without dropout, without gradients, in full precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

import torch

__all__ = ["Network", "answering"]


class Network(Protocol):
    """A module whose products are taken in some precision."""

    training: bool
    precision: str

    def train(self, mode: bool = True) -> object:
        """Turn dropout on or off."""


@contextlib.contextmanager
def answering(module: Network) -> Iterator[None]:
    """Let the network answer exactly while the block runs; then it is as before.

    A generator must not yield inside the block: gradients are off for the whole thread.
    """
    was_training, precision = module.training, module.precision
    if was_training:
        module.train(False)
    module.precision = "fp32"
    try:
        with torch.no_grad():
            yield
    finally:
        module.precision = precision
        if was_training:
            module.train()
