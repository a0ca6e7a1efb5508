"""A query of a native file loads NumPy and nothing else that is large."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from wordkit.embeddings import Embeddings, save_embeddings

HEAVY = ("torch", "nltk", "numba", "scipy", "sklearn", "click", "rich", "matplotlib", "gensim")
CHILD = f"""
import sys
from wordkit.embeddings import load_embeddings, save_embeddings
answer = load_embeddings(sys.argv[1]).most_similar("a")
answer += load_embeddings(sys.argv[2]).analogy("a", "b", "c")
save_embeddings(load_embeddings(sys.argv[2]), sys.argv[2])
print(answer[0].word, *[name for name in {HEAVY!r} if name in sys.modules])
"""


def test_a_query_loads_neither_numba_nor_torch_nor_their_like(tmp_path):
    paths = [str(tmp_path / name) for name in ("v.safetensors", "v.txt")]
    for path in paths:
        save_embeddings(Embeddings(["a", "b", "c"], np.eye(3) + 1), path)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *paths], capture_output=True, text=True, check=True
    )
    assert child.stdout.split() == ["b"]


def test_importing_the_packages_loads_nothing_large():
    code = f"""
import sys
import wordkit.embeddings, wordkit.evaluation, wordkit.text
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "[]"
