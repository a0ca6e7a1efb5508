"""Checkpoints come back bit by bit, and whatever happens to the file is noticed."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_strategies import checkpoints, small_corpus

from wordkit.config import change
from wordkit.errors import ConfigError, DivergenceError, FormatError, StorageError, WordkitError
from wordkit.storage import content_digest, write_tensors
from wordkit.text import Corpus, Vocabulary
from wordkit.word2vec import checkpoint_file, memory, train
from wordkit.word2vec.checkpoint import (
    Checkpoint,
    CheckpointKeeper,
    CheckpointPlan,
    CorpusRecord,
    is_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.new_training import start_afresh
from wordkit.word2vec.recorded_config import config_of, record_of
from wordkit.word2vec.resumed_training import start_from_checkpoint
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Tally, TrainingState
from wordkit.word2vec.weights import Weights

PLAIN = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CONFIG = Word2VecConfig(arch="skipgram", vectors="in", dim=5, min_count=2, epochs=3)


def content(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """All that a checkpoint says, as values that are equal only where every bit is."""
    state = checkpoint.state
    return (
        checkpoint.vocabulary.words,
        checkpoint.vocabulary.counts.tolist(),
        record_of(checkpoint.config),
        vars(checkpoint.corpus),
        (state.epoch, state.position, state.tally, state.seconds),
        (checkpoint.kept, checkpoint.joined),
        (state.weights.input.shape, state.weights.input.tobytes()),
        (state.weights.output.shape, state.weights.output.tobytes()),
    )


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


@pytest.fixture
def start(corpus: Corpus) -> StartingPoint:
    return start_afresh(corpus, CONFIG)


@pytest.fixture
def small(corpus: Corpus, start: StartingPoint) -> Checkpoint:
    start.state.epoch, start.state.position = 1, 1000
    start.state.tally, start.state.seconds = Tally(0.1 + 0.2, 3), 1.5
    record = CorpusRecord.of(corpus)
    return Checkpoint(start.vocabulary, CONFIG, start.state, record, 0, len(start.vocabulary))


# --- there and back ------------------------------------------------------------------------------


@PLAIN
@given(checkpoint=checkpoints())
def test_a_checkpoint_comes_back_bit_by_bit(tmp_path: Path, checkpoint: Checkpoint) -> None:
    path = tmp_path / "c"
    before = content(checkpoint)
    padded = checkpoint.state.weights.padded_input.tobytes()
    save_checkpoint(path, checkpoint)
    assert content(read_checkpoint(path)) == before
    assert content(checkpoint) == before  # writing it changes nothing, padding included
    assert checkpoint.state.weights.padded_input.tobytes() == padded
    again = tmp_path / "d"
    save_checkpoint(again, read_checkpoint(path))
    assert again.read_bytes() == path.read_bytes()
    assert is_checkpoint(path)


def test_rows_of_many_blocks_are_packed_and_unpacked_in_their_own_memory(tmp_path: Path) -> None:
    V, D = 50_000, 20  # each row of 20 takes 32
    random = np.random.default_rng(0)
    weights = Weights.copied(
        random.standard_normal((V, D), np.float32), random.standard_normal((V, D), np.float32)
    )
    input, output = weights.padded_input.copy(), weights.padded_output.copy()  # noqa: A001
    checkpoint = Checkpoint(
        Vocabulary(map(str, range(V)), np.ones(V, np.int64)),
        Word2VecConfig(dim=D),
        TrainingState(weights),
        CorpusRecord("f", 10, 1, {}),
        joined=V,
    )
    tracemalloc.start()
    save_checkpoint(tmp_path / "c", checkpoint)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < input.nbytes  # of 2 · input.nbytes that are written
    assert np.array_equal(weights.padded_input, input)
    assert np.array_equal(weights.padded_output, output)
    assert (tmp_path / "c").stat().st_size < 2 * V * D * 4 + V * 14 + 4000  # without the padding
    back = read_checkpoint(tmp_path / "c").state.weights
    assert np.array_equal(back.input, input[:, :D]) and np.array_equal(back.output, output[:, :D])
    assert not back.input.flags.writeable


def test_what_is_derived(small: Checkpoint) -> None:
    tokens = small.corpus.tokens
    assert small.words_done == tokens + 1000
    assert small.share_done == pytest.approx((tokens + 1000) / (3 * tokens))


# --- damage --------------------------------------------------------------------------------------


def read_or_refuse(path: Path) -> Checkpoint | None:
    try:
        return read_checkpoint(path)
    except FormatError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return None


def test_damage_of_any_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    config = Word2VecConfig(dim=2)
    state = TrainingState(Weights.copied(np.eye(2, dtype=np.float32), np.ones((2, 2), np.float32)))
    record = CorpusRecord("f", 10, 1, {"tokenizer": "é"})
    tiny = Checkpoint(Vocabulary(["a", "b"], [2, 1]), config, state, record, joined=2)
    path = tmp_path / "c"
    save_checkpoint(path, tiny)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        change = (1, 0x20, 0x80)[place % 3]
        path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
        found = read_or_refuse(path)
        refused += found is None
        assert found is None or content(found) == content(tiny)
    assert refused > 0.95 * len(whole)
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        assert read_or_refuse(path) is None


@PLAIN
@given(
    checkpoint=checkpoints(),
    changes=st.lists(
        st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=3)), max_size=4
    ),
)
def test_changed_files_are_refused_or_say_the_same(
    tmp_path: Path, checkpoint: Checkpoint, changes: list[tuple[int, bytes]]
) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, checkpoint)
    damaged = bytearray(path.read_bytes())
    for place, replacement in changes:
        start = place % len(damaged)
        damaged[start : start + len(replacement)] = replacement
    path.write_bytes(damaged)
    is_checkpoint(path)
    found = read_or_refuse(path)
    assert found is None or content(found) == content(checkpoint)


def forged(path: Path, small: Checkpoint, training: Any = None, **tensors: Any) -> None:
    """Write a checkpoint that is wrong but has the right digest."""
    known = json.loads(checkpoint_file.describe(small))
    if isinstance(training, dict):
        for name, value in training.items():
            place = known
            *way, last = name.split(".")
            for step in way:
                place = place[step]
            place[last] = value
    text = training if isinstance(training, str) else json.dumps(known)
    weights = small.state.weights
    arrays = {"input": weights.input, "output": weights.output}
    arrays = {**arrays, **small.vocabulary.to_arrays(), **tensors}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    digest = content_digest(text, arrays)
    write_tensors(
        path, arrays, kind=checkpoint_file.KIND, metadata={"training": text, "sha256": digest}
    )


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ("[", "is not JSON"),
        ("3", "no JSON object"),
        ("{}", "settings must be names with values, not None"),
        ("[" * 100_000, "is not JSON"),
        ({"config": [1]}, "settings must be names with values"),
        ({"config.dim": 6}, "should have the shapes"),
        ({"config.dim": 10**30}, "dim must be at most 2147483647"),
        ({"config.dim": True}, "dim must be a whole number, .*, not True"),
        ({"config.dim": 5.0}, "dim must be a whole number, .*, not 5.0"),
        ({"config.loss": "hs"}, "should have the shapes"),
        ({"config.loss": ["ns"]}, "loss must be one of"),
        ({"config.window": 0}, "window must be from 1 to 1000"),
        ({"config.lr": 10**400}, "lr must be a finite number in the range of float64"),
        ({"config.lr": math.nan}, "lr must be a finite number, above 0"),
        ({"config.sample": "1"}, "sample must be a finite number, .*, not '1'"),
        ({"config.seed": None}, "seed must be a whole number, .*, not None"),
        ({"config.max_vocabulary": 2.5}, "max_vocabulary must be a whole number, .*, not 2.5"),
        ({"config.cake": 1}, "no setting 'cake'; update wordkit"),
        ({"epoch": 4}, "entry 'epoch'"),
        ({"epoch": -1}, "entry 'epoch'"),
        ({"epoch": 3}, "entry 'position'"),
        ({"position": 10**9}, "entry 'position'"),
        ({"position": 0.5}, "entry 'position'"),
        ({"loss": math.inf}, "entry 'loss'"),
        ({"loss": math.nan}, "entry 'loss'"),
        ({"loss": "0"}, "entry 'loss'"),
        ({"predictions": -1}, "entry 'predictions'"),
        ({"predictions": 1.0}, "entry 'predictions'"),
        ({"seconds": -math.inf}, "entry 'seconds'"),
        ({"seconds": -1.0}, "entry 'seconds'"),
        ({"kept": 1}, "kept and"),
        ({"joined": True}, "entry 'joined'"),
        ({"corpus": None}, "entry 'corpus'"),
        ({"corpus.fingerprint": 7}, "entry 'fingerprint'"),
        ({"corpus.tokens": -1}, "entry 'tokens'"),
        ({"corpus.sentences": "9"}, "entry 'sentences'"),
        ({"corpus.settings": []}, "entry 'settings'"),
    ],
    ids=str,
)
def test_nothing_is_believed(
    tmp_path: Path, small: Checkpoint, training: Any, message: str
) -> None:
    forged(tmp_path / "c", small)
    assert content(read_checkpoint(tmp_path / "c")) == content(small)
    forged(tmp_path / "c", small, training)
    with pytest.raises(FormatError, match=message) as error:
        read_checkpoint(tmp_path / "c")
    assert str(tmp_path / "c") in str(error.value) and "train from the start" in str(error.value)


def test_no_array_is_believed(tmp_path: Path, small: Checkpoint) -> None:
    weights, counts = small.state.weights, small.vocabulary.counts
    words = small.vocabulary.to_arrays()["words"]
    V = len(counts)
    nan, huge, double = weights.input.copy(), weights.output.copy(), weights.input.astype(float)
    nan[3, 1], huge[0, 0] = np.nan, 1e35
    first, second = (word.encode() for word in small.vocabulary.words[:2])
    cases: list[tuple[dict[str, Any], str]] = [
        ({"input": nan}, "not finite"),
        ({"output": huge}, "far too large"),
        ({"input": double}, "should be float32"),
        ({"input": weights.input[:-1]}, "should have the shapes"),
        ({"output": weights.output[:, :-1]}, "should have the shapes"),
        ({"output": weights.output[0]}, "with 2 dimensions"),
        ({"counts": counts[:-1]}, f"{V} words need as many counts"),
        ({"counts": -counts}, "whole numbers"),
        ({"counts": counts[::-1]}, "order of their counts"),
        ({"words": words[:-3]}, "damaged"),
        ({"words": np.zeros(0, np.uint8)}, "damaged"),
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
    assert not is_checkpoint(tmp_path / "none") and not is_checkpoint(tmp_path)
    assert not is_checkpoint("/dev/null")
    for name, data in {"empty": b"", "text": b"some words\n", "source": __file__}.items():
        path = tmp_path / name
        path.write_bytes(Path(data).read_bytes() if isinstance(data, str) else data)
        assert not is_checkpoint(path)
        with pytest.raises(FormatError):
            read_checkpoint(path)
    write_tensors(tmp_path / "t", {"x": np.zeros(3)}, kind="embeddings")
    assert not is_checkpoint(tmp_path / "t")
    with pytest.raises(FormatError, match="holds embeddings, not a word2vec checkpoint"):
        read_checkpoint(tmp_path / "t")
    with pytest.raises(StorageError, match="there is no such file"):
        read_checkpoint(tmp_path / "none")
    save_checkpoint(tmp_path / "c", small)
    whole = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(whole[: len(whole) // 2])  # a damaged one is still one
    assert is_checkpoint(tmp_path / "c")


@given(st.dictionaries(st.text(max_size=3) | st.sampled_from(["dim", "lr"]), st.integers()))
def test_settings_out_of_json_are_whole_or_refused(changes: dict[str, int]) -> None:
    record = {**record_of(CONFIG), **changes}
    try:
        config = config_of(json.loads(json.dumps(record)))
    except ConfigError:
        assert changes
    else:
        assert record_of(config) == record


# --- the keeper ----------------------------------------------------------------------------------


def test_plans_are_checked() -> None:
    for every in (0, -1.0, math.nan):
        with pytest.raises(ConfigError, match="every must be more than 0 seconds, not"):
            CheckpointPlan("c", every)
    assert CheckpointPlan("c").every == 300


def test_without_a_plan_nothing_happens(
    corpus: Corpus, start: StartingPoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keeper, engine = CheckpointKeeper(None, corpus, CONFIG, start), FakeEngine(start, CONFIG)
    start.state.position = 1000
    keeper.save(engine)
    assert not keeper.is_due() and keeper.saved == 0 and engine.fetched == 0
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_due_when_its_time_has_come(
    corpus: Corpus, start: StartingPoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 50.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    keeper = CheckpointKeeper(CheckpointPlan(tmp_path / "c", 10), corpus, CONFIG, start)
    engine = FakeEngine(start, CONFIG)
    now = 61.0
    assert not keeper.is_due()  # nothing has been done
    start.state.position = 1000
    assert keeper.is_due()
    keeper.save(engine)
    assert keeper.saved == 1000 and engine.fetched == 1
    assert read_checkpoint(tmp_path / "c").state.position == 1000
    start.state.position = 2000
    now = 70.0
    assert not keeper.is_due()
    now = 71.0
    assert keeper.is_due()
    start.state.epoch, start.state.position = 1, 0
    keeper.save(engine)
    assert keeper.saved == corpus.tokens


@pytest.mark.parametrize("fault", [np.nan, np.inf, -1e35, "loss"])
def test_what_is_not_finite_is_not_kept(
    corpus: Corpus, start: StartingPoint, tmp_path: Path, fault: Any
) -> None:
    path = tmp_path / "c"
    keeper = CheckpointKeeper(CheckpointPlan(path), corpus, CONFIG, start)
    engine = FakeEngine(start, CONFIG)
    keeper.save(engine)
    good = path.read_bytes()
    start.state.position = 1000
    if fault == "loss":
        start.state.tally = Tally(math.nan, 5)
    else:
        start.state.weights.output[4, 2] = fault
    with pytest.raises(DivergenceError, match=r"after 1,000 words, at a learning rate of 0\.02"):
        keeper.save(engine)
    assert path.read_bytes() == good and list(tmp_path.iterdir()) == [path]
    assert keeper.saved == 0


def test_a_bad_place_is_found_before_the_work(
    corpus: Corpus, start: StartingPoint, tmp_path: Path
) -> None:
    for place, message in ((tmp_path, "it is a folder"), (tmp_path / "no" / "c", "no folder")):
        with pytest.raises(StorageError, match=message):
            CheckpointKeeper(CheckpointPlan(place), corpus, CONFIG, start)
    odd = Corpus(corpus.ids, corpus.offsets, corpus.vocabulary, {"made by": object()})
    with pytest.raises(ConfigError, match="cannot be kept in a checkpoint"):
        CheckpointKeeper(CheckpointPlan(tmp_path / "c"), odd, CONFIG, start)
    CheckpointKeeper(None, odd, CONFIG, start)


def test_ctrl_c_waits_for_the_checkpoint(
    corpus: Corpus, start: StartingPoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    keeper = CheckpointKeeper(CheckpointPlan(path), corpus, CONFIG, start)
    start.state.position = 1000
    write, main = checkpoint_file.write_checkpoint_file, threading.main_thread().ident
    assert main is not None

    def interrupted(*arguments: Any, **options: Any) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.1)  # so that it arrives in the midst
        write(*arguments, **options)

    monkeypatch.setattr(checkpoint_file, "write_checkpoint_file", interrupted)
    before = start.state.weights.padded_input.copy()
    with pytest.raises(KeyboardInterrupt):
        keeper.save(FakeEngine(start, CONFIG))
    assert keeper.saved == 1000 and read_checkpoint(path).state.position == 1000
    assert np.array_equal(start.state.weights.padded_input, before)


def test_a_failed_write_leaves_the_weights_as_they_were(
    corpus: Corpus, start: StartingPoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = CheckpointKeeper(CheckpointPlan(tmp_path / "c"), corpus, CONFIG, start)
    before = start.state.weights.padded_input.copy()

    def full(*arguments: Any, **options: Any) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(checkpoint_file, "write_checkpoint_file", full)
    with pytest.raises(StorageError):
        keeper.save(FakeEngine(start, CONFIG))
    assert np.array_equal(start.state.weights.padded_input, before) and keeper.saved == 0


# --- going on ------------------------------------------------------------------------------------


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings by the fake engine, whose result tells each chunk and rate, and their order."""
    monkeypatch.setattr(
        train, "make_engine", lambda corpus, start, config, **_: FakeEngine(start, config)
    )


@pytest.mark.usefixtures("fake")
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stops=st.lists(st.integers(0, 14), max_size=3), every=st.sampled_from([1e-9, 1e9]))
def test_a_training_that_is_stopped_and_goes_on_is_as_if_undisturbed(
    corpus: Corpus, tmp_path: Path, stops: list[int], every: float
) -> None:
    expected = train.train_word2vec(corpus, CONFIG).result()
    plan = CheckpointPlan(tmp_path / "c", every)
    begin = start_afresh(corpus, CONFIG)
    done = 0
    for stop in stops:
        run = train.train_word2vec(corpus, CONFIG, start=begin, checkpoint=plan)
        for report, _ in zip(run, range(stop + 1), strict=False):
            assert report.done >= done
        run.close()
        checkpoint = read_checkpoint(plan.path)
        assert checkpoint.words_done >= done
        done = checkpoint.words_done
        begin = start_from_checkpoint(corpus, CONFIG, checkpoint)
    found = train.train_word2vec(corpus, CONFIG, start=begin, checkpoint=plan).result()
    assert np.array_equal(found.vectors, expected.vectors)
    assert np.array_equal(found.weights["output"], expected.weights["output"])
    for name in ("loss", "predictions", "words"):
        now, then = (made.metadata["training"][name] for made in (found, expected))
        assert now == pytest.approx(then, rel=1e-12)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("every", [1e-9, math.inf])
def test_the_end_of_a_training_is_kept(corpus: Corpus, tmp_path: Path, every: float) -> None:
    """So that the file says so, and the vectors are to be had again without any training."""
    path = tmp_path / "c"
    plan = CheckpointPlan(path, every)
    expected = train.train_word2vec(corpus, CONFIG, checkpoint=plan).result()
    checkpoint = read_checkpoint(plan.path)
    assert checkpoint.share_done == 1
    before = path.read_bytes()
    start = start_from_checkpoint(corpus, CONFIG, checkpoint)
    run = train.train_word2vec(corpus, CONFIG, start=start, checkpoint=plan)
    assert all(report.done == 3 * corpus.tokens for report in run)
    found = run.result()
    assert np.array_equal(found.vectors, expected.vectors)
    assert found.metadata == expected.metadata
    assert path.read_bytes() == before, "there was nothing to add"


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_run_that_is_closed_at_the_end_of_an_epoch_is_kept(
    corpus: Corpus, tmp_path: Path, epochs: int
) -> None:
    plan = CheckpointPlan(tmp_path / "c", math.inf)
    run = train.train_word2vec(corpus, CONFIG, checkpoint=plan)
    reports = [next(run)]
    while reports[-1].done < epochs * corpus.tokens or reports[-2].done < epochs * corpus.tokens:
        reports.append(next(run))
    run.close()
    assert read_checkpoint(plan.path).words_done == epochs * corpus.tokens


@pytest.mark.usefixtures("fake")
def test_a_run_that_has_done_nothing_keeps_nothing(corpus: Corpus, tmp_path: Path) -> None:
    run = train.train_word2vec(corpus, CONFIG, checkpoint=CheckpointPlan(tmp_path / "c"))
    next(run)
    run.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_the_kernels_go_on_bit_by_bit(tmp_path: Path, loss: Any) -> None:
    corpus, config = small_corpus(5000), replace(CONFIG, loss=loss, epochs=2)
    expected = train.train_word2vec(corpus, config, threads=1).result()
    run = train.train_word2vec(
        corpus, config, threads=1, checkpoint=CheckpointPlan(tmp_path / "c", 1e-9)
    )
    while next(run).done < corpus.tokens * 1.2:
        pass
    run.close()
    checkpoint = read_checkpoint(tmp_path / "c")
    assert 0.5 < checkpoint.share_done < 1
    start = start_from_checkpoint(corpus, config, checkpoint)
    found = train.train_word2vec(corpus, config, start=start, threads=1).result()
    assert np.array_equal(found.vectors, expected.vectors)
    assert np.array_equal(found.weights["output"], expected.weights["output"])
    assert found.metadata["training"]["loss"] == pytest.approx(
        expected.metadata["training"]["loss"], rel=1e-12
    )


def test_another_text_or_setting_is_refused(corpus: Corpus, small: Checkpoint) -> None:
    start = start_from_checkpoint(corpus, replace(CONFIG, vectors="sum"), small)
    assert start.state.position == 1000 and start.state.weights is not small.state.weights
    assert start_from_checkpoint(corpus, replace(CONFIG, lr=0.025), small).state.epoch == 1
    with pytest.raises(ConfigError, match="on another text: 3,600 tokens .*; give the same text"):
        start_from_checkpoint(small_corpus(seed=1), CONFIG, small)
    changes: dict[str, Any] = {
        "arch": "cbow", "loss": "softmax", "dim": 6, "window": 3, "dynamic_window": False,
        "negative": 6, "ns_exponent": 0.5, "sample": 0.0, "min_count": 1, "max_vocabulary": 9,
        "epochs": 4, "lr": 0.05, "min_lr": 0.0, "seed": 2,
    }  # fmt: skip
    assert changes.keys() == record_of(CONFIG).keys() - {"vectors", "cbow_gradient"}
    for name, value in changes.items():
        before = record_of(CONFIG)[name]
        with pytest.raises(ConfigError, match=f"begun with {name} {before}, .* with {value};"):
            start_from_checkpoint(corpus, change(CONFIG, **{name: value}), small)


def test_a_kill_leaves_a_checkpoint_that_is_whole(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from fake_engine import FakeEngine
from training_strategies import small_corpus
from wordkit.word2vec import train
from wordkit.word2vec.checkpoint import CheckpointPlan
from wordkit.word2vec.config import Word2VecConfig
train.make_engine = lambda corpus, start, config, **_: FakeEngine(start, config)
config = Word2VecConfig(dim=500, min_count=1, epochs=10_000)
plan = CheckpointPlan({str(tmp_path / "c")!r}, 1e-9)
for report in train.train_word2vec(small_corpus(), config, checkpoint=plan):
    print(report.done, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(10):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert read_checkpoint(tmp_path / "c").words_done >= 3000


def test_a_run_that_is_forgotten_ends_without_complaint(tmp_path: Path) -> None:
    """Python on its way out can write nothing any more."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from fake_engine import FakeEngine
from training_strategies import small_corpus
from wordkit.word2vec import train
from wordkit.word2vec.checkpoint import CheckpointPlan
train.make_engine = lambda corpus, start, config, **_: FakeEngine(start, config)
run = train.train_word2vec(small_corpus(), checkpoint=CheckpointPlan({str(tmp_path / "c")!r}))
next(run), next(run)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "" and list(tmp_path.iterdir()) == []


def test_too_little_memory(
    corpus: Corpus, small: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    with pytest.raises(WordkitError, match="GiB of memory"):
        start_from_checkpoint(corpus, CONFIG, small)
