"""Trainings beside other processes that keep the cores busy.

    python benchmarks/busy.py [--seconds N] [--rounds N]

Each training is run alone, then beside one and beside two processes that only count. Those through
PyTorch are run as they are, when they adapt the number of their threads, and with a fixed number.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from machine import describe, heading, row
from preparing import ENWIKI
from subcommands import positive

from wordkit.runtime import thread_count

HOGS = (0, 1, 2)
FIXED = ["--threads", str(thread_count())]
TEXT_BYTES = 10_000_000
LANGUAGE_MODEL = [
    "train-lm",
    "text.ids",
    "--max-vocabulary",
    "10000",
    "--hidden",
    "368",
    "--softmax",
]
PYTORCH = {
    "train-lm, exact softmax": [*LANGUAGE_MODEL, "exact"],
    "train-lm, sampled softmax": [*LANGUAGE_MODEL, "sampled"],
    "train-seq2seq": ["train-seq2seq", "pairs.tsv", "--hidden", "256"],
}
NUMBA = {
    "train-w2v, skipgram": ["train-w2v", "text.ids", "--arch", "skipgram"],
    "train-w2v, cbow": ["train-w2v", "text.ids", "--arch", "cbow"],
}


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Processes that count beside what is measured."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def rate(command: list[str], seconds: int, folder: Path) -> float:
    """Return what a training has done a second, from a quarter of its steps on."""
    log = folder / "log.jsonl"
    log.write_text("")
    program = subprocess.Popen(
        [sys.executable, "-m", "wordkit_cli", *command, "--epochs", "999", "-q", "--log", str(log)],
        cwd=folder, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    steps: list[dict[str, Any]] = []
    while not steps or steps[-1]["seconds"] - steps[0]["seconds"] < seconds:
        time.sleep(0.5)
        if program.poll() is not None:
            raise SystemExit(f"wordkit {' '.join(command)} ended before its time")
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        steps = [line for line in lines if line["stage"] == "training" and line["done"]]
    program.kill()
    program.wait()
    first, last = steps[len(steps) // 4], steps[-1]
    return float((last["done"] - first["done"]) / (last["seconds"] - first["seconds"]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=positive, default=15, help="of each training")
    parser.add_argument("--rounds", type=positive, default=2, help="the best rate counts")
    options = parser.parse_args()
    runs = [(name, "adapted", command) for name, command in PYTORCH.items()]
    runs += [(name, "fixed", [*command, *FIXED]) for name, command in PYTORCH.items()]
    runs += [(name, "fixed", command) for name, command in NUMBA.items()]
    best: dict[tuple[str, str, int], float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with gzip.open(ENWIKI) as file:
            (folder / "text.txt").write_bytes(file.read(TEXT_BYTES))
        prepare = [sys.executable, "-m", "wordkit_cli", "prepare", "text.txt", "-o", "text.ids"]
        subprocess.run([*prepare, "-q"], cwd=folder, check=True)
        sums = [f"{a}+{b}\t{a + b}\n" for a, b in product(range(200), repeat=2)]
        (folder / "pairs.tsv").write_text("".join(sums))
        for _ in range(options.rounds):
            for hogs, (name, threads, command) in product(HOGS, runs):
                with busy(hogs):
                    measured = rate(command, options.seconds, folder)
                best[name, threads, hogs] = max(best[name, threads, hogs], measured)
    print(describe() + f"\n{options.seconds} seconds each, the best of {options.rounds} rounds\n")
    print(heading(["", "threads", "alone", "beside one", "beside two", "one / alone"]))
    for name, threads, _ in sorted(runs):
        alone, one, two = (best[name, threads, hogs] for hogs in HOGS)
        print(
            row(
                [name, threads, f"{alone:,.0f}", f"{one:,.0f}", f"{two:,.0f}", f"{one / alone:.2f}"]
            )
        )


if __name__ == "__main__":
    main()
