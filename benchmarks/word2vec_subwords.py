"""Word vectors with subwords: wordkit and gensim's FastText on the same text, at the same settings.

    python benchmarks/word2vec_subwords.py [--epochs N] [--threads N] [--limit LINES] [--alone]

Speed, Spearman's correlation on rare words (Luong, Socher and Manning 2013) with no pair left out
and on WordSim-353, analogies, and how often a word is among the ten nearest to a typo of it.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

from gensim.models import FastText
from machine import counted, heading, in_one_line, row
from word2vec_text import DATA, MIN_COUNT, Text, enwiki, introduction
from word2vec_wordkit import compile_kernels, train

from wordkit.embeddings import Embeddings
from wordkit.embeddings.composition import Subwords
from wordkit.evaluation import evaluate_similarity, iter_evaluate_analogies
from wordkit.text.subwords import NGrams
from wordkit.word2vec import Word2VecConfig
from wordkit.word2vec.config import Arch
from wordkit_corpora.evaluation_sets import read_analogies, read_word_pairs

SETS = ("EN-RW-STANFORD.txt", "EN-WS-353-ALL.txt")
TYPOS, SHORTEST, RANKS = 1000, 6, 20_000  # of words of so many letters, among the most frequent
NEAREST = 10
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LR = 0.05  # of fastText, for both architectures


def main() -> None:
    """Train, score, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="lines of the text, from its start")
    parser.add_argument("--alone", action="store_true", help="without gensim")
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
        settings = {"min_count": MIN_COUNT, "epochs": options.epochs}
        for subwords in (None, "3-6"):
            config = Word2VecConfig(arch, subwords=subwords, vectors="in", **settings)
            compile_kernels([config])
            vectors, seconds = train(text.corpus, config, threads=options.threads)
            yield f"{arch}, wordkit{', words alone' if subwords is None else ''}", vectors, seconds
        if not options.alone:
            yield f"{arch}, gensim's FastText", *_gensim(text, arch, options)


def _gensim(text: Text, arch: str, options: argparse.Namespace) -> tuple[Embeddings, float]:
    model = FastText(
        vector_size=100, window=5, min_count=MIN_COUNT, workers=options.threads, negative=5,
        sg=int(arch == "skipgram"), sample=1e-3, alpha=LR, epochs=options.epochs, seed=1,
    )  # fmt: skip
    model.build_vocab(corpus_file=str(text.tokens()))
    began = time.perf_counter()
    model.train(
        corpus_file=str(text.tokens()), total_words=text.corpus.tokens, epochs=options.epochs
    )
    seconds = time.perf_counter() - began
    subwords = Subwords(NGrams(3, 6, 2_000_000), model.wv.vectors_ngrams)
    return Embeddings(model.wv.index_to_key, model.wv.vectors, subwords=subwords), seconds


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
    in_one_line(main, needs="gensim")
