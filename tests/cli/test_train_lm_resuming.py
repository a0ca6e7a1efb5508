"""train-lm from a checkpoint: interrupted, stopped, and with settings that are others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from command_line import Stop, Wordkit, call, free_port, log_of
from lm_calls import SMALL, run

from wordkit.lm.model import load_language_model
from wordkit.lm.task import read_checkpoint
from wordkit.storage import LANGUAGE_MODEL_CHECKPOINT, kind_of

LONG = (
    *("train-lm", "train.txt", "--valid", "valid.txt", *SMALL, "--epochs", "20"),
    *("--dropout", "0.2", "--optimizer", "adamw", "--lr", "0.005", "--log", "log"),
)


def reached(folder: Path, epoch: int) -> bool:
    """Whether the log tells of this epoch."""
    return any(line.get("epoch", 0) >= epoch for line in log_of(folder))  # type: ignore[operator]


def assert_same_models(one: Path, other: Path) -> None:
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_keeps_the_best_model_and_goes_on_to_the_same(
    wordkit: Wordkit, texts: Path, number: signal.Signals
) -> None:
    done = call(*LONG, "--checkpoint", "c", stop=Stop(number, lambda: reached(texts, 3)))
    said = done.stderr
    assert done.status == (1 if number == signal.SIGINT else 128 + number), done
    assert "stopped; the best model so far is kept: lm.safetensors" in said
    assert "checkpoint saved: c; resume with --checkpoint c --resume" in said
    assert "Traceback" not in said
    checkpoint = read_checkpoint(texts / "c")
    kept = load_language_model(texts / "lm.safetensors")
    training = kept.metadata["training"]
    assert training["tokens"] == checkpoint.state.seen < 20 * 150 * 7
    assert training["valid_perplexity"] == min(v["perplexity"] for v in training["validations"])
    found = json.loads(wordkit("perplexity", "lm.safetensors", "valid.txt", "--json").stdout)
    assert found["perplexity"] == pytest.approx(training["valid_perplexity"], rel=1e-6)

    said = wordkit(*LONG, "--checkpoint", "c", "--resume").stderr
    assert f"resuming c after {checkpoint.state.seen:,} tokens" in said
    run(*LONG[1:], "-o", "whole.safetensors")
    assert_same_models(texts / "whole.safetensors", texts / "lm.safetensors")


def test_resume(wordkit: Wordkit, texts: Path) -> None:
    train = ("train.txt", *SMALL, "--checkpoint", "c")
    said = wordkit("train-lm", *train, "--resume").stderr
    assert "there is no c yet: starting afresh" in said
    assert kind_of(texts / "c") == LANGUAGE_MODEL_CHECKPOINT
    shutil.copy("lm.safetensors", "first.safetensors")
    run(*train, "--resume")
    assert_same_models(texts / "first.safetensors", texts / "lm.safetensors")
    with pytest.raises(click.UsageError, match="--momentum has no effect with --optimizer sgd"):
        run(*train, "--resume", "--momentum", "0.9")
    usage = wordkit("train-lm", "train.txt", *SMALL, "--resume", status=2).stderr
    assert "--checkpoint" in usage


def test_processes_that_cannot_meet(
    wordkit: Wordkit, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    said = wordkit("train-lm", "train.txt", *SMALL, status=1).stderr.splitlines()[-1]
    assert said.startswith("wordkit: cannot reach the other processes: ")
    assert said.endswith("; start them by torchrun")


def test_a_process_that_waits_for_others_can_be_stopped(folder: Path, texts: Path) -> None:
    environment = {
        **os.environ, "WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "wordkit_cli", "train-lm", "train.txt", *SMALL],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    while b"held out" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(1)  # now it waits, or is about to
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1 and said.startswith("wordkit: stopped by Ctrl-C"), said
