"""All that a GPU has to show, in one run of at most eight minutes.

    python benchmarks/devices.py [--device cuda]
    python benchmarks/devices.py --dry-run      the same, tiny, on the CPU, without limits

The tests that run on CUDA; word2vec at 100 and 300 dimensions, words/s and scores after one
epoch; LSTMs on the Penn Treebank, tokens/s and perplexity by minute; the textbook's sums, pairs/s.
Each is a process with a limit of its time; one that fails is told, and the others go on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from machine import describe, in_one_line
from word2vec_text import DATA

HERE = Path(__file__).resolve().parent
PRESETS = ("zaremba-small", "awd-lstm", "zaremba-medium")


def parse() -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cuda", "mps", "cpu"], default="cuda")
    parser.add_argument("--dry-run", action="store_true", help="everything tiny, on the CPU")
    parser.add_argument("--data", type=Path, default=DATA, help="where the texts lie")
    options = parser.parse_args()
    if options.dry_run:
        options.device = "cpu"
        os.environ["OMP_NUM_THREADS"] = "1"  # so small, two threads wait for each other
    return options


def steps(options: argparse.Namespace, folder: Path) -> Iterator[tuple[int, Sequence[object]]]:
    """Yield the seconds and the arguments of Python of each step."""
    tiny, data = options.dry_run, ["--data", options.data]
    tests = ["tests/word2vec", "tests/training/test_tasks.py", "-k", "torch or cuda"]
    yield 90, ["-m", "pytest", "-q", *tests]
    device = "torch-cpu" if options.device == "cpu" else options.device
    size = ["--dim", 20, "--limit", 2000] if tiny else ["--dim", 100, 300]
    arguments = ["--device", device, "--arch", "skipgram", "cbow", "--epochs", 1, "--times", 0]
    yield 90, [HERE / "word2vec_device.py", *arguments, *size, *data]
    size = ["--minutes", 0.02, "--limit", 300] if tiny else ["--minutes", 1]
    for preset in PRESETS[:1] if tiny else PRESETS:
        arguments = ["devices", "--device", options.device, "--presets", preset]
        yield 80, [HERE / "lm.py", *arguments, *size, *data]
    sums = options.data / "seq2seq" / "addition.txt"
    if tiny:
        lines = sums.read_text(encoding="utf-8").splitlines(keepends=True)[:500]
        sums = folder / sums.name
        sums.write_text("".join(lines), encoding="utf-8")
    arguments = ["--separator", "_", "--epochs", 2, "--device", options.device]
    output = ["-o", folder / "sums.safetensors"]
    yield 60, ["-m", "wordkit_cli", "train-seq2seq", sums, *arguments, *output]


def main() -> None:
    """Run each step."""
    options, failed = parse(), []
    print(describe(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seconds, arguments in steps(options, Path(folder)):
            command = [sys.executable, *map(str, arguments)]
            shown = " ".join(["python", *command[1:]]).replace(f"{HERE}/", "benchmarks/")
            print(f"\n$ {shown.replace(folder, '.')}", flush=True)
            limit = None if options.dry_run else seconds
            try:
                status = subprocess.run(command, cwd=HERE.parent, timeout=limit).returncode
                verdict = f"status {status}" if status else None
            except subprocess.TimeoutExpired:
                verdict = f"more than {seconds} s"
            if verdict is not None:
                failed.append(f"{shown.split()[1]}: {verdict}")
                print(f"({verdict})", flush=True)
    if failed:
        raise SystemExit(f"{len(failed)} of the steps failed: {'; '.join(failed)}")


if __name__ == "__main__":
    in_one_line(main)
