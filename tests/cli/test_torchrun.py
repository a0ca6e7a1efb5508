"""One of two processes that ``torchrun`` has begun is killed; ``benchmarks/soak.py`` kills more."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from command_line import Process, call, start, wait_until
from conftest import Place
from every_command import COMMANDS

TRAINING = {
    name: next(call.arguments for call in COMMANDS[name] if "--checkpoint" in call.arguments)
    for name in ("train-w2v", "train-lm", "train-seq2seq")
}


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
@pytest.mark.parametrize(
    ("name", "rank"), [("train-w2v", 1), ("train-lm", 0), ("train-seq2seq", 1)]
)
def test_a_process_that_is_killed(place: Place, name: str, rank: int) -> None:
    """The other ends in a plain line, and the checkpoint is whole."""
    epochs, limit = ("5000", []) if name == "train-w2v" else ("99999", ["--max-minutes", "0.0001"])
    arguments = [word for word in TRAINING[name] if word not in ("-q", "--preset", "rnnlm")]
    arguments += ["--epochs", epochs]
    checkpoint, model = (
        Path(arguments[arguments.index(option) + 1]) for option in ("--checkpoint", "-o")
    )
    checkpoint.unlink()
    run = ["--standalone", "--nproc-per-node", "2", "--redirects", "3", "--log-dir", "said"]
    process = start(
        *run, "-m", "wordkit_cli", name, *arguments, "--checkpoint-every", "0.01s",
        module="torch.distributed.run", environment={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    wait_until(checkpoint.exists, process)
    os.kill(ranks(process)[rank], signal.SIGKILL)
    assert process.communicate(timeout=60) and process.returncode == 1
    [said] = Path("said").glob(f"*/*/{1 - rank}/stderr.log")
    *_, last = said.read_text().splitlines()
    assert last.startswith(("wordkit: another process of this training has ended", "wordkit: stop"))
    assert "Traceback" not in said.read_text()
    assert rank == 0 or call("info", model).status == 0, "the first keeps what it has learnt"
    resumed = call(name, *arguments, *limit, "--resume")
    assert resumed.status == 0 and f"resuming {checkpoint} " in resumed.stderr, resumed


def ranks(process: Process) -> dict[int, int]:
    """The processes that torchrun has begun, by their ranks."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = {}
    for child in children:
        for variable in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            if variable.startswith(b"RANK="):
                found[int(variable[5:])] = int(child)
    return found
