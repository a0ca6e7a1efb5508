"""The signature that all sequence networks share: (ids, state) → (features, state).

Notation: T steps, B sequences of a batch, F features, V words.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

__all__ = [
    "Output", "SequenceNetwork", "State", "detach", "device_of", "inference", "linear", "map_state",
    "select", "split", "uses_bf16", "widest_float",
]  # fmt: skip

if hasattr(os, "register_at_fork"):  # the threads that torch has begun are not in a forked process
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))

State: TypeAlias = "Tensor | tuple[State, ...] | None"
"""Nested tuples of tensors, each with the batch as its first dimension; None where there is none.
A named tuple stays one."""

S = TypeVar("S")


class Output(Protocol):
    """The output layer of a network."""

    def target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return log p of each target, (T, B), without gradients; 0 where it is −1."""

    def log_probs(self, features: Tensor) -> Tensor:
        """Return log p of every word, (T, B, V), without gradients."""


class SequenceNetwork(Protocol):
    """The interface of a network for decoding, scoring and perplexity."""

    @property
    def output(self) -> Output:
        """Its output layer."""

    def initial_state(self, batch: int) -> State:
        """Return the state of a batch before the first step."""

    def __call__(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the features, (T, B, F), of ids, (T, B), and the state after the last step."""


def map_state(function: Callable[[Tensor], Tensor], state: S) -> S:
    """Return the state with the function applied to each tensor."""
    if isinstance(state, Tensor):
        return cast("S", function(state))
    if isinstance(state, tuple):
        parts = (map_state(function, part) for part in state)
        return cast("S", type(state)(*parts) if hasattr(state, "_fields") else tuple(parts))
    return state


def select(state: S, rows: Tensor) -> S:
    """Return the state of some sequences of the batch, by index; one may occur repeatedly."""
    return map_state(lambda part: part.index_select(0, rows), state)


def split(state: S, sizes: list[int]) -> Iterable[S]:
    """Return the states of so many sequences of the batch at a time, in order."""
    if isinstance(state, Tensor):
        return cast("Iterable[S]", torch.split(state, sizes))
    if isinstance(state, tuple) and state:
        groups = zip(*(split(part, sizes) for part in state), strict=False)  # None has no end
        return cast("Iterable[S]", map(getattr(type(state), "_make", tuple), groups))
    return itertools.repeat(state)


def detach(state: S) -> S:
    """Return the state detached from the graph."""
    return map_state(Tensor.detach, state)


def device_of(network: object) -> torch.device:
    """Return the device that the parameters of a network are on; the CPU where it has none."""
    parameters = network.parameters() if isinstance(network, nn.Module) else iter(())
    first = next(parameters, None)
    return torch.device("cpu") if first is None else first.device


@contextlib.contextmanager
def inference(network: object) -> Iterator[None]:
    """Evaluate without dropout and without gradients; the mode of each module is restored.

    A generator must not yield inside the block: gradients are off for the whole thread.
    """
    modules = network.modules() if isinstance(network, nn.Module) else ()
    in_training = [module for module in modules if module.training]
    for module in in_training:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module in in_training:
            module.training = True


def uses_bf16(x: Tensor) -> bool:
    """Return whether matrix products are to be taken in bfloat16: inside such an autocast."""
    kind = x.device.type
    return torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.bfloat16


def widest_float(device: torch.device) -> torch.dtype:
    """Return float64, for sums; float32 on devices that have nothing wider."""
    return torch.float32 if device.type == "mps" else torch.float64


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x · weightᵀ + bias in the type of x; inside an autocast, by products in bfloat16."""
    return F.linear(x, weight, bias).to(x.dtype)
