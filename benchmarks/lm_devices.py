"""Language models on a GPU: tokens a second and perplexity by minute, of the presets of papers."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from lm_processes import train_lm
from lm_text import Treebank, introduction, treebank
from machine import counted, heading, row

from wordkit.runtime import choose_device

__all__ = ["GOALS", "devices"]

GOALS = {"awd-lstm": 60.0, "zaremba-medium": 82.7}  # test perplexity at most
MARKS = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 45, 60)  # minutes


def devices(options: argparse.Namespace) -> None:
    """Train each preset on the device, and print what its log says."""
    name = _name_of(choose_device(options.device))
    with treebank(options.data, options.limit) as text:
        threads, most = counted(options.threads, "thread"), f"at most {options.minutes:g} minutes"
        print(introduction(text, f"device {name}", most, f"{threads} of the CPU"), flush=True)
        for preset in options.presets:
            _train(preset, text, options)


def _name_of(device: str) -> str:
    """The device, for people."""
    if device == "cuda":
        import torch

        return f"cuda: {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    return device


def _train(preset: str, text: Treebank, options: argparse.Namespace) -> None:
    """Both tables of a preset."""
    settings = ["--preset", preset, "--device", options.device, "--max-minutes", options.minutes]
    settings += ["--precision", options.precision]
    trained = train_lm(text, settings, threads=options.threads)
    print(heading([preset, "tokens", "tokens/s", "epoch", "training loss", "validation"]))
    for minute, line in _by_minute(trained.log):
        print(row([f"{minute:.2f} minutes", *_figures(line)]), flush=True)
    test, goal = trained.test_perplexity, GOALS.get(preset)
    verdict = "" if goal is None else f"{goal:g}: {'reached' if test <= goal else 'missed'}"
    whole = f"{trained.process.seconds / 60:.2f}"
    cells = f"{test:.2f}", verdict, f"{trained.valid_perplexity:.2f}", f"{trained.epochs:.1f}"
    print(f"\n{heading([preset, 'test', 'goal', 'validation', 'epochs', 'minutes', 'precision'])}")
    precision = trained.known["made"]["training"]["precision"]
    print(f"{row(['in the end', *cells, whole, precision])}\n", flush=True)


def _by_minute(log: Iterable[dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """The last line on training before each mark, and the last of all.

    The minutes are those since the training began.
    """
    lines = [line for line in log if line["stage"] == "training"]
    if not lines:
        return []
    began = lines[0]["seconds"]
    chosen: list[tuple[float, dict[str, Any]]] = []
    for mark in MARKS:
        before = [line for line in lines if line["seconds"] - began <= 60 * mark]
        if before[-1] is lines[-1]:
            break
        chosen.append((float(mark), before[-1]))
    return [*chosen, ((lines[-1]["seconds"] - began) / 60, lines[-1])]


def _figures(line: dict[str, Any]) -> list[str]:
    """The cells of a line of the log; its speed is that since the validation before it."""
    rate, loss, valid = (line.get(name) for name in ("per_second", "loss", "valid_perplexity"))
    return [
        f"{line['done']:,}",
        "" if rate is None else f"{rate:,.0f}",
        f"{line['epoch']:.0f}",
        "" if loss is None else f"{loss:.3f}",
        "" if valid is None else f"{valid:.2f}",
    ]
