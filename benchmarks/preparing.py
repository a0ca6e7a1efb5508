"""Text to ids: wordkit's prepare against the plain Python way, on the same two cores.

    python benchmarks/preparing.py [TEXT]

The plain way is a regular expression for the tokens, a Counter for the vocabulary and a dictionary
for the ids; it is run on one core, because that is what it can use. Both give identical words,
counts, ids and sentences, which is checked.
"""

from __future__ import annotations

import array
import gzip
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from machine import alternate, describe, table

from wordkit.text import Corpus, get_tokenizer, prepare
from wordkit_corpora.plaintext import open_text

ENWIKI = Path(__file__).resolve().parents[2] / "shared/data/enwiki-2018/enwiki-2018.txt.gz"


def plain_way(path: Path) -> tuple[list[str], list[int], np.ndarray, np.ndarray]:
    """Words, counts, ids and offsets, as one would write it in an afternoon."""
    tokenize = get_tokenizer("basic").function
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        counts: Counter[str] = Counter()
        for line in file:
            counts.update(tokenize(line))
    most_common = counts.most_common()
    ids_of = {word: i for i, (word, _) in enumerate(most_common)}
    ids, offsets = array.array("i"), array.array("q", [0])
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            tokens = tokenize(line)
            if tokens:
                ids.extend([ids_of[token] for token in tokens])
                offsets.append(len(ids))
    words = [word for word, _ in most_common]
    return words, [n for _, n in most_common], np.array(ids), np.array(offsets)


def main() -> None:
    """Check that both agree, then time them in turns."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ENWIKI
    print(describe())
    with tempfile.TemporaryDirectory() as folder:

        def wordkit() -> Corpus:
            return prepare(open_text([path]), Path(folder) / "corpus.ids").result()

        began = time.perf_counter()
        corpus = wordkit()
        first = time.perf_counter() - began
        words, counts, ids, offsets = plain_way(path)
        assert list(corpus.vocabulary.words) == words
        assert corpus.vocabulary.counts.tolist() == counts
        assert np.array_equal(corpus.ids, ids)
        assert np.array_equal(corpus.offsets, offsets)
        print(f"{path.name}: {corpus.tokens:,} tokens of {len(words):,} words; identical output")
        seconds = alternate({"plain Python": lambda: plain_way(path), "wordkit": wordkit}, 3)
    print(table(seconds, reference="plain Python"))
    print(f"\n{corpus.tokens / seconds['wordkit'].median:,.0f} tokens/s")
    print(f"(its first run, with the imports and the loading of kernels: {first:.2f} s)")


if __name__ == "__main__":
    main()
