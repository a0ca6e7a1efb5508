"""Why gates: how much of a gradient is left when it has gone back through many steps.

    python benchmarks/gradient_norms.py [--seeds 3] [--steps 1000]

The task is to say at the last step which of 8 symbols was the first, up to 60 steps before. For
the plain network (tanh), the GRU and the LSTM, with and without a forget bias of 1, the table has
the norm of d loss / d h at some steps back, as a fraction of its norm at the last step, the only
one that has a loss; for the LSTM that of d loss / d c also, because the cell keeps the memory. They
are taken at the starting weights, and again after a short training on gaps of 0 to 60 steps; then
the table says how many of the symbols 60 steps back are named right (chance is 12.5%). Figures of
several seeds are geometric means, those of right answers are plain means.

What it shows: at the usual starting weights gates that stand half open let the gradient vanish as
the plain network does; only a forget bias lets more of it pass. After the training it goes through
all 60 steps of the gated cells. In the plain network it vanishes faster than at the start, even
with a seed that learns most of the task: nine of ten of its hidden values lie beyond ±0.9 then,
where tanh is flat.

The curves go to benchmarks/results: gradient_norms.png has those at the start, and
gradient_norms_trained.png those after the training.

Notation: T steps, B sequences of a batch, H hidden units, G gates, K symbols.
"""

from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Sequence
from pathlib import Path

import torch
from machine import describe, heading, in_one_line, row
from torch import Tensor
from torch.nn import functional

from wordkit.nn.recurrent import RecurrentLayer
from wordkit.plots import learning_curves

RESULTS = Path(__file__).resolve().parent / "results"
GAP, SYMBOLS, HIDDEN, BATCH, RATE, CLIP = 60, 8, 100, 64, 0.005, 1.0
TESTED = 500  # sequences
NETWORKS = {  # the cell and its forget bias
    "RNN (tanh)": ("rnn-tanh", 0.0),
    "GRU": ("gru", 0.0),
    "LSTM": ("lstm", 0.0),
    "LSTM, forget bias 1": ("lstm", 1.0),
}
SHOWN = (1, 10, 20, 40, 60)  # steps back, in the table
Norms = dict[str, list[float]]  # by the name of a state, for 0, 1, ... GAP steps back


class Network(torch.nn.Module):
    """A cell between symbols and the guess at the first of them.

    It starts with the usual weights: even from −1/√H to 1/√H, and biases of 0 but for the gate.
    """

    def __init__(self, cell: str, forget_bias: float, generator: torch.Generator) -> None:
        super().__init__()
        self.layer = RecurrentLayer(cell, SYMBOLS, HIDDEN)
        self.weight_output = torch.nn.Parameter(torch.empty(SYMBOLS, HIDDEN))
        for weight in (self.layer.weight_input, self.layer.weight_hidden, self.weight_output):
            torch.nn.init.uniform_(weight, -(HIDDEN**-0.5), HIDDEN**-0.5, generator=generator)
        if forget_bias:
            with torch.no_grad():
                self.layer.bias[HIDDEN : 2 * HIDDEN] = forget_bias

    def inputs(self, symbols: Tensor) -> Tensor:
        """One-hot vectors, (T, B, K), of symbols (T, B)."""
        return functional.one_hot(symbols, SYMBOLS).to(self.weight_output.dtype)

    def logits(self, symbols: Tensor) -> Tensor:
        """Return the logits of the first symbol, (B, K), after all symbols (T, B)."""
        state = self.layer.initial_state(symbols.shape[1])
        outputs, _ = self.layer(self.inputs(symbols), state)
        return functional.linear(outputs[-1], self.weight_output)


def sequences(gap: int, size: int, generator: torch.Generator) -> Tensor:
    """Symbols (gap + 1, size)."""
    return torch.randint(SYMBOLS, (gap + 1, size), generator=generator)


def train(network: Network, steps: int, generator: torch.Generator) -> None:
    """Learn from sequences of every length up to the longest."""
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    for _ in range(steps):
        gap = int(torch.randint(GAP + 1, (1,), generator=generator))
        symbols = sequences(gap, BATCH, generator)
        optimizer.zero_grad()
        functional.cross_entropy(network.logits(symbols), symbols[0]).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()


def norms(network: Network, symbols: Tensor) -> Norms:
    """Return the norms of d loss / d h (and c), as fractions of that of h at the last step."""
    state, kept = network.layer.initial_state(symbols.shape[1]), []
    for x in network.inputs(symbols).split(1):
        _, state = network.layer(x, state)
        kept.append(state)
    logits = functional.linear(state[0], network.weight_output)
    loss = functional.cross_entropy(logits, symbols[0])
    back = kept[:-1][::-1]  # from the step before the last
    at_last = torch.autograd.grad(loss, state[0], retain_graph=True)[0].norm()
    told = {}
    for number, name in enumerate("hc"[: len(state)]):
        gradients = torch.autograd.grad(loss, [s[number] for s in back], retain_graph=True)
        told[name] = [1.0, *((g.norm() / at_last).item() for g in gradients)]
    return told


def right(network: Network, symbols: Tensor) -> float:
    """Return the fraction of the sequences whose first symbol is named."""
    with torch.no_grad():
        return (network.logits(symbols).argmax(1) == symbols[0]).double().mean().item()


def geometric_means(curves: Sequence[Norms]) -> Norms:
    """Return the geometric means over all seeds, by state and step."""
    return {
        name: [statistics.geometric_mean(values) for values in zip(*of_seeds, strict=True)]
        for name, of_seeds in ((name, [curve[name] for curve in curves]) for name in curves[0])
    }


def tell(title: str, found: dict[str, Norms], last: dict[str, list[str]], figure: str) -> None:
    """Print a table and draw a figure."""
    steps = [f"{back} back" if back > 1 else "1 step back" for back in SHOWN]
    print(heading([title, *steps, *(["right", "by seed"] if last else [])]))
    curves = {}
    for name, states in found.items():
        for state, values in states.items():
            shown = name if len(states) == 1 else f"{name}: d {state}"
            curves[shown] = range(GAP + 1), values
            print(row([shown, *(f"{values[back]:.2g}" for back in SHOWN), *last.get(name, [])]))
    print()
    y = "norm of the gradient, 1 at the last step"
    learning_curves(curves, RESULTS / figure, x="steps back", y=y, log=True, title=title)


def main() -> None:
    """Measure, train, measure again; print the tables, draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000, help="of training")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(describe(), end="\n\n")
    print(
        f"{HIDDEN} hidden units, {options.seeds} seeds; trained for {options.steps:,} steps of ",
        end="",
    )
    print(f"{BATCH} sequences, Adam {RATE:g}, clip {CLIP:g}\n")
    symbols = sequences(GAP, TESTED, torch.Generator().manual_seed(1_000))
    before, after, named = {}, {}, {}
    for name, (cell, forget_bias) in NETWORKS.items():
        starts, ends, fractions = [], [], []
        for seed in range(options.seeds):
            generator = torch.Generator().manual_seed(seed)
            network = Network(cell, forget_bias, generator)
            starts.append(norms(copy.deepcopy(network).double(), symbols))
            train(network, options.steps, generator)
            ends.append(norms(copy.deepcopy(network).double(), symbols))
            fractions.append(right(network, symbols))
        before[name], after[name] = geometric_means(starts), geometric_means(ends)
        named[name] = [
            f"{statistics.mean(fractions):.0%}",
            ", ".join(f"{f:.0%}" for f in fractions),
        ]
    tell("starting weights", before, {}, "gradient_norms.png")
    tell("after training", after, named, "gradient_norms_trained.png")


if __name__ == "__main__":
    in_one_line(main)
