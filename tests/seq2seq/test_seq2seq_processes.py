"""Several processes that train one sequence model: to what one process alone comes to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import free_port
from seq2seq.toy_pairs import QUICK, SMALL, reversed_text, toy_pairs, trained

from wordkit.seq2seq.task import read_checkpoint
from wordkit.storage.checkpoints import CheckpointPlan

TESTS = Path(__file__).resolve().parents[1]

DRIVER = """
import json, sys

sys.path.insert(0, sys.argv[1])
from seq2seq.test_seq2seq_processes import CASES, reported

print(json.dumps({name: [reported(name), reported(name, sys.argv[2])] for name in CASES}))
"""

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a last batch of one pair": ({}, {"label_smoothing": 0.1}),
    "half of the teacher": ({"attention": "additive", "peeky": True}, {"teacher_forcing": 0.5}),
    "dropout": ({"dropout": 0.2}, {}),
}


def reported(name: str, folder: str | None = None) -> list[list[float]]:
    """Losses and validations of a training, and the sum of squares of each weight.

    Args:
        name: of a case.
        folder: of checkpoints, for a training that is stopped and resumed.
    """
    shape, settings = CASES[name]
    pairs, valid = toy_pairs(65, reversed_text), toy_pairs(20, reversed_text, seed=2)
    arguments = pairs, replace(SMALL, **shape), replace(QUICK, **settings)
    path = folder and Path(folder, name)
    plan = CheckpointPlan(path, 1e-9) if path else None
    run = trained(*arguments, valid=valid, checkpoint=plan)
    if path:
        for report in run:
            if report.stage == "training" and report.done >= 100:
                break
        run.close()
        run = trained(*arguments, valid=valid, resume=read_checkpoint(path))
    losses = [r.figures["loss"] for r in run if r.stage == "training" and r.done > 130]
    model = run.result()
    validations = [each["perplexity"] for each in model.metadata["training"]["validations"]]
    squares = [float(p.detach().double().square().sum()) for p in model.network.parameters()]
    return [losses, validations, squares]


@pytest.fixture(scope="module")
def of_two() -> list[dict[str, Any]]:
    """What each of two processes, started as torchrun does, reports of all cases."""
    environment = {
        **os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        running = [
            subprocess.Popen(
                [sys.executable, "-c", DRIVER, str(TESTS), folder],
                env={**environment, "RANK": rank, "LOCAL_RANK": rank},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in "01"
        ]
        printed = [process.communicate(timeout=300) for process in running]
    for process, (_, err) in zip(running, printed, strict=True):
        assert process.returncode == 0, err
    return [json.loads(out) for out, _ in printed]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_come_to_what_one_does(name: str, of_two: list[dict[str, Any]]) -> None:
    assert of_two[0][name] == of_two[1][name]
    undisturbed, resumed = of_two[0][name]
    assert resumed == undisturbed
    tolerance = 0.3 if name == "dropout" else 1e-3  # each process drops other values
    for ours, theirs in zip(undisturbed, reported(name), strict=True):
        assert ours == pytest.approx(theirs, rel=tolerance)
