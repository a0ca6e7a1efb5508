"""Several processes that train together: to what one process alone comes to."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import free_port
from lm.toy_language import QUICK, SMALL, toy_corpus, trained

from wordkit.lm import Checkpoint, LanguageModel, read_checkpoint
from wordkit.runtime import Report
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.training.run import TrainingRun

TESTS = Path(__file__).resolve().parents[1]

# Trains each case, in as many processes as the environment says, undisturbed and stopped in its
# midst, and prints what was reported, and as the very last how many threads of gloo still run then.
DRIVER = """
import atexit, json, sys

sys.path += sys.argv[1].split(",")
from lm.test_processes import CASES, gloo_threads, reported

atexit.register(lambda: print(gloo_threads()))  # what is registered later comes before it
folders = (None, sys.argv[2])
print(json.dumps([{name: reported(name, folder) for name in CASES} for folder in folders]))
"""

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "exact": ({"tied": True}, {}),
    "sampled": ({}, {"softmax": "sampled", "samples": 4, "exact_fraction": 0.4, "clip_norm": 0.3}),
    "adaptive": ({}, {"softmax": "adaptive", "optimizer": "sgd", "lr": 3.0}),
    "averaged": ({}, {
        "optimizer": "asgd", "lr": 8.0, "schedule": "constant", "averaging_patience": 1,
        "epochs": 6,
    }),
    "frozen, drawn steps": (
        {"tied": True},
        {"softmax": "sampled", "samples": 4, "freeze_embeddings": True, "vary_steps": True},
    ),
    "dropped": ({"dropout": 0.2}, {"optimizer": "momentum", "lr": 0.3}),
}  # fmt: skip
"""Shapes and settings by name."""

Reported = tuple[list[float], list[float], list[float]]


def reported(name: str, folder: str | None = None) -> Reported:
    """The losses of a training, its validations, and the sum of squares of each weight.

    Args:
        name: of a case.
        folder: of checkpoints, for a training that is stopped in its midst and goes on.
    """
    shape, settings = CASES[name]
    path = None if folder is None else Path(folder, name)

    def begun(resume: Checkpoint | None = None) -> TrainingRun[LanguageModel]:
        return trained(
            toy_corpus(250),
            replace(SMALL, **shape),
            replace(QUICK, batch=6, **settings),
            valid=toy_corpus(100, seed=2),
            checkpoint=None if path is None else CheckpointPlan(path, 1e-9),
            resume=resume,
        )

    def known_losses(run: Iterable[Report]) -> Iterator[float]:
        for report in run:
            if report.stage == "training":
                loss = report.figures["loss"]
                yield -1.0 if math.isnan(loss) else loss  # not yet known in this epoch

    run, losses = begun(), []
    if path is not None:
        losses = list(itertools.islice(known_losses(run), 7))[:-1]  # the last is not kept yet
        run.close()
        run = begun(read_checkpoint(path))
    losses += known_losses(run)
    model = run.result()
    validations = [each["perplexity"] for each in model.metadata["training"]["validations"]]
    squares = [float(p.detach().double().square().sum()) for p in model.network.parameters()]
    return losses, validations, squares


def gloo_threads() -> int:
    """Threads of this process by which gloo talks; 0 where the system does not tell."""
    return sum("gloo" in name.read_text() for name in Path("/proc/self/task").glob("*/comm"))


@pytest.fixture(scope="module")
def printed_by_two(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What each of two processes, started as torchrun does, prints: see DRIVER."""
    folder = str(tmp_path_factory.mktemp("checkpoints"))
    environment = {
        **os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    paths = ",".join([str(TESTS)])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, paths, folder],
            env={**environment, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    printed = []
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        printed.append(out.splitlines())
    return printed


@pytest.fixture(scope="module")
def reported_by_two(printed_by_two: list[list[str]]) -> list[list[dict[str, Reported]]]:
    """What each of two processes reports of all cases, in both ways."""
    return [json.loads(reports) for reports, _ in printed_by_two]


@pytest.fixture(scope="module")
def of_two(reported_by_two: list[list[dict[str, Reported]]]) -> list[dict[str, Reported]]:
    return [undisturbed for undisturbed, _ in reported_by_two]


@pytest.mark.parametrize("name", CASES)
def test_both_have_the_same_weights_and_know_the_same(
    name: str, of_two: list[dict[str, Reported]]
) -> None:
    assert of_two[0][name] == of_two[1][name]


@pytest.mark.parametrize("name", [name for name in CASES if name != "dropped"])
def test_two_processes_come_to_what_one_does(name: str, of_two: list[dict[str, Reported]]) -> None:
    alone = reported(name)
    for ours, theirs in zip(of_two[0][name], alone, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert alone[0][-1] < alone[0][0] - 0.02


def test_two_processes_with_dropout_drop_different_values(
    of_two: list[dict[str, Reported]],
) -> None:
    losses, alone = of_two[0]["dropped"][0], reported("dropped")[0]
    assert losses[0] != pytest.approx(alone[0], rel=1e-7)
    assert losses[-1] == pytest.approx(alone[-1], rel=0.1)


@pytest.fixture(scope="module")
def of_two_interrupted(reported_by_two: list[list[dict[str, Reported]]]) -> dict[str, Reported]:
    return reported_by_two[0][1]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_go_on_where_they_were(
    name: str, of_two: list[dict[str, Reported]], of_two_interrupted: dict[str, Reported]
) -> None:
    """Each with the state of its own tracks, and with random numbers of its own for dropout."""
    assert of_two_interrupted[name] == of_two[0][name]


def test_processes_leave_each_other_before_they_end(printed_by_two: list[list[str]]) -> None:
    """A thread of gloo that outlives the interpreter aborts the process, now and then."""
    assert [left for _, left in printed_by_two] == ["0", "0"]
