"""Text to ids: wordkit's prepare against the plain Python way, on the same two cores.

    python benchmarks/preparing.py [TEXT]

The plain way is a regular expression for the tokens, a Counter for the vocabulary and a dictionary
for the ids, which reads the text twice; the thrifty way numbers the words as they come and reads it
once. Both run on one core, because that is what they can use. All give identical words, counts, ids
and sentences, which is checked.

Then whole processes on the text without its compression, from the start of the interpreter to its
end: ``wordkit prepare`` and the plainest program, which holds the text in memory.
"""

from __future__ import annotations

import array
import gzip
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import alternate, describe, table

from wordkit.text import Corpus, get_tokenizer, iter_prepare
from wordkit_corpora.plaintext import open_text

ENWIKI = Path(__file__).resolve().parents[2] / "shared/data/enwiki-2018/enwiki-2018.txt.gz"

PROGRAM = r"""
import array, re, sys
from collections import Counter

with open(sys.argv[1], encoding="utf-8") as file:
    tokens = re.findall(r"\w+|[^\w\s]", file.read().lower())
ids = {word: id for id, (word, _) in enumerate(Counter(tokens).most_common())}
with open(sys.argv[2], "wb") as file:
    array.array("i", map(ids.__getitem__, tokens)).tofile(file)
"""


def plain_way(path: Path) -> tuple[list[str], list[int], np.ndarray, np.ndarray]:
    """Words, counts, ids and offsets, as one would write it in an afternoon."""
    tokenize = get_tokenizer("basic")
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


def thrifty_way(path: Path) -> tuple[list[str], list[int], np.ndarray, np.ndarray]:
    """The same with one reading: words are numbered as they come, and renumbered at the end."""
    tokenize = get_tokenizer("basic")
    numbers: dict[str, int] = {}
    ids, offsets = array.array("i"), array.array("q", [0])
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            tokens = tokenize(line)
            if tokens:
                ids.extend([numbers.setdefault(token, len(numbers)) for token in tokens])
                offsets.append(len(ids))
    counts = np.bincount(ids)
    order = np.argsort(-counts, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    words = list(numbers)
    return [words[i] for i in order], counts[order].tolist(), places[ids], np.array(offsets)


def main() -> None:
    """Check that both agree, then time them in turns."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ENWIKI
    if not path.exists():
        sys.exit(f"there is no {path}; name a text to read")
    print(describe())
    with tempfile.TemporaryDirectory() as folder:

        def wordkit() -> Corpus:
            return iter_prepare(open_text([path]), Path(folder) / "corpus.ids").result()

        began = time.perf_counter()
        corpus = wordkit()
        first = time.perf_counter() - began
        for way in (plain_way, thrifty_way):
            words, counts, ids, offsets = way(path)
            assert list(corpus.vocabulary.words) == words
            assert corpus.vocabulary.counts.tolist() == counts
            assert np.array_equal(corpus.ids, ids)
            assert np.array_equal(corpus.offsets, offsets)
        print(f"{path.name}: {corpus.tokens:,} tokens of {len(words):,} words; identical output")
        jobs = {
            "plain Python": lambda: plain_way(path),
            "thrifty Python": lambda: thrifty_way(path),
            "wordkit": wordkit,
        }
        seconds = alternate(jobs, 3)
    print(table(seconds, reference="plain Python"))
    print(f"\n{corpus.tokens / seconds['wordkit'].median:,.0f} tokens/s")
    print(f"(its first run, with the imports and the loading of kernels: {first:.2f} s)")
    processes(path)


def processes(path: Path) -> None:
    """Time whole processes on the plain text, in turns."""
    with tempfile.TemporaryDirectory() as name:
        text = Path(name) / "text.txt"
        with gzip.open(path) as packed, open(text, "wb") as file:
            shutil.copyfileobj(packed, file)

        def process(*arguments: str) -> Callable[[], object]:
            command = [sys.executable, *arguments]
            return lambda: subprocess.run(command, check=True)

        prepare = ["-m", "wordkit_cli", "prepare", str(text), "-o", f"{name}/corpus.ids", "-q"]
        jobs = {
            "the plainest program": process("-c", PROGRAM, str(text), f"{name}/ids"),
            "wordkit prepare": process(*prepare),
        }
        size = text.stat().st_size / 1e6
        seconds = alternate(jobs, 5)
    print(f"\nWhole processes, {size:.0f} MB of text:\n")
    print(table(seconds, reference="the plainest program"))


if __name__ == "__main__":
    main()
