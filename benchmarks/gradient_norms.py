"""Why gates: how much of a gradient is left when it has gone back through many steps.

    python benchmarks/gradient_norms.py [--seeds 3] [--steps 1000]

The task is to say at the last step which of 8 symbols was the first, up to 60 steps before. For
the plain network (tanh), the GRU and the LSTM, with and without a forget bias of 1, the table has
the norm of d loss / d h at some steps back, as a share of its norm at the last step, the only one
that has a loss; for the LSTM that of d loss / d c also, because it is the cell that carries. They
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

Letters: T steps, B sequences side by side, H hidden units, G gates, K symbols.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from machine import describe, heading, in_one_line, row
from torch import Tensor
from torch.nn import functional

from wordkit.plots import learning_curves
from wordkit.recurrent.cells import CELLS
from wordkit.recurrent.recurrence import recur

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


@dataclass
class Network:
    """A cell between symbols and the guess at the first of them."""

    cell: str
    weight_input: Tensor  # (G·H, K)
    weight_hidden: Tensor  # (G·H, H)
    bias: Tensor
    weight_output: Tensor  # (K, H)
    extra: Tensor | None  # the bias of the GRU's candidate

    @classmethod
    def start(cls, cell: str, forget_bias: float, generator: torch.Generator) -> Network:
        """With the usual weights: even from −1/√H to 1/√H, and biases of 0 but for the gate."""
        G, H, K = CELLS[cell].gates, HIDDEN, SYMBOLS
        drawn = [
            torch.empty(shape).uniform_(-(H**-0.5), H**-0.5, generator=generator)
            for shape in ((G * H, K), (G * H, H), (K, H))
        ]
        bias, shape = torch.zeros(G * H), CELLS[cell].extra_shape(H)
        if forget_bias:
            bias[H : 2 * H] = forget_bias
        extra = None if shape is None else torch.zeros(shape)
        network = cls(cell, drawn[0], drawn[1], bias, drawn[2], extra)
        for weight in network.weights():
            weight.requires_grad_()
        return network

    def weights(self) -> list[Tensor]:
        """All that is learnt."""
        found = [self.weight_input, self.weight_hidden, self.bias, self.weight_output, self.extra]
        return [weight for weight in found if weight is not None]

    def projected(self, symbols: Tensor) -> Tensor:
        """The input of each step, (T, B, G·H), for symbols (T, B)."""
        return self.weight_input.T[symbols] + self.bias

    def state(self, size: int) -> tuple[Tensor, ...]:
        """Zeros for so many sequences."""
        return tuple(self.bias.new_zeros(size, HIDDEN) for _ in range(CELLS[self.cell].states))

    def logits(self, symbols: Tensor) -> Tensor:
        """Of each symbol having been the first, (B, K), after all of symbols (T, B)."""
        states, _ = recur(
            self.cell,
            self.projected(symbols),
            self.weight_hidden,
            self.state(symbols.shape[1]),
            self.extra,
        )
        return functional.linear(states[-1], self.weight_output)


def sequences(gap: int, size: int, generator: torch.Generator) -> Tensor:
    """Symbols (gap + 1, size)."""
    return torch.randint(SYMBOLS, (gap + 1, size), generator=generator)


def train(network: Network, steps: int, generator: torch.Generator) -> None:
    """Learn from sequences of every length up to the longest."""
    optimizer = torch.optim.Adam(network.weights(), lr=RATE)
    for _ in range(steps):
        gap = int(torch.randint(GAP + 1, (1,), generator=generator))
        symbols = sequences(gap, BATCH, generator)
        optimizer.zero_grad()
        functional.cross_entropy(network.logits(symbols), symbols[0]).backward()
        torch.nn.utils.clip_grad_norm_(network.weights(), CLIP)
        optimizer.step()


def norms(network: Network, symbols: Tensor) -> Norms:
    """Of d loss / d h (and c), as shares of that of h at the last step; over all sequences."""
    step, state = CELLS[network.cell].step, network.state(symbols.shape[1])
    kept = []
    for x in network.projected(symbols).detach().requires_grad_():
        state = step(x, network.weight_hidden, state, network.extra)
        kept.append(state)
    logits = functional.linear(state[0], network.weight_output)
    loss = functional.cross_entropy(logits, symbols[0])
    back = kept[:-1][::-1]  # from the step before the last
    at_last = torch.autograd.grad(loss, state[0], retain_graph=True)[0].norm()
    told = {}
    for number, name in enumerate("hc"[: CELLS[network.cell].states]):
        gradients = torch.autograd.grad(loss, [s[number] for s in back], retain_graph=True)
        told[name] = [1.0, *((g.norm() / at_last).item() for g in gradients)]
    return told


def in_double(network: Network) -> Network:
    """A copy whose small gradients do not vanish for want of bits."""
    return Network(
        network.cell,
        *(w.detach().double().requires_grad_() for w in network.weights()[:4]),
        None if network.extra is None else network.extra.detach().double(),
    )


def right(network: Network, symbols: Tensor) -> float:
    """The share of the sequences whose first symbol is named."""
    with torch.no_grad():
        return (network.logits(symbols).argmax(1) == symbols[0]).double().mean().item()


def geometric_means(curves: Sequence[Norms]) -> Norms:
    """Of all seeds, by state and step."""
    return {
        name: [statistics.geometric_mean(values) for values in zip(*of_seeds, strict=True)]
        for name, of_seeds in ((name, [curve[name] for curve in curves]) for name in curves[0])
    }


def tell(title: str, found: dict[str, Norms], last: dict[str, list[str]], picture: str) -> None:
    """A table and a picture."""
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
    learning_curves(curves, RESULTS / picture, x="steps back", y=y, log=True, title=title)


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
        starts, ends, shares = [], [], []
        for seed in range(options.seeds):
            generator = torch.Generator().manual_seed(seed)
            network = Network.start(cell, forget_bias, generator)
            starts.append(norms(in_double(network), symbols))
            train(network, options.steps, generator)
            ends.append(norms(in_double(network), symbols))
            shares.append(right(network, symbols))
        before[name], after[name] = geometric_means(starts), geometric_means(ends)
        named[name] = [f"{statistics.mean(shares):.0%}", ", ".join(f"{s:.0%}" for s in shares)]
    tell("starting weights", before, {}, "gradient_norms.png")
    tell("after training", after, named, "gradient_norms_trained.png")


if __name__ == "__main__":
    in_one_line(main)
