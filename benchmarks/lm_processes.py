"""Trainings as processes of their own: wordkit train-lm, and the plain loop of lm_plain.py."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_text import Treebank
from machine import Process, run_process

__all__ = ["Command", "compile_kernels", "perplexity", "plain", "train_lm", "wordkit_call"]

_HERE = Path(__file__).resolve().parent
_TEST = re.compile(r"^test perplexity ([\d.]+|inf)$", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """The output of wordkit train-lm."""

    process: Process
    log: list[dict[str, Any]]
    """What --log wrote: an object for each line."""

    known: Mapping[str, Any]
    """What wordkit info tells of the model."""

    @property
    def test_perplexity(self) -> float:
        """The test perplexity, with two digits after the point."""
        found = _TEST.search(self.process.output)
        if found is None:
            raise SystemExit(f"wordkit train-lm printed no test perplexity: {self.process.output}")
        return float(found[1])

    @property
    def valid_perplexity(self) -> float:
        """The validation perplexity of the model that was kept."""
        return float(self.known["made"]["training"]["valid_perplexity"])

    @property
    def epochs(self) -> float:
        """Times that the text was gone through."""
        return float(self.known["made"]["training"]["epochs"])

    @property
    def testing(self) -> float:
        """Seconds spent on the test text."""
        times = [line["seconds"] for line in self.log if line["stage"] == "scoring"]
        return float(times[-1] - times[0]) if times else 0.0

    @property
    def model(self) -> str:
        """The network and its training in a few words."""
        network, settings = self.known["network"], self.known["made"]["settings"]
        layers = f"{network['layers']} x " if network["layers"] > 1 else ""
        is_recurrent = network["arch"] == "recurrent"
        name = network["cell"].upper() if is_recurrent else "Transformer"
        facts = [f"{name} {layers}{network['hidden']}"]
        facts += ["tied"] if network["tied"] else []
        facts += [f"dropout {network['dropout']:g}"] if network["dropout"] else []
        rate = f"{settings['optimizer']} {settings['lr']:g} {settings['schedule']}"
        facts += [f"batch {settings['batch']}", rate, f"{settings['softmax']} softmax"]
        return ", ".join(facts)


def train_lm(
    text: Treebank, options: Iterable[object], *, threads: int, output: str = "lm.safetensors"
) -> Command:
    """Run wordkit train-lm on a training text, with its validation and its test text.

    Args:
        text: the texts.
        options: further ones of the command line.
        threads: of the CPU.
        output: the name of the model in the folder of the texts.
    """
    path, log = text.folder / output, text.folder / "log.jsonl"
    log.unlink(missing_ok=True)
    files = [text.train, "--valid", text.valid, "--test", text.test, "-o", path, "--log", log]
    process = run_process(wordkit_call("train-lm", *files, "--threads", threads, *options))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    known = json.loads(run_process(wordkit_call("info", path, "--json")).output)
    return Command(process, lines, known)


def perplexity(
    text: Path, models: Iterable[Path], *options: object
) -> tuple[Process, dict[str, Any]]:
    """Run wordkit perplexity on a text: what the process took, and what it printed."""
    named = [word for model in models for word in ("-m", model)]
    process = run_process(wordkit_call("perplexity", text, *named, *options, "--json"))
    return process, json.loads(process.output)


def plain(train: Path, *options: object, threads: int) -> tuple[Process, list[dict[str, float]]]:
    """Run the plain loop on a text: what the process took, and the objects that it printed."""
    script = str(_HERE / "lm_plain.py")
    arguments = [str(option) for option in (train, "--threads", threads, *options)]
    process = run_process([sys.executable, script, *arguments])
    return process, [json.loads(line) for line in process.output.splitlines()]


def compile_kernels(text: Treebank) -> None:
    """Train on a few lines, so that nothing is left to compile."""
    output = text.folder / "few.safetensors"
    network = "--preset", "rnnlm", "--hidden", 8, "--embeddings", "counts"
    training = "--epochs", 1, "--optimizer", "adamw", "--lr", 1e-3
    for softmax in (("exact",), ("sampled", "--samples", 20)):
        given = *network, *training, "--softmax", *softmax
        run_process(wordkit_call("train-lm", text.few_lines(), "-o", output, *given))


def wordkit_call(*arguments: object) -> list[str]:
    """Return the command line of a process of its own."""
    return [sys.executable, "-m", "wordkit_cli", *map(str, arguments)]
