"""The torch engine: chunk by chunk, from any state, to vectors as good as the CPU's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch_cases import DEVICES
from training_strategies import small_corpus

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, ResourceError
from wordkit.text import Corpus
from wordkit.word2vec import StartingPoint, Word2VecConfig, start_afresh, torch_engine
from wordkit.word2vec import train_word2vec as train
from wordkit.word2vec.state import Chunk, Engine, Tally, TrainingState
from wordkit.word2vec.torch_engine import TorchEngine
from wordkit.word2vec.weights import Weights

MODELS = [(arch, loss) for arch in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")]
TORCH_DEVICES = ["torch-cpu", *DEVICES[1:]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads wait for each other in steps as small as these."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def chunks_of(corpus: Corpus, number: int = 4, epochs: int = 2) -> list[Chunk]:
    borders = np.linspace(0, corpus.tokens, number + 1, dtype=int).tolist()
    return [
        Chunk(epoch, start, stop, 0.05, 0.04)
        for epoch in range(epochs)
        for start, stop in pairwise(borders)
    ]


def run(engine: Engine, chunks: list[Chunk]) -> list[tuple[Chunk, Tally]]:
    recorded: list[tuple[Chunk, Tally]] = []
    for _ in engine.run(iter(chunks), lambda chunk, tally: recorded.append((chunk, tally))):
        pass
    return recorded


def config_of(**settings: Any) -> Word2VecConfig:
    return Word2VecConfig(**{"dim": 6, "min_count": 1, "sample": 0.05, **settings})


def started_from(start: StartingPoint) -> StartingPoint:
    """The same, with weights of its own."""
    old = start.state.weights
    weights = Weights.copied(old.input, old.output)
    return replace(start, state=TrainingState(weights))


def weights_of(start: StartingPoint) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return start.state.weights.padded_input.copy(), start.state.weights.padded_output.copy()


# --- the protocol of an engine --------------------------------------------------------------------


def test_every_chunk_is_recorded_before_the_next_one_is_taken(corpus: Corpus) -> None:
    config = config_of()
    engine: Engine = TorchEngine(corpus, start_afresh(corpus, config), config, device="cpu")
    chunks, recorded, taken = chunks_of(corpus), [], []

    def handing_out() -> Iterator[Chunk]:
        for chunk in chunks:
            assert recorded == taken
            taken.append(chunk)
            yield chunk

    running = engine.run(handing_out(), lambda chunk, tally: recorded.append(chunk))
    for number, _ in enumerate(running, 1):
        assert recorded == chunks[:number]
        if number == 3:
            break
    running.close()
    assert recorded == taken == chunks[:3]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("arch", "loss"), MODELS)
def test_two_halves_are_a_whole(corpus: Corpus, device: str, arch: str, loss: str) -> None:
    config = config_of(arch=arch, loss=loss)
    chunks = chunks_of(corpus)
    at_once = start_afresh(corpus, config)
    engine = TorchEngine(corpus, at_once, config, device=device)
    tallies = run(engine, chunks)
    engine.fetch()
    halves = start_afresh(corpus, config)
    found = []
    for part in (chunks[:3], chunks[3:]):
        engine = TorchEngine(corpus, halves, config, device=device)
        found += run(engine, part)
        engine.fetch()
        halves = started_from(halves)
    exact = device == "cpu"  # elsewhere sums are added up in any order
    assert [chunk for chunk, _ in found] == chunks
    for (_, tally), (_, expected) in zip(found, tallies, strict=True):
        assert tally.predictions == expected.predictions
        assert tally.loss == pytest.approx(expected.loss, rel=0 if exact else 1e-3)
    for half, whole in zip(weights_of(halves), weights_of(at_once), strict=True):
        np.testing.assert_allclose(half, whole, atol=0 if exact else 1e-3)
    begun = weights_of(start_afresh(corpus, config))
    assert all((now != old).any() for now, old in zip(weights_of(at_once), begun, strict=True))
    assert not at_once.state.weights.padded_input[:, config.dim :].any()


def test_another_seed_gives_other_vectors(corpus: Corpus) -> None:
    ends = []
    for seed in (1, 1, 2):
        config = config_of(seed=seed)
        start = start_afresh(corpus, replace(config, seed=5))
        run(TorchEngine(corpus, start, config, device="cpu"), chunks_of(corpus))
        ends.append(weights_of(start)[0])
    np.testing.assert_array_equal(ends[0], ends[1])
    assert (ends[0] != ends[2]).any()


def test_weights_come_back_from_the_device(corpus: Corpus) -> None:
    """On the CPU there is only one copy, so another device is played by a second one."""
    config = config_of()
    start = start_afresh(corpus, config)
    engine = TorchEngine(corpus, start, config, device="cpu")
    engine._inputs.weights = torch.full_like(engine._inputs.weights, 2)
    engine._outputs.weights = torch.full_like(engine._outputs.weights, 3)
    engine.fetch()
    assert (start.state.weights.input == 2).all()
    assert (start.state.weights.output == 3).all()


def test_what_there_is_to_predict_is_counted(corpus: Corpus) -> None:
    """Without chance: 12 words a line, window 2: 42 pairs and 12 centres a line."""
    lines = corpus.sentences
    for arch, count in (("skipgram", 42 * lines), ("cbow", 12 * lines)):
        config = config_of(arch=arch, window=2, dynamic_window=False, sample=0)
        engine = TorchEngine(corpus, start_afresh(corpus, config), config, device="cpu")
        [(_, tally)] = run(engine, [Chunk(0, 0, corpus.tokens, 1e-9, 1e-9)])
        assert tally.predictions == count
        # At first all outputs are zero: log 2 for the right word and for each negative.
        assert tally.loss == pytest.approx(count * 6 * np.log(2), rel=1e-5)


@pytest.mark.parametrize(("arch", "loss"), MODELS)
def test_nothing_to_predict(arch: str, loss: str) -> None:
    corpus = Corpus.from_sentences([["a"], ["b"], ["rare"], ["a"], ["b"], []])
    config = config_of(arch=arch, loss=loss, min_count=2, sample=0)
    engine = TorchEngine(corpus, start_afresh(corpus, config), config, device="cpu")
    chunks = [Chunk(0, 0, 5, 0.1, 0.1), Chunk(0, 2, 3, 0.1, 0.1), Chunk(0, 5, 5, 0.1, 0.1)]
    assert run(engine, chunks) == [(chunk, Tally(0.0, 0)) for chunk in chunks]


def test_the_learning_rate_falls_within_a_chunk(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_engine, "_FEWEST_STEPS", 8)
    config = config_of(epochs=1, sample=0)
    engine = TorchEngine(corpus, start_afresh(corpus, config), config, device="cpu")
    rates: list[float] = []
    step = engine._architecture.step

    def watched(blocks: Any, negatives: Any, loss: Any, lr: float) -> Any:
        rates.append(lr)
        return step(blocks, negatives, loss, lr)

    monkeypatch.setattr(engine._architecture, "step", watched)
    run(engine, [Chunk(0, 0, corpus.tokens, 0.9, 0.1)])
    assert 8 <= len(rates) <= 9
    np.testing.assert_allclose(np.diff(rates), -0.8 / len(rates))
    assert rates[0] + rates[-1] == pytest.approx(1)


# --- the size of what is done together ------------------------------------------------------------


def size_of_batch(corpus: Corpus, **settings: Any) -> int:
    config = config_of(**settings)
    engine = TorchEngine(corpus, start_afresh(corpus, config), config, device="cpu")
    return engine._blocks * engine._loss.centres_in_block


def test_a_small_corpus_gets_small_batches(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    assert size_of_batch(corpus) == 64
    monkeypatch.setattr(torch_engine, "_FEWEST_STEPS", 5)
    steps = 5 * corpus.tokens / size_of_batch(corpus, sample=0)
    assert 5 <= steps < 5.1
    assert size_of_batch(corpus, sample=1e-3) < size_of_batch(corpus, sample=0)
    monkeypatch.setattr(torch_engine, "_FEWEST_STEPS", 0.001)
    assert size_of_batch(corpus) == 1 << 14


def test_wide_windows_get_small_batches_and_chunks(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_engine, "_FEWEST_STEPS", 0.001)
    config = config_of(window=1000, negative=1000)
    engine = TorchEngine(corpus, start_afresh(corpus, config), config, device="cpu")
    assert engine._blocks * 2016 * 1016 <= 1 << 25
    assert engine.chunk_tokens * 2016 <= 1 << 26
    tallies = run(engine, [Chunk(0, 0, 600, 0.05, 0.05)])
    assert tallies[0][1].predictions > 0


# --- devices --------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_such_device(corpus: Corpus) -> None:
    start = start_afresh(corpus, config_of())
    with pytest.raises(ResourceError, match="cuda was asked for"):
        TorchEngine(corpus, start, config_of(), device="cuda")
    with pytest.raises(ConfigError, match="device must be one of"):
        TorchEngine(corpus, start, config_of(), device="tpu")


def test_too_little_memory_on_the_device(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "choose_device", lambda device: device)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 << 30, 8 << 30))
    start = start_afresh(corpus, config_of())
    with pytest.raises(ResourceError, match=r"need 2\.0 GiB on the device, and 1\.0 GiB are free"):
        TorchEngine(corpus, start, config_of(), device="cuda")


def test_the_device_runs_out_of_memory(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TorchEngine(corpus, start_afresh(corpus, config_of()), config_of(), device="cpu")

    def failing(chunk: Chunk) -> Tally:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. Etc.")

    monkeypatch.setattr(engine, "_train", failing)
    with pytest.raises(ResourceError, match="CUDA out of memory; lower window"):
        run(engine, chunks_of(corpus))


# --- quality --------------------------------------------------------------------------------------


TOPICS = ("apple pear plum cherry grape", "hammer saw drill chisel wrench", "oak elm ash fir birch")


def topical_corpus() -> Corpus:
    """Lines of ten words, each of one topic, with words that are common to all."""
    random = np.random.default_rng(0)
    topics = [topic.split() for topic in TOPICS]
    common = ["the", "of", "and", "to", "a", "in", "is"]
    lines = []
    for number in range(600):
        words = [*random.choice(topics[number % 3], 6), *random.choice(common, 4)]
        lines.append([str(word) for word in random.permutation(words)])
    return Corpus.from_sentences(lines)


def right_neighbours(embeddings: Embeddings) -> float:
    """The share of the four nearest words of each that are of the same topic."""
    right = 0
    for topic in TOPICS:
        for word in topic.split():
            near = embeddings.most_similar(word, n=4)
            right += sum(neighbour.word in topic.split() for neighbour in near)
    return right / 60


@pytest.mark.parametrize("device", TORCH_DEVICES)
@pytest.mark.parametrize(("arch", "loss"), MODELS)
def test_words_of_a_topic_are_found(device: str, arch: str, loss: str) -> None:
    config = config_of(arch=arch, loss=loss, dim=10, sample=0, epochs=10, lr=0.1)
    embeddings = train(topical_corpus(), config, device=device).result()
    assert right_neighbours(embeddings) > 0.95


@pytest.mark.parametrize("device", TORCH_DEVICES)
@pytest.mark.parametrize(("arch", "loss"), MODELS)
def test_the_loss_is_that_of_the_fast_loops(
    corpus: Corpus, device: str, arch: str, loss: str
) -> None:
    config = config_of(arch=arch, loss=loss, epochs=8, lr=0.05)
    figures = []
    for chosen in ("cpu", device):
        run = train(corpus, config, device=chosen, threads=1)
        figures.append([report.figures["loss"] for report in run][-1])
    assert figures[1] == pytest.approx(figures[0], rel=0.03)
