"""Training speed of language models: wordkit and a plain PyTorch loop in turns."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_processes import compile_kernels, plain
from lm_text import Treebank, introduction, treebank
from machine import Timing, counted, heading, in_turns, row, run_process

from wordkit.runtime import is_bf16_fast

__all__ = ["speed"]

SCRIPT = Path(__file__).resolve().with_name("lm_wordkit.py")
GOALS = {"exact": 1.5, "sampled": 3.0}  # times as fast as the plain loop
BATCH, STEPS = 20, 35
RATES = {"lstm": 20.0, "gru": 1.0, "rnn": 1.0}  # of SGD; the speed does not depend on it
PLAIN = "plain loop"


@dataclass(frozen=True)
class Network:
    """The network that both programs train."""

    cell: str
    hidden: int
    layers: int

    def __str__(self) -> str:
        return f"{self.cell.upper()} {self.hidden} x {self.layers}"


TWO_LAYERS = Network("lstm", 200, 2)
ONE_LAYER = (
    *(Network("lstm", hidden, 1) for hidden in (200, 400, 650)),
    Network("gru", 200, 1),
    Network("rnn", 200, 1),
)


@dataclass(frozen=True)
class Way:
    """The settings of wordkit's training."""

    softmax: str
    precision: str

    def settings(self, network: Network) -> dict[str, Any]:
        """Fields of TrainingConfig: the plain loop's, and where the softmax is sampled, wordkit's
        own, AdamW, which steps on single rows."""
        optimizer: dict[str, Any] = {"optimizer": "adamw", "lr": 1e-3, "clip_norm": 1.0}
        if self.softmax == "exact":
            optimizer = {"optimizer": "sgd", "lr": RATES[network.cell], "clip_norm": 0.25}
        shape = {"batch": BATCH, "steps": STEPS, "epochs": 1_000_000, "schedule": "constant"}
        return {**shape, **optimizer, "softmax": self.softmax, "precision": self.precision}

    def __str__(self) -> str:
        return f"wordkit, {self.softmax} softmax, {self.precision}"


def speed(options: argparse.Namespace) -> None:
    """Tokens a second of training, with all that comes before it done."""
    with treebank(options.data, options.limit) as text:
        windows = f"{options.windows:,} windows after {options.warm_up:,}"
        each = f"each in a process of its own, {windows}"
        threads, rounds = counted(options.threads, "thread"), counted(options.rounds, "round")
        shape = (f"batch {BATCH}", f"{STEPS} steps", "no dropout", "untied", threads, rounds)
        print(introduction(text, "training alone", *shape))
        print(f"{each}; SGD and clip 0.25, with sampled softmax AdamW and clip 1\n", flush=True)
        compile_kernels(text)
        _two_layers(text, options)
        if not options.only_two_layers:
            _one_layer(text, options)


def _two_layers(text: Treebank, options: argparse.Namespace) -> None:
    """The network of the goals, in all ways."""
    usual = "bf16" if is_bf16_fast() else "fp32"
    ways = [Way("exact", "fp32"), Way("exact", "bf16"), Way("sampled", usual)]
    timings = _timings(text, TWO_LAYERS, ways, options)
    theirs = timings[PLAIN]
    print(
        heading([str(TWO_LAYERS), "best", "median, tokens/s", "as fast as the plain loop", "goal"])
    )
    print(row([PLAIN, *_rates(theirs), "", ""]))
    for way in ways:
        ours = timings[str(way)]
        ratio, goal = theirs.median / ours.median, GOALS[way.softmax]
        verdict = f"{goal:g} x: {'reached' if ratio >= goal else 'missed'}"
        is_meant = way.precision == usual or way.softmax == "sampled"
        print(row([way, *_rates(ours), f"{ratio:.2f} x", verdict if is_meant else ""]), flush=True)


def _one_layer(text: Treebank, options: argparse.Namespace) -> None:
    """Widths and cells, as wordkit trains by itself."""
    precision = "bf16" if is_bf16_fast() else "fp32"
    ways = [Way("exact", precision), Way("sampled", precision)]
    columns = [name for way in ways for name in (f"{way.softmax} {precision}", "ratio")]
    print(f"\n{heading(['median, tokens/s', PLAIN, *columns])}", flush=True)
    for network in ONE_LAYER:
        timings = _timings(text, network, ways, options)
        theirs = timings[PLAIN].median
        cells = [f"{1 / theirs:,.0f}"]
        for way in ways:
            ours = timings[str(way)].median
            cells += [f"{1 / ours:,.0f}", f"{theirs / ours:.2f} x"]
        print(row([network, *cells]), flush=True)


def _timings(
    text: Treebank, network: Network, ways: Iterable[Way], options: argparse.Namespace
) -> dict[str, Timing]:
    """Seconds a token, by what trains."""
    jobs = {PLAIN: _plain(text, network, options)}
    jobs.update({str(way): _wordkit(text, network, way, options) for way in ways})
    return in_turns(jobs, options.rounds)


def _plain(text: Treebank, network: Network, options: argparse.Namespace) -> Callable[[], float]:
    given: list[object] = ["--cell", network.cell, "--hidden", network.hidden]
    given += ["--layers", network.layers, "--batch", BATCH, "--steps", STEPS]
    given += ["--lr", RATES[network.cell]]
    given += ["--windows", options.windows, "--warm-up", options.warm_up]

    def run() -> float:
        _, (known,) = plain(text.train, *given, threads=options.threads)
        return _per_token(known)

    return run


def _wordkit(
    text: Treebank, network: Network, way: Way, options: argparse.Namespace
) -> Callable[[], float]:
    settings = {
        "model": {
            "cell": network.cell,
            "hidden": network.hidden,
            "layers": network.layers,
            "tied": False,
        },
        "training": way.settings(network),
        "windows": options.windows,
        "warm_up": options.warm_up,
        "threads": options.threads,
    }
    command = [sys.executable, str(SCRIPT), str(text.corpus()), json.dumps(settings)]
    return lambda: _per_token(json.loads(run_process(command).output))


def _per_token(known: Mapping[str, float]) -> float:
    return known["seconds"] / known["tokens"]


def _rates(timing: Timing) -> tuple[str, str]:
    return f"{1 / timing.best:,.0f}", f"{1 / timing.median:,.0f}"
