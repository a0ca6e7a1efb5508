"""Peak memory of prepare and of train-counts as the corpus grows.

    python benchmarks/memory.py [MEGABYTES ...]        (default: 100 1000)

The text is English Wikipedia, repeated to the size asked for, so that the vocabulary, which is
held in memory, stays the same. Each command runs as a process of its own; its peak is what the
operating system says of it, less the pages of mapped files, which it can take back at any time.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from machine import describe

ENWIKI = Path(__file__).resolve().parents[2] / "shared/data/enwiki-2018/enwiki-2018.txt.gz"


def run(*arguments: str) -> tuple[float, int]:
    """Seconds and peak anonymous memory in bytes of a wordkit command."""
    command = [sys.executable, "-m", "wordkit_cli", *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    peak = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.02):
            try:
                text = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                return
            for line in text.splitlines():
                if line.startswith("RssAnon:"):
                    peak = max(peak, int(line.split()[1]) * 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    ended.set()
    watcher.join()
    if status:
        sys.exit(f"{' '.join(command)} ended with status {status}")
    return time.perf_counter() - began, peak


def main() -> None:
    """Measure each size."""
    sizes = [int(size) for size in sys.argv[1:]] or [100, 1000]
    print(describe())
    with gzip.open(ENWIKI) as file:
        text = file.read()
    print(f"\n{'text':>8}  {'command':<44}{'seconds':>8}{'peak memory':>13}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / "text.txt"
            with open(path, "wb") as file:
                while file.tell() < size * 1_000_000:
                    file.write(text[: size * 1_000_000 - file.tell()])
            corpus, vectors = f"{folder}/corpus.ids", f"{folder}/vectors.safetensors"
            for arguments in (
                ["prepare", str(path), "-o", corpus],
                ["train-counts", corpus, "-o", vectors, "--memory", "400M"],
            ):
                seconds, peak = run(*arguments)
                shown = " ".join(os.path.basename(argument) for argument in arguments)
                print(f"{size:>5} MB  {shown:<44}{seconds:>8.1f}{peak / 1e6:>10.0f} MB", flush=True)


if __name__ == "__main__":
    main()
