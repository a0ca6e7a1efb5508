"""Document vectors: similarity of sentences, classification of lines, and speed.

    python benchmarks/documents.py [--data DIR] [--lines 1000000]

Vectors: those bundled with wordkit, and those of train-w2v's defaults (5 epochs) on the Wikipedia
of shared/data. Similarity: Pearson's r and Spearman's ρ of the cosines of the six sets of SemEval
2014, task 10, with people's judgements; sif and tfidf are fitted to the sentences of each set.
gensim's mean is KeyedVectors.get_mean_vector of the same tokens, which is that of unit vectors.
Classification: logistic regression on TREC's questions (six classes) and SST-2's sentences (two).
C, and the n-grams of TF-IDF, are chosen on validation data (SST-2's own; of TREC every tenth line
of the training data); then training and validation data are learnt from together, and the test data
are read once. Speed: lines of ten words of Wikipedia by the whole command wordkit embed; gensim
without reading and splitting them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from machine import describe, heading, in_one_line, row, run_process
from scipy.stats import pearsonr, spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from word2vec_text import DATA, Text, enwiki

from wordkit import bundled
from wordkit.documents import WEIGHTINGS, DocumentVectors
from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.text import get_tokenizer
from wordkit.word2vec import iter_train_word2vec

GENSIM = "gensim's mean"
C = np.logspace(-3, 2, 6)
WORDS_OF_A_LINE = 10
GENSIM_LINES = 100_000


# --- similarity --------------------------------------------------------------------------------


def cosines(vectors: np.ndarray) -> np.ndarray:
    """The cosine of each row of the first half with that of the second; 0 for a zero vector."""
    first, second = np.split(vectors.astype(np.float64), 2)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.einsum("nd,nd->n", first, second) / np.where(lengths == 0, 1, lengths)


def gensim_means(peer: KeyedVectors, documents: Sequence[Sequence[str]]) -> np.ndarray:
    """gensim's mean vector of each document; zero where it knows no word."""
    return np.array(
        [
            peer.get_mean_vector(tokens)
            if any(token in peer for token in tokens)
            else np.zeros(peer.vector_size)
            for tokens in documents
        ]
    )


def keyed_vectors(vectors: Embeddings) -> KeyedVectors:
    """The same vectors in gensim."""
    peer = KeyedVectors(vectors.dim)
    peer.add_vectors(list(vectors.words), vectors.vectors.copy())
    return peer


def similarity(vectors: Embeddings, folder: Path) -> Iterator[str]:
    """The table of the sets of a folder."""
    peer, tokenize = keyed_vectors(vectors), get_tokenizer("basic")
    ways = [GENSIM, *WEIGHTINGS]
    yield heading(
        ["set", "known words", *(f"{way}, r" for way in ways), *(f"{w}, ρ" for w in ways)]
    )
    figures = []
    for path in sorted(folder.glob("*.tsv")):
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        scores = np.array([float(line[0]) for line in lines])
        sentences = [line[1] for line in lines] + [line[2] for line in lines]
        tokens = [tokenize(sentence) for sentence in sentences]
        known = np.mean([token in vectors for words in tokens for token in words])
        embedded = {GENSIM: gensim_means(peer, tokens)} | {
            weighting: DocumentVectors(vectors, weighting).fit_transform(sentences)
            for weighting in WEIGHTINGS
        }
        found = {way: cosines(embedded[way]) for way in ways}
        figures.append(
            [known]
            + [pearsonr(found[way], scores)[0] for way in ways]
            + [spearmanr(found[way], scores)[0] for way in ways]
        )
        yield row([path.name.split(".")[1], *shown(figures[-1])])
    yield row(["mean", *shown(np.mean(figures, axis=0))])


def shown(figures: Sequence[float]) -> list[str]:
    """A fraction in per cent, and correlations × 100."""
    return [f"{figures[0]:.1%}", *(f"{100 * figure:.1f}" for figure in figures[1:])]


# --- classification ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Lines with their classes."""

    lines: list[str]
    labels: list[str]

    @classmethod
    def read(cls, path: Path, encoding: str = "utf-8") -> Part:
        """Read a file of lines that begin with their class."""
        lines = path.read_text(encoding=encoding).rstrip("\n").split("\n")
        pairs = [line.split(" ", 1) for line in lines]
        return cls([text for _, text in pairs], [label for label, _ in pairs])


@dataclass(frozen=True)
class Task:
    """What to learn from, with a mark of what is held out for validation, and what to test on."""

    training: Part
    is_held_out: np.ndarray
    test: Part


def read_task(name: str, folder: Path) -> Task:
    """Read TREC or SST-2."""
    if name == "TREC":
        training = Part.read(folder / "TREC.train.all", "latin-1")
        held_out = np.arange(len(training.lines)) % 10 == 9
        return Task(training, held_out, Part.read(folder / "TREC.test.all", "latin-1"))
    parts = [Part.read(folder / f"stsa.binary.{part}") for part in ("train", "dev", "test")]
    training, valid, test = parts
    both = Part(training.lines + valid.lines, training.labels + valid.labels)
    return Task(both, np.arange(len(both.lines)) >= len(training.lines), test)


def accuracies(features: object, settings: dict[str, object], task: Task) -> tuple[float, float]:
    """The accuracy on the validation data of the best settings, and theirs on the test data."""
    steps = [("features", features), ("classify", LogisticRegression(max_iter=3000))]
    split = PredefinedSplit(np.where(task.is_held_out, 0, -1))
    # features are the same for each C; on a busy machine, threads of BLAS wait for each other
    with tempfile.TemporaryDirectory() as cache, threadpool_limits(1):
        pipeline = Pipeline(steps, memory=cache)
        search = GridSearchCV(pipeline, {"classify__C": C, **settings}, cv=split)
        search.fit(task.training.lines, task.training.labels)
        return search.best_score_, search.score(task.test.lines, task.test.labels)


def classification(named: dict[str, Embeddings], folder: Path) -> Iterator[str]:
    """The table of both tasks."""
    tf_idf = TfidfVectorizer(tokenizer=get_tokenizer("basic"), token_pattern=None)
    ways: dict[str, tuple[object, dict[str, object]]] = {
        "TF-IDF": (tf_idf, {"features__ngram_range": [(1, 1), (1, 2)]})
    }
    for name, vectors in named.items():
        for weighting in WEIGHTINGS:
            scaled = make_pipeline(DocumentVectors(vectors, weighting), StandardScaler())
            ways[f"{name}, {weighting}"] = (scaled, {})
        both = make_union(tf_idf, make_pipeline(DocumentVectors(vectors), StandardScaler()))
        ngrams = {"features__tfidfvectorizer__ngram_range": [(1, 1), (1, 2)]}
        ways[f"{name}, mean, and TF-IDF"] = (both, ngrams)
    tasks = {name: read_task(name, folder) for name in ("TREC", "SST-2")}
    yield heading(
        ["features", *(f"{name}, {part}" for name in tasks for part in ("valid", "test"))]
    )
    for way, (features, settings) in ways.items():
        found = [accuracies(features, settings, task) for task in tasks.values()]
        yield row([way, *(f"{figure:.1%}" for pair in found for figure in pair)])


# --- speed -------------------------------------------------------------------------------------


def speed(text: Text, vectors: Path, number: int) -> Iterator[str]:
    """The table of seconds and memory for lines of ten words."""
    path, output = text.folder / "lines.txt", text.folder / "vectors.npy"
    with open(text.tokens(), encoding="utf-8") as file:
        words = (word for line in file for word in line.split())
        lines = [list(islice(words, WORDS_OF_A_LINE)) for _ in range(number)]
    path.write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")
    yield heading(["", "lines", "seconds", "lines/s", "peak memory"])
    for weighting in WEIGHTINGS:
        command = [sys.executable, "-m", "wordkit_cli", "embed", str(path), "-o", str(output)]
        done = run_process([*command, "--weighting", weighting, "-m", str(vectors)])
        assert np.load(output, mmap_mode="r").shape[0] == number
        figures = f"{done.seconds:.1f}", f"{number / done.seconds:,.0f}"
        yield row([f"embed, {weighting}", f"{number:,}", *figures, f"{done.peak / 2**20:,.0f} MB"])
    peer = keyed_vectors(load_embeddings(vectors))
    began = time.perf_counter()
    gensim_means(peer, lines[:GENSIM_LINES])
    seconds, count = time.perf_counter() - began, min(GENSIM_LINES, number)
    yield row([GENSIM, f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}", ""])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder of sts, classification, ..."
    )
    parser.add_argument("--lines", type=int, default=1_000_000)
    options = parser.parse_args()
    print(describe())
    with enwiki(options.data) as text:
        trained = text.folder / "enwiki.safetensors"
        save_embeddings(iter_train_word2vec(text.corpus).result().without_weights(), trained)
        named = {"bundled": load_embeddings(bundled.VECTORS), "enwiki": load_embeddings(trained)}
        for name, vectors in named.items():
            print(f"\nSimilarity of sentences, × 100; {name}: {vectors!r}\n")
            print_all(similarity(vectors, options.data / "sts"))
        print("\nAccuracy of logistic regression\n")
        print_all(classification(named, options.data / "classification"))
        print(f"\nLines of {WORDS_OF_A_LINE} words\n")
        print_all(speed(text, bundled.VECTORS, options.lines))


def print_all(lines: Iterator[str]) -> None:
    """Print lines as they come."""
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    in_one_line(main, needs="gensim")
