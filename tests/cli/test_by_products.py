"""A log, a checkpoint, a bar or a message that cannot be written never costs the model."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Result, call, default_signals
from conftest import Place
from every_command import COMMANDS, Call, all_calls, options

import wordkit
from wordkit.config import Settings
from wordkit.errors import StorageError
from wordkit.runtime import StoppableRun
from wordkit.storage.checkpoints import CheckpointKeeper
from wordkit_cli.main import main
from wordkit_cli.progress import Progress
from wordkit_cli.training import save_somewhere

TRAININGS = {name: calls[0] for name, calls in COMMANDS.items() if name.startswith("train-")}
WITH_LOG = {title: row for title, row in all_calls().items() if "log" in row[1].writes}
WITH_CHECKPOINT = [
    name for name in TRAININGS if "checkpoint" in {option.name for option in options(name)}
]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def loud(row: Call) -> list[str]:
    """The arguments of a call that shows its progress."""
    return [argument for argument in row.arguments if argument != "-q"]


def test_all_are_tried() -> None:
    trained = {name for name in dir(wordkit) if name.startswith("train_")}
    assert len(trained) == len(TRAININGS)
    assert {name for name, _ in WITH_LOG.values()} == {
        name for name in COMMANDS if "log" in {option.name for option in options(name)}
    }


@pytest.mark.parametrize("title", WITH_LOG)
def test_a_log_on_a_full_disk(place: Place, title: str) -> None:
    name, row = WITH_LOG[title]
    (place.folder / "log").symlink_to("/dev/full")
    done = place.run(name, row)
    assert done.status == 0
    said = [line for line in done.stderr.splitlines() if re.search(r"\blog\b", line)]
    assert said == ["warning: log lacks the rest of the log: No space left on device"]
    assert all((place.folder / path).exists() for path in row.writes)


def test_a_log_whose_folder_is_removed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.folder / "logs").mkdir()
    vanish_after_run("logs", monkeypatch, when="logs/log")
    done = run("train-counts", "--log", "logs/log")  # which is made with the first report
    assert done.status == 0
    assert "warning: logs/log lacks the rest of the log: No such file" in done.stderr


def run(name: str, *more: str, output: str | None = None) -> Result:
    """Run a training, to another output perhaps."""
    row = TRAININGS[name]
    arguments = [output if output and word in row.writes else word for word in row.arguments]
    return call(name, *arguments, *more)


def vanish_after_run(folder: str, monkeypatch: pytest.MonkeyPatch, when: str = ".") -> None:
    """Let a folder be removed after the first run at whose end there is such a file."""
    finish = Progress.finish

    def finish_and_remove(self: Progress, *arguments: Any, **keywords: Any) -> Any:
        value = finish(self, *arguments, **keywords)
        if os.path.exists(when):
            shutil.rmtree(folder, ignore_errors=True)
        return value

    monkeypatch.setattr(Progress, "finish", finish_and_remove)


@pytest.mark.parametrize("name", WITH_CHECKPOINT)
def test_checkpoints_whose_folder_is_removed(
    place: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first is written."""
    (place.folder / "gone").mkdir()
    save = CheckpointKeeper.save

    def remove_and_save(self: CheckpointKeeper) -> None:
        shutil.rmtree("gone", ignore_errors=True)
        save(self)

    monkeypatch.setattr(CheckpointKeeper, "save", remove_and_save)
    done = run(name, "--checkpoint", "gone/c", "--checkpoint-every", "0.000001s")
    assert done.status == 0, done
    [said] = done.stderr.splitlines()
    assert said.startswith("warning: the training goes on without a checkpoint: cannot write gone")
    assert all((place.folder / path).exists() for path in TRAININGS[name].writes)


@contextlib.contextmanager
def closing_terminal() -> Iterator[None]:
    """Standard error is a terminal that is closed as soon as it has shown something."""
    leader, follower = pty.openpty()

    def close() -> None:
        os.read(leader, 1)
        os.close(leader)

    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    before = sys.stderr
    sys.stderr = os.fdopen(follower, "w", buffering=1)
    try:
        yield
        closing.join(10)
        assert not closing.is_alive(), "it was shown nothing"
        with pytest.raises(OSError, match="Input/output error"):
            os.write(follower, b"more")
    finally:
        sys.stderr = before


@pytest.mark.parametrize("name", TRAININGS)
def test_a_terminal_that_is_closed(place: Place, name: str) -> None:
    with closing_terminal(), default_signals(), pytest.raises(SystemExit) as end:
        main([name, *loud(TRAININGS[name])])
    assert not end.value.code
    assert all((place.folder / path).exists() for path in TRAININGS[name].writes)


@pytest.mark.usefixtures("place")
def test_a_terminal_of_the_library_that_is_closed() -> None:
    with closing_terminal():
        assert wordkit.train_counts("corpus.txt", dim=4, progress=True) is not None


def test_standard_error_on_a_full_disk(place: Place) -> None:
    """Nothing can be said, and the status tells."""
    row = TRAININGS["train-counts"]
    calls = [["train-counts", *loud(row)], ["similar", "nonesuch"]]
    code = f"""
import sys
from wordkit_cli.main import main
for arguments in {calls!r}:
    try:
        main(arguments)
    except SystemExit as end:
        print(end.code or 0)
"""
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=full)
    assert done.stdout.split() == [b"0", b"1"]
    assert done.returncode == 0
    assert all((place.folder / path).exists() for path in row.writes)


# --- the model ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TRAININGS)
def test_a_folder_that_is_removed(place: Place, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.folder / "out").mkdir()
    vanish_after_run("out", monkeypatch)
    done = run(name, output="out/model.safetensors")
    assert done.status == 1
    [kept] = place.folder.glob("kept-*")
    assert done.stderr == (
        f"wordkit: cannot write out/model.safetensors: there is no folder out; make it; "
        f"the model is kept in {kept.name}\n"
    )
    assert call("info", kept.name).status == 0


@pytest.mark.parametrize("full", [1, 2, 3])
def test_the_next_place(folder: Path, monkeypatch: pytest.MonkeyPatch, full: int) -> None:
    """Beside, in the working folder, among temporary files: the first that is not full."""
    for name in ("out", "here", "tmp"):
        (folder / name).mkdir()
    monkeypatch.chdir(folder / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "tmp"))
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0")
    places = [f"{folder}/out/model", f"{folder}/out/kept-0.safetensors", "kept-0.safetensors",
              f"{folder}/tmp/kept-0.safetensors"]  # fmt: skip
    tried: list[str] = []

    def save(model: str, path: str) -> None:
        tried.append(path)
        if places.index(path) < full:
            raise StorageError("no space") if len(tried) < 2 else MemoryError
        Path(path).write_text(model)

    message = f"no space; the model is kept in {places[full]}"
    with pytest.raises(StorageError, match=message):
        save_somewhere(save, "words", places[0])
    assert tried == places[: full + 1]
    assert Path(places[full]).read_text() == "words"


@pytest.mark.parametrize("name", [*WITH_CHECKPOINT, "train-classifier"])
def test_a_training_that_fails_keeps_what_it_has_learnt(
    place: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Progress.finish

    def fail(progress: Progress, job: Any, **figures: Any) -> Any:
        if not isinstance(job, StoppableRun):
            return finish(progress, job, **figures)
        for _ in job:
            if job.has_learnt:
                break
        job.close()  # as an error inside of it does
        raise MemoryError

    monkeypatch.setattr(Progress, "finish", fail)
    output = TRAININGS[name].writes[0]
    done = run(name)
    assert done.status == 1 and "not enough memory" in done.stderr
    assert call("info", output).status == 0


@pytest.mark.parametrize(
    ("name", "number"),
    [*zip(TRAININGS, itertools.cycle(SIGNALS), strict=False)],
)
def test_a_signal_while_the_model_is_saved(
    place: Place, name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the model, which hours may have gone into."""
    rename, output = os.replace, TRAININGS[name].writes[0]

    def come_and_rename(source: Path, target: Path) -> None:
        if target.name == output:
            signal.raise_signal(number)
            time.sleep(0.7)  # longer than a signal waits elsewhere
        rename(source, target)

    monkeypatch.setattr(os, "replace", come_and_rename)
    run(name)
    assert call("info", output).status == 0


@pytest.mark.parametrize(
    "name", [name for name in TRAININGS if name in ("train-w2v", "train-counts")]
)
def test_a_second_file_that_cannot_be_written_is_told_before_the_work(
    place: Place, name: str
) -> None:
    (place.folder / "q.metadata.tsv").mkdir()
    for output in ("q.tsv", f"{'x' * 245}.tsv"):
        done = run(name, output=output)
        assert done.status == 1 and ".metadata.tsv: it" in done.stderr, done
    assert not [*place.folder.glob("kept-*")]


def test_vectors_that_their_format_cannot_hold(place: Place) -> None:
    """Found after the training; the native format holds all."""

    def save(vectors: Settings, path: str) -> None:
        if path.endswith(".txt"):
            raise wordkit.WordkitError("a word holds a blank")
        Path(path).write_text("vectors")

    with pytest.raises(StorageError, match="a word holds a blank; the model is kept in kept-"):
        save_somewhere(save, Settings(), "v.txt")


# --- the log of a resumed training ----------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_CHECKPOINT)
def test_the_log_of_a_resumed_training_goes_on(place: Place, name: str) -> None:
    row = next(row for row in COMMANDS[name] if "--resume" in row.arguments)
    earlier = '{"seconds": 1000.5, "stage": "training", "done": 1, "unit": "words"}\n'
    (place.folder / "log").write_text(earlier + '{"seconds": 1001, "sta')  # killed in a line
    assert call(name, *row.arguments, "--log", "log").status == 0
    first, *others = (place.folder / "log").read_text().splitlines(keepends=True)
    assert first == earlier and others
    assert all(json.loads(line)["seconds"] >= 1000.5 for line in others)
    afresh = [word for word in row.arguments if word != "--resume"]
    assert call(name, *afresh, "--log", "log").status == 0
    assert earlier not in (place.folder / "log").read_text()
