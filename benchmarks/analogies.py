"""Time of Google's 19,544 analogies: wordkit against gensim, on the same vectors.

    python benchmarks/analogies.py [--questions FILE] [--vectors FILE] [--words 80000]
        [--dim 100] [--rounds 1]

Without a file, the vectors are random with analogies planted in them, so that a part of the
questions is answered right. Both read the questions and evaluate them in this process. The
accuracies by 3CosAdd have to be the same; where they are not, the benchmark fails.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from machine import alternate, describe, in_one_line, table

from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.evaluation import AnalogySection, iter_evaluate_analogies
from wordkit_corpora.evaluation_sets import read_analogies

RESTRICT = 300_000  # gensim's default
QUESTIONS = (
    Path(__file__).resolve().parents[2] / "shared" / "data" / "evaluation" / "questions-words.txt"
)


def planted(sections: tuple[AnalogySection, ...], words: int, dim: int) -> Embeddings:
    """Random vectors in which d is near c - a + b for many questions (a, b, c, d)."""
    rng = np.random.default_rng(0)
    vectors: dict[str, np.ndarray] = {}
    for section in sections:
        offset = 1.5 * rng.standard_normal(dim)
        for a, b, c, d in section.questions:
            for word, other in ((a, b), (c, d)):
                vectors.setdefault(word.lower(), rng.standard_normal(dim))
                near = vectors[word.lower()] + offset + 0.8 * rng.standard_normal(dim)
                vectors.setdefault(other.lower(), near)
    while len(vectors) < words:
        vectors[f"filler{len(vectors)}"] = 1.7 * rng.standard_normal(dim)
    names = list(vectors)
    order = rng.permutation(len(names))
    matrix = np.array(list(vectors.values()), dtype=np.float32)
    return Embeddings([names[i] for i in order], matrix[order])


def main() -> None:
    """Run both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", default=str(QUESTIONS))
    parser.add_argument("--vectors")
    parser.add_argument("--words", type=int, default=80_000)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    from gensim.models import KeyedVectors

    if not Path(options.questions).is_file():
        raise SystemExit(f"there are no questions in {options.questions}; name them: --questions")
    sections = read_analogies(options.questions)
    if options.vectors:
        embeddings = load_embeddings(options.vectors)
    else:
        embeddings = planted(sections, options.words, options.dim)
    peer = KeyedVectors(embeddings.dim)
    peer.add_vectors(list(embeddings.words), embeddings.vectors.copy())
    accuracies: dict[str, float | None] = {}

    def ours(method: str) -> None:
        asked = read_analogies(options.questions)  # as gensim does in its time
        run = iter_evaluate_analogies(embeddings, asked, method=method, restrict_vocab=RESTRICT)
        accuracies[f"wordkit, {method}"] = run.result().total.accuracy

    def theirs() -> None:
        accuracies["gensim, add"] = peer.evaluate_word_analogies(options.questions, RESTRICT)[0]

    print(describe(), end="\n\n")
    jobs = {
        "wordkit, add": lambda: ours("add"),
        "wordkit, mul": lambda: ours("mul"),
        "gensim, add": theirs,
    }
    print(f"{sum(len(s.questions) for s in sections)} questions, {embeddings!r}:\n")
    print(table(alternate(jobs, options.rounds), reference="gensim, add"), end="\n\n")
    for name, accuracy in accuracies.items():
        print(f"{name}: accuracy {accuracy}")
    if accuracies["wordkit, add"] != accuracies["gensim, add"]:
        raise SystemExit("the accuracies of wordkit and gensim by 3CosAdd are not the same")


if __name__ == "__main__":
    in_one_line(main, needs="gensim")
