"""Kill training and saving at random moments, and ask whatever survives.

    python benchmarks/soak.py [--kills N] [--seed S]

Each command writes over good files, which it has made in another way. It is killed by SIGKILL,
SIGTERM or SIGINT: half of the times at a moment drawn over the length of a whole run, and half of
the times within 20 ms after the temporary file of one of its files has come. A kill counts as one
while saving if a temporary file is there as the signal is sent, or is left. Then each file that was
there has to be there, whole, as it was or new, and is loaded and asked; where a command makes the
same each time, what is new has to be that.

Every tenth time a command that trains is not killed, but loses what is no more than a by-product,
at a moment drawn over its length: its terminal is closed (with SIGHUP ignored), the disk of its
checkpoints and log fills up (a small tmpfs, where mounting is allowed), or their folder is removed.
It has to end well, with its model. Ends with status 1 where any is lost.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import pty
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from machine import describe

from wordkit.errors import WordkitError

if TYPE_CHECKING:
    from command_line import Process

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "tests")  # not this folder, whose lm.py would hide tests/lm

SIGNALS = [signal.SIGKILL] * 6 + [signal.SIGTERM] * 2 + [signal.SIGINT] * 2
SMALL = ("--hidden", "32", "--epochs", "2", "--threads", "1", "--device", "cpu", "-q")
SAVING = ("--checkpoint-every", "0.05s")
W2V = ("--dim", "50", "--epochs", "600", "--min-count", "1", "--threads", "1", "-q")
LM = ("--preset", "rnnlm", "--batch", "4", "--steps", "6", *SMALL)
SEQ2SEQ = (*SMALL, "--epochs", "40")
AGAIN = ("--resume", "-q", "-o", "again.safetensors", "--max-minutes", "0.001")


LOSSES = ("terminal", "disk", "folder")
SIDE = Path("side")  # the folder of checkpoints and logs that are lost


@dataclass(frozen=True)
class Job:
    """A command that is killed, and how its files are asked."""

    arguments: tuple[str, ...]
    files: tuple[str, ...]
    """What it writes, over good files."""

    questions: tuple[tuple[str, ...], ...]
    """Calls that load and ask each of the files."""

    other: tuple[str, ...] = ("--seed", "2")
    """Arguments by which it makes other good files, those that are written over."""

    fixed: bool = False
    """Whether it makes the same each time."""


JOBS = {
    "train-w2v": Job(
        ("corpus.txt", "-o", "v.safetensors", "--checkpoint", "v.checkpoint", *SAVING, *W2V),
        ("v.safetensors", "v.checkpoint"),
        (
            ("similar", "king", "-m", "v.safetensors"),
            ("train-w2v", "corpus.txt", "--resume", "v.checkpoint", "-o", "again.bin", "-q"),
        ),
    ),
    "train-counts": Job(
        ("corpus.txt", "-o", "c.safetensors", "--dim", "8", "-q"),
        ("c.safetensors",),
        (("similar", "king", "-m", "c.safetensors"),),
        fixed=True,
    ),
    "train-lm": Job(
        ("corpus.txt", "-o", "m.safetensors", "--checkpoint", "m.checkpoint", *SAVING, *LM),
        ("m.safetensors", "m.checkpoint"),
        (
            ("generate", "-m", "m.safetensors", "-n", "5"),
            ("train-lm", "corpus.txt", "--checkpoint", "m.checkpoint", *AGAIN),
        ),
    ),
    "train-seq2seq": Job(
        ("toy.tsv", "-o", "s.safetensors", "--checkpoint", "s.checkpoint", *SAVING, *SEQ2SEQ),
        ("s.safetensors", "s.checkpoint"),
        (
            ("transform", "s.safetensors", "lines.txt"),
            ("train-seq2seq", "toy.tsv", "--checkpoint", "s.checkpoint", *AGAIN),
        ),
    ),
    "prepare": Job(
        ("corpus.txt", "--eos", "-o", "p.ids", "-q"),
        ("p.ids",),
        (("train-counts", "p.ids", "--dim", "4", "-o", "again.bin", "-q"),),
        ("--max-vocabulary", "8"),
        fixed=True,
    ),
    "convert": Job(
        ("vectors.safetensors", "x.bin", "-q"),  # which no other command writes
        ("x.bin",),
        (("similar", "king", "-m", "x.bin"),),
        ("--limit", "3"),
        fixed=True,
    ),
}


class Soak:
    """A folder in which the commands run, are killed, and are asked."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._chooser = folder, random.Random(seed)
        self._lengths: dict[str, float] = {}
        self._files: dict[str, dict[Path, bytes]] = {}
        self._old: dict[str, dict[Path, bytes]] = {}
        self._new: dict[str, dict[Path, bytes]] = {}
        self.lost: list[str] = []
        self.told: dict[tuple[str, ...], collections.Counter[str]] = {}

    def make(self) -> None:
        """Make the files, and measure how long a whole run takes."""
        from every_command import make_files

        make_files(self._folder)
        os.chdir(self._folder)
        Path("corpus.txt").write_text(Path("corpus.txt").read_text() * 20)
        for name, job in JOBS.items():
            for other in (job.other, ()):  # the first loads what it needs
                self._files[name] = _bytes_of(job.files)
                self._old[name] = self._new.get(name, {})
                began = time.monotonic()
                status, said = self._run(name, *job.arguments, *other)
                self._lengths[name] = time.monotonic() - began
                if status:
                    sys.exit(f"{name}: {said}")
                self._new[name] = _content(job.files)
            if self._new[name] == self._old[name]:
                sys.exit(f"{name}: old and new files cannot be told apart")

    def _restore(self, name: str) -> None:
        """Copy the old files to where the command will write."""
        for file in map(Path, JOBS[name].files):
            shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
        for path, content in self._files[name].items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    def kill(self, name: str, aimed: bool) -> None:
        """Kill a run before it has ended, and look at what is left."""
        while not self._try_to_kill(name, aimed):
            pass

    def _try_to_kill(self, name: str, aimed: bool) -> bool:
        number = self._chooser.choice(SIGNALS)
        self._restore(name)
        from command_line import start

        process = start(name, *JOBS[name].arguments)
        if aimed:
            self._wait_for_saving(process, self._chooser.choice(JOBS[name].files))
        else:
            time.sleep(self._chooser.uniform(0, self._lengths[name]))
        saving = bool(self._left_over())
        process.send_signal(number)
        process.communicate(timeout=120)
        if process.returncode == 0:  # it was quicker
            return False
        left = self._left_over()
        moment = "saving" if saving or left else "training"
        told = self.told.setdefault((name, number.name), collections.Counter())
        told[moment] += 1
        if number != signal.SIGKILL and left:
            self.lost.append(f"{name} {number.name}: left {left}")
        try:
            after = _content(JOBS[name].files)
        except (OSError, WordkitError) as error:
            after = {}
            self.lost.append(f"{name} {number.name}, {moment}: {error}")
        is_old = after == self._old[name]
        told["old" if is_old else "new"] += 1
        if JOBS[name].fixed and not is_old and after != self._new[name]:
            told["lost"] += 1
            self.lost.append(f"{name} {number.name}, {moment}: neither the old content nor the new")
        for question in JOBS[name].questions:
            status, said = self._run(*question)
            if status:
                told["lost"] += 1
                self.lost.append(f"{name} {number.name}, {moment}: {question}: {said}")
        for path in self._folder.glob("again.*"):
            path.unlink()
        for path in left:  # the next run would remove it; this one is not to take it for its own
            shutil.rmtree(path, ignore_errors=True)
        return True

    def lose(self, name: str, what: str) -> None:
        """Let a training lose a by-product, and look at its model."""
        while not self._try_to_lose(name, what):
            pass

    def _try_to_lose(self, name: str, what: str) -> bool:
        self._restore(name)
        SIDE.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", SIDE]
        if what == "disk" and subprocess.run(mount, capture_output=True, check=False).returncode:
            what = "folder"
        words = [f"{SIDE}/c" if word.endswith(".checkpoint") else word for word in self._loud(name)]
        leader, terminal = pty.openpty()
        ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "-"]
        command = [*ignoring, sys.executable, "-m", "wordkit_cli", name, *words]
        with subprocess.Popen([*command, "--log", f"{SIDE}/log"], stderr=terminal) as process:
            os.close(terminal)
            self._watch(process, leader, time.monotonic() + self._moment(name))
            in_time = process.poll() is None
            if what == "folder":
                shutil.rmtree(SIDE, ignore_errors=True)
            elif what == "disk":
                with contextlib.suppress(OSError), open(SIDE / "rest", "wb", buffering=0) as rest:
                    rest.write(bytes(2 << 20))
            if what != "terminal":
                self._watch(process, leader, time.monotonic() + 120)
            os.close(leader)
            process.wait(120)
        if what == "disk":
            subprocess.run(["umount", SIDE], check=True)
        shutil.rmtree(SIDE, ignore_errors=True)
        told = self.told.setdefault((name, what), collections.Counter())
        model = Path(JOBS[name].files[0])
        is_new = _bytes_of([str(model)]) != {model: self._old[name][model]}
        told["training"] += 1
        told["new" if is_new else "old"] += 1
        status, said = self._run(*JOBS[name].questions[0])
        if process.returncode or status or not is_new:
            told["lost"] += 1
            self.lost.append(f"{name}, {what}: status {process.returncode}; {said}")
        return in_time

    def _loud(self, name: str) -> list[str]:
        return [word for word in JOBS[name].arguments if word != "-q"]

    def _moment(self, name: str) -> float:
        return self._chooser.uniform(0.3, 1) * self._lengths[name]

    @staticmethod
    def _watch(process: subprocess.Popen[bytes], leader: int, until: float) -> None:
        """Read what is shown on a terminal, until a moment or the end of the process."""
        while process.poll() is None and time.monotonic() < until:
            if select.select([leader], [], [], 0.02)[0]:
                with contextlib.suppress(OSError):  # closed at the other end
                    os.read(leader, 1 << 16)

    def _wait_for_saving(self, process: Process, file: str) -> None:
        """Wait for a temporary file of a file, one of the first few, and a moment more."""
        begin = "p.ids/" if file == "p.ids" else f"./.{file}."
        turn = self._chooser.randrange(3) if file.endswith(".checkpoint") else 0
        seen: set[str] = set()
        while process.poll() is None and len(seen) <= turn:
            seen.update(path for path in self._left_over() if path.startswith(begin))
        if self._chooser.random() < 0.5:  # else at once: small files are saved in no time
            time.sleep(self._chooser.uniform(0, 0.02))

    def _left_over(self) -> list[str]:
        places = [".", "p.ids"] if os.path.isdir("p.ids") else ["."]
        return [
            os.path.join(place, name)
            for place in places
            for name in os.listdir(place)
            if name.endswith(".tmp")
        ]

    def _run(self, *arguments: str) -> tuple[int, str]:
        from command_line import call_in_new_process

        done = call_in_new_process(*arguments)
        return done.status, done.stderr.strip()


def _bytes_of(names: Sequence[str]) -> dict[Path, bytes]:
    paths = [path for name in names for path in (Path(name), *Path(name).rglob("*"))]
    return {path: path.read_bytes() for path in paths if path.is_file()}


def _content(names: Sequence[str]) -> dict[Path, bytes]:
    """The content of files: bytes; of a corpus, whose file names are drawn, its words and ids."""
    from wordkit.text import Corpus

    content = _bytes_of([name for name in names if name != "p.ids"])
    if "p.ids" in names:
        corpus = Corpus.open("p.ids")
        corpus.check()
        told = (list(corpus.vocabulary.words), [sentence.tolist() for sentence in corpus])
        content[Path("p.ids")] = repr(told).encode()
    return content


def main() -> None:
    """Kill as often as asked, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{describe()}\n")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), options.seed)
        soak.make()
        trainings = [name for name in JOBS if name.startswith("train-")]
        for number in range(options.kills):
            if number % 10 == 9:
                name = trainings[number // 10 % len(trainings)]
                soak.lose(name, LOSSES[number // 10 % len(LOSSES)])
                continue
            soak.kill([*JOBS][number % len(JOBS)], aimed=number // len(JOBS) % 2 == 0)
        os.chdir(ROOT)
    columns = ("training", "saving", "old", "new", "lost")
    print(f"{'command':14} {'signal':8}  kills " + " ".join(f"{name:>12}" for name in columns))
    total: collections.Counter[str] = collections.Counter()
    for (name, signal_name), told in sorted(soak.told.items()):
        total.update(told)
        print(f"{name:14} {signal_name:8} {told['old'] + told['new']:6} " + _row(told, columns))
    print(f"{'all':23} {total['old'] + total['new']:6} " + _row(total, columns))
    print("\nafter a kill all its files are as they were (old), or some are new, and whole (new);")
    print(f"each was asked; data lost: {total['lost'] or 'none'}; {time.monotonic() - began:.0f} s")
    for line in soak.lost:
        print(line)
    sys.exit(bool(soak.lost))


def _row(told: collections.Counter[str], columns: Sequence[str]) -> str:
    return " ".join(f"{told[name]:12}" for name in columns)


if __name__ == "__main__":
    main()
