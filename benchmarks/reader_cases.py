"""Give corrupted files to every reader: each is read or refused with a plain word, or this fails.

    python benchmarks/reader_cases.py [--cases N] [--seed S]

The cases are spread over the readers, and run in two processes, whose memory is bounded. "other" is
what must not be: another exception, a crash, a hang. Ends with status 1 where there is any.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "tests")  # not this folder, whose lm.py would hide tests/lm

PROCESSES = 2
MEMORY = 6 << 30  # bytes of address space for each process; it needs about half of them at once
PATIENCE = 60  # seconds that one case may take, on a machine with other work


def work(number: int, cases: int, seed: int, made: str) -> None:
    """Try each case that belongs to this process, and print the outcomes as JSON."""
    from readers import make_readers, tried

    readers = make_readers(Path(made))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends the process
    outcomes: dict[str, collections.Counter[str]] = {
        name: collections.Counter() for name in readers
    }
    others = []
    with tempfile.TemporaryDirectory() as place:
        tempfile.tempdir = place
        for case in range(number, cases, PROCESSES):
            name = [*readers][case // PROCESSES % len(readers)]
            print(f"trying {name} {seed + case}", file=sys.stderr, flush=True)
            signal.alarm(PATIENCE)
            try:
                outcomes[name][tried(readers[name], seed + case, Path(place))] += 1
            except Exception as error:  # noqa: BLE001 - what is looked for
                outcomes[name]["other"] += 1
                others.append(f"{name}, seed {seed + case}: {type(error).__name__}: {error}")
                print(others[-1], file=sys.stderr, flush=True)
    print(json.dumps([outcomes, others]))


def main() -> None:
    """Start the processes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", nargs=2, metavar=("NUMBER", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(int(options.work[0]), options.cases, options.seed, options.work[1])
        return
    print(f"{describe()}\n")
    began, total, others = time.monotonic(), {}, []
    with tempfile.TemporaryDirectory() as folder:
        started = []
        for number in range(PROCESSES):
            made = Path(folder, str(number))
            made.mkdir()
            _make(made)
            command = [sys.executable, __file__, "--cases", str(options.cases)]
            command += ["--seed", str(options.seed), "--work", str(number), str(made)]
            with open(Path(folder, f"said{number}"), "w") as said:
                started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said))
        for number, process in enumerate(started):
            answer, _ = process.communicate()
            if process.returncode:
                said = Path(folder, f"said{number}").read_text().splitlines()
                others.append(f"process {number} ended with {process.returncode}: {said[-3:]}")
                continue
            outcomes, met = json.loads(answer)
            others += met
            for name, counted in outcomes.items():
                total.setdefault(name, collections.Counter()).update(counted)
    print(f"{'reader':26} {'cases':>8} {'accepted':>9} {'refused':>8} {'other':>6}")
    total["all"] = sum(total.values(), collections.Counter())
    for name, counted in total.items():
        row = f"{name:26} {sum(counted.values()):8,} {counted['accepted']:9,}"
        print(f"{row} {counted['refused']:8,} {counted['other']:6,}")
    print(f"\n{time.monotonic() - began:.0f} s, {PROCESSES} processes")
    for line in others[:40]:
        print(line[:300])
    sys.exit(bool(others))


def _make(folder: Path) -> None:
    from every_command import make_files

    make_files(folder)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
