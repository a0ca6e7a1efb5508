"""Time of a process to read vectors, and to answer a query: wordkit, gensim, NumPy.

    python benchmarks/reading_vectors.py [--words 80000] [--dim 100] [--rounds 5]

Every job is a whole process, started anew, with the file in the page cache. The first start of
wordkit compiles its reader of text and keeps it; that start is not counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import alternate, describe, in_one_line, table

from wordkit.embeddings import Embeddings, save_embeddings

WORDKIT = "from wordkit.embeddings import load_embeddings; v = load_embeddings({path!r})"
GENSIM = "from gensim.models import KeyedVectors as K; v = K.load_word2vec_format({path!r}, {how})"
QUERY = "; print(v.most_similar('w100')[0])"


def process(code: str) -> Callable[[], object]:
    """A job that runs code in a new Python process."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def main() -> None:
    """Write the files, run the jobs, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=80_000)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(describe(), end="\n\n")
    rng = np.random.default_rng(0)
    vectors = 0.1 * rng.standard_normal((options.words, options.dim), dtype=np.float32)
    embeddings = Embeddings([f"w{i}" for i in range(options.words)], vectors)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: str(Path(folder) / f"v{name}") for name in (".txt", ".bin", ".safetensors")}
        for path in paths.values():
            save_embeddings(embeddings, path)
        for suffix, how in ((".txt", "binary=False"), (".bin", "binary=True")):
            ours = process(WORDKIT.format(path=paths[suffix]))
            ours()
            theirs = process(GENSIM.format(path=paths[suffix], how=how))
            print(f"Reading {options.words} x {options.dim} from word2vec's {suffix}:\n")
            timings = alternate({"wordkit": ours, "gensim": theirs}, options.rounds)
            print(table(timings, reference="gensim"), end="\n\n")
        jobs = {
            "wordkit, native file": WORDKIT.format(path=paths[".safetensors"]) + QUERY,
            "gensim, binary file": GENSIM.format(path=paths[".bin"], how="binary=True") + QUERY,
            "import numpy alone": "import numpy",
        }
        print("Ten nearest words to one word:\n")
        timings = alternate({name: process(code) for name, code in jobs.items()}, options.rounds)
        print(table(timings, reference="gensim, binary file"))


if __name__ == "__main__":
    in_one_line(main, needs="gensim")
