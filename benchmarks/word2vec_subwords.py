"""Word vectors with subwords: wordkit and fastText on the same text.

    python benchmarks/word2vec_subwords.py [--program fastText/fasttext] [--epochs N] [--threads N]

The program is built by make from https://github.com/facebookresearch/fastText, outside of this
project; without it wordkit is alone. Settings are the same, with negatives by the square root of
their frequency as in fastText, but for the learning rates, which are the defaults of each. Speed,
Spearman's correlation on rare words (Luong, Socher and Manning 2013) and on WordSim-353, analogies,
and how often a word is among the ten nearest to a typo of it.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from pathlib import Path

from machine import counted, heading, in_one_line, row, run_process
from word2vec_text import DATA, MIN_COUNT, Text, enwiki, introduction
from word2vec_wordkit import compile_kernels, train

from wordkit.embeddings import Embeddings
from wordkit.evaluation import evaluate_similarity, iter_evaluate_analogies
from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.config import Arch
from wordkit_corpora.evaluation_sets import read_analogies, read_word_pairs

SETS = ("EN-RW-STANFORD.txt", "EN-WS-353-ALL.txt")
TYPOS, SHORTEST, RANKS = 1000, 6, 20_000  # of words of so many letters, among the most frequent
NEAREST = 10
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    """Train, score, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="lines of the text, from its start")
    parser.add_argument("--program", type=Path, help="fastText's")
    options = parser.parse_args()
    with enwiki(options.data, options.limit) as text:
        facts = ("dim 100", "window 5", "5 negatives", "n-grams of 3 to 6, 2,000,000 buckets")
        epochs, threads = counted(options.epochs, "epoch"), counted(options.threads, "thread")
        print(introduction(text, *facts, epochs, threads))
        names = ("rare words", "of them composed", "WordSim-353", "analogies", "typos found")
        print(heading(["", "words/s", *names]), flush=True)
        for name, vectors, seconds in _trained(text, options):
            speed = f"{options.epochs * text.corpus.tokens / seconds:,.0f}"
            print(row([name, speed, *_scores(vectors, options.data)]), flush=True)


def _trained(text: Text, options: argparse.Namespace) -> Iterator[tuple[str, Embeddings, float]]:
    archs: tuple[Arch, ...] = ("skipgram", "cbow")
    for arch in archs:
        settings = {"min_count": MIN_COUNT, "epochs": options.epochs, "ns_exponent": 0.5}
        for subwords in (None, "3-6"):
            config = Word2VecConfig(arch, subwords=subwords, vectors="in", **settings)
            compile_kernels([config])
            vectors, seconds = train(text.corpus, config, threads=options.threads)
            yield f"{arch}, wordkit{', words alone' if subwords is None else ''}", vectors, seconds
        if options.program is not None:
            yield f"{arch}, fastText", *_fasttext(text, arch, options)


def _fasttext(text: Text, arch: str, options: argparse.Namespace) -> tuple[Embeddings, float]:
    """The vectors of its program, and the seconds of its training by the rate that it prints."""
    model = text.folder / "fasttext"
    settings = "-dim 100 -ws 5 -neg 5 -t 1e-3 -minn 3 -maxn 6 -bucket 2000000"
    settings += f" -minCount {MIN_COUNT} -epoch {options.epochs} -thread {options.threads}"
    files = ["-input", str(text.tokens()), "-output", str(model)]
    done = run_process([str(options.program), arch, *files, *settings.split()])
    # of words and ends of lines
    rate = options.threads * int(
        re.findall(r"words/sec/thread: *(\d+)", done.output + done.errors)[-1]
    )
    seen = options.epochs * (text.corpus.tokens + len(text.corpus.offsets) - 1)
    return Embeddings.load(model.with_suffix(".bin")), seen / rate


def _scores(vectors: Embeddings, data: Path) -> list[str]:
    scores = [evaluate_similarity(vectors, read_word_pairs(data / "evaluation" / s)) for s in SETS]
    rare, similarity = (f"{100 * (score.spearman or 0):.1f}" for score in scores)
    rare += f" ({scores[0].used:,} of {scores[0].used + scores[0].skipped:,})"
    questions = read_analogies(data / "evaluation/questions-words.txt")
    answers = iter_evaluate_analogies(vectors, questions).result()
    right = f"{100 * (answers.total.accuracy or 0):.1f}"
    return [rare, f"{scores[0].composed:,}", similarity, right, _typos_found(vectors)]


def _typos_found(vectors: Embeddings) -> str:
    """The percentage of typos, one letter of a word changed, with the word among the nearest."""
    if vectors.subwords is None:
        return ""
    chooser = random.Random(1)
    words = [w for w in vectors.words[:RANKS] if len(w) >= SHORTEST and set(w) <= set(LETTERS)]
    pairs = []
    for word in chooser.sample(words, min(TYPOS, len(words))):
        place = chooser.randrange(len(word))
        typo = word[:place] + chooser.choice(LETTERS) + word[place + 1 :]
        if typo not in vectors:
            pairs.append((word, typo))
    found = vectors.most_similar_batch([typo for _, typo in pairs], n=NEAREST)
    right = sum(
        word in [near.word for near in some] for (word, _), some in zip(pairs, found, strict=True)
    )
    return f"{100 * right / max(len(pairs), 1):.1f}"


if __name__ == "__main__":
    in_one_line(main)
