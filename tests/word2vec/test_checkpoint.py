"""Checkpoints come back bit by bit, corruption is noticed, and resuming is as if undisturbed."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_cases import FakeEngine, checkpoints, small_corpus

from wordkit.config import change
from wordkit.errors import ConfigError, DivergenceError, FormatError, StorageError, WordkitWarning
from wordkit.storage import WORD2VEC_CHECKPOINT, content_digest, write_tensors
from wordkit.text import Corpus
from wordkit.word2vec import (
    Checkpoint,
    CheckpointPlan,
    TrainingState,
    Word2VecConfig,
    checkpoint,
    is_checkpoint,
    read_checkpoint,
    start_afresh,
    start_from_checkpoint,
    train,
)
from wordkit.word2vec.checkpoint import checkpoint_record, save_checkpoint
from wordkit.word2vec.state import LossSum

PLAIN = settings(max_examples=25)
CONFIG = Word2VecConfig(arch="skipgram", vectors="in", dim=5, min_count=2, epochs=3)


def content(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """All that a checkpoint holds, as values that are equal only where every bit is."""
    state = checkpoint.state
    return (
        checkpoint.config.record(),
        dict(checkpoint.corpus),
        (state.vocabulary.words, state.vocabulary.counts.tolist()),
        (state.kept, state.joined, state.epoch, state.position, state.loss_sum, state.seconds),
        (state.weights.input.shape, state.weights.input.tobytes()),
        (state.weights.output.shape, state.weights.output.tobytes()),
    )


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


@pytest.fixture
def small(corpus: Corpus) -> Checkpoint:
    state = start_afresh(corpus, CONFIG)
    state.epoch, state.position, state.loss_sum, state.seconds = 1, 1000, LossSum(0.1 + 0.2, 3), 1.5
    return Checkpoint(CONFIG, state, corpus.record)


# --- there and back ------------------------------------------------------------------------------


@PLAIN
@given(checkpoint=checkpoints())
def test_a_checkpoint_comes_back_bit_by_bit(tmp_path: Path, checkpoint: Checkpoint) -> None:
    path, again = tmp_path / "c", tmp_path / "d"
    before, padded = content(checkpoint), checkpoint.state.weights.padded_input.tobytes()
    save_checkpoint(path, checkpoint)
    assert content(read_checkpoint(path)) == before
    assert content(checkpoint) == before  # writing it changes nothing, padding included
    assert checkpoint.state.weights.padded_input.tobytes() == padded
    save_checkpoint(again, read_checkpoint(path))
    assert again.read_bytes() == path.read_bytes()
    assert is_checkpoint(path)


# --- corruption ----------------------------------------------------------------------------------


def test_a_byte_that_changes_is_noticed_or_harmless(tmp_path: Path, small: Checkpoint) -> None:
    """``tests/test_readers.py`` corrupts checkpoints in other ways."""
    before, path, refused = content(small), tmp_path / "c", 0
    save_checkpoint(path, small)
    whole = path.read_bytes()
    places = np.random.default_rng(0).integers(0, len(whole), 200).tolist()
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x21]) + whole[place + 1 :])
        try:
            assert content(read_checkpoint(path)) == before
        except FormatError:
            refused += 1
    assert refused > 0.95 * len(places)


def forged(path: Path, small: Checkpoint, record: Any = None, **tensors: Any) -> None:
    """Write a malformed checkpoint with the right digest."""
    known = json.loads(checkpoint_record(small))
    for name, value in (record if isinstance(record, dict) else {}).items():
        *groups, last = name.split(".")
        place = known
        for group in groups:
            place = place[group]
        place[last] = value
    text = record if isinstance(record, str) else json.dumps(known)
    state = small.state
    arrays = {"input": state.weights.input, "output": state.weights.output}
    arrays = {**arrays, **state.vocabulary.to_arrays(), **tensors}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {"training": text, "sha256": content_digest(text, arrays)}
    write_tensors(path, arrays, kind=WORD2VEC_CHECKPOINT, metadata=metadata)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("3", "no JSON object"),
        ("{}", "settings must be names with values, not None"),
        ("[" * 100_000, "is not JSON"),
        ({"config.dim": 6}, "should have the shapes"),
        ({"config.window": 0}, "window must be from 1 to 1000"),
        ({"epoch": 4}, "entry 'epoch'"),
        ({"epoch": 3}, "entry 'position'"),
        ({"loss": math.nan}, "entry 'loss'"),
        ({"predictions": 1.0}, "entry 'predictions'"),
        ({"kept": 1}, "kept and"),
        ({"joined": True}, "entry 'joined'"),
        ({"corpus": None}, "entry 'corpus'"),
        ({"corpus.tokens": -1}, "entry 'tokens'"),
        ({"corpus.settings": []}, "entry 'settings'"),
    ],
    ids=str,
)
def test_malformed_records(tmp_path: Path, small: Checkpoint, record: Any, message: str) -> None:
    forged(tmp_path / "c", small)
    assert content(read_checkpoint(tmp_path / "c")) == content(small)
    forged(tmp_path / "c", small, record)
    with pytest.raises(FormatError, match=message) as error:
        read_checkpoint(tmp_path / "c")
    assert len(str(error.value)) < 500 and "\n" not in str(error.value)


def test_malformed_arrays(tmp_path: Path, small: Checkpoint) -> None:
    weights, arrays = small.state.weights, small.state.vocabulary.to_arrays()
    words, counts, V = arrays["words"], arrays["counts"], len(small.state.vocabulary)
    first, second = (word.encode() for word in small.state.vocabulary.words[:2])
    cases: list[tuple[dict[str, Any], str]] = [
        ({"input": np.full_like(weights.input, np.nan)}, "not finite"),
        ({"output": weights.output.astype(np.float64)}, "should be float32"),
        ({"output": weights.output[:, :-1]}, "should have the shapes"),
        ({"counts": counts[:-1]}, f"{V} words need as many counts"),
        ({"counts": counts[::-1]}, "order of their counts"),
        ({"words": np.frombuffer(b"\xff" + words.tobytes()[1:], np.uint8)}, "not UTF-8 at byte 0"),
        (
            {"words": np.frombuffer(words.tobytes().replace(second, first, 1), np.uint8)},
            "more than once",
        ),
    ]
    for tensors, message in cases:
        forged(tmp_path / "c", small, **tensors)
        with pytest.raises(FormatError, match=message):
            read_checkpoint(tmp_path / "c")


def test_other_files_are_told_from_checkpoints(tmp_path: Path, small: Checkpoint) -> None:
    write_tensors(tmp_path / "t", {"x": np.zeros(3)}, kind="embeddings")
    for path, message in (
        (tmp_path / "none", "there is no such file"),
        (Path(__file__), "is no safetensors file"),
        (tmp_path / "t", "holds embeddings, not a word2vec checkpoint"),
    ):
        assert not is_checkpoint(path)
        with pytest.raises((FormatError, StorageError), match=message):
            read_checkpoint(path)
    save_checkpoint(tmp_path / "c", small)
    whole = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(whole[: len(whole) // 2])
    assert is_checkpoint(tmp_path / "c"), "a truncated one is still one"


@pytest.mark.parametrize("fault", [np.nan, -1e35, "loss"])
def test_diverged_trainings_are_not_written(
    small: Checkpoint, tmp_path: Path, corpus: Corpus, fault: Any
) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, small)
    good = path.read_bytes()
    if fault == "loss":
        small.state.loss_sum = LossSum(math.nan, 5)
    else:
        small.state.weights.output[4, 2] = fault
    words = f"after {corpus.tokens + 1000:,} words, at a learning rate of 0.05"
    with pytest.raises(DivergenceError, match=words):
        save_checkpoint(path, small)
    assert path.read_bytes() == good and list(tmp_path.iterdir()) == [path]


# --- checkpoints of a training -------------------------------------------------------------------


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[FakeEngine]:
    """Trainings by the fake engine, whose result depends on each chunk, rate, and their order."""
    engines: list[FakeEngine] = []

    def make_engine(corpus: Corpus, state: TrainingState, config: Any, **_: Any) -> FakeEngine:
        engines.append(FakeEngine(state, config))
        return engines[-1]

    monkeypatch.setattr(train, "make_engine", make_engine)
    return engines


@pytest.mark.usefixtures("fake")
@settings(max_examples=10)
@given(stops=st.lists(st.integers(0, 14), max_size=3), every=st.sampled_from([1e-9, 1e9]))
def test_a_stopped_training_that_resumes_is_as_if_undisturbed(
    corpus: Corpus, tmp_path: Path, stops: list[int], every: float
) -> None:
    expected = train.iter_train_word2vec(corpus, CONFIG).result()
    plan = CheckpointPlan(tmp_path / "c", every)
    start, done = start_afresh(corpus, CONFIG), 0
    for stop in stops:
        run = train.iter_train_word2vec(corpus, CONFIG, start=start, checkpoint=plan)
        for report, _ in zip(run, range(stop + 1), strict=False):
            assert report.done >= done
        run.close()
        checkpoint = read_checkpoint(plan.path)
        assert checkpoint.words_done >= done
        done = checkpoint.words_done
        start = start_from_checkpoint(corpus, CONFIG, checkpoint)
    found = train.iter_train_word2vec(corpus, CONFIG, start=start, checkpoint=plan).result()
    assert np.array_equal(found.vectors, expected.vectors)
    assert np.array_equal(found.weights["output"], expected.weights["output"])
    for name in ("loss", "predictions", "words"):
        now, then = (made.metadata["training"][name] for made in (found, expected))
        assert now == pytest.approx(then, rel=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        *({"loss": loss} for loss in ("ns", "hs", "softmax")),
        {"negative": 100},  # which lowers the default of lr
        *({"arch": arch, "subwords": "1-3", "buckets": 60} for arch in ("skipgram", "cbow")),
    ],
    ids=str,
)
def test_the_kernels_resume_bit_by_bit(tmp_path: Path, changes: dict[str, Any]) -> None:
    corpus, config = small_corpus(2500), replace(CONFIG, epochs=2, **changes)
    expected = train.iter_train_word2vec(corpus, config, threads=1).result()
    plan = CheckpointPlan(tmp_path / "c", 1e-9)
    run = train.iter_train_word2vec(corpus, config, threads=1, checkpoint=plan)
    while next(run).done < corpus.tokens * 1.2:
        pass
    run.close()
    checkpoint = read_checkpoint(tmp_path / "c")
    assert 0.5 < checkpoint.fraction_done < 1
    start = start_from_checkpoint(corpus, config, checkpoint)
    found = train.iter_train_word2vec(corpus, config, start=start, threads=1).result()
    assert np.array_equal(found.vectors, expected.vectors)
    for name, matrix in expected.weights.items():
        assert np.array_equal(found.weights[name], matrix)
    loss = expected.metadata["training"]["loss"]
    assert found.metadata["training"]["loss"] == pytest.approx(loss, rel=1e-12)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("every", [1e-9, math.inf])
def test_the_last_checkpoint_gives_the_vectors_without_training(
    corpus: Corpus, tmp_path: Path, every: float
) -> None:
    path = tmp_path / "c"
    plan = CheckpointPlan(path, every)
    expected = train.iter_train_word2vec(corpus, CONFIG, checkpoint=plan).result()
    assert expected.metadata["training"]["predictions"] == corpus.tokens, "of the last epoch"
    checkpoint, before = read_checkpoint(path), path.read_bytes()
    assert checkpoint.fraction_done == 1
    start = start_from_checkpoint(corpus, CONFIG, checkpoint)
    run = train.iter_train_word2vec(corpus, CONFIG, start=start, checkpoint=plan)
    assert all(report.done == 3 * corpus.tokens for report in run)
    found = run.result()
    assert np.array_equal(found.vectors, expected.vectors)
    assert found.metadata == expected.metadata
    assert path.read_bytes() == before, "there was nothing to add"


@pytest.mark.usefixtures("fake")
def test_checkpoints_are_written_when_due(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [50.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    path, done = tmp_path / "c", []
    run = train.iter_train_word2vec(corpus, CONFIG, checkpoint=CheckpointPlan(path, 10))
    next(run)
    for clock[0] in (55.0, 61.0, 70.0, 72.0):
        next(run), next(run)
        done.append(read_checkpoint(path).words_done if path.exists() else 0)
    assert done[0] == 0 < done[1] == done[2] < done[3]


@pytest.mark.usefixtures("fake")
def test_a_bad_place_is_found_before_the_work(corpus: Corpus, tmp_path: Path) -> None:
    for place, message in ((tmp_path, "it is a folder"), (tmp_path / "no" / "c", "no folder")):
        with pytest.raises(StorageError, match=message):
            train.iter_train_word2vec(corpus, CONFIG, checkpoint=CheckpointPlan(place))
    odd = Corpus(corpus.ids, corpus.offsets, corpus.vocabulary, {"made by": object()})
    with pytest.raises(ConfigError, match="the metadata cannot be written as JSON"):
        train.iter_train_word2vec(odd, CONFIG, checkpoint=CheckpointPlan(tmp_path / "c"))
    train.iter_train_word2vec(odd, CONFIG).close()


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("fault", ["Ctrl-C", "a full disk"])
def test_what_happens_while_a_checkpoint_is_written(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Ctrl-C waits for it; a failed one leaves the weights as they were."""
    write, main = checkpoint.write_checkpoint_file, threading.main_thread().ident
    assert main is not None

    def disturbed(*arguments: Any, **options: Any) -> None:
        if fault != "Ctrl-C":
            raise StorageError("the disk is full")
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.1)  # so that it arrives in the midst
        write(*arguments, **options)

    start = start_afresh(corpus, CONFIG)
    plan = CheckpointPlan(tmp_path / "c", math.inf)
    run = train.iter_train_word2vec(corpus, CONFIG, start=start, checkpoint=plan)
    while next(run).done < 1000:
        pass
    before = start.weights.padded_input.copy()
    monkeypatch.setattr(checkpoint, "write_checkpoint_file", disturbed)
    expected = (
        pytest.raises(KeyboardInterrupt)
        if fault == "Ctrl-C"
        else pytest.warns(WordkitWarning, match="goes on without a checkpoint: the disk is full")
    )
    with expected:
        run.close()
    assert np.array_equal(start.weights.padded_input, before)
    if fault == "Ctrl-C":
        assert read_checkpoint(tmp_path / "c").words_done >= 1000


def test_another_text_or_setting_is_refused(corpus: Corpus, small: Checkpoint) -> None:
    state = start_from_checkpoint(corpus, replace(CONFIG, vectors="sum"), small)
    assert state.position == 1000 and state.weights is not small.state.weights
    assert start_from_checkpoint(corpus, replace(CONFIG, lr=0.1), small).epoch == 1
    with pytest.raises(ConfigError, match="on another text .*; give the same text"):
        start_from_checkpoint(small_corpus(seed=1), CONFIG, small)
    changes: dict[str, Any] = {
        "arch": "cbow", "loss": "softmax", "dim": 6, "window": 3, "dynamic_window": False,
        "negative": 6, "ns_exponent": 0.5, "sample": 0.0, "min_count": 1, "max_vocabulary": 9,
        "epochs": 4, "lr": 0.04, "min_lr": 0.0, "seed": 2, "subwords": "3-6",
    }  # fmt: skip
    assert changes.keys() == CONFIG.record().keys() - {"vectors", "cbow_gradient", "buckets"}
    for name, value in changes.items():
        before = CONFIG.record()[name]
        if name == "arch":  # on which the default of lr depends
            changed = change(CONFIG, arch="cbow", lr=0.1)
        else:
            changed = change(CONFIG, **{name: value})
        with pytest.raises(ConfigError, match=f"begun with {name} {before}, .* with {value};"):
            start_from_checkpoint(corpus, changed, small)


def test_a_run_that_is_forgotten_ends_without_complaint(tmp_path: Path) -> None:
    """Python can write nothing any more while it exits."""
    code = """
import sys
from wordkit.text import Corpus
from wordkit.word2vec import CheckpointPlan, Word2VecConfig, iter_train_word2vec
corpus = Corpus.from_sentences([["a", "b"] * 50] * 300)
run = iter_train_word2vec(corpus, Word2VecConfig(), checkpoint=CheckpointPlan(sys.argv[1]))
next(run), next(run)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "c")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "" and list(tmp_path.iterdir()) == []
