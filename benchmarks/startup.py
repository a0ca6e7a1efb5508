"""Time of a command, as a whole process.

    python benchmarks/startup.py

`wordkit similar car` on a native file of 80,000 words and 100 dimensions, beside gensim doing the
same on its own file, and beside the interpreter that starts and imports NumPy; then the same
question inside a process that has the vectors already.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import alternate, describe, heading, row, table

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings


def process(*arguments: str) -> Callable[[], object]:
    """A job that runs a process and waits for it."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Make the files, then time the processes in turns."""
    print(describe())
    words = ["car", *(f"word{i}" for i in range(79_999))]
    vectors = np.random.default_rng(1).standard_normal((len(words), 100), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        native, other = Path(folder) / "v.safetensors", Path(folder) / "v.kv"
        save_embeddings(Embeddings(words, vectors), native)
        jobs = {
            "python -c pass": process("-c", "pass"),
            "python -c 'import numpy'": process("-c", "import numpy"),
            "wordkit --help": process("-m", "wordkit_cli", "--help"),
            "wordkit similar car": process(
                "-m", "wordkit_cli", "similar", "car", "--model", str(native)
            ),
        }
        try:
            from gensim.models import KeyedVectors
        except ImportError:
            print("gensim is not installed: left out")
        else:
            peer = KeyedVectors(100)
            peer.add_vectors(words, vectors)
            peer.fill_norms()
            peer.save(str(other))
            jobs["gensim most_similar"] = process(
                "-c",
                "from gensim.models import KeyedVectors as K\n"
                f"print(K.load({str(other)!r}, mmap='r').most_similar('car'))",
            )
        seconds = alternate(jobs, 7)
        print(table(seconds, reference="wordkit similar car"))
        print("\nThe ten nearest of 80,000 words inside a process, for each of 100 words:\n")
        mine = load_embeddings(native)
        questions = {"wordkit most_similar": lambda: [mine.most_similar(w) for w in words[:100]]}
        if "gensim most_similar" in jobs:
            questions["gensim most_similar"] = lambda: [peer.most_similar(w) for w in words[:100]]
        for question in questions.values():
            question()  # the first loads what it needs
        asked = alternate(questions, 5)
    print(heading(["", "median, a question"]))
    for name, timing in asked.items():
        print(row([name, f"{10 * timing.median:.2f} ms"]))


if __name__ == "__main__":
    main()
