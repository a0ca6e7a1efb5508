"""The output layer of a language model, forward and backward: time and memory beside torch's.

    python benchmarks/lm_output.py [--rounds 12] [--vocabulary 10000] [--width 200]

For a window of 700 tokens: nn.Linear with nn.CrossEntropyLoss as people write it, wordkit's exact
loss in float32 and in bfloat16, and wordkit's sampled loss with 500 negatives. Then the same with
the optimizer: torch's fused AdamW on the whole matrix after the exact losses, steps of the touched
rows after the sampled one. Times are taken in turns; memory is the growth of a process's peak, each
job in one of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import describe, heading, in_one_line, in_turns, row
from torch import Tensor, nn

from wordkit.lm.losses import SharedNegatives, linear_cross_entropy, sampled_cross_entropy
from wordkit.training.row_updates import RowAdamW, RowGradients

TOKENS, NEGATIVES = 700, 500
SIZES = [(200, 10_000), (400, 10_000), (200, 100_000), (400, 100_000)]
JOBS = {
    "plain": "nn.Linear + nn.CrossEntropyLoss",
    "fp32": "exact, fp32",
    "bf16": "exact, bf16",
    "sampled-fp32": "sampled, fp32",
    "sampled-bf16": "sampled, bf16",
}


class Layer:
    """An output layer with words by Zipf's law, and a window to predict."""

    def __init__(self, width: int, words: int, job: str) -> None:
        torch.manual_seed(1)
        counts = 10**9 // np.arange(1, words + 1)
        random = np.random.default_rng(1)
        self.targets = torch.from_numpy(random.choice(words, TOKENS, p=counts / counts.sum()))
        self.hidden = torch.randn(TOKENS, width).mul_(0.3).requires_grad_()
        self.linear = nn.Linear(width, words)
        self._job = job
        if job.startswith("sampled"):
            self._negatives = SharedNegatives(counts, samples=NEGATIVES)
            parameters = [self.linear.weight, self.linear.bias]
            self._rows = [RowGradients(parameter) for parameter in parameters]
            self._steps = [
                RowAdamW(parameter, rows)
                for parameter, rows in zip(parameters, self._rows, strict=True)
            ]
        else:
            self._adamw = torch.optim.AdamW(self.linear.parameters(), fused=True)

    def loss(self) -> Tensor:
        """The mean loss of the window."""
        weight, bias = self.linear.weight, self.linear.bias
        if self._job == "plain":
            return nn.CrossEntropyLoss()(self.linear(self.hidden), self.targets)
        precision = self._job.rpartition("-")[2]
        if not self._job.startswith("sampled"):
            total = linear_cross_entropy(
                self.hidden, weight, bias, self.targets, precision=precision
            )
            return total / TOKENS
        negatives, rates = self._negatives.draw()
        total = sampled_cross_entropy(
            self.hidden, weight, bias, self.targets, negatives, None, rates,
            precision=precision, weight_rows=self._rows[0], bias_rows=self._rows[1],
        )  # fmt: skip
        return total / TOKENS

    def there_and_back(self) -> None:
        """Forward and backward."""
        self.hidden.grad = None
        self.linear.zero_grad()
        for rows in self._row_gradients():
            rows.clear()
        self.loss().backward()

    def step(self) -> None:
        """Forward, backward, and a step of the weights."""
        self.there_and_back()
        if self._job.startswith("sampled"):
            for step in self._steps:
                step.step(1e-3)
        else:
            self._adamw.step()

    def _row_gradients(self) -> list[RowGradients]:
        return self._rows if self._job.startswith("sampled") else []


def timed(run: Callable[[], None]) -> Callable[[], float]:
    """The mean seconds of a few runs, the first of them not counted: caches are its own again."""

    def seconds() -> float:
        run()
        start = time.perf_counter()
        for _ in range(3):
            run()
        return (time.perf_counter() - start) / 3

    return seconds


def peak_growth(width: int, words: int, job: str) -> int:
    """Bytes by which a process grows over two steps, beyond weights and optimizer."""
    command = [sys.executable, __file__, "--peak", job, "--width", str(width)]
    command += ["--vocabulary", str(words)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(result.stdout)


def print_peak(width: int, words: int, job: str) -> None:
    """Print the peak memory of forward and backward, for :func:`peak_growth`."""
    small = Layer(8, 50, job)
    small.there_and_back()  # libraries are loaded, kernels compiled
    layer = Layer(width, words, job)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        layer.there_and_back()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--vocabulary", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--peak", choices=JOBS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print_peak(options.width, options.vocabulary, options.peak)
        return
    print(describe())
    for width, words in SIZES:
        if options.width in (None, width) and options.vocabulary in (None, words):
            report(width, words, options.rounds)


def report(width: int, words: int, rounds: int) -> None:
    """The table for one size."""
    if words > 50_000:
        rounds = max(rounds // 3, 1)
    layers = {job: Layer(width, words, job) for job in JOBS}
    back = in_turns({job: timed(layer.there_and_back) for job, layer in layers.items()}, rounds)
    step = in_turns({job: timed(layer.step) for job, layer in layers.items()}, rounds)
    columns = [
        "",
        "forward + backward",
        "as fast as plain",
        "with AdamW",
        "as fast as plain",
        "memory",
    ]
    print(f"\nN = {TOKENS}, H = {width}, V = {words:,}, medians of {rounds} rounds (best)\n")
    print(heading(columns))
    for job, name in JOBS.items():
        cells = [name]
        for times in (back, step):
            taken = times[job]
            cells.append(f"{1e3 * taken.median:.1f} ms ({1e3 * taken.best:.1f})")
            cells.append(f"{times['plain'].median / taken.median:.1f} x")
        cells.append(f"{peak_growth(width, words, job) / 2**20:.0f} MB")
        print(row(cells), flush=True)


if __name__ == "__main__":
    in_one_line(main)
