"""word2vec on a GPU through torch: words a second over dimensions and epochs, and the scores.

    python benchmarks/word2vec_device.py [--device cuda] [--arch skipgram cbow] [--dim 100 300]
        [--epochs 1 5] [--times 16] [--limit LINES]

The text is that of shared/data/enwiki-2018; a GPU is through with it in less than a second, so
its speed is also measured on the same text so many times over (--times). The time is that of the
whole training, from vectors in memory to vectors in memory; the last column of the speeds leaves
out what comes before the first chunk is done, such as building the table to draw negatives from.
The device ``torch-cpu`` shows that all works where there is no GPU.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from machine import heading, in_one_line, row
from word2vec_scores import SETS, EvaluationSets
from word2vec_text import DATA, MIN_COUNT, Text, enwiki, introduction, write_repeated
from word2vec_wordkit import compile_kernels

from wordkit.embeddings import Embeddings
from wordkit.runtime import choose_device
from wordkit.text import Corpus
from wordkit.word2vec import Word2VecConfig, iter_train_word2vec, start_afresh
from wordkit.word2vec.config import Arch
from wordkit.word2vec.engine import DEVICES

GOAL = 30_000_000  # words a second on a device of the class of an H200


@dataclass(frozen=True)
class Training:
    """The result of a training, and its time."""

    vectors: Embeddings
    words: int
    """Tokens gone through, those that were skipped included."""

    seconds: float
    steady: float
    """Words a second, from the end of the first chunk to that of the last."""

    @property
    def speed(self) -> float:
        """Words a second."""
        return self.words / self.seconds


def train(corpus: Corpus, config: Word2VecConfig, device: str) -> Training:
    """Train, and look at the clock with each report."""
    start = start_afresh(corpus, config)
    times: list[tuple[float, int]] = []
    began = time.perf_counter()
    run = iter_train_word2vec(corpus, config, start=start, device=device)
    for report in run:
        if report.done and (not times or report.done > times[-1][1]):
            times.append((time.perf_counter(), report.done))
    vectors = run.result()
    seconds = time.perf_counter() - began
    (first, some), (last, words) = times[0], times[-1]
    steady = (words - some) / (last - first) if last > first else words / seconds
    return Training(vectors, words, seconds, steady)


def parse() -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--arch", nargs="+", choices=["skipgram", "cbow"], default=["skipgram"])
    parser.add_argument("--dim", nargs="+", type=int, default=[100, 300])
    parser.add_argument("--epochs", nargs="+", type=int, default=[1, 5])
    parser.add_argument("--times", type=int, default=16, help="repeat the text; 0: do not")
    parser.add_argument("--limit", type=int, help="take so many lines of the text")
    parser.add_argument("--data", type=Path, default=DATA, help="where the texts lie")
    return parser.parse_args()


def name_of(device: str) -> str:
    """The device, for people."""
    if device == "auto":
        device = choose_device("auto")
    if device == "cuda":
        import torch

        return f"cuda: {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    return device


def config_of(arch: Arch, dim: int, epochs: int) -> Word2VecConfig:
    """The settings that are measured."""
    return Word2VecConfig(arch=arch, dim=dim, epochs=epochs, min_count=MIN_COUNT)


def quality(text: Text, options: argparse.Namespace) -> None:
    """Speed and scores on the text."""
    sets = EvaluationSets(options.data)
    print(heading(["model", "dim", "epochs", "seconds", "words/s", "after the start", *SETS]))
    for arch in options.arch:
        for dim in options.dim:
            for epochs in options.epochs:
                training = train(text.corpus, config_of(arch, dim, epochs), options.device)
                percent, _ = sets.score(training.vectors)
                cells = [f"{percent[name]:.1f}" for name in SETS]
                print(row([arch, dim, epochs, *_speeds(training), *cells]), flush=True)


def speed(text: Text, options: argparse.Namespace) -> None:
    """Speed on the text many times over."""
    folder = text.folder / "repeated.ids"
    write_repeated(text.corpus, options.times, folder)
    corpus = Corpus.open(folder)
    print(f"\nthe text {options.times} times over: {corpus.tokens:,} tokens, 1 epoch\n")
    print(heading(["model", "dim", "seconds", "words/s", "after the start", "goal"]))
    for arch in options.arch:
        for dim in options.dim:
            training = train(corpus, config_of(arch, dim, 1), options.device)
            goal = f"{GOAL:,}" if dim == 100 else ""
            print(row([arch, dim, *_speeds(training), goal]), flush=True)


def _speeds(training: Training) -> list[str]:
    return [f"{training.seconds:.2f}", f"{training.speed:,.0f}", f"{training.steady:,.0f}"]


def main() -> None:
    """Print both tables."""
    options = parse()
    name = name_of(options.device)
    for arch in options.arch:  # whatever is loaded or compiled once
        compile_kernels([config_of(arch, dim, 1) for dim in options.dim], device=options.device)
    with enwiki(options.data, options.limit) as text:
        print(introduction(text, f"device {name}", "window 5", "5 negatives", "sample 1e-3"))
        quality(text, options)
        if options.times:
            speed(text, options)


if __name__ == "__main__":
    in_one_line(main)
