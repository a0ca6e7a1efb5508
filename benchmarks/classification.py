"""Text classification: accuracy on TREC and SST-2, sizes of files, and speed.

    python benchmarks/classification.py [--seeds 5] [--minutes 2] [--program fastText/fasttext]

Each seed is one call of train-classifier with --embeddings and --max-minutes alone; the embeddings
are those of train-w2v's defaults on the Wikipedia of shared/data. All that is searched for is
measured on parts of the training data; the test data are read once. SST-2's validation data are a
part of its training data here. Beside it the defaults, and TF-IDF with a linear SVM, of which C and
the n-grams are chosen by cross-validation on the same data. fastText's figures are those measured
earlier on such a machine. Speed: training with the settings of fastText's 91.4 % (bigrams, 25
epochs, learning rate 0.5, 100 dimensions), in turns with its program, which is built by make from
https://github.com/facebookresearch/fastText outside of this project; without reading and writing
files. Then the whole command classify on short texts.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from documents import Task, print_all, read_task
from machine import describe, heading, in_one_line, row, run_process
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits
from word2vec_text import DATA, enwiki

import wordkit
from wordkit.classification import Classifier, iter_train_classifier, labelled_texts
from wordkit.embeddings import Embeddings
from wordkit.text import get_tokenizer
from wordkit.word2vec import iter_train_word2vec

FASTTEXT = {"TREC": ("86.8%", "91.4%"), "SST-2": ("81.0%", "81.3%")}
"""With unigrams and the defaults; with bigrams, 25 epochs and a learning rate of 0.5."""
TASKS = ("TREC", "SST-2")
SHORT_TEXTS = 100_000
MAX_NGRAMS = 40_000
"""In pruned files."""


def pairs(task: Task) -> list[tuple[str, str]]:
    """The training data."""
    return list(zip(task.training.labels, task.training.lines, strict=True))


def accuracy(made: Classifier, task: Task) -> float:
    """On the test data."""
    found = made.predict(task.test.lines)
    both = zip(found, task.test.labels, strict=True)
    return float(np.mean([answer[0].label == label for answer, label in both]))


def svm(task: Task) -> float:
    """The accuracy of TF-IDF with a linear SVM."""
    tf_idf = TfidfVectorizer(tokenizer=get_tokenizer("basic"), token_pattern=None)
    grid = {"features__ngram_range": [(1, 1), (1, 2)], "svm__C": np.logspace(-2, 1, 7)}
    pipeline = Pipeline([("features", tf_idf), ("svm", LinearSVC())])
    with threadpool_limits(1):
        search = GridSearchCV(pipeline, grid, cv=5)
        search.fit(task.training.lines, task.training.labels)
        return float(search.score(task.test.lines, task.test.labels))


def shown(accuracies: list[float]) -> str:
    """The mean of several seeds and their standard deviation."""
    return f"{np.mean(accuracies):.1%} ± {np.std(accuracies):.1%}"


def quality(folder: Path, vectors: Embeddings, seeds: int, minutes: float) -> Iterator[str]:
    """The table of accuracies and sizes, then the settings that were found."""
    tasks = {name: read_task(name, folder) for name in TASKS}
    yield heading(["", *tasks])
    yield row(["fastText, unigrams", *(FASTTEXT[name][0] for name in tasks)])
    yield row(["fastText, bigrams", *(FASTTEXT[name][1] for name in tasks)])
    yield row(["TF-IDF, linear SVM", *(f"{svm(task):.1%}" for task in tasks.values())])
    ways = {
        "defaults": {},
        "defaults, 5 models": {"models": 5},
        "defaults, embeddings, 5 models": {"models": 5, "embeddings": vectors},
        f"embeddings, {minutes:g} minutes": {"embeddings": vectors, "max_minutes": minutes},
    }
    chosen, small = [], dict[str, list[str]]()
    for way, settings in ways.items():
        cells = []
        for name, task in tasks.items():
            accuracies = []
            for seed in range(1, seeds + 1):
                made = wordkit.train_classifier(pairs(task), seed=seed, progress=False, **settings)
                accuracies.append(accuracy(made, task))
                if "max_minutes" in settings:
                    chosen.append(f"{name}, seed {seed}: {made.config}, {made.metadata['search']}")
            cells.append(shown(accuracies))
            small[name] = sizes(made, task)
        yield row([way, *cells])
    yield "\nThe last of these in files of each precision\n"
    yield heading(["precision", *(f"{name}, {what}" for name in tasks for what in ("kB", "test"))])
    for number, precision in enumerate(("fp32", "int8", f"int8, {MAX_NGRAMS:,} n-grams")):
        cells = [cell for name in tasks for cell in small[name][2 * number : 2 * number + 2]]
        yield row([precision, *cells])
    yield "\n" + "\n".join(chosen)


def sizes(made: Classifier, task: Task) -> list[str]:
    """Kilobytes and accuracy in single precision, those in int8, and those in int8 and pruned."""
    cells = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.safetensors"
        pruned = made.pruned(MAX_NGRAMS)
        for model, precision in ((made, "fp32"), (made, "int8"), (pruned, "int8")):
            model.save(path, precision=precision)
            kept = f"{accuracy(Classifier.load(path), task):.1%}"
            cells += [f"{path.stat().st_size / 1000:,.0f}", kept]
    return cells


def speed(folder: Path, program: Path | None, rounds: int) -> Iterator[str]:
    """The table of rates; wordkit and fastText in turns, each with its best round."""
    yield heading(["", "threads", "words", "seconds", "words/s", "test"])
    for name in TASKS:
        task = read_task(name, folder)
        jobs = {"wordkit": _wordkit, "fastText": partial(_fasttext, program)}
        if program is None:
            del jobs["fastText"]
        _wordkit(task, 1)  # compiles
        for threads in (1, 2):
            found = [{way: job(task, threads) for way, job in jobs.items()} for _ in range(rounds)]
            for way in jobs:
                rate, words, test = max(each[way] for each in found)
                cells = [f"{words:,}", f"{words / rate:.2f}", f"{rate:,.0f}", f"{test:.1%}"]
                yield row([f"training, {name}, {way}", threads, *cells])
            if program is not None:
                ratio = max(e["wordkit"][0] for e in found) / max(e["fastText"][0] for e in found)
                yield row(["", "", "", "", f"{ratio:.1f} x", ""])
    made = wordkit.train_classifier(pairs(task), progress=False)
    with tempfile.TemporaryDirectory() as place:
        model, texts = Path(place) / "c.safetensors", Path(place) / "texts.txt"
        made.save(model)
        lines = (task.test.lines * (SHORT_TEXTS // len(task.test.lines) + 1))[:SHORT_TEXTS]
        texts.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        command = [sys.executable, "-m", "wordkit_cli", "classify", str(model), str(texts)]
        done = run_process(command)
        words = sum(map(len, map(str.split, lines)))
        cells = ["2", f"{words:,}", f"{done.seconds:.2f}", f"{words / done.seconds:,.0f}", ""]
        yield row([f"classify {SHORT_TEXTS:,} texts, the command", *cells])
        began = time.perf_counter()
        made.probabilities(lines)
        seconds = time.perf_counter() - began
        cells = ["2", f"{words:,}", f"{seconds:.2f}", f"{words / seconds:,.0f}", ""]
        yield row([f"probabilities of {SHORT_TEXTS:,} texts", *cells])


def _wordkit(task: Task, threads: int) -> tuple[float, int, float]:
    """Words a second of the training alone, these words, and the accuracy."""
    texts = labelled_texts(task.training.lines, task.training.labels)
    run = iter_train_classifier(texts, threads=threads)
    next(run)  # comes before the training
    began = time.perf_counter()
    *_, last = run
    seconds = time.perf_counter() - began
    return last.done / seconds, last.done, accuracy(run.result(), task)


def _fasttext(program: Path, task: Task, threads: int) -> tuple[float, int, float]:
    """The same of fastText, by the rate that it prints."""
    tokenize = get_tokenizer("basic")
    with tempfile.TemporaryDirectory() as folder:
        for name, part in (("train", task.training), ("test", task.test)):
            both = zip(part.labels, part.lines, strict=True)
            lines = (f"__label__{label} {' '.join(tokenize(line))}\n" for label, line in both)
            Path(folder, name).write_text("".join(lines), encoding="utf-8")
        settings = "-epoch 25 -lr 0.5 -wordNgrams 2 -bucket 2000000 -dim 100"
        files = ["-input", f"{folder}/train", "-output", f"{folder}/model"]
        common = ["-thread", str(threads), *settings.split()]
        done = run_process([str(program), "supervised", *files, *common])
        # of words, labels and ends of lines
        rate = threads * int(re.findall(r"words/sec/thread: *(\d+)", done.output + done.errors)[-1])
        test = run_process([str(program), "test", f"{folder}/model.bin", f"{folder}/test"]).output
    lines = task.training.lines
    words = 25 * sum(len(tokenize(line)) for line in lines)
    return rate * words / (words + 50 * len(lines)), words, float(test.split("P@1")[1].split()[0])


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--program", type=Path, help="fastText's, to measure its speed")
    parser.add_argument("--rounds", type=int, default=3, help="of the measurements of speed")
    options = parser.parse_args()
    folder = options.data / "classification"
    print(describe() + "\n\nAccuracy on the test data, mean and standard deviation of seeds\n")
    with enwiki(options.data) as text:
        vectors = iter_train_word2vec(text.corpus).result()
    print_all(quality(folder, vectors, options.seeds, options.minutes))
    print("\nSpeed\n")
    print_all(speed(folder, options.program, options.rounds))


if __name__ == "__main__":
    in_one_line(main, needs="gensim")
