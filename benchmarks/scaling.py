"""A Dask cluster of two worker processes against two threads, on synthetic text.

    python benchmarks/scaling.py [--megabytes N] [--runs N]

Text of a Zipf distribution over 100,000 words is prepared and counted (min-count 5, window 5), in
turns: by two threads, and by a LocalCluster of two worker processes of one thread each. The results
are compared: the corpora by their bytes, the counts entry by entry. Then the same text as 1,000
files, and tasks that do nothing, for what the scheduler costs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe

import wordkit
from wordkit.counts import CooccurrenceConfig, iter_count_cooccurrences
from wordkit.counts.cluster_counts import Counting, count_blocks
from wordkit.counts.csr import CsrParts, memory_limit
from wordkit.counts.stored_rows import read_block
from wordkit.runtime import Run
from wordkit.runtime.cluster import Cluster
from wordkit.runtime.scheduler import connected
from wordkit.storage.parts import PartFolder

WORDS, FILES, TASKS = 100_000, 1000, 500
WINDOW = 5


def write_text(path: Path, size: int) -> None:
    """Write about so many bytes of text."""
    chosen = np.random.default_rng(1)
    names = np.array([f"{number:x}" for number in range(WORDS)])
    weights = 1 / np.arange(1, WORDS + 1)
    bounds = np.cumsum(weights / weights.sum())
    with open(path, "w") as file:
        while file.tell() < size:
            words = names[np.searchsorted(bounds, chosen.random(1 << 18)).clip(max=WORDS - 1)]
            lines = (" ".join(words[start : start + 20]) for start in range(0, len(words), 20))
            file.write("\n".join(lines) + "\n")


def write_files(text: Path, folder: Path) -> None:
    """Write the same text as many files."""
    folder.mkdir()
    with open(text, "rb") as file:
        lines = file.readlines()
    size = -(-len(lines) // FILES)
    for number in range(FILES):
        part = lines[number * size : (number + 1) * size]
        (folder / f"{number:04}.txt").write_bytes(b"".join(part))


def count_on(client: Any, corpus: wordkit.Corpus, words: int) -> list[CsrParts]:
    """The counts by ranges of rows."""
    config = CooccurrenceConfig(WINDOW)
    with PartFolder(f"{corpus.folder}.parts") as parts:
        cluster = Cluster(client, parts.path)
        memory = memory_limit(None) // cluster.slots
        counting = Counting(str(corpus.folder), corpus.fingerprint, words, config, memory)
        run = Run(count_blocks(counting, corpus.tokens, cluster, parts))
        return [read_block(block) for block in run.result()]


def warm(text: str) -> None:
    """Compile and load in a process what the runs need."""
    corpus = wordkit.prepare(text, threads=1)
    config = CooccurrenceConfig(WINDOW)
    for memory in (None, 32 << 20):  # at once, and in parts
        iter_count_cooccurrences(corpus, config, memory=memory, threads=1).result()


def nothing(number: int) -> int:
    """Do nothing."""
    return number


def do_nothing(cluster: Cluster) -> list[int]:
    """Wait for tasks that do nothing."""
    return list(cluster.results([cluster.submit("nothing", nothing, n) for n in range(TASKS)]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"{describe()}\n")
    folder = Path(tempfile.mkdtemp())
    seconds: dict[str, list[float]] = {}

    def note(name: str, function: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
        began = time.perf_counter()
        value = function(*arguments, **settings)
        seconds.setdefault(name, []).append(time.perf_counter() - began)
        return value

    try:
        text = folder / "text.txt"
        write_text(text, options.megabytes * 1_000_000)
        write_files(text, folder / "files")
        with connected("local", 2) as client:
            prepare = wordkit.prepare
            warm(first := str(folder / "files" / "0000.txt"))
            client.run(warm, first)
            for _ in range(options.runs):
                one = note("prepare, 2 threads", prepare, text, folder / "one.ids", threads=2)
                many = note("prepare, 2 workers", prepare, text, folder / "many.ids", client=client)
                assert one.fingerprint == many.fingerprint
                assert one.settings == many.settings
                note(f"prepare {FILES} files, 2 workers", prepare, folder / "files",
                     folder / "files.ids", client=client)  # fmt: skip
                words = one.vocabulary.size_at(min_count=5)
                run = iter_count_cooccurrences(
                    one, CooccurrenceConfig(WINDOW), vocabulary_size=words, threads=2
                )
                local = CsrParts.of(note("count, 2 threads", run.result))
                blocks = note("count, 2 workers", count_on, client, many, words)
                assert np.array_equal(np.concatenate([b.indices for b in blocks]), local.indices)
                assert np.array_equal(np.concatenate([b.data for b in blocks]), local.data)
                del local, blocks
            tasks = note(f"{TASKS} tasks that do nothing", do_nothing, Cluster(client, folder))
            assert len(tasks) == TASKS
    finally:
        shutil.rmtree(folder)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in median.items():
        print(f"{name:32}{value:9.2f} s")
    for job in ("prepare", "count"):
        ratio = median[f"{job}, 2 workers"] / median[f"{job}, 2 threads"]
        print(f"{job}: workers take {ratio:.2f} of the time of threads")
    ratio = median[f"prepare {FILES} files, 2 workers"] / median["prepare, 2 workers"]
    print(f"{FILES} files take {ratio:.2f} of the time of one")
    print(f"{1000 * median[f'{TASKS} tasks that do nothing'] / TASKS:.1f} ms a task")
    print("equal: the corpora byte for byte, the counts entry by entry")


if __name__ == "__main__":
    main()
