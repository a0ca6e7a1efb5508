"""Ways to begin a training: what is kept is kept exactly, and what joins begins as if afresh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_cases import VALUES, FakeEngine, small_corpus, vocabularies

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.errors import ConfigError, FormatError, ResourceError, VocabularyError
from wordkit.text import Corpus, Vocabulary
from wordkit.text.vocabulary import EOS
from wordkit.word2vec import (
    Checkpoint,
    TrainingState,
    Word2VecConfig,
    start_afresh,
    start_from_checkpoint,
    start_from_model,
    start_from_vectors,
    trained_config,
)
from wordkit.word2vec.result import embeddings_of
from wordkit.word2vec.state import LossSum
from wordkit.word2vec.weights import Weights, output_rows

CONFIG = Word2VecConfig(arch="skipgram", vectors="in", dim=3, min_count=2)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def random_vectors(words: list[str], dim: int = 3, counts: Any = None) -> Embeddings:
    values = np.random.default_rng(1).standard_normal((len(words), dim))
    return Embeddings(Vocabulary(words, counts), values)


def trained(
    corpus: Corpus, config: Word2VecConfig
) -> tuple[Embeddings, dict[str, npt.NDArray[Any]]]:
    """A model with weights that are nowhere zero, and these weights as they were."""
    state = start_afresh(corpus, config)
    random = np.random.default_rng(2)
    for matrix in (state.weights.input, state.weights.output):
        matrix[:] = random.standard_normal(matrix.shape)
    before = {"input": state.weights.input.copy(), "output": state.weights.output.copy()}
    return embeddings_of(corpus, config, state, FakeEngine(state, config)), before


def lines_of(text: str) -> Corpus:
    return Corpus.from_sentences(line.split() for line in text.split("/"))


def check_shape(state: TrainingState, corpus: Corpus, config: Word2VecConfig) -> None:
    """Laws of all ways to begin."""
    V, weights = len(state.vocabulary), state.weights
    assert state.kept + state.joined == V
    inputs = V if state.components is None else state.components.input_rows
    assert (inputs > V) == (config.subwords is not None)
    assert weights.input.shape == (inputs, config.dim)
    assert weights.output.shape == (output_rows(V, config), config.dim)
    assert not weights.padded_input[:, config.dim :].any()
    assert not weights.padded_output[:, config.dim :].any()
    assert np.all(state.vocabulary.counts[1:] <= state.vocabulary.counts[:-1])
    expected = [state.vocabulary.get(word) for word in corpus.vocabulary]
    assert state.rows_of(corpus).tolist() == [-1 if row is None else row for row in expected]
    assert (state.epoch, state.position, state.loss_sum) == (0, 0, LossSum())


def test_afresh(corpus: Corpus) -> None:
    for config in (CONFIG, replace(CONFIG, loss="hs", max_vocabulary=20)):
        state = start_afresh(corpus, config)
        check_shape(state, corpus, config)
        assert state.kept == 0 and state.note is None
        assert 0 < np.abs(state.weights.input).max() <= 0.5 / 3
        assert not state.weights.output.any()


# --- from vectors --------------------------------------------------------------------------------


def test_vectors_are_taken_over_exactly_and_the_rest_is_afresh(corpus: Corpus) -> None:
    given = random_vectors(["elsewhere", "w7", "w3", "w0"])
    state, afresh = start_from_vectors(corpus, CONFIG, given), start_afresh(corpus, CONFIG)
    check_shape(state, corpus, CONFIG)
    assert state.vocabulary == afresh.vocabulary and "elsewhere" not in state.vocabulary
    assert state.kept == 3
    rows = zip(state.vocabulary, state.weights.input, afresh.weights.input, strict=True)
    for word, vector, old in rows:
        expected = given.vector(word) if word in given else old
        assert vector.tobytes() == expected.tobytes()
    assert not state.weights.output.any()


def test_vectors_that_do_not_go_with_the_text(corpus: Corpus) -> None:
    unordered = random_vectors(["w9", "w1"], counts=[1, 5])
    assert start_from_vectors(corpus, CONFIG, unordered).kept == 2
    other = random_vectors(["w1"], dim=4)
    with pytest.raises(ConfigError, match="dim is 3, and the vectors .* have 4 .* set dim to 4"):
        start_from_vectors(corpus, CONFIG, other)
    with pytest.raises(VocabularyError, match="none of the 57 words of the text is among the 1 "):
        start_from_vectors(corpus, CONFIG, random_vectors(["W1"]))
    most = int(corpus.vocabulary.counts[0])
    for least, message in ((most, "at least 2 words that occur"), (most + 1, "no word is left")):
        with pytest.raises(VocabularyError, match=message):
            start_from_vectors(corpus, replace(CONFIG, min_count=least), random_vectors(["w0"]))


# --- from a model --------------------------------------------------------------------------------


@st.composite
def models_and_corpora(draw: st.DrawFn) -> tuple[Embeddings, Corpus, Word2VecConfig]:
    vocabulary = draw(vocabularies(least=1))
    config = Word2VecConfig(
        vectors="in",
        dim=2,
        min_count=draw(st.integers(1, 3)),
        max_vocabulary=draw(st.none() | st.integers(2, 4)),
    )
    V = len(vocabulary)
    rows = st.lists(st.tuples(VALUES, VALUES), min_size=V, max_size=V)
    vectors, output = (np.array(draw(rows), np.float32) for _ in range(2))
    metadata = {"made_by": "wordkit train-w2v", "settings": config.record()}
    model = Embeddings(vocabulary, vectors, metadata=metadata, weights={"output": output})
    words = st.sampled_from([*vocabulary.words, "new1", "new2", "new3", "new4"])
    lines = draw(st.lists(st.lists(words, min_size=1, max_size=8), min_size=1, max_size=3))
    return model, Corpus.from_sentences(lines), config


@settings(max_examples=40)
@given(models_and_corpora())
def test_old_words_keep_all_and_new_ones_join(
    given: tuple[Embeddings, Corpus, Word2VecConfig],
) -> None:
    model, corpus, config = given
    counts = dict(zip(corpus.vocabulary, corpus.vocabulary.counts.tolist(), strict=True))
    frequent = [word for word in counts if counts[word] >= config.min_count]
    frequent = frequent[: config.max_vocabulary]
    expected = {*model.words, *frequent}
    if len(expected) < 2 or not ({*model.words} & {*corpus.vocabulary} or frequent):
        with pytest.raises(VocabularyError):
            start_from_model(corpus, config, model)
        return
    state = start_from_model(corpus, config, model)
    check_shape(state, corpus, config)
    assert set(state.vocabulary) == expected
    assert state.kept == len(model) and state.note is None
    afresh = Weights.initial(len(expected), config)
    for row, (word, count) in enumerate(
        zip(state.vocabulary, state.vocabulary.counts, strict=True)
    ):
        old = model.vocabulary.get(word)
        before = 0 if old is None else model.vocabulary.counts[old]
        assert count == before + counts.get(word, 0)
        vector = afresh.input[row] if old is None else model.vectors[old]
        other = np.zeros(2, np.float32) if old is None else model.weights["output"][old]
        assert state.weights.input[row].tobytes() == vector.tobytes()
        assert state.weights.output[row].tobytes() == other.tobytes()


@pytest.mark.parametrize("suffix", [None, ".safetensors"])
@pytest.mark.parametrize("vectors", ["in", "out", "sum"])
@pytest.mark.parametrize("loss", ["ns", "softmax"])
def test_a_model_resumes_with_both_matrices(
    corpus: Corpus, tmp_path: Path, loss: Any, vectors: Any, suffix: str | None
) -> None:
    config = Word2VecConfig(dim=5, min_count=2, loss=loss, vectors=vectors)
    model, before = trained(corpus, config)
    if suffix is not None:
        save_embeddings(model, tmp_path / f"m{suffix}")
        model = load_embeddings(tmp_path / f"m{suffix}")
    assert trained_config(model) == replace(config, lr=config.start_lr)
    state = start_from_model(corpus, config, model)
    check_shape(state, corpus, config)
    assert state.note is None and state.vocabulary.words == model.words  # the same text again
    assert state.weights.input.tobytes() == before["input"].tobytes()
    expected = before["output"]
    if vectors == "sum":  # see embeddings_of
        expected = (before["input"] + before["output"]) - before["input"]
        np.testing.assert_allclose(expected, before["output"], rtol=0, atol=1e-6)
    assert state.weights.output.tobytes() == expected.tobytes()
    grown = start_from_model(lines_of("new new w1 w2"), config, model)
    assert (grown.kept, grown.joined) == (len(model), 1)
    row, old = grown.vocabulary.id("w2"), model.vocabulary.id("w2")
    assert grown.weights.input[row].tobytes() == before["input"][old].tobytes()
    assert grown.weights.output[row].tobytes() == expected[old].tobytes()
    new = grown.vocabulary.id("new")
    assert not grown.weights.output[new].any() and grown.weights.input[new].any()


def test_the_nodes_of_a_tree_are_kept_only_in_the_same_tree(corpus: Corpus) -> None:
    config = replace(CONFIG, loss="hs")
    model, before = trained(corpus, config)
    same = start_from_model(corpus, config, model)  # counts double: the same tree
    assert same.note is None
    assert same.weights.output.tobytes() == before["output"].tobytes()
    for text in ("new new w1", "w50 " * 900):
        other = start_from_model(lines_of(text), config, model)
        check_shape(other, lines_of(text), config)
        assert other.note is not None and "another Huffman tree" in other.note
        assert not other.weights.output.any()
        row, old = other.vocabulary.id("w3"), model.vocabulary.id("w3")
        assert other.weights.input[row].tobytes() == before["input"][old].tobytes()


def test_what_cannot_be_taken_over_is_told(corpus: Corpus) -> None:
    model, before = trained(corpus, CONFIG)
    hs, _ = trained(corpus, replace(CONFIG, loss="hs"))
    foreign = Embeddings(model.vocabulary, model.vectors, metadata={"made_by": "something"})
    cases = [
        (replace(CONFIG, loss="softmax"), model, "trained with loss ns, not softmax"),
        (replace(CONFIG, loss="hs"), model, "trained with loss ns, not hs"),
        (CONFIG, hs, "trained with loss hs, not ns"),
        (CONFIG, model.without_weights(), "its vectors alone"),
        (CONFIG, foreign, "its vectors alone"),
    ]
    for config, known, note in cases:
        state = start_from_model(corpus, config, known)
        check_shape(state, corpus, config)
        assert state.note is not None and note in state.note and "start at zero" in state.note
        assert not state.weights.output.any()
        assert state.weights.input.tobytes() == before["input"].tobytes()


SUBWORDS = replace(CONFIG, subwords="1-3", buckets=50)


def test_a_model_with_subwords_resumes_with_all_its_rows(corpus: Corpus, tmp_path: Path) -> None:
    model, before = trained(corpus, SUBWORDS)
    V = len(model)
    save_embeddings(model, tmp_path / "m.safetensors")
    model = load_embeddings(tmp_path / "m.safetensors")
    state = start_from_model(corpus, SUBWORDS, model)
    for name in ("input", "output"):
        assert getattr(state.weights, name).tobytes() == before[name].tobytes()
    grown = start_from_model(lines_of("new new w1 w2"), SUBWORDS, model)
    assert (grown.kept, grown.joined) == (V, 1) and grown.components is not None
    row, old = grown.vocabulary.id("w2"), model.vocabulary.id("w2")
    assert grown.weights.input[row].tobytes() == before["input"][old].tobytes()
    assert model.subwords is not None and model.subwords.buckets is not None
    for bucket, vector in zip(model.subwords.buckets, model.subwords.matrix, strict=True):
        place = grown.components.buckets.tolist().index(bucket)
        assert grown.weights.input[V + 1 + place].tobytes() == vector.tobytes()


@pytest.mark.parametrize("kind", ["subwords", "words", "other subwords", "vectors of subwords"])
def test_words_have_the_vectors_that_a_training_with_subwords_begins_with(
    corpus: Corpus, kind: str
) -> None:
    before = {
        "words": CONFIG, "other subwords": replace(SUBWORDS, subwords="2-4")
    }.get(kind, SUBWORDS)  # fmt: skip
    model, _ = trained(corpus, before)
    if kind == "vectors of subwords":
        model = model.without_weights()
    for state in (start_from_vectors(corpus, SUBWORDS, model),
                  start_from_model(corpus, SUBWORDS, model)):  # fmt: skip
        check_shape(state, corpus, SUBWORDS)
        assert state.components is not None
        words, V = state.vocabulary.words, len(state.vocabulary)
        composed = state.components.subwords(state.weights.input).compose(
            words, state.weights.input[:V]
        )
        np.testing.assert_allclose(composed, model[words], atol=1e-5)
    plain = start_from_model(corpus, CONFIG, model)
    assert plain.weights.input.tobytes() == model[plain.vocabulary.words].tobytes()


def test_texts_and_models_that_do_not_go_together(corpus: Corpus) -> None:
    model = random_vectors(["a", "b"], counts=[5, 3])
    with pytest.raises(VocabularyError, match="no word of the model, and none that occurs 2 times"):
        start_from_model(lines_of("x y z"), CONFIG, model)
    with pytest.raises(VocabularyError, match="no word of the model"):
        start_from_model(lines_of(f"x {EOS}/y {EOS}"), CONFIG, model)
    with pytest.raises(VocabularyError, match="no counts .* as init"):
        start_from_model(corpus, CONFIG, random_vectors(["w1", "w2"]))
    with pytest.raises(ConfigError, match="set dim to 3"):
        start_from_model(corpus, replace(CONFIG, dim=100), model)
    with pytest.raises(VocabularyError, match="at least 2 words"):
        start_from_model(lines_of("a"), CONFIG, random_vectors(["a"], counts=[3]))


SETTINGS = r"m\.safetensors .* settings cannot be read"
WEIGHTS = r"m\.safetensors is corrupted: its weights do not fit"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"settings": {"new": 1}}, SETTINGS),  # and no reason to resume with the defaults
        ({"settings": None}, SETTINGS),
        ({"output": (56, 3)}, WEIGHTS),
        ({"output": (57, 4)}, WEIGHTS),
        ({"input": (57, 3)}, WEIGHTS),
    ],
    ids=str,
)
def test_models_that_do_not_fit_together(corpus: Corpus, changed: Any, message: str) -> None:
    model, _ = trained(corpus, CONFIG)
    ((name, change),) = changed.items()
    metadata, weights = dict(model.metadata), dict(model.weights)
    if name == "settings":
        metadata["settings"] = change and {**metadata["settings"], **change}
    else:
        weights = {name: np.zeros(change, np.float32)}
    odd = Embeddings(
        model.vocabulary, model.vectors, metadata=metadata, weights=weights, source="m.safetensors"
    )
    with pytest.raises(FormatError, match=message):
        start_from_model(corpus, CONFIG, odd)


@pytest.mark.parametrize("begin", [start_from_model, start_from_vectors])
def test_corrupted_files_are_found(corpus: Corpus, tmp_path: Path, begin: Any) -> None:
    model, before = trained(corpus, CONFIG)
    save_embeddings(model, tmp_path / "m.safetensors")
    whole, row = (tmp_path / "m.safetensors").read_bytes(), before["input"][5].tobytes()
    for old, new in ((b"\nw31\n", b"\nw30\n"), (row, np.float32(np.nan).tobytes() + row[4:])):
        assert whole.count(old) == 1
        (tmp_path / "m.safetensors").write_bytes(whole.replace(old, new))
        with pytest.raises(FormatError, match=r"m\.safetensors is corrupted"):
            begin(corpus, CONFIG, load_embeddings(tmp_path / "m.safetensors"))


def test_too_little_memory(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = trained(corpus, CONFIG)
    before = Checkpoint(CONFIG, start_afresh(corpus, CONFIG), corpus.record)
    monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda: 1 << 20)
    monkeypatch.setattr(Weights, "zeros", None)  # is not even asked for
    for begin in (start_from_checkpoint, start_from_vectors, start_from_model):
        known = before if begin is start_from_checkpoint else model
        with pytest.raises(
            ResourceError, match="57 words of 3 dimensions need .*0.1 GiB .* minimum"
        ):
            begin(corpus, CONFIG, known)
