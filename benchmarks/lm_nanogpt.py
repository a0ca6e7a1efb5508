"""Training speed of nanoGPT's setting for a CPU: wordkit and a plain PyTorch loop in turns."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lm_text import introduction
from machine import counted, heading, in_turns, row, run_process

from wordkit.lm import get_preset
from wordkit.text import TextConfig, iter_prepare
from wordkit_corpora import open_text

__all__ = ["nanogpt"]

HERE = Path(__file__).resolve().parent
PRESET = "nanogpt-cpu"
GOAL = 1.5  # times as fast as the plain loop
PLAIN = "plain loop, fp32"


def nanogpt(options: argparse.Namespace) -> None:
    """Tokens a second of training on the first nine tenths of tinyshakespeare."""
    whole = (options.data / "tinyshakespeare/input.txt").read_text(encoding="utf-8")
    whole = "".join(whole.splitlines(keepends=True)[: options.limit])
    with TemporaryDirectory(prefix="wordkit-benchmark-") as name:
        text, corpus = Path(name, "train.txt"), Path(name, "train.ids")
        text.write_text(whole[: len(whole) * 9 // 10], encoding="utf-8")
        iter_prepare(open_text([text]), corpus, TextConfig("char", eos=True)).result()
        windows = f"{options.windows:,} batches after {options.warm_up:,}"
        threads, rounds = counted(options.threads, "thread"), counted(options.rounds, "round")
        facts = f"each in a process of its own, {windows}", threads, rounds
        print(introduction(f"{len(whole) * 9 // 10:,} characters of tinyshakespeare", *facts))
        common = {"windows": options.windows, "warm_up": options.warm_up}
        jobs = {PLAIN: _job("lm_nanogpt_plain.py", text, *_options(common, options.threads))}
        for precision in ("fp32", "auto"):
            settings = _settings(precision) | common | {"threads": options.threads}
            title = f"wordkit --preset {PRESET}, {precision}"
            jobs[title] = _job("lm_wordkit.py", corpus, json.dumps(settings))
        timings = in_turns(jobs, options.rounds)
    print(heading(["", "best", "median, tokens/s", "as fast as the plain loop", "goal"]))
    for title, timing in timings.items():
        ratio = timings[PLAIN].median / timing.median
        verdict = f"{GOAL:g} x: {'reached' if ratio >= GOAL else 'missed'}"
        rates = f"{1 / timing.best:,.0f}", f"{1 / timing.median:,.0f}"
        more = ["", ""] if title == PLAIN else [f"{ratio:.2f} x", verdict]
        print(row([title, *rates, *more]))


def _options(numbers: dict[str, int], threads: int) -> list[object]:
    given = {**numbers, "threads": threads}
    return [word for name, n in given.items() for word in (f"--{name.replace('_', '-')}", n)]


def _settings(precision: str) -> dict[str, Any]:
    """The settings of the preset, with epochs enough."""
    preset = get_preset(PRESET)
    training = asdict(preset.training) | {"precision": precision, "epochs": 1_000_000}
    return {"model": asdict(preset.model), "training": training}


def _job(script: str, *arguments: object) -> Callable[[], float]:
    """Return what gives the seconds for a token."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]

    def run() -> float:
        known = json.loads(run_process(command).output)
        return float(known["seconds"] / known["tokens"])

    return run
