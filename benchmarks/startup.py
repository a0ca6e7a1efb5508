"""Time of a command, as a whole process.

    python benchmarks/startup.py [--beside REVISION] [--rounds N]

`wordkit similar car` on a native file of 80,000 words and 100 dimensions, beside gensim doing the
same on its own file, and beside the interpreter that starts and imports NumPy; then the same
question inside a process that has the vectors already. Then what commands on 200 KB of Wikipedia
and `wordkit generate` take, which is the time until they begin: beside the import of PyTorch, and
beside the sources of another Git revision where ``--beside`` names one. The processor time, of all
threads, is what to look at on a busy machine.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from machine import alternate, describe, heading, row, table
from preparing import ENWIKI

from wordkit import bundled
from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings

TEXT_BYTES = 200_000


def process(*arguments: str) -> Callable[[], object]:
    """A job that runs a process and waits for it."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def unpack(revision: str, folder: Path) -> Path:
    """Write the sources of a Git revision into a folder, and return it."""
    archive = folder / "sources.tar"
    command = ["git", "archive", "-o", str(archive), revision, "wordkit", "cli", "corpora"]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
    shutil.unpack_archive(archive, folder)
    return folder


def measure(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a process; return its seconds by the clock and of the processors."""
    began = time.perf_counter()
    running = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {running.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def beginnings(folder: Path, revision: str | None, rounds: int) -> None:
    """Time the processes that show how long commands take to begin, in turns."""
    text = folder / "text.txt"
    with gzip.open(ENWIKI) as file:
        text.write_bytes(file.read(TEXT_BYTES))
    out = ["-q", "-o", str(folder / "vectors.safetensors")]
    commands = {
        "prepare": ["prepare", str(text), "-q", "-o", str(folder / "corpus.ids")],
        "train-counts": ["train-counts", str(text), *out],
        "train-w2v": ["train-w2v", str(text), *out],
        "similar": ["similar", "car", "-m", str(bundled.VECTORS)],
        "generate": ["generate", "--words", "50", "-m", str(bundled.LANGUAGE_MODEL)],
    }
    # an installation has its modules compiled
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    versions = {"": ours}
    if revision is not None:
        root = unpack(revision, folder)
        paths = os.pathsep.join(str(root / part) for part in ("", "cli", "corpora"))
        versions[f", {revision}"] = {**ours, "PYTHONPATH": paths}
    python = sys.executable
    jobs = {
        f"python -c 'import {package}'": ([python, "-c", f"import {package}"], ours)
        for package in ("numpy", "torch")
    }
    for name, command in commands.items():
        for version, environment in versions.items():
            jobs[f"wordkit {name}{version}"] = [python, "-m", "wordkit_cli", *command], environment
    for job in jobs.values():
        measure(*job)  # compiles what is not compiled yet
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            taken[name].append(measure(*job))
    print(
        f"\nUntil commands have begun, and done little: {TEXT_BYTES // 1000} KB of {ENWIKI.name}\n"
    )
    print(heading(["", "best", "median", "processor time, best", "median"]))
    for name, measured in taken.items():
        columns = [list(column) for column in zip(*measured, strict=True)]
        figures = (f"{f(c):.2f} s" for c in columns for f in (min, statistics.median))
        print(row([name, *figures]))


def main() -> None:
    """Make the files, then time the processes in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--beside", metavar="REVISION", help="another Git revision, to compare with"
    )
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(describe())
    words = ["car", *(f"word{i}" for i in range(79_999))]
    vectors = np.random.default_rng(1).standard_normal((len(words), 100), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        native, other = Path(folder) / "v.safetensors", Path(folder) / "v.kv"
        save_embeddings(Embeddings(words, vectors), native)
        jobs = {
            "python -c pass": process("-c", "pass"),
            "python -c 'import numpy'": process("-c", "import numpy"),
            "wordkit --help": process("-m", "wordkit_cli", "--help"),
            "wordkit similar car": process(
                "-m", "wordkit_cli", "similar", "car", "--model", str(native)
            ),
        }
        try:
            from gensim.models import KeyedVectors
        except ImportError:
            print("gensim is not installed: left out")
        else:
            peer = KeyedVectors(100)
            peer.add_vectors(words, vectors)
            peer.fill_norms()
            peer.save(str(other))
            jobs["gensim most_similar"] = process(
                "-c",
                "from gensim.models import KeyedVectors as K\n"
                f"print(K.load({str(other)!r}, mmap='r').most_similar('car'))",
            )
        seconds = alternate(jobs, 7)
        print(table(seconds, reference="wordkit similar car"))
        print("\nThe ten nearest of 80,000 words inside a process, for each of 100 words:\n")
        mine = load_embeddings(native)
        questions = {"wordkit most_similar": lambda: [mine.most_similar(w) for w in words[:100]]}
        if "gensim most_similar" in jobs:
            questions["gensim most_similar"] = lambda: [peer.most_similar(w) for w in words[:100]]
        for question in questions.values():
            question()  # the first loads what it needs
        asked = alternate(questions, 5)
    print(heading(["", "median, a question"]))
    for name, timing in asked.items():
        print(row([name, f"{10 * timing.median:.2f} ms"]))
    if not ENWIKI.exists():
        sys.exit(f"there is no {ENWIKI} to time commands with")
    with tempfile.TemporaryDirectory() as folder:
        beginnings(Path(folder), options.beside, options.rounds)


if __name__ == "__main__":
    main()
