"""A simple recurrent network that learns to add, and whose gradient explodes with the wrong unit.

    python benchmarks/binary_addition.py [--seeds 10] [--lr 0.07] [--clip 1]

Two numbers are read bit by bit, the least significant first, and the 8 bits of their sum written:
two inputs and one output a step. The network has to keep the carry. It learns by plain SGD through
all 8 steps, and is tested on pairs of numbers that it was not trained on. All units have the same
settings and, seed by seed, the same starting weights and the same pairs in the same order; relu is
trained once more with the norm of its gradient clipped. The rate is one at which sigmoid and tanh
learn with every seed: at 0.1 one tanh of ten does not, and at 0.05 one sigmoid and three clipped
relu of ten are not done by the end.

The curves go to benchmarks/results: binary_addition.png has the wrong bits, and
binary_addition_gradients.png the norms of the gradient.

Notation: T steps (bits), B numbers of a batch, H hidden units.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import torch
from machine import describe, heading, in_one_line, row
from torch import Tensor
from torch.nn import functional

from wordkit.nn.recurrent import RecurrentLayer
from wordkit.plots import learning_curves

RESULTS = Path(__file__).resolve().parent / "results"
BITS, HIDDEN, BATCH, STEPS, MARK, HELD_OUT = 8, 16, 16, 2_500, 50, 1_024
EXPLODED = 10_000.0  # a norm of the gradient beyond which it is said to explode
COLUMNS = ["right sums, mean", "worst", "largest norm, median", "worst"]
COLUMNS += ["all right", "exploded", "no number"]  # of the seeds


@dataclass
class Training:
    """The course of a training, from mark to mark."""

    wrong: list[float] = field(default_factory=list)
    """Wrong bits per held-out sum, first before the training."""

    norms: list[float] = field(default_factory=list)
    """The largest norm of the gradient since the mark before, before any clipping."""

    right: float = 0.0
    """The fraction of the held-out sums that are right in all bits at the end."""


def bits_of(numbers: Tensor) -> Tensor:
    """The bits (T, B) of numbers (B,), the least significant first."""
    return ((numbers >> torch.arange(BITS)[:, None]) & 1).float()


def hidden_states(unit: str, projected: Tensor, weight: Tensor) -> Tensor:
    """h at each step, (T, B, H), from the projected input (T, B, H) and from zeros before it."""
    state = torch.zeros_like(projected[0])
    if unit != "sigmoid":
        layer, given = RecurrentLayer(f"rnn-{unit}", HIDDEN, HIDDEN), {
            "weight_input": torch.eye(HIDDEN), "weight_hidden": weight, "bias": torch.zeros(HIDDEN)
        }  # fmt: skip
        return torch.func.functional_call(layer, given, (projected, (state,)))[0]
    states = []
    for x in projected:
        state = torch.sigmoid(x + state @ weight.T)
        states.append(state)
    return torch.stack(states)


def train(unit: str, lr: float, clip: float, seed: int) -> Training:
    """Train a network; it ends early where its gradient is no number any more."""
    H, generator = HIDDEN, torch.Generator().manual_seed(seed)
    pairs = torch.cartesian_prod(*[torch.arange(2 ** (BITS - 1))] * 2)  # whose sums have 8 bits
    pairs = pairs[torch.randperm(len(pairs), generator=generator)]
    shapes = [(H, 2), (H, H), (H,), (1, H), (1,)]
    weights = [torch.empty(shape).uniform_(-1, 1, generator=generator) for shape in shapes]
    weight_input, weight_hidden, bias, weight_output, bias_output = weights
    for weight in weights:
        weight.requires_grad_()

    def logits(numbers: Tensor) -> Tensor:
        """Return the logits of the bits of the sums, (T, B), of pairs of numbers (B, 2)."""
        bits = torch.stack([bits_of(numbers[:, 0]), bits_of(numbers[:, 1])], 2)
        states = hidden_states(unit, functional.linear(bits, weight_input, bias), weight_hidden)
        return functional.linear(states, weight_output, bias_output)[..., 0]

    def wrong_bits() -> Tensor:
        """Return the number of wrong bits of each held-out sum."""
        sums = bits_of(pairs[:HELD_OUT].sum(1))
        with torch.no_grad():
            return ((logits(pairs[:HELD_OUT]) > 0) != (sums > 0)).sum(0).float()

    told, norms = Training([wrong_bits().mean().item()]), [0.0]
    for step in range(1, STEPS + 1):
        chosen = torch.randint(HELD_OUT, len(pairs), (BATCH,), generator=generator)
        target = bits_of(pairs[chosen].sum(1))
        loss = functional.binary_cross_entropy_with_logits(logits(pairs[chosen]), target) * BITS
        gradients = torch.autograd.grad(loss, weights)
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
        finite = math.isfinite(norm)
        if finite:
            norms.append(norm)
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight -= lr * min(1.0, clip / norm) * gradient
        if step % MARK == 0 or not finite:
            told.wrong.append(wrong_bits().mean().item())
            told.norms.append(max(norms))
            norms = [0.0]
        if not finite:
            break
    told.right = (wrong_bits() == 0).float().mean().item()
    return told


def figures(trainings: list[Training]) -> list[str]:
    """Return a row of the table: the trainings of all seeds."""
    right = [training.right for training in trainings]
    largest = [max(training.norms) for training in trainings]
    counts = [
        sum(fraction == 1 for fraction in right),
        sum(norm > EXPLODED for norm in largest),
        sum(len(training.norms) < STEPS // MARK for training in trainings),
    ]
    fractions = [f"{statistics.mean(right):.1%}", f"{min(right):.1%}"]
    norms = [f"{statistics.median(largest):.3g}", f"{max(largest):.3g}"]
    return [*fractions, *norms, *(f"{count} of {len(trainings)}" for count in counts)]


def draw(all_trainings: dict[str, list[Training]]) -> None:
    """The curves: of wrong bits the mean of the seeds, of norms the largest."""
    marks, wrong, norms = range(STEPS // MARK + 1), {}, {}
    seen = [BATCH * MARK * mark / 1000 for mark in marks]
    for name, trainings in all_trainings.items():
        # what ended early stays where it ended
        kept = [[t.wrong[min(mark, len(t.wrong) - 1)] for t in trainings] for mark in marks]
        wrong[name] = seen, [statistics.mean(values) for values in kept]
        largest = itertools.zip_longest(*(t.norms for t in trainings), fillvalue=0.0)
        norms[name] = seen[1:], [max(values) for values in largest]
    x, of = "sums seen, thousands", f"of {len(trainings)} seeds"
    learning_curves(wrong, RESULTS / "binary_addition.png", x=x, y=f"wrong bits of 8, mean {of}")
    path = RESULTS / "binary_addition_gradients.png"
    learning_curves(norms, path, x=x, y=f"norm of the gradient, largest {of}", log=True)


def main() -> None:
    """Train all, print the table, draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.07)
    parser.add_argument("--clip", type=float, default=1.0, help="largest norm, in the last line")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(describe(), end="\n\n")
    print(f"{HIDDEN} hidden units, weights from −1 to 1 at the start, SGD {options.lr:g}, ", end="")
    print(f"{STEPS:,} steps of {BATCH} sums; tested on {HELD_OUT:,} other sums")
    print(f"exploded: a norm above {EXPLODED:,.0f}; no number: the training ended by nan or inf\n")
    print(heading(["", *COLUMNS]))
    trainings = {}
    for name in ("sigmoid", "tanh", "relu", clipped := f"relu, clipped at {options.clip:g}"):
        unit, clip = name.partition(",")[0], options.clip if name == clipped else math.inf
        trainings[name] = [train(unit, options.lr, clip, seed) for seed in range(options.seeds)]
        print(row([name, *figures(trainings[name])]), flush=True)
    draw(trainings)


if __name__ == "__main__":
    in_one_line(main)
