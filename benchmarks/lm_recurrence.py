"""The recurrence of a layer: forward and backward through a window, beside torch's modules.

    python benchmarks/lm_recurrence.py [cell ...]      (default: lstm gru rnn-tanh peephole)

Of a window of T steps, B tracks and width H, in milliseconds, forward and backward:

- torch: nn.LSTM, nn.GRU or nn.RNN, with the input's projection, which cannot be had without;
- torch's share: the same less the time of that projection alone, forward and backward (F.linear);
- loop: step by step in plain torch, on a given projection;
- wordkit: the recurrence on a given projection, in fp32 and in bf16 products;
- layer: wordkit's with F.linear for the projection in fp32, what the first column does.

Then one track of 1,000 steps, and one step of one track, forward. All in turns; the least of the
rounds counts, because other work on a shared machine can only add to it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import torch
from machine import alternate, describe, heading, row
from torch.nn import functional

from wordkit.recurrent.cells import CELLS, unrolled
from wordkit.recurrent.recurrence import recur, supports_bf16

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn-tanh": torch.nn.RNN}
SHAPES = [(35, 20, 200), (35, 20, 400), (35, 20, 650), (35, 40, 400)]
ROUNDS = 15
COLUMNS = ["cell", "T, B, H", "torch", "torch's share", "loop", "wordkit", "bf16", "layer"]


class Layer:
    """A layer and a window for it."""

    def __init__(self, cell: str, T: int, B: int, H: int) -> None:
        torch.manual_seed(0)
        self.cell, kind = cell, CELLS[cell]
        self.module = MODULES[cell](H, H) if cell in MODULES else None
        scale = H**-0.5
        self.x = torch.randn(T, B, H, requires_grad=True)
        self.weight_input = (torch.randn(kind.gates * H, H) * scale).requires_grad_()
        self.weight_hidden = (torch.randn(kind.gates * H, H) * scale).requires_grad_()
        self.bias = torch.zeros(kind.gates * H, requires_grad=True)
        with torch.no_grad():
            projected = functional.linear(self.x, self.weight_input, self.bias)
        self.projected = projected.requires_grad_()
        self.state = tuple(torch.zeros(B, H) for _ in range(kind.states))
        shape = kind.extra_shape(H)
        self.extra = None if shape is None else torch.zeros(shape, requires_grad=True)
        self.upstream = torch.randn(T, B, H)
        self.upstream_projected = torch.randn_like(projected)

    def torch(self) -> torch.Tensor:
        """What torch's module makes, with its projection."""
        assert self.module is not None
        return self.module(self.x)[0]

    def projection(self) -> torch.Tensor:
        """The input times its matrix."""
        return functional.linear(self.x, self.weight_input, self.bias)

    def loop(self) -> torch.Tensor:
        """Step by step in plain torch."""
        return unrolled(self.cell, self.projected, self.weight_hidden, self.state, self.extra)[0]

    def ours(self, precision: str = "fp32", projected: torch.Tensor | None = None) -> torch.Tensor:
        """The recurrence by the kernels."""
        projected = self.projected if projected is None else projected
        return recur(
            self.cell, projected, self.weight_hidden, self.state, self.extra, precision=precision
        )[0]

    def both_ways(
        self, forward: Callable[[], torch.Tensor], leaves: Sequence[torch.Tensor]
    ) -> Callable[[], object]:
        """Forward, then the gradients of these."""

        def job() -> object:
            out = forward()
            same = out.shape == self.upstream.shape
            upstream = self.upstream if same else self.upstream_projected
            return torch.autograd.grad(out, leaves, upstream)

        return job


def window(cell: str, T: int, B: int, H: int) -> list[str]:
    """The cells of a row."""
    layer = Layer(cell, T, B, H)
    recurrent = [layer.weight_hidden] + ([] if layer.extra is None else [layer.extra])
    given = [layer.projected, *recurrent]
    inputs = [layer.x, layer.weight_input, layer.bias]
    jobs = {
        "projection": layer.both_ways(layer.projection, inputs),
        "loop": layer.both_ways(layer.loop, given),
        "wordkit": layer.both_ways(layer.ours, given),
        "bf16": layer.both_ways(lambda: layer.ours("bf16"), given),
        "layer": layer.both_ways(
            lambda: layer.ours(projected=layer.projection()), [*inputs, *recurrent]
        ),
    }
    if layer.module is not None:
        leaves = [layer.x, *layer.module.parameters()]
        jobs["torch"] = layer.both_ways(layer.torch, leaves)
    alternate(jobs, 2)
    times = {name: 1000 * timing.best for name, timing in alternate(jobs, ROUNDS).items()}
    if "torch" in times:
        times["torch's share"] = times["torch"] - times["projection"]
    if not supports_bf16():
        del times["bf16"]
    return [f"{times[name]:.2f}" if name in times else "" for name in COLUMNS[2:]]


def one_track(T: int) -> None:
    """A stream of words, forward only: torch's module with its projection, ours without."""
    layer = Layer("lstm", T, 1, 200)
    with torch.no_grad():
        jobs: dict[str, Callable[[], object]] = {
            "torch": layer.torch,
            "wordkit": lambda: layer.ours(projected=layer.projection()),
            "wordkit, bf16": lambda: layer.ours("bf16", layer.projection()),
        }
        alternate(jobs, 10)
        times = alternate(jobs, max(ROUNDS, 3000 // T))
    figures = ", ".join(f"{name} {1e6 * timing.best:,.0f} µs" for name, timing in times.items())
    print(f"lstm, 200 wide, one track, {T:,} steps, forward with projection: {figures}")


def main() -> None:
    """Print the tables."""
    print(describe())
    print(f"{torch.get_num_threads()} threads\n")
    print(heading(["", *COLUMNS[1:]]))
    for cell in sys.argv[1:] or ["lstm", "gru", "rnn-tanh", "peephole"]:
        for shape in SHAPES:
            print(row([cell, ", ".join(map(str, shape)), *window(cell, *shape)]), flush=True)
    print()
    for T in (1, 1000):
        one_track(T)


if __name__ == "__main__":
    main()
