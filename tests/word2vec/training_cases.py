"""Trainings for tests: texts of two topics, an engine that only pretends, states for hypothesis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wordkit.embeddings import Embeddings
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import Checkpoint, TrainingState, Word2VecConfig, iter_train_word2vec
from wordkit.word2vec.engine import Chunk
from wordkit.word2vec.state import LossSum
from wordkit.word2vec.weights import Weights, output_rows

SMALL = Word2VecConfig(arch="skipgram", dim=16, epochs=3, sample=0, vectors="in")
KINDS = ("fish", "tree")


def topics(lines: int = 1200, seed: int = 0) -> list[list[str]]:
    """Sentences of two kinds, so that words of a kind occur with each other."""
    chooser = np.random.default_rng(seed)
    words = {kind: [f"{kind}{i}" for i in range(20)] for kind in KINDS}
    common = [f"common{i}" for i in range(8)]
    return [
        [str(chooser.choice(words[KINDS[n % 2]] if chooser.random() < 0.7 else common))
         for _ in range(12)]
        for n in range(lines)
    ]  # fmt: skip


def settings(**changes: Any) -> Word2VecConfig:
    return Word2VecConfig(**{**vars(SMALL), **changes})


def train(corpus: Corpus, *, threads: int = 1, **changes: Any) -> Embeddings:
    return iter_train_word2vec(corpus, settings(**changes), threads=threads).result()


def of_a_kind(vectors: Embeddings, kind: str) -> int:
    """How many of the 19 words next to one of a kind are the others of its kind."""
    nearest = [word for word, _ in vectors.most_similar(f"{kind}3", n=19)]
    return sum(word.startswith(kind) for word in nearest)


def no_threads() -> bool:
    return not any(thread.name.startswith("wordkit-word2vec") for thread in threading.enumerate())


# --- an engine -----------------------------------------------------------------------------------


class FakeEngine:
    """Its updates depend on each chunk and on all before."""

    name = "a fake"
    packages: tuple[str, ...] = ("numpy", "numba")
    chunk_tokens, threads = 1000, 1
    figures: Mapping[str, float] = {}

    def __init__(self, state: TrainingState, config: Word2VecConfig) -> None:
        self.weights = state.weights
        self.seed = config.seed
        self.fetched = 0
        self.matrices = state.weights.input, state.weights.output

    def prepare(self) -> None:
        pass

    def run(
        self, chunks: Iterator[Chunk], record: Callable[[Chunk, LossSum], None]
    ) -> Iterator[None]:
        for chunk in chunks:
            random = np.random.default_rng([self.seed, chunk.epoch, chunk.start])
            for matrix in (self.weights.input, self.weights.output):
                matrix += random.standard_normal(matrix.shape, np.float32) * chunk.start_lr
                matrix *= 0.99
            record(chunk, LossSum(random.random() * chunk.tokens, chunk.tokens))
            yield

    def fetch(self) -> None:
        self.fetched += 1


# --- states --------------------------------------------------------------------------------------

WORDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1, max_size=4
)
VALUES = st.floats(min_value=-(2.0**60), max_value=2.0**60, width=32)  # -0.0 and subnormals too
AMOUNTS = st.floats(min_value=0, max_value=1e300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def vocabularies(draw: st.DrawFn, least: int = 2) -> Vocabulary:
    words = draw(st.lists(WORDS, min_size=least, max_size=7, unique=True))
    counts = st.lists(st.integers(0, 1000), min_size=len(words), max_size=len(words))
    return Vocabulary(words, sorted(draw(counts), reverse=True))


@st.composite
def configs(draw: st.DrawFn) -> Word2VecConfig:
    loss = draw(st.sampled_from(["ns", "hs", "softmax"]))
    return Word2VecConfig(
        arch=draw(st.sampled_from(["cbow", "skipgram"])),
        loss=loss,
        dim=draw(st.sampled_from([1, 2, 15, 16, 17])),
        dynamic_window=draw(st.booleans()),
        ns_exponent=draw(st.floats(-10, 10)) if loss == "ns" else 0.75,
        sample=draw(st.floats(0, 1)),
        max_vocabulary=draw(st.none() | st.integers(2, 10**9)),
        epochs=draw(st.integers(1, 9)),
        lr=draw(st.none() | st.floats(1e-3, 1)),
        vectors="in" if loss == "hs" else draw(st.sampled_from(["in", "out", "sum"])),
        seed=draw(st.integers(0, 2**70)),
    )


@st.composite
def states(draw: st.DrawFn, config: Word2VecConfig, tokens: int = 0) -> TrainingState:
    vocabulary = draw(vocabularies())
    V, epoch = len(vocabulary), draw(st.integers(0, config.epochs))
    rows = V, output_rows(V, config)
    matrices = [draw(hnp.arrays(np.float32, (n, config.dim), elements=VALUES)) for n in rows]
    kept = draw(st.integers(0, V))
    return TrainingState(
        vocabulary,
        Weights.copied(*matrices),
        kept,
        V - kept,
        epoch,
        0 if epoch == config.epochs else draw(st.integers(0, tokens)),
        LossSum(draw(AMOUNTS), draw(st.integers(0, 2**70))),
        draw(AMOUNTS),
    )


@st.composite
def checkpoints(draw: st.DrawFn) -> Checkpoint:
    config, tokens = draw(configs()), draw(st.integers(0, 10**12))
    text = {"fingerprint": draw(st.text(max_size=8)), "tokens": tokens, "sentences": 9}
    text["settings"] = draw(st.dictionaries(st.text(max_size=3), JSON, max_size=3))
    return Checkpoint(config, draw(states(config, tokens)), text)


def small_corpus(lines: int = 300, seed: int = 0) -> Corpus:
    """Lines of words w0, w1, …, the first ones the most frequent."""
    ids = np.random.default_rng(seed).geometric(0.1, (lines, 12)) - 1
    return Corpus.from_sentences([f"w{i}" for i in line] for line in ids.tolist())
