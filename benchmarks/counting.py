"""The counting pipeline: speed, peak memory, and the sweep that chose its defaults.

    python benchmarks/counting.py [speed | memory | sweep]      (default: speed, then memory)

Everything runs on the real text of shared/data/enwiki-2018, prepared by wordkit (a folder that
``wordkit prepare`` made can be named in $ENWIKI_IDS to save that step), with min-count 5.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from machine import Timing, alternate, describe
from sklearn.utils.extmath import randomized_svd

from wordkit.counts import (
    CooccurrenceConfig,
    CountsConfig,
    iter_count_cooccurrences,
    iter_truncated_svd,
    ppmi,
)
from wordkit.embeddings import Embeddings
from wordkit.evaluation import evaluate_similarity, iter_evaluate_analogies
from wordkit.text import Corpus, TextConfig, Vocabulary, iter_prepare
from wordkit_corpora.evaluation_sets import read_analogies, read_word_pairs
from wordkit_corpora.plaintext import open_text

DATA = Path(__file__).resolve().parents[2] / "shared/data"
MIN_COUNT = 5
MEGABYTE = 1_000_000


def require_data() -> None:
    """End in one line where the texts are missing."""
    if not DATA.exists():
        sys.exit("this benchmark needs the texts of shared/data beside the repository, not found")


@contextmanager
def enwiki() -> Iterator[Corpus]:
    """The prepared text, memory-mapped."""
    if "ENWIKI_IDS" in os.environ:
        yield Corpus.open(os.environ["ENWIKI_IDS"])
        return
    with tempfile.TemporaryDirectory() as folder:
        source = open_text([DATA / "enwiki-2018/enwiki-2018.txt.gz"])
        yield iter_prepare(source, Path(folder) / "corpus.ids").result()


def count(corpus: Corpus, config: CooccurrenceConfig | None = None, **options: Any) -> Any:
    """The counts of the words seen at least five times."""
    size = corpus.vocabulary.size_at(min_count=MIN_COUNT)
    return iter_count_cooccurrences(corpus, config, vocabulary_size=size, **options).result()


# --- speed -----------------------------------------------------------------------------------


def speed() -> None:
    """Tokens a second of counting, seconds of PPMI, and the SVD beside scikit-learn's."""
    print(describe())
    with enwiki() as corpus:
        window = CooccurrenceConfig(window=5)
        counts = count(corpus, window)
        print(f"\nenwiki: {corpus.tokens:,} tokens, {counts.shape[0]:,} words, window 5, ", end="")
        print(f"{counts.nnz:,} pairs")
        seconds = alternate(jobs(lambda threads: count(corpus, window, threads=threads)), 5)
    print_rates("co-occurrence", "tokens/s", corpus.tokens, seconds)
    matrix = ppmi(counts)
    seconds = alternate(jobs(lambda threads: ppmi(counts, threads=threads)), 5)
    print_rates("PPMI", "pairs/s", counts.nnz, seconds)
    compare_svd(matrix)


def jobs(step: Callable[[int], Any]) -> dict[str, Callable[[], Any]]:
    """A step on one thread and on two, by name."""
    return {"1 thread": lambda: step(1), "2 threads": lambda: step(2)}


def print_rates(title: str, unit: str, amount: int, timings: Mapping[str, Timing]) -> None:
    """A table of seconds, best and median, and of rates by the median."""
    print(f"\n{title:<34}{'best':>8}{'median':>10}{unit:>14}")
    for name, seconds in timings.items():
        rate = amount / seconds.median
        print(f"{name:<34}{seconds.best:>6.2f} s{seconds.median:>8.2f} s{rate:>14,.0f}", flush=True)


def compare_svd(matrix: Any, k: int = 100) -> None:
    """wordkit and scikit-learn in turns, with their errors against ARPACK."""
    exact = iter_truncated_svd(matrix, k, method="arpack").result()[1]
    ways: dict[str, Callable[[], Any]] = {
        "scikit-learn randomized_svd": lambda: randomized_svd(matrix, k, random_state=0),
        "wordkit truncated_svd": lambda: iter_truncated_svd(matrix, k).result(),
    }
    found: dict[str, Any] = {}

    def keeping(name: str) -> Callable[[], None]:
        return lambda: found.update({name: ways[name]()[1]})

    timings = alternate({name: keeping(name) for name in ways}, 3)
    title = f"SVD of {matrix.nnz:,} values, k = {k}"
    print(f"\n{title:<34}{'best':>8}{'median':>10}{'largest error':>16}")
    for name, seconds in timings.items():
        error = np.abs(found[name] / exact - 1).max()
        print(f"{name:<34}{seconds.best:>6.2f} s{seconds.median:>8.2f} s{error:>16.3%}")
    theirs, ours = (seconds.median for seconds in timings.values())
    print(f"wordkit is {theirs / ours:.1f} times as fast, by the medians", flush=True)


# --- memory ----------------------------------------------------------------------------------


def memory() -> None:
    """The peak memory of counting under several budgets, each in a process of its own."""
    print(describe())
    print("\nco-occurrence, window 5: budget, seconds and peak, in MB")
    print(f"{'--memory':>9}{'seconds':>9}{'peak of the process':>21}{'above its start':>17}")
    with enwiki() as corpus, tempfile.TemporaryDirectory() as folder:
        corpus.save(f"{folder}/corpus.ids")
        environment = {**os.environ, "ENWIKI_IDS": f"{folder}/corpus.ids"}
        for budget in ("none", "400", "200", "100", "50", "25"):
            command = [sys.executable, __file__, "peak", budget]
            subprocess.run(command, env=environment, check=True)


def peak_memory() -> float:
    """The peak of this process in megabytes: what it allocated and the mapped pages it touched.

    Not ``ru_maxrss`` on Linux, where a process begins with the peak of the one that started it.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MEGABYTE


def peak(budget: str) -> None:
    """Count under a budget in megabytes, and print a line of the table."""
    allowed = None if budget == "none" else int(budget) * MEGABYTE
    with enwiki() as corpus:
        tiny = Corpus.from_sentences([["a", "b", "c"] * 100] * 100)
        iter_count_cooccurrences(tiny, memory=60_000).result()  # what is loaded and compiled once
        before, began = peak_memory(), time.perf_counter()
        count(corpus, CooccurrenceConfig(window=5), memory=allowed)
        seconds = time.perf_counter() - began
        print(f"{budget:>9}{seconds:>9.2f}{peak_memory():>18.0f} MB", end="")
        print(f"{peak_memory() - before:>14.0f} MB", flush=True)


# --- the sweep -------------------------------------------------------------------------------

BASE = CountsConfig()
SETTINGS: list[dict[str, Iterable[Any]]] = [
    {"window": (2, 5, 10, 15, 20), "weighting": ("flat", "harmonic", "dynamic")},
    {"smoothing": (1.0, 0.9, 0.75, 0.5), "shift": (1.0, 2.0, 5.0)},
    {"exponent": (0.0, 0.25, 0.5, 0.75, 1.0), "context_vectors": (False, True)},
    {"side": ("both", "left", "right")},
]
EXPECTED_IN_PTB = {
    "you": "we i they anybody somebody she he everyone everybody someone me us them",
    "year": "month quarter week years months day decade summer spring fall",
    "car": "auto vehicle vehicles cars truck trucks luxury autos automobile automotive",
    "toyota": "nissan honda lexus mazda infiniti motor ford bmw mitsubishi hyundai",
}


def sweep() -> None:
    """Score a grid around the defaults, one group of settings at a time."""
    require_data()
    print(describe())
    folder = DATA / "evaluation"
    pairs = [read_word_pairs(folder / f"EN-{n}.txt") for n in ("WS-353-ALL", "SIMLEX-999", "RG-65")]
    questions = read_analogies(folder / "questions-words.txt")
    source = open_text([DATA / "ptb/ptb.train.txt"])
    with enwiki() as corpus, tempfile.TemporaryDirectory() as place:
        ptb = iter_prepare(source, Path(place) / "ptb", TextConfig("whitespace")).result()
        print(f"\n{'':<54}WS353 SimLex  RG65   sem   syn total   PTB")
        for group in SETTINGS:
            for values in product(*group.values()):
                config = replace(BASE, **dict(zip(group, values, strict=True)))
                vectors = vectors_of(corpus, config)
                scores = [evaluate_similarity(vectors, p).spearman or 0.0 for p in pairs]
                answers = iter_evaluate_analogies(vectors, questions).result()
                parts = (answers.semantic, answers.syntactic, answers.total)
                scores += [part.accuracy or 0.0 for part in parts]
                name = " ".join(f"{k}={v}" for k, v in zip(group, values, strict=True))
                print(f"{name:<53}", *(f"{100 * score:5.1f}" for score in scores), end=" ")
                print(f"{ptb_hits(ptb, replace(config, window=2)):>5}", flush=True)
            print()


_known: dict[int, tuple[CountsConfig, Any]] = {}


def vectors_of(corpus: Corpus, config: CountsConfig) -> Embeddings:
    """Return the vectors of ``train_counts``; a decomposition is kept for reuse."""
    key = replace(config, exponent=0.0, context_vectors=False)
    if _known.get(id(corpus), (None,))[0] != key:
        counts = count(corpus, config.cooccurrence())
        matrix = ppmi(counts, shift=config.shift, smoothing=config.smoothing)
        _known[id(corpus)] = key, iter_truncated_svd(matrix, config.dim, seed=config.seed).result()
    U, s, Vt = _known[id(corpus)][1]
    vectors = U * s**config.exponent
    if config.context_vectors:
        vectors = vectors + Vt.T * s**config.exponent
    words = corpus.vocabulary.words[: len(vectors)]
    return Embeddings(Vocabulary(words), vectors)


def ptb_hits(ptb: Corpus, config: CountsConfig) -> int:
    """Count how many of the ten nearest words of you, year, car and toyota are as expected."""
    vectors = vectors_of(ptb, config)
    return sum(
        neighbour.word in expected.split()
        for word, expected in EXPECTED_IN_PTB.items()
        for neighbour in vectors.most_similar(word, n=10)
    )


def main() -> None:
    """Run what the arguments name."""
    if "ENWIKI_IDS" not in os.environ:
        require_data()
    match sys.argv[1:]:
        case ["peak", budget]:
            peak(budget)
        case ["sweep"]:
            sweep()
        case ["speed"]:
            speed()
        case ["memory"]:
            memory()
        case []:
            speed()
            memory()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
