"""Kill commands at random moments, take disk, terminal and folder from them, and ask what is left.

    python benchmarks/soak.py [--kills N | --each N] [--seed S]

Each command writes over good files. Then each file that was there has to be there, whole, as it was
or new, and is loaded and asked; where a command makes the same each time, what is new has to be
that. No error may be longer than a plain line, and no temporary file may outlive the next run.

SIGKILL, SIGTERM, SIGINT: half of the times at a moment drawn over the length of a whole run, half
of the times within 20 ms after the temporary file of one of its files has come.
worker: of two processes that torchrun has begun to train together, one is killed by SIGKILL; the
other has to end, by itself or by the SIGTERM that torchrun sends then.
cluster: of two worker processes of a Dask cluster on this machine, one is killed by SIGKILL at a
moment drawn; the corpus or the vectors have to be those that a single process writes, unless a
plain line says that the processes could not start.
terminal, disk, folder: at a moment drawn, the terminal of a training is closed, the disk of its
checkpoints and log is full, or their folder is removed. It has to end well, with its model.
model: the disk that the files themselves are written to has room for a drawn part of them; what has
been trained has to be kept elsewhere.

Where mounting is not allowed, the kinds disk and model are left out. The commands run in forks of
one process, which has loaded what they need. Ends with status 1 where anything is lost.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import gc
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # forks want a process without threads

if __name__ == "__main__":  # not in the workers of a cluster, which import this again
    from machine import describe
    from soak_child import PATIENCE, Child

from wordkit.errors import WordkitError

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "tests")  # not this folder, whose lm.py would hide tests/lm

SMALL = "--hidden 32 --epochs 2 --threads 1 --device cpu -q"
SAVING = "--checkpoint-every 0.05s"
W2V = f"{SAVING} --dim 50 --epochs 40 --min-count 1 --threads 1 -q"
LM = f"{SAVING} --preset rnnlm --batch 4 --steps 6 {SMALL}"
SEQ2SEQ = f"{SAVING} {SMALL} --epochs 20"
AGAIN = "--resume -q -o again.safetensors --max-minutes 0.001"
DISK_BYTES = 4 << 20
CLUSTER_PROCESSES = 3  # two workers, and the one that tracks their shared memory
CLUSTER_SECONDS = 1.0  # that a job takes, once they have begun


class Job:
    """A command, and how its files are asked.

    Args:
        arguments: in which > marks the files that it writes, over good ones.
        questions: calls that load and ask each of the files.
        other: arguments by which it makes other good files, those that are written over.
        fixed: whether it makes the same each time.
    """

    def __init__(
        self, arguments: str, *questions: str, other: str = "--seed 2", fixed: bool = False
    ) -> None:
        words = arguments.split()
        self.arguments = tuple(word.removeprefix(">") for word in words)
        self.files = tuple(word[1:] for word in words if word.startswith(">"))
        self.questions = [question.split() for question in questions]
        self.other, self.fixed = other.split(), fixed


JOBS = {
    "train-w2v": Job(
        f"corpus.txt -o >v.safetensors --checkpoint >v.checkpoint {W2V}",
        "similar king -m v.safetensors",
        "train-w2v corpus.txt --resume v.checkpoint -o again.bin -q",
    ),
    "train-counts": Job(
        "corpus.txt -o >c.safetensors --dim 8 --threads 1 -q",
        "similar king -m c.safetensors",
        fixed=True,
    ),
    "train-lm": Job(
        f"corpus.txt -o >m.safetensors --checkpoint >m.checkpoint {LM}",
        "generate -m m.safetensors -n 5",
        f"train-lm corpus.txt --checkpoint m.checkpoint {AGAIN}",
    ),
    "train-seq2seq": Job(
        f"toy.tsv -o >s.safetensors --checkpoint >s.checkpoint {SEQ2SEQ}",
        "transform s.safetensors lines.txt",
        f"train-seq2seq toy.tsv --checkpoint s.checkpoint {AGAIN}",
    ),
    "prepare": Job(
        "corpus.txt --eos -o >p.ids --threads 1 -q",
        "train-counts p.ids --dim 4 -o again.bin -q",
        other="--max-vocabulary 8",
        fixed=True,
    ),
    "convert": Job(
        "vectors.safetensors >x.bin -q",  # which no other command writes
        "similar king -m x.bin",
        other="--limit 3",
        fixed=True,
    ),
}
TRAININGS = [name for name in JOBS if name.startswith("train-")]
NETWORKS = ["train-lm", "train-seq2seq"]
KINDS = {
    "SIGKILL": (12, [*JOBS]),
    "SIGTERM": (2, [*JOBS]),
    "SIGINT": (2, [*JOBS]),
    "worker": (1, ["train-w2v", *NETWORKS]),
    "cluster": (2, ["prepare", "train-counts"]),
    "terminal": (1, TRAININGS),
    "disk": (1, TRAININGS),
    "folder": (1, TRAININGS),
    "model": (1, [*JOBS]),
}
"""How often each kind comes in a round, and the commands that it befalls in turn."""

BY_PRODUCTS = ("terminal", "disk", "folder")
NEED_MOUNT = ("disk", "model")


class Soak:
    """Folders in which the commands run, are disturbed, and are asked."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._chooser = random.Random(seed)
        self._home, self._disk, self._temporary = (
            folder / name for name in ("home", "disk", "temporary")
        )
        self._lengths: dict[str, float] = {}
        self._files: dict[str, dict[Path, bytes]] = {}
        self._old: dict[str, dict[Path, bytes]] = {}
        self._new: dict[str, dict[Path, bytes]] = {}
        self._mounted = False
        self.lost: list[str] = []
        self.told: dict[tuple[str, str], collections.Counter[str]] = {}

    def __enter__(self) -> Soak:
        for made in (self._home, self._disk, self._temporary):
            made.mkdir()
        os.environ["TMPDIR"] = str(self._temporary)
        os.chdir(self._home)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(self._disk)]
        self._mounted = not subprocess.run(mount, capture_output=True, check=False).returncode
        return self

    def __exit__(self, *exception: object) -> None:
        os.chdir(ROOT)
        if self._mounted:
            subprocess.run(["umount", str(self._disk)], check=True)

    def make(self) -> None:
        """Make the files, and measure how long a whole run takes."""
        from every_command import make_files

        from wordkit.text import cluster_preparation

        cluster_preparation._PART_BYTES = 200
        make_files(Path())
        Path("corpus.txt").write_text(Path("corpus.txt").read_text() * 5)
        for name, job in JOBS.items():
            for other in (job.other, []):
                self._files[name] = _bytes_of(job.files)
                self._old[name] = self._new.get(name, {})
                if said := _fault(name, *job.arguments, *other):
                    sys.exit(said)
                self._new[name] = _content(job.files)
            if self._new[name] == self._old[name]:
                sys.exit(f"{name}: old and new files cannot be told apart")
            began = time.monotonic()
            Child(name, *job.arguments).end()
            self._lengths[name] = time.monotonic() - began
        if self._mounted:
            shutil.copytree(self._home, self._disk, dirs_exist_ok=True)
        gc.freeze()  # else each question goes through all that torch has loaded

    def disturb(self, kind: str, name: str) -> None:
        """Disturb a run of a command before it has ended, and look at what is left."""
        if kind in NEED_MOUNT and not self._mounted:
            return
        os.chdir(self._disk if kind == "model" else self._home)
        told = self.told.setdefault((kind, name), collections.Counter())
        faults: list[str] | None = None
        while faults is None:
            self._restore(name)
            faults = self._acted(kind, name)
            # it was quicker, or slower: the machine has other work at times
            self._lengths[name] *= 0.8 if faults is None else 1.05
        faults += self._answers(kind, name, told)
        told["runs"] += 1
        told["lost"] += bool(faults)
        self.lost += [f"{name}, {kind}: {fault}" for fault in faults]
        left = len(_left_over()) + len(os.listdir(self._temporary))
        told["left"] = max(told["left"], left)

    def _restore(self, name: str) -> None:
        """Write the old files to where the command will write."""
        for path in map(Path, JOBS[name].files):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path, content in self._files[name].items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    def _acted(self, kind: str, name: str) -> list[str] | None:
        """Run and disturb a command; return what was wrong, None if it had ended before."""
        if kind == "worker":
            return self._kill_worker(name)
        if kind == "cluster":
            return self._kill_in_cluster(name)
        if kind == "model":
            return self._fill_disk(name)
        if kind.startswith("SIG"):
            return self._send(name, signal.Signals[kind])
        return self._take_away(name, kind)

    def _answers(self, kind: str, name: str, told: collections.Counter[str]) -> list[str]:
        """Ask the files of a command; return what is wrong."""
        job = JOBS[name]
        try:
            after = _content(job.files)
        except (OSError, WordkitError) as error:
            return [str(error)]
        told["old" if after == self._old[name] else "new"] += 1
        faults = [_fault(*question) for question in job.questions]
        if job.fixed and after not in (self._old[name], self._new[name]):
            faults.append("neither the old content nor the new")
        model = Path(job.files[0])
        if kind in BY_PRODUCTS and after[model] == self._old[name][model]:
            faults.append("no new model")
        for path in Path().glob("again.*"):
            path.unlink()
        return [fault for fault in faults if fault]

    def _moment(self, name: str, first: float = 0, last: float = 1) -> float:
        return self._chooser.uniform(first, last) * self._lengths[name]

    def _send(self, name: str, number: int) -> list[str] | None:
        before = _left_over()
        child = Child(name, *JOBS[name].arguments)
        if self._chooser.random() < 0.5:
            child.watch(self._moment(name))
        else:
            self._wait_for_saving(child, self._chooser.choice(JOBS[name].files), before)
        status = child.end(number)
        if status == 0:
            return None
        if number == signal.SIGKILL:
            return [] if status == -number else child.faults(-number)
        left = _left_over() - before
        return child.faults(1, 143, -number) + [f"left {path}" for path in left]

    def _wait_for_saving(self, child: Child, file: str, before: set[str]) -> None:
        """Wait for a temporary file of a file, one of the first few, and a moment more."""
        begin = "p.ids/" if file == "p.ids" else f"./.{file}."
        turn = self._chooser.randrange(3) if file.endswith(".checkpoint") else 0
        seen: set[str] = set()
        while child.runs() and len(seen) <= turn:
            seen.update(path for path in _left_over() - before if path.startswith(begin))
        if self._chooser.random() < 0.5:  # else at once: small files are saved in no time
            time.sleep(self._chooser.uniform(0, 0.02))

    def _kill_worker(self, name: str) -> list[str] | None:
        """Kill one of two processes that train together; torchrun ends the other."""
        torchrun = Child(name, *JOBS[name].arguments, processes=2)
        while torchrun.runs() and len(torchrun.ranks()) < 2:
            torchrun.watch(0.01)
        torchrun.watch(self._moment(name))
        if ranks := torchrun.ranks():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._chooser.choice(ranks), signal.SIGKILL)
        return None if torchrun.end() == 0 else torchrun.faults(1)

    def _kill_in_cluster(self, name: str) -> list[str] | None:
        """Kill one of two workers of a Dask cluster, each of which gets a new process."""
        child = Child(name, *JOBS[name].arguments, "--scheduler", "local", "--threads", "2")
        at_work = self._chooser.random() < 0.8
        while child.runs() and not (
            self._has_parts() if at_work
            else len(child.descendants()) >= CLUSTER_PROCESSES
        ):  # fmt: skip
            child.watch(0.02)
        child.watch(self._chooser.uniform(0, CLUSTER_SECONDS))
        found = child.descendants() if child.runs() else []
        for number in found[-1:]:  # the workers come last
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        status = child.end()
        return child.faults(0, 1) if found or status else None

    def _has_parts(self) -> bool:
        places = [Path(), *self._temporary.glob("wordkit-corpus-*")]
        return any(list(place.glob("*.parts")) for place in places)

    def _take_away(self, name: str, kind: str) -> list[str] | None:
        """Take the terminal of a training, or the disk or folder of its checkpoints and log."""
        side = self._disk / "side" if kind == "disk" else Path("side")
        side.mkdir()
        words = [
            f"{side}/c" if word.endswith(".checkpoint") else word for word in JOBS[name].arguments
        ]
        words.remove("-q")
        leader, terminal = pty.openpty()
        child = Child(name, *words, "--log", f"{side}/log", terminal=(leader, terminal))
        os.close(terminal)
        while child.runs() and not _learns(side / "log"):  # before, it may refuse the folder
            child.watch(0.01, leader)
        child.watch(self._moment(name, last=0.7), leader)
        in_time = child.runs()
        if kind == "folder":
            shutil.rmtree(side, ignore_errors=True)
        elif kind == "disk":
            _fill(side / "rest")
        if kind != "terminal":
            child.watch(PATIENCE, leader)
        os.close(leader)
        child.end()
        shutil.rmtree(side, ignore_errors=True)
        return child.faults(0) if in_time else None

    def _fill_disk(self, name: str) -> list[str]:
        """Run a command with room for a part of what it writes; what it has learnt is kept."""
        needed = sum(map(len, self._files[name].values()))
        rest = Path("rest")
        _fill(rest, int(self._chooser.uniform(0, 1.2) * needed))
        child = Child(name, *JOBS[name].arguments)
        status = child.end()
        rest.unlink()
        faults = child.faults(0, 1)
        said = child.said().splitlines()[-1:]
        if status == 1 and name in TRAININGS:
            kept = said[0].partition("; the model is kept in ")[2]
            faults.append(_fault("info", kept) if kept else f"nothing kept: {said}")
            with contextlib.suppress(OSError):
                os.unlink(kept)
        return [fault for fault in faults if fault]


def _fault(*arguments: str) -> str:
    """Run a command to its end in this process; return what it complains of."""
    from command_line import call

    try:
        done = call(*arguments)
    except Exception as error:  # noqa: BLE001 - what is looked for
        return f"{arguments}: {type(error).__name__}: {error}"
    return f"{arguments}: {done.stderr.strip()}" if done.status else ""


def _fill(path: Path, room: int = 0) -> None:
    """Fill the disk by a file, but for some room."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        file.write(bytes(DISK_BYTES))
    if room:
        os.truncate(path, max(0, path.stat().st_size - room))


def _learns(log: Path) -> bool:
    """Whether a training's log has come to what it learns."""
    return log.exists() and any(stage in log.read_text() for stage in ("training", "counting"))


def _left_over() -> set[str]:
    """Temporary files beside those that are written."""
    places = [".", "p.ids"] if os.path.isdir("p.ids") else ["."]
    return {
        os.path.join(place, name)
        for place in places
        for name in os.listdir(place)
        if name.endswith(".tmp")
    }


def _bytes_of(names: tuple[str, ...]) -> dict[Path, bytes]:
    paths = [path for name in names for path in (Path(name), *Path(name).rglob("*"))]
    return {path: path.read_bytes() for path in paths if path.is_file()}


def _content(names: tuple[str, ...]) -> dict[Path, bytes]:
    """The content of files: bytes; of a corpus, whose file names are drawn, its words and ids."""
    from wordkit.text import Corpus

    content = _bytes_of(tuple(name for name in names if name != "p.ids"))
    if "p.ids" in names:
        corpus = Corpus.open("p.ids")
        corpus.check()
        told = (list(corpus.vocabulary.words), [sentence.tolist() for sentence in corpus])
        content[Path("p.ids")] = repr(told).encode()
    return content


def _plan(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The kinds, and the command that each befalls."""
    turns = collections.Counter[str]()
    if options.each:
        kinds = list(KINDS) * options.each
    else:
        round_ = [kind for kind, (times, _) in KINDS.items() for _ in range(times)]
        kinds = [round_[number % len(round_)] for number in range(options.kills)]
    for kind in kinds:
        names = KINDS[kind][1]
        yield kind, names[turns[kind] % len(names)]
        turns[kind] += 1


def main() -> None:
    """Disturb as often as asked, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how often a command is disturbed")
    parser.add_argument("--each", type=int, help="how often each kind comes, instead")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{describe()}\n")
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp())
    try:
        with Soak(folder, options.seed) as soak:
            soak.make()
            for kind, name in _plan(options):
                print(
                    f"{time.monotonic() - began:.0f} s: {kind}, {name}",
                    *soak.lost[-1:],
                    file=sys.stderr,
                )
                soak.disturb(kind, name)
    finally:
        shutil.rmtree(folder)
    columns = ("runs", "old", "new", "lost", "left")
    print(f"{'kind':9} {'command':14}" + "".join(f"{name:>6}" for name in columns))
    total: collections.Counter[str] = collections.Counter()
    for (kind, name), told in soak.told.items():
        total.update({**told, "left": 0})
        total["left"] = max(total["left"], told["left"])
        print(f"{kind:9} {name:14}" + _row(told, columns))
    print(f"{'all':24}" + _row(total, columns))
    print("\nold: all files are as they were; new: some are new, and whole; each was asked;")
    print("left: temporary files at most, which the next run of their kind removes;")
    print(f"lost: {total['lost'] or 'none'}; {time.monotonic() - began:.0f} s")
    for line in soak.lost:
        print(line)
    sys.exit(bool(soak.lost))


def _row(told: collections.Counter[str], columns: tuple[str, ...]) -> str:
    return "".join(f"{told[name]:6}" for name in columns)


if __name__ == "__main__":
    main()
