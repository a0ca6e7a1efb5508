"""Where trainings start: what is kept is kept exactly, and what joins is as it would be afresh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from training_strategies import VALUES, small_corpus, vocabularies

from wordkit.embeddings import Embeddings, load_embeddings, save_embeddings
from wordkit.errors import ConfigError, FormatError, ResourceError, VocabularyError
from wordkit.text import Corpus, Vocabulary
from wordkit.text.vocabulary import EOS
from wordkit.word2vec import memory
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.new_training import start_afresh, start_from_vectors
from wordkit.word2vec.recorded_config import record_of
from wordkit.word2vec.result import embeddings_of
from wordkit.word2vec.resumed_training import start_from_model, trained_config
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Tally
from wordkit.word2vec.weights import Weights, output_rows

CONFIG = Word2VecConfig(arch="skipgram", vectors="in", dim=3, min_count=2)
PLAIN = settings(deadline=None, max_examples=60)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus()


def random_vectors(words: list[str], dim: int = 3, counts: Any = None) -> Embeddings:
    values = np.random.default_rng(1).standard_normal((len(words), dim))
    return Embeddings(Vocabulary(words, counts), values)


def trained(corpus: Corpus, config: Word2VecConfig) -> tuple[Embeddings, dict[str, np.ndarray]]:
    """A model with weights that are nowhere zero, and these weights as they were."""
    start = start_afresh(corpus, config)
    random = np.random.default_rng(2)
    weights = start.state.weights
    for matrix in (weights.input, weights.output):
        matrix[:] = random.standard_normal(matrix.shape)
    before = {"input": weights.input.copy(), "output": weights.output.copy()}
    engine = FakeEngine(start, config)
    return embeddings_of(corpus, config, start, engine, Tally(1.0, 2)), before


def lines_of(text: str) -> Corpus:
    return Corpus.from_sentences(line.split() for line in text.split("/"))


def check_shape(start: StartingPoint, corpus: Corpus, config: Word2VecConfig) -> None:
    """What holds for all starting points."""
    V, weights = len(start.vocabulary), start.state.weights
    assert start.kept + start.joined == V
    assert weights.input.shape == (V, config.dim)
    assert weights.output.shape == (output_rows(V, config), config.dim)
    assert not weights.padded_input[:, config.dim :].any()
    assert not weights.padded_output[:, config.dim :].any()
    assert np.all(start.vocabulary.counts[1:] <= start.vocabulary.counts[:-1])
    expected = [start.vocabulary.get(word) for word in corpus.vocabulary]
    assert start.rows.tolist() == [-1 if row is None else row for row in expected]
    assert (start.state.epoch, start.state.position, start.state.tally) == (0, 0, Tally())


def test_afresh(corpus: Corpus) -> None:
    for config in (CONFIG, replace(CONFIG, loss="hs", max_vocabulary=20)):
        start = start_afresh(corpus, config)
        check_shape(start, corpus, config)
        assert start.kept == 0 and start.note is None
        assert 0 < np.abs(start.state.weights.input).max() <= 0.5 / 3
        assert not start.state.weights.output.any()


# --- from vectors --------------------------------------------------------------------------------


def test_vectors_are_taken_over_exactly_and_the_rest_is_afresh(corpus: Corpus) -> None:
    given = random_vectors(["elsewhere", "w7", "w3", "w0"])
    start, afresh = start_from_vectors(corpus, CONFIG, given), start_afresh(corpus, CONFIG)
    check_shape(start, corpus, CONFIG)
    assert start.vocabulary == afresh.vocabulary and "elsewhere" not in start.vocabulary
    assert start.kept == 3
    for word, vector, old in zip(
        start.vocabulary, start.state.weights.input, afresh.state.weights.input, strict=True
    ):
        expected = given.vector(word) if word in given else old
        assert vector.tobytes() == expected.tobytes()
    assert not start.state.weights.output.any()


def test_vectors_need_neither_counts_nor_order_but_the_same_dim(corpus: Corpus) -> None:
    start = start_from_vectors(corpus, CONFIG, random_vectors(["w9", "w1"], counts=[1, 5]))
    assert start.kept == 2
    with pytest.raises(ConfigError, match="dim is 3, and the vectors .* have 4 .* set dim to 4"):
        start_from_vectors(corpus, CONFIG, random_vectors(["w1"], 4))
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
    matrices = [
        np.array(draw(st.lists(st.tuples(VALUES, VALUES), min_size=n, max_size=n)), np.float32)
        for n in (len(vocabulary), len(vocabulary))
    ]
    metadata = {"made_by": "wordkit train-w2v", "settings": record_of(config)}
    model = Embeddings(vocabulary, matrices[0], metadata=metadata, weights={"output": matrices[1]})
    words = st.sampled_from([*vocabulary.words, "new1", "new2", "new3", "new4"])
    lines = draw(st.lists(st.lists(words, min_size=1, max_size=8), min_size=1, max_size=3))
    return model, Corpus.from_sentences(lines), config


@PLAIN
@given(models_and_corpora())
def test_old_words_keep_all_and_new_ones_join(
    given: tuple[Embeddings, Corpus, Word2VecConfig],
) -> None:
    model, corpus, config = given
    frequent = [
        word
        for word, n in zip(corpus.vocabulary, corpus.vocabulary.counts, strict=True)
        if n >= config.min_count
    ][: config.max_vocabulary]
    expected = {*model.words, *frequent}
    if len(expected) < 2 or not ({*model.words} & {*corpus.vocabulary} or frequent):
        with pytest.raises(VocabularyError):
            start_from_model(corpus, config, model)
        return
    start = start_from_model(corpus, config, model)
    check_shape(start, corpus, config)
    assert set(start.vocabulary) == expected
    assert start.kept == len(model) and start.note is None
    weights = start.state.weights
    afresh = Weights.initial(len(expected), len(expected), config)
    for row, (word, count) in enumerate(
        zip(start.vocabulary, start.vocabulary.counts, strict=True)
    ):
        ids = [vocabulary.get(word) for vocabulary in (model.vocabulary, corpus.vocabulary)]
        counts = (
            0 if i is None else vocabulary.counts[i]
            for i, vocabulary in zip(ids, (model.vocabulary, corpus.vocabulary), strict=True)
        )
        assert count == sum(counts)
        old = ids[0]
        vector = afresh.input[row] if old is None else model.vectors[old]
        other = np.zeros(2, np.float32) if old is None else model.weights["output"][old]
        assert weights.input[row].tobytes() == vector.tobytes()
        assert weights.output[row].tobytes() == other.tobytes()


def test_the_order_of_words_that_are_equally_frequent() -> None:
    model = random_vectors(["b", "a", "c"], counts=[5, 3, 1])
    start = start_from_model(lines_of("z a/c c c c/y z y y"), replace(CONFIG, min_count=1), model)
    assert start.vocabulary.words == ("b", "c", "a", "y", "z")
    assert start.vocabulary.counts.tolist() == [5, 5, 4, 3, 2]


@pytest.mark.parametrize("suffix", [None, ".safetensors", ".safetensors.gz"])
@pytest.mark.parametrize("vectors", ["in", "out", "sum"])
@pytest.mark.parametrize("loss", ["ns", "softmax"])
def test_a_model_goes_on_with_both_matrices(
    corpus: Corpus, tmp_path: Path, loss: Any, vectors: Any, suffix: str | None
) -> None:
    config = Word2VecConfig(dim=5, min_count=2, loss=loss, vectors=vectors)
    model, before = trained(corpus, config)
    if suffix is not None:
        save_embeddings(model, tmp_path / f"m{suffix}")
        model = load_embeddings(tmp_path / f"m{suffix}")
    assert trained_config(model) == replace(config, lr=config.start_lr)
    start = start_from_model(corpus, config, model)
    check_shape(start, corpus, config)
    assert start.note is None and start.vocabulary.words == model.words  # the same text again
    weights = start.state.weights
    assert weights.input.tobytes() == before["input"].tobytes()
    if vectors == "sum":  # see embeddings_of
        expected = (before["input"] + before["output"]) - before["input"]
        assert weights.output.tobytes() == expected.tobytes()
        np.testing.assert_allclose(weights.output, before["output"], rtol=0, atol=1e-6)
    else:
        assert weights.output.tobytes() == before["output"].tobytes()
    grown = start_from_model(lines_of("new new w1 w2"), config, model)
    assert (grown.kept, grown.joined) == (len(model), 1)
    row, old = grown.vocabulary.id("w2"), model.vocabulary.id("w2")
    assert grown.state.weights.input[row].tobytes() == before["input"][old].tobytes()
    assert grown.state.weights.output[row].tobytes() == weights.output[old].tobytes()
    new = grown.vocabulary.id("new")
    assert not grown.state.weights.output[new].any() and grown.state.weights.input[new].any()


def test_the_nodes_of_a_tree_go_on_only_in_the_same_tree(corpus: Corpus) -> None:
    config = replace(CONFIG, loss="hs")
    model, before = trained(corpus, config)
    same = start_from_model(corpus, config, model)  # counts double: the same tree
    assert same.note is None
    assert same.state.weights.output.tobytes() == before["output"].tobytes()
    for text in ("new new w1", "w50 " * 900):
        other = start_from_model(lines_of(text), config, model)
        check_shape(other, lines_of(text), config)
        assert other.note is not None and "another tree" in other.note
        assert not other.state.weights.output.any()
        row, old = other.vocabulary.id("w3"), model.vocabulary.id("w3")
        assert other.state.weights.input[row].tobytes() == before["input"][old].tobytes()


def test_what_cannot_be_carried_over_is_told(corpus: Corpus) -> None:
    model, before = trained(corpus, CONFIG)
    hs, _ = trained(corpus, replace(CONFIG, loss="hs"))
    later = Embeddings(
        model.vocabulary,
        model.vectors,
        metadata={**model.metadata, "settings": {**model.metadata["settings"], "new": 1}},
        weights=model.weights,
    )
    counted = Embeddings(model.vocabulary, model.vectors, metadata={"made_by": "something"})
    cases = [
        (replace(CONFIG, loss="softmax"), model, "trained with loss ns, not softmax"),
        (replace(CONFIG, loss="hs"), model, "trained with loss ns, not hs"),
        (CONFIG, hs, "trained with loss hs, not ns"),
        (CONFIG, model.without_weights(), "its vectors alone"),
        (CONFIG, later, "its vectors alone"),
        (CONFIG, counted, "its vectors alone"),
    ]
    for config, known, note in cases:
        start = start_from_model(corpus, config, known)
        check_shape(start, corpus, config)
        assert start.note is not None and note in start.note and "starts at zero" in start.note
        assert not start.state.weights.output.any()
        assert start.state.weights.input.tobytes() == before["input"].tobytes()


def test_rare_words_of_the_text_are_trained_where_the_model_knows_them() -> None:
    model = random_vectors(["a", "b"], counts=[5, 3])
    text = lines_of("a rare/new new")
    start = start_from_model(text, CONFIG, model)
    assert start.vocabulary.words == ("a", "b", "new")
    assert dict(zip(text.vocabulary, start.rows.tolist(), strict=True)) == {
        "new": 2, "a": 0, "rare": -1,
    }  # fmt: skip
    alone = start_from_model(lines_of("a rare/new"), CONFIG, model)  # nothing is frequent enough
    assert (alone.kept, alone.joined) == (2, 0)
    apart = start_from_model(lines_of("x x y y"), CONFIG, model)  # nothing is known
    assert (apart.kept, apart.joined) == (2, 2)


def test_texts_and_models_that_do_not_go_together(corpus: Corpus) -> None:
    model = random_vectors(["a", "b"], counts=[5, 3])
    with pytest.raises(VocabularyError, match="no word of the model, and none that occurs 2 times"):
        start_from_model(lines_of("x y z"), CONFIG, model)
    with pytest.raises(VocabularyError, match="no word of the model"):
        start_from_model(lines_of(f"x {EOS}/y {EOS}"), CONFIG, model)
    with pytest.raises(VocabularyError, match="no counts .* --init"):
        start_from_model(corpus, CONFIG, random_vectors(["w1", "w2"]))
    with pytest.raises(ConfigError, match="set dim to 3"):
        start_from_model(corpus, replace(CONFIG, dim=100), model)
    with pytest.raises(VocabularyError, match="at least 2 words"):
        start_from_model(lines_of("a"), CONFIG, random_vectors(["a"], counts=[3]))


@pytest.mark.parametrize(
    "weights",
    [{"input": (57, 3)}, {"output": (56, 3)}, {"output": (57, 4)}, {"cake": (57, 3)}],
    ids=str,
)
def test_weights_that_do_not_fit_are_damage(corpus: Corpus, weights: dict[str, Any]) -> None:
    model, _ = trained(corpus, CONFIG)
    odd = Embeddings(
        model.vocabulary,
        model.vectors,
        metadata=model.metadata,
        weights={name: np.zeros(shape, np.float32) for name, shape in weights.items()},
        source="m.safetensors",
    )
    with pytest.raises(FormatError, match=r"m\.safetensors is damaged: its weights do not fit"):
        start_from_model(corpus, CONFIG, odd)


@pytest.mark.parametrize("begin", [start_from_model, start_from_vectors])
def test_damaged_files_are_found(corpus: Corpus, tmp_path: Path, begin: Any) -> None:
    model, before = trained(corpus, CONFIG)
    path = tmp_path / "m.safetensors"
    save_embeddings(model, path)
    whole = path.read_bytes()
    for name in ("input", "output"):
        if begin is start_from_vectors and name == "output":
            continue
        bits = before[name][5, 1].tobytes()
        place = whole.index(before[name][5].tobytes()) + 4
        assert whole[place : place + 4] == bits
        path.write_bytes(whole[:place] + np.float32(np.nan).tobytes() + whole[place + 4 :])
        with pytest.raises(FormatError, match="is damaged"):
            begin(corpus, CONFIG, load_embeddings(path))


@pytest.mark.parametrize("begin", [start_from_model, start_from_vectors])
def test_doubled_words_are_damage(corpus: Corpus, tmp_path: Path, begin: Any) -> None:
    model, _ = trained(corpus, CONFIG)
    path = tmp_path / "m.safetensors"
    save_embeddings(model, path)
    whole = path.read_bytes()
    assert whole.count(b"\nw31\n") == 1
    path.write_bytes(whole.replace(b"\nw31\n", b"\nw30\n"))
    with pytest.raises(FormatError, match=r"m\.safetensors is damaged: 'w30' .* more than once"):
        begin(corpus, CONFIG, load_embeddings(path))


def test_too_little_memory(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = trained(corpus, CONFIG)
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    monkeypatch.setattr(Weights, "zeros", None)  # is not even asked for
    for begin in (start_from_vectors, start_from_model):
        with pytest.raises(ResourceError, match="57 words of 3 dimensions need 0.1 GiB"):
            begin(corpus, CONFIG, model)
    with pytest.raises(ResourceError, match="raise the minimum count"):
        start_afresh(corpus, CONFIG)
