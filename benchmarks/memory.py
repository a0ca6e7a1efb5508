"""Peak memory of prepare and of train-counts as the corpus grows.

    python benchmarks/memory.py [MEGABYTES ...]        (default: 100 1000)

The text is English Wikipedia, repeated to the size asked for; in each repetition the words of
every thousand lines are shuffled. So the vocabulary, which is held in memory, stays the same, as do
the vectors, of its most frequent words; what grows is the number of tokens and that of different
pairs of words.
The pairs alone take more than the memory that train-counts is allowed. Each command runs as a
process of its own; its peak is what the operating system says of it, less the pages of mapped
files, which it can take back at any time.
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

import numpy as np
from machine import describe

from wordkit.counts import CooccurrenceConfig, iter_count_cooccurrences
from wordkit.text import Corpus

MEMORY = 100  # MB that train-counts is allowed
WORDS = 50_000  # of a text repeated, ever more words would pass the minimum count
LINES = 1000  # whose words are shuffled together
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


def write_text(path: Path, size: int) -> None:
    """Write ``size`` bytes of text: Wikipedia as it is, then shuffled anew each time."""
    with gzip.open(ENWIKI) as source:
        lines = source.read().splitlines()
    random = np.random.default_rng(1)
    with open(path, "wb") as file:
        text = b"\n".join(lines) + b"\n"
        while file.tell() < size:
            file.write(text[: size - file.tell()])
            if file.tell() < size:
                text = b"".join(
                    shuffled(lines[start : start + LINES], random)
                    for start in range(0, len(lines), LINES)
                )


def shuffled(lines: list[bytes], random: np.random.Generator) -> bytes:
    """Lines of as many words each, with the words of all of them in another order."""
    words = [line.split() for line in lines]
    flat = [word for line in words for word in line]
    order = iter(random.permutation(len(flat)).tolist())
    return b"".join(b" ".join(flat[next(order)] for _ in line) + b"\n" for line in words)


def pairs(corpus: str) -> int:
    """Count the different pairs of words that train-counts finds in a corpus."""
    opened = Corpus.open(corpus)
    size = opened.vocabulary.size_at(min_count=5, max_size=WORDS)
    config = CooccurrenceConfig()
    counted = iter_count_cooccurrences(
        opened, config, vocabulary_size=size, memory=MEMORY * 1_000_000
    )
    return int(counted.result().nnz)


def main() -> None:
    """Measure each size."""
    if not ENWIKI.exists():
        sys.exit(f"this benchmark needs {ENWIKI.name} in shared/data/enwiki-2018; it is not there")
    sizes = [int(size) for size in sys.argv[1:]] or [100, 1000]
    print(describe())
    print(f"\n{'text':>8}  {'command':<92}{'seconds':>8}{'peak memory':>13}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / "text.txt"
            write_text(path, size * 1_000_000)
            corpus, vectors = f"{folder}/corpus.ids", f"{folder}/vectors.safetensors"
            limits = ("--memory", f"{MEMORY}M", "--max-vocabulary", f"{WORDS}")
            for arguments in (
                ["prepare", str(path), "-o", corpus],
                ["train-counts", corpus, "-o", vectors, *limits],
            ):
                seconds, peak = run(*arguments)
                shown = " ".join(os.path.basename(argument) for argument in arguments)
                print(f"{size:>5} MB  {shown:<92}{seconds:>8.1f}{peak / 1e6:>10.0f} MB", flush=True)
            print(f"{size:>5} MB  {Corpus.open(corpus).tokens:,} tokens, {pairs(corpus):,} pairs")


if __name__ == "__main__":
    main()
