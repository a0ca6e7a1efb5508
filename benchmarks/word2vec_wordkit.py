"""wordkit's word2vec, timed; as a script, one training in a process of its own.

    python benchmarks/word2vec_wordkit.py FOLDER SETTINGS

The script trains on a prepared corpus, with the settings and ``threads`` in a JSON object, and
prints another one: the ``seconds`` that the training took.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import replace

from wordkit.embeddings import Embeddings
from wordkit.text import Corpus
from wordkit.word2vec import Word2VecConfig, iter_train_word2vec, start_afresh

__all__ = ["compile_kernels", "train"]


def compile_kernels(configs: Iterable[Word2VecConfig], *, device: str = "cpu") -> None:
    """Train on a few words, so that nothing is left to compile or to load."""
    corpus = Corpus.from_sentences([[f"w{i * j % 31}" for i in range(20)] for j in range(1, 50)])
    for config in configs:
        small = replace(config, min_count=1, max_vocabulary=None, epochs=1)
        iter_train_word2vec(corpus, small, device=device).result()


def train(
    corpus: Corpus, config: Word2VecConfig, *, threads: int, device: str = "cpu"
) -> tuple[Embeddings, float]:
    """Vectors, and the seconds from random vectors to them.

    Raises:
        DivergenceError: the learning rate is too high.
    """
    start = start_afresh(corpus, config)
    began = time.perf_counter()
    run = iter_train_word2vec(corpus, config, start=start, device=device, threads=threads)
    vectors = run.result()
    return vectors, time.perf_counter() - began


def main() -> None:
    """Train once."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    settings = json.loads(sys.argv[2])
    threads = settings.pop("threads")
    config = Word2VecConfig(**settings)
    compile_kernels([config])
    _, seconds = train(Corpus.open(sys.argv[1]), config, threads=threads)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
