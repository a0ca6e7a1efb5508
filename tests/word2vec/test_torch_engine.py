"""The torch engine: chunk by chunk, from any state, to vectors as good as the CPU engine's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch_cases import DEVICES
from training_cases import KINDS, of_a_kind, small_corpus, topics

from wordkit.errors import ResourceError
from wordkit.text import Corpus
from wordkit.word2vec import TrainingState, Word2VecConfig, start_afresh, torch_engine
from wordkit.word2vec import iter_train_word2vec as train
from wordkit.word2vec.engine import Chunk, Engine
from wordkit.word2vec.state import LossSum
from wordkit.word2vec.torch_engine import TorchEngine
from wordkit.word2vec.weights import Weights

models = pytest.mark.parametrize(
    ("arch", "loss"),
    [(arch, loss) for arch in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")],
)


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


def run(engine: Engine, chunks: list[Chunk]) -> list[tuple[Chunk, LossSum]]:
    recorded: list[tuple[Chunk, LossSum]] = []
    for _ in engine.run(iter(chunks), lambda chunk, loss_sum: recorded.append((chunk, loss_sum))):
        pass
    return recorded


def config_of(**settings: Any) -> Word2VecConfig:
    return Word2VecConfig(**{"dim": 6, "min_count": 1, "sample": 0.05, **settings})


def engine_of(corpus: Corpus, **settings: Any) -> TorchEngine:
    config = config_of(**settings)
    return TorchEngine(corpus, start_afresh(corpus, config), config, device="cpu")


def weights_of(state: TrainingState) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return state.weights.padded_input.copy(), state.weights.padded_output.copy()


# --- the protocol of an engine --------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@models
def test_two_halves_are_a_whole(corpus: Corpus, device: str, arch: str, loss: str) -> None:
    config = config_of(arch=arch, loss=loss)
    chunks = chunks_of(corpus)
    at_once = start_afresh(corpus, config)
    engine = TorchEngine(corpus, at_once, config, device=device)
    loss_sums = run(engine, chunks)
    engine.fetch()
    halves = start_afresh(corpus, config)
    found = []
    for part in (chunks[:3], chunks[3:]):
        engine = TorchEngine(corpus, halves, config, device=device)
        found += run(engine, part)
        engine.fetch()
        old = halves.weights
        halves = replace(halves, weights=Weights.copied(old.input, old.output))
    exact = device == "cpu"  # elsewhere sums are added up in any order
    assert [chunk for chunk, _ in found] == chunks
    for (_, loss_sum), (_, expected) in zip(found, loss_sums, strict=True):
        assert loss_sum.predictions == expected.predictions
        assert loss_sum.loss == pytest.approx(expected.loss, rel=0 if exact else 1e-3)
    for half, whole in zip(weights_of(halves), weights_of(at_once), strict=True):
        np.testing.assert_allclose(half, whole, atol=0 if exact else 1e-3)
    begun = weights_of(start_afresh(corpus, config))
    assert all((now != old).any() for now, old in zip(weights_of(at_once), begun, strict=True))
    assert not at_once.weights.padded_input[:, config.dim :].any()


def test_weights_come_back_from_the_device(corpus: Corpus) -> None:
    """On the CPU there is only one copy, so another device is played by a second one."""
    state = start_afresh(corpus, config_of())
    engine = TorchEngine(corpus, state, config_of(), device="cpu")
    engine._inputs.weights = torch.full_like(engine._inputs.weights, 2)
    engine._outputs.weights = torch.full_like(engine._outputs.weights, 3)
    engine.fetch()
    assert (state.weights.input == 2).all() and (state.weights.output == 3).all()


def test_predictions_are_counted(corpus: Corpus) -> None:
    """Without chance: 12 words a line, window 2: 42 pairs and 12 centres a line."""
    for arch, count in (("skipgram", 42 * corpus.sentences), ("cbow", 12 * corpus.sentences)):
        engine = engine_of(corpus, arch=arch, window=2, dynamic_window=False, sample=0)
        [(_, loss_sum)] = run(engine, [Chunk(0, 0, corpus.tokens, 1e-9, 1e-9)])
        assert loss_sum.predictions == count
        # At first all outputs are zero: log 2 for the centre and for each negative.
        assert loss_sum.loss == pytest.approx(count * 6 * np.log(2), rel=1e-5)


@models
def test_nothing_to_predict(arch: str, loss: str) -> None:
    corpus = Corpus.from_sentences([["a"], ["b"], ["rare"], ["a"], ["b"], []])
    engine = engine_of(corpus, arch=arch, loss=loss, min_count=2, sample=0)
    chunks = [Chunk(0, 0, 5, 0.1, 0.1), Chunk(0, 2, 3, 0.1, 0.1), Chunk(0, 5, 5, 0.1, 0.1)]
    assert run(engine, chunks) == [(chunk, LossSum(0.0, 0)) for chunk in chunks]


def test_the_learning_rate_falls_within_a_chunk(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_engine, "_MIN_STEPS", 8)
    engine = engine_of(corpus, epochs=1, sample=0)
    rates: list[float] = []
    step = engine._stepper.step

    def watched(blocks: Any, negatives: Any, lr: float) -> Any:
        rates.append(lr)
        return step(blocks, negatives, lr)

    monkeypatch.setattr(engine._stepper, "step", watched)
    run(engine, [Chunk(0, 0, corpus.tokens, 0.9, 0.1)])
    assert 8 <= len(rates) <= 9
    np.testing.assert_allclose(np.diff(rates), -0.8 / len(rates))
    assert rates[0] + rates[-1] == pytest.approx(1)


# --- the size of batches --------------------------------------------------------------------------


def test_wide_windows_get_small_batches_and_chunks(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_engine, "_MIN_STEPS", 0.001)
    engine = engine_of(corpus, window=1000, negative=1000)
    assert engine._blocks_in_batch * 2016 * 1016 <= 1 << 25
    assert engine.chunk_tokens * 2016 <= 1 << 26
    assert run(engine, [Chunk(0, 0, 600, 0.05, 0.05)])[0][1].predictions > 0


# --- devices --------------------------------------------------------------------------------------


def test_devices_without_memory(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(chunk: Chunk) -> LossSum:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. Etc.")

    engine = engine_of(corpus)
    monkeypatch.setattr(engine, "_train", failing)
    with pytest.raises(ResourceError, match="CUDA out of memory; lower window"):
        run(engine, chunks_of(corpus))
    monkeypatch.setattr(torch_engine, "choose_device", lambda device: device)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 << 30, 8 << 30))
    with pytest.raises(
        ResourceError,
        match=r"on the device, .* need about 2\.0 GiB of memory, and 1\.0 GiB are free",
    ):
        TorchEngine(corpus, start_afresh(corpus, config_of()), config_of(), device="cuda")


# --- quality --------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["torch-cpu", *DEVICES[1:]])
@models
def test_it_learns_as_the_kernels_do(corpus: Corpus, device: str, arch: str, loss: str) -> None:
    text = Corpus.from_sentences(topics(600))
    config = config_of(arch=arch, loss=loss, dim=10, sample=0, epochs=10, lr=0.1)
    vectors = train(text, config, device=device).result()
    assert all(of_a_kind(vectors, kind) >= 17 for kind in KINDS)
    config = config_of(arch=arch, loss=loss, epochs=8, lr=0.05)
    losses = [
        train(corpus, config, device=chosen, threads=1).result().metadata["training"]["loss"]
        for chosen in ("cpu", device)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
