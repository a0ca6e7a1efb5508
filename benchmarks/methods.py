"""All methods of word vectors: the same text, the same minutes, every evaluation set.

    python benchmarks/methods.py [--minutes 5] [--text FILE ...] [--limit LINES] [--threads N]
    python benchmarks/methods.py --only GloVe

Each method has its defaults, 100 dimensions, and as many epochs as the minutes allow, by the time
that the first one took; counting needs one pass and no more. Pairs of words are scored by
Spearman's correlation, analogies by the percentage of right answers, and beside each is the
percentage of the pairs or questions whose words have vectors.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import counted, heading, in_one_line, row
from word2vec_scores import SETS, EvaluationSets
from word2vec_text import DATA, MIN_COUNT, Text, enwiki, introduction

from wordkit.counts import CountsConfig, GloveConfig, iter_train_counts, iter_train_glove
from wordkit.embeddings import Embeddings
from wordkit.evaluation import evaluate_similarity
from wordkit.runtime import Run
from wordkit.text import Corpus, iter_prepare
from wordkit.word2vec import Word2VecConfig, iter_train_word2vec
from wordkit_corpora.evaluation_sets import read_word_pairs
from wordkit_corpora.plaintext import open_text

RARE = "EN-RW-STANFORD.txt"
Start = Callable[[Corpus, int, int], Run[Embeddings]]
"""Begins a training on a corpus, of so many epochs, on so many threads."""


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="shared/data")
    parser.add_argument("--text", type=Path, nargs="+", help="files; English Wikipedia by default")
    parser.add_argument("--limit", type=int, help="lines of Wikipedia, from its start")
    parser.add_argument("--minutes", type=float, default=5.0, help="of each method")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=METHODS, metavar="METHOD")
    options = parser.parse_args()
    opened = enwiki(options.data, options.limit) if options.text is None else given(options.text)
    with opened as text:
        facts = f"{options.minutes:g} minutes each", counted(options.threads, "thread")
        print(introduction(text, *facts))
        sets, rare = (
            EvaluationSets(options.data),
            read_word_pairs(options.data / "evaluation" / RARE),
        )
        *pairs, analogies = SETS
        print(heading(["", "epochs", "seconds", *pairs, "Rare Words", analogies]), flush=True)
        for name in options.only:
            vectors, epochs, seconds = trained(METHODS[name], text.corpus, options)
            percent, coverage = sets.score(vectors)
            score = evaluate_similarity(vectors, rare)
            percent["rare"] = 100 * (score.spearman or 0)
            coverage["rare"] = f"{score.used:,} of {score.used + score.skipped:,}"
            cells = [
                f"{percent[s]:.1f} ({covered(coverage[s])})" for s in (*pairs, "rare", analogies)
            ]
            print(row([name, epochs, f"{seconds:.0f}", *cells]), flush=True)


def word2vec(arch: str, subwords: str | None = None) -> Start:
    """Return what begins a training of word2vec."""

    def start(corpus: Corpus, epochs: int, threads: int) -> Run[Embeddings]:
        config = Word2VecConfig(arch, subwords=subwords, min_count=MIN_COUNT, epochs=epochs)
        return iter_train_word2vec(corpus, config, threads=threads)

    return start


def glove(corpus: Corpus, epochs: int, threads: int) -> Run[Embeddings]:
    """Begin a training of GloVe."""
    config = GloveConfig(dim=100, min_count=MIN_COUNT, epochs=epochs)
    return iter_train_glove(corpus, config, threads=threads)


def counts(corpus: Corpus, epochs: int, threads: int) -> Run[Embeddings]:
    """Begin counting."""
    dim = min(100, len(corpus.vocabulary) - 2)
    return iter_train_counts(corpus, CountsConfig(dim=dim, min_count=MIN_COUNT), threads=threads)


METHODS: dict[str, Start] = {
    "counts: PPMI, truncated SVD": counts,
    "GloVe": glove,
    "word2vec, CBOW": word2vec("cbow"),
    "word2vec, skip-gram": word2vec("skipgram"),
    "subwords 3-6, CBOW": word2vec("cbow", "3-6"),
    "subwords 3-6, skip-gram": word2vec("skipgram", "3-6"),
}


def trained(
    start: Start, corpus: Corpus, options: argparse.Namespace
) -> tuple[Embeddings, int, float]:
    """Return vectors of as many epochs as there is time for, these, and the seconds they took."""
    small = Corpus.from_sentences([[f"w{i * j % 31}" for i in range(20)] for j in range(1, 50)])
    start(small, 1, options.threads).result()  # compiles
    epochs = 1
    if start is not counts:
        began = first = time.perf_counter()
        for report in start(corpus, 1, options.threads):
            if report.stage != "training":
                first = time.perf_counter()
        epoch = time.perf_counter() - first
        epochs = max(int((60 * options.minutes - (first - began)) / epoch), 1)
    began = time.perf_counter()
    vectors = start(corpus, epochs, options.threads).result()
    return vectors, epochs, time.perf_counter() - began


def covered(coverage: str) -> str:
    """Return "1 of 4" as a percentage."""
    used, _, pairs = coverage.replace(",", "").partition(" of ")
    return f"{int(used) / int(pairs):.0%}"


@contextmanager
def given(files: list[Path]) -> Iterator[Text]:
    """The text of files, prepared in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="wordkit-benchmark-") as folder:
        corpus = iter_prepare(open_text(files), Path(folder) / "corpus.ids").result()
        yield Text(files[0], corpus, Path(folder))


if __name__ == "__main__":
    in_one_line(main)
