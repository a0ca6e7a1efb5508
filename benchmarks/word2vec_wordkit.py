"""wordkit's word2vec, timed; as a script, one training in a process of its own.

    python benchmarks/word2vec_wordkit.py FOLDER SETTINGS [VECTORS]

The script trains on a prepared corpus, with the settings and ``threads`` in a JSON object, and
prints another one: the ``seconds`` that the training took. The vectors are written if a file is
named. Of several processes under torchrun the first prints and writes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, replace

from machine import run_process

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.runtime import torchrun_number
from wordkit.text import Corpus
from wordkit.word2vec import Word2VecConfig, iter_train_word2vec, start_afresh

__all__ = ["compile_kernels", "train", "train_in_processes"]


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


def train_in_processes(
    corpus: Corpus, config: Word2VecConfig, *, threads: int, processes: int
) -> tuple[Embeddings, float]:
    """Train a prepared corpus in processes that torchrun starts, as :func:`train` does in one."""
    settings = json.dumps({**asdict(config), "threads": threads})
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/vectors.safetensors"
        command = [sys.executable, *run, __file__, str(corpus.folder), settings, output]
        process = run_process(command)
        vectors = load_embeddings(output)
    return vectors, float(json.loads(process.output)["seconds"])


def main() -> None:
    """Train once."""
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    settings = json.loads(sys.argv[2])
    threads = settings.pop("threads")
    config = Word2VecConfig(**settings)
    compile_kernels([config])
    vectors, seconds = train(Corpus.open(sys.argv[1]), config, threads=threads)
    if torchrun_number("RANK", 0) == 0:
        for output in sys.argv[3:]:
            save_embeddings(vectors, output)
        print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
