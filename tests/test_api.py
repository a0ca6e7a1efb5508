"""The front door, ``import wordkit``: what is made, asked, kept and sent to other processes."""

from __future__ import annotations

import dataclasses
import inspect
import math
import multiprocessing
import os
import pickle
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from wordnet_files import write_wordnet

import wordkit
import wordkit_corpora
from wordkit import bundled, lm, plots, seq2seq
from wordkit.classification import (
    Classifier,
    TextClassifier,
    labelled_texts,
    read_labelled_texts,
)
from wordkit.documents import DocumentVectors, similar_lines
from wordkit.embeddings import Embeddings, Subwords
from wordkit.errors import ConfigError, TextError, WordkitError
from wordkit.lm import LanguageModel
from wordkit.seq2seq import Seq2SeqModel
from wordkit.seq2seq.dialogue import DialogueModel
from wordkit.text import Corpus, NGrams, Vocabulary
from wordkit.thesaurus import Thesaurus, load_thesaurus
from wordkit.word2vec import Word2VecConfig
from wordkit_corpora import iter_open_lines, iter_open_source, iter_read_corpus, open_text

LINES = ["the cat sat on the mat", "the dog sat on the log"]
TOKENS = [line.split() for line in LINES]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return wordkit.train_language_model(LINES * 100, hidden=8, epochs=1, hold_out=0, progress=False)


@pytest.fixture(scope="module")
def sums() -> Seq2SeqModel:
    pairs = [(f"{a}+{b}", str(a + b)) for a in range(6) for b in range(6)]
    return wordkit.train_seq2seq(pairs, hidden=8, epochs=1, progress=False)


@pytest.fixture(scope="module")
def vectors() -> Embeddings:
    loaded = wordkit.load(bundled.VECTORS)
    assert isinstance(loaded, Embeddings)
    return loaded


# --- training, asking, keeping ------------------------------------------------------------------


def test_word_vectors(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"dim": 4, "epochs": 2, "min_count": 1, "sample": 0.0, "threads": 1}
    made = wordkit.train_word2vec(TOKENS * 50, **settings)
    assert made["cat"].shape == (4,) and made[["cat", "dog"]].shape == (2, 4) and "cat" in made
    assert "<td>dog</td>" in made.most_similar("cat")._repr_html_()
    made.save(tmp_path / "v.txt")
    assert Embeddings.load(tmp_path / "v.txt").words == made.words
    more = wordkit.train_word2vec([["cat", "new"]] * 9, resume=made, threads=1, min_count=1)
    assert more.words[-1] == "new" or "new" in more
    assert wordkit.train_word2vec(TOKENS, init=made, **settings).dim == 4
    config = Word2VecConfig(dim=4, epochs=2, min_count=1, sample=0.0)
    assert np.array_equal(
        wordkit.train_word2vec(TOKENS * 50, config, threads=1).vectors, made.vectors
    )
    assert wordkit.train_word2vec(TOKENS * 50, config, dim=5, threads=1).dim == 5
    with pytest.raises(ConfigError, match="expected a Word2VecConfig"):
        wordkit.train_word2vec(TOKENS, 5)  # type: ignore[arg-type]
    assert list(made) == list(made.words)
    with pytest.raises(ConfigError, match="no setting 'topn'; did you mean n?"):
        made.most_similar("cat", topn=3)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="use vector"):
        made.get_vector("cat")
    counted = wordkit.train_counts(LINES, dim=3, min_count=1)
    assert counted.dim == 3 and set(counted.words) == set(made.words)


def _thesaurus(folder: Path) -> Thesaurus:
    return load_thesaurus(write_wordnet(folder / "wordnet"))


KINDS: dict[str, tuple[Callable[[Path], Any], Callable[[Any], Any]]] = {
    "Embeddings(7 words, 3 dimensions, made by wordkit train-counts)": (
        lambda _: wordkit.train_counts(LINES, dim=3, min_count=1),
        lambda vectors: vectors.most_similar("cat"),
    ),
    "LanguageModel(lstm 8, 9 words, tokenizer basic, from the text, made by wordkit train-lm)": (
        lambda _: wordkit.train_language_model(LINES * 100, hidden=8, epochs=1, hold_out=0),
        lambda model: model.predict("the"),
    ),
    "Seq2SeqModel(lstm 1 x 8, dot attention, 12 and 12 chars, 10 pairs, made by wordkit "
    "train-seq2seq)": (
        lambda _: wordkit.train_seq2seq(
            [(str(n), str(n)) for n in range(10)], hidden=8, epochs=1, hold_out=0
        ),
        lambda model: model.transform("3"),
    ),
    "DialogueModel(hred of lstm 1 x 8, dot attention, 6 words, 6 dialogues, made by wordkit "
    "train-dialogue)": (
        lambda _: _dialogues(),
        lambda model: model.answer([["hello"]]),
    ),
    "Classifier(2 labels, 6 words, 7 n-grams)": (
        lambda _: _classifier(),
        lambda model: model.predict("the cat"),
    ),
    "Corpus(12 tokens, 2 sentences, 7 words, tokenizer basic, from the text)": (
        lambda _: wordkit.prepare(LINES),
        lambda corpus: corpus.fingerprint,
    ),
    "Vocabulary(7 words, 12 tokens)": (
        lambda _: Vocabulary.from_sentences(TOKENS),
        lambda vocabulary: vocabulary,
    ),
    "Vocabulary(1 word, no counts)": (
        lambda _: Vocabulary(["caf\u00e9"]),
        lambda vocabulary: vocabulary,
    ),
    "Thesaurus(WordNet of an unknown version, '": (
        _thesaurus,
        lambda thesaurus: (thesaurus.synonyms("car"), thesaurus.similarity("cars", "ox")),
    ),
}
"""The start of the repr of each kind that ``load`` gives, how one is made, and what is asked."""


@pytest.mark.parametrize("told", KINDS)
def test_each_kind_is_told_saved_and_loaded(told: str, tmp_path: Path) -> None:
    make, ask = KINDS[told]
    made = make(tmp_path)
    assert repr(made).startswith(told) and "\n" not in repr(made)
    made.save(tmp_path / "saved.safetensors")
    again = wordkit.load(tmp_path / "saved.safetensors")
    assert type(again) is type(made) and ask(again) == ask(made)
    if not isinstance(made, Thesaurus):
        assert repr(again) == repr(made)
    kinds = wordkit.load.__annotations__["return"].split(" | ")
    assert {*kinds} == {each.partition("(")[0] for each in KINDS}, "the table has all"
    again.save(tmp_path / "saved.safetensors")  # over what it is read from
    assert ask(wordkit.load(tmp_path / "saved.safetensors")) == ask(made)
    assert pickle.dumps(again), "multiprocessing can send it"


def test_a_language_model(model: LanguageModel, tmp_path: Path) -> None:
    text = model.generate("the cat", words=4, seed=1)
    assert text.startswith("the cat") and text == model.generate(["the", "cat"], words=4, seed=1)
    assert len({model.generate(words=20) for _ in range(5)}) > 1, "each draws anew"
    [best, *_] = found = model.predict("the cat", n=3)
    assert best.probability >= found[1].probability and "probability" in found._repr_html_()
    score = model.perplexity(LINES)
    assert float(score) == score.perplexity and score.tokens == 14 and "tokens=14" in repr(score)
    assert model.perplexity(TOKENS).perplexity == pytest.approx(score.perplexity)
    assert f"{score:.1f}" == f"{score.perplexity:.1f}" and score < 1e9 and score > 1
    for ask in (model.generate, model.predict):
        with pytest.raises(ConfigError, match="a prompt must be text or a list of tokens"):
            ask(None)
    with pytest.raises(ConfigError, match="did you mean words?"):
        model.generate(max_length=5)
    with pytest.raises(TextError, match="line 2 must be a string or a list of tokens"):
        model.score(["a", ["b", 2]])  # type: ignore[list-item]
    (tmp_path / "lines").write_text("the cat\nsat\n")
    lines = model.score(["the cat", "sat"])
    assert lines == model.score([("the", "cat"), ["sat"]])
    with open(tmp_path / "lines") as file:
        assert lines == model.score(file)
    model.save(tmp_path / "lm.safetensors")
    again = wordkit.load(tmp_path / "lm.safetensors")
    assert isinstance(again, LanguageModel) and again.generate(seed=1) == model.generate(seed=1)


READ_TEXTS: dict[str, Callable[[list[Any], LanguageModel, Seq2SeqModel], object]] = {
    "prepare": lambda texts, *_: wordkit.prepare(texts),
    "train_word2vec": lambda texts, *_: wordkit.train_word2vec(texts),
    "train_counts": lambda texts, *_: wordkit.train_counts(texts),
    "train_glove": lambda texts, *_: wordkit.train_glove(texts),
    "find_phrases": lambda texts, *_: wordkit.find_phrases(texts),
    "train_language_model": lambda texts, *_: wordkit.train_language_model(texts),
    "train_seq2seq": lambda texts, *_: wordkit.train_seq2seq(zip(texts, texts, strict=True)),
    "LanguageModel.score": lambda texts, model, _: model.score(texts),
    "LanguageModel.perplexity": lambda texts, model, _: model.perplexity(texts),
    "Seq2SeqModel.transform": lambda texts, _, model: model.transform(texts),
    "DocumentVectors.fit": lambda texts, *_: DocumentVectors(bundled.VECTORS).fit(texts),
}


@pytest.mark.parametrize("name", READ_TEXTS)
@pytest.mark.parametrize("missing", [math.nan, None, pd.NA], ids=str)
def test_missing_texts_are_told(
    name: str, missing: object, model: LanguageModel, sums: Seq2SeqModel
) -> None:
    for texts in (["a cat", missing], [missing, "a cat"]):
        with pytest.raises(WordkitError, match="not .*; leave out what is missing, as by dropna"):
            READ_TEXTS[name](texts, model, sums)
    if name in ("prepare", "LanguageModel.score", "DocumentVectors.fit"):
        with pytest.raises(WordkitError, match="must be a string|list of tokens"):
            READ_TEXTS[name]([["a"], ["cat", missing]], model, sums)


def test_a_sequence_model(sums: Seq2SeqModel, tmp_path: Path) -> None:
    sums.save(tmp_path / "m.safetensors")
    again = wordkit.load(tmp_path / "m.safetensors")
    assert isinstance(again, Seq2SeqModel)
    assert again.transform(["1+2", "3+4"], beam=2) == sums.transform(["1+2", "3+4"], beam=2)
    (tmp_path / "p.tsv").write_text("".join(f"{n}\t{n}\n" for n in range(20)))
    for pairs in (tmp_path / "p.tsv", [f"{n}\t{n}" for n in range(20)]):
        made = wordkit.train_seq2seq(pairs, hidden=4, epochs=1, hold_out=0)
        assert isinstance(made, Seq2SeqModel)
    with (tmp_path / "p.tsv").open() as file:
        assert wordkit.train_seq2seq([file], hidden=4, epochs=1, hold_out=0)
    with pytest.raises(ConfigError, match="there is no setting 'tokenizer'"):
        wordkit.train_seq2seq([("a", "b")], tokenizer="basic")
    with pytest.raises(ConfigError, match="not a dict"):
        wordkit.train_seq2seq({"a": "b"})
    for bad in ([("a",)], [("a", 1)], [3], [["a", "b", "c"]]):
        with pytest.raises(TextError, match="pair 1 must be a source and a target"):
            wordkit.train_seq2seq(bad)


def test_scores(vectors: Embeddings, tmp_path: Path) -> None:
    pairs = [("car", "truck", 9.0), ("car", "river", 1.0), ("king", "queen", 8.0)]
    score = wordkit.evaluate_similarity(vectors, pairs)
    (tmp_path / "p.txt").write_text("\n".join("\t".join(map(str, pair)) for pair in pairs))
    assert wordkit.evaluate_similarity(bundled.VECTORS, tmp_path / "p.txt").used == score.used == 3
    answers = wordkit.evaluate_analogies(vectors, [("man", "king", "woman", "queen")])
    assert answers.total.correct == 1
    with pytest.raises(TextError, match="four words"):
        wordkit.evaluate_analogies(vectors, ["man king woman queen"])
    for wrong in (
        ("man", "king"),
        ("man", "king", "near"),
        ("man", "king", 1.0, 2),
        ("man", 3, 1.0),
    ):
        with pytest.raises((TextError, ConfigError), match="two words and a score|score must be"):
            wordkit.evaluate_similarity(vectors, [wrong])
    with pytest.raises(ConfigError, match="there is no setting 'restrict'"):
        wordkit.evaluate_similarity(vectors, pairs, restrict=3)
    found = wordkit.compare("car", 2)
    assert found.counting and found.inference


# --- one string where several are wanted ---------------------------------------------------------


@cache
def _classifier() -> Classifier:
    texts = [("a", "the car drove"), ("b", "the cat sat")]
    return wordkit.train_classifier(texts, dim=2, epochs=1, threads=1)


@cache
def _dialogues() -> DialogueModel:
    turns = [["hello", "hi"], ["car", "van"]] * 3
    return wordkit.train_dialogue(turns, hidden=8, epochs=1, hold_out=0, device="cpu")


@cache
def _autoencoder() -> Seq2SeqModel:
    return wordkit.train_seq2seq(
        ["car", "van"] * 3, autoencode=True, latent=2, hidden=8, epochs=1, hold_out=0
    )


_SUBWORDS = Subwords(NGrams(2, 2, 5), np.ones((5, 1), np.float32))

ONE_STRING: dict[str, Callable[[Embeddings, LanguageModel, Seq2SeqModel], Any]] = {
    "Classifier.predict": lambda v, m, s: (
        _classifier().predict("car") == _classifier().predict(["car"])
    ),
    "Classifier.probabilities": lambda v, m, s: _classifier().probabilities("car").shape == (1, 2),
    "DialogueModel.answer": lambda v, m, s: _dialogues().answer("car"),
    "Embeddings.check_words": lambda v, m, s: v.check_words("car") == v.check_words(["car"]),
    "NGrams.buckets_of": lambda v, m, s: len(NGrams().buckets_of("car")[1]) == 2,
    "Seq2SeqModel.encode": lambda v, m, s: len(_autoencoder().encode("car")) == 1,
    "Subwords.compose": lambda v, m, s: len(_SUBWORDS.compose("car", np.ones((1, 1)))) == 1,
    "TextClassifier.fit": lambda v, m, s: TextClassifier().fit("car", ["a"]),
    "TextClassifier.predict": lambda v, m, s: (
        TextClassifier().fit(LINES, ["a", "b"]).predict("car")
    ),
    "TextClassifier.predict_proba": lambda v, m, s: (
        TextClassifier().fit(LINES, ["a", "b"]).predict_proba("car")
    ),
    "encode_texts": lambda v, m, s: len(seq2seq.encode_texts(_autoencoder(), "car")) == 1,
    "evaluate_classifier": lambda v, m, s: wordkit.evaluate_classifier(_classifier(), "car"),
    "labelled_texts": lambda v, m, s: len(labelled_texts("car", "animal")) == 1,
    "read_labelled_texts": lambda v, m, s: [*read_labelled_texts(open_text(["c,a"]), columns="ca")],
    "train_classifier": lambda v, m, s: wordkit.train_classifier("car"),
    "train_dialogue": lambda v, m, s: wordkit.train_dialogue("car"),
    "Corpus.from_sentences": lambda v, m, s: Corpus.from_sentences(["car"]),
    "DocumentVectors.fit": lambda v, m, s: DocumentVectors(v).fit("car"),
    "DocumentVectors.fit_transform": lambda v, m, s: DocumentVectors(v).fit_transform("car"),
    "DocumentVectors.transform": lambda v, m, s: DocumentVectors(v).fit(["a"]).transform("car"),
    "Embeddings": lambda v, m, s: Embeddings("car", [[1.0]]).words == ("car",),
    "Embeddings.doesnt_match": lambda v, m, s: v.doesnt_match("car"),
    "Embeddings.ids_of": lambda v, m, s: v.ids_of("car") == v.ids_of(["car"]),
    "Embeddings.mean_vector": lambda v, m, s: np.array_equal(v.mean_vector("car"), v["car"]),
    "Embeddings.most_similar": lambda v, m, s: (
        v.most_similar("car", "van") == v.most_similar(["car"], ["van"])
    ),
    "Embeddings.most_similar_batch": lambda v, m, s: (
        v.most_similar_batch("car") == [v.most_similar("car")]
    ),
    "LanguageModel.generate": lambda v, m, s: (
        m.generate("the", seed=1) == m.generate(["the"], seed=1)
    ),
    "LanguageModel.detokenize": lambda v, m, s: m.detokenize("cat") == "cat",
    "LanguageModel.ids": lambda v, m, s: list(m.ids("cat")) == list(m.ids(["cat"])),
    "LanguageModel.perplexity": lambda v, m, s: m.perplexity("car"),
    "LanguageModel.predict": lambda v, m, s: m.predict("the cat") == m.predict(["the", "cat"]),
    "LanguageModel.prompt_tokens": lambda v, m, s: m.prompt_tokens("the cat") == ["the", "cat"],
    "LanguageModel.score": lambda v, m, s: m.score("the cat") == m.score(["the cat"]),
    "Seq2SeqModel.transform": lambda v, m, s: s.transform("1+1") == s.transform(["1+1"]),
    "Vocabulary": lambda v, m, s: Vocabulary("car") == Vocabulary(["car"]),
    "Vocabulary.encode": lambda v, m, s: (
        list(v.vocabulary.encode("car")) == [v.vocabulary.id("car")]
    ),
    "Vocabulary.from_sentences": lambda v, m, s: Vocabulary.from_sentences(["car"]),
    "Vocabulary.ids": lambda v, m, s: list(v.vocabulary.ids("car")) == [v.vocabulary.id("car")],
    "Vocabulary.ids_of": lambda v, m, s: v.vocabulary.ids_of("car") == [v.vocabulary.id("car")],
    "evaluate_analogies": lambda v, m, s: wordkit.evaluate_analogies(v, ["car"]),
    "evaluate_similarity": lambda v, m, s: wordkit.evaluate_similarity(v, ["car"]),
    "find_neighbourhoods": lambda v, m, s: (
        [found.word for found in plots.find_neighbourhoods(v, "car")] == ["car"]
    ),
    "generate": lambda v, m, s: [*lm.generate(m, "the")] == [*lm.generate(m, ["the"])],
    "iter_open_lines": lambda v, m, s: iter_open_lines("car").result(),
    "iter_open_source": lambda v, m, s: iter_open_source("car").result(),
    "iter_read_corpus": lambda v, m, s: iter_read_corpus("car").result(),
    "map_words": lambda v, m, s: plots.map_words(v, "car"),
    "neighbours_of": lambda v, m, s: len(plots.neighbours_of(v, "car", 2)) == 1,
    "open_text": lambda v, m, s: open_text("car"),
    "predict": lambda v, m, s: lm.predict(m, "the cat") == lm.predict(m, ["the", "cat"]),
    "prepare": lambda v, m, s: wordkit.prepare("car"),
    "score_lines": lambda v, m, s: [*lm.score_lines(m, "cat")] == [*lm.score_lines(m, ["cat"])],
    "similar_lines": lambda v, m, s: (
        similar_lines(DocumentVectors(v), "car", "car")[0].text == "car"
    ),
    "LanguageModel.adapted": lambda v, m, s: m.adapted(cache=2, valid="car"),
    "iter_adapt": lambda v, m, s: lm.iter_adapt(
        m, lm.AdaptationConfig(cache=2), valid="car"
    ).result(),
    "train_counts": lambda v, m, s: wordkit.train_counts("car"),
    "train_glove": lambda v, m, s: wordkit.train_glove("car"),
    "find_phrases": lambda v, m, s: wordkit.find_phrases("car"),
    "train_language_model": lambda v, m, s: wordkit.train_language_model(LINES, valid="car"),
    "train_seq2seq": lambda v, m, s: wordkit.train_seq2seq([("a", "b")], valid="car"),
    "train_word2vec": lambda v, m, s: wordkit.train_word2vec("car"),
    "transform": lambda v, m, s: [*seq2seq.transform(s, "1")] == [*seq2seq.transform(s, ["1"])],
    "transform_groups": lambda v, m, s: (
        [*seq2seq.transform_groups(s, "1+1")] == [*seq2seq.transform_groups(s, [["1+1"]])]
    ),
}
"""A call of each public function that takes several words, lines or texts, with one string."""

CHARACTERS = {"attention_map"}
"""Functions to which a string is its characters, as their documentation says."""

_SEVERAL = re.compile(
    r"(Iterable|Sequence|list|tuple)\[.*\b(str|Sequence|Document|Query|WordPair)\b|\b(Text|Query)\b"
)


def _public_functions() -> dict[str, Callable[..., Any]]:
    """The functions, classes and methods of ``wordkit`` and its packages, by qualified name."""
    found: dict[str, Callable[..., Any]] = {}
    packages = [getattr(wordkit, name) for name in wordkit._PACKAGES]
    for package in (wordkit, *packages, wordkit_corpora):
        for name in getattr(package, "__all__", dir(package)):
            public = getattr(package, name)
            if not inspect.isclass(public):
                found = ({name: public} if inspect.isfunction(public) else {}) | found
            elif not issubclass(public, Exception | tuple) and public.__module__.startswith(
                "wordkit"
            ):
                found |= {} if dataclasses.is_dataclass(public) else {name: public}
                for method, defined in vars(public).items():
                    function = getattr(defined, "__func__", defined)
                    if not method.startswith("_") and inspect.isfunction(function):
                        found[f"{name}.{method}"] = function
    return found


def test_the_table_has_all_that_take_several_strings() -> None:
    several = {
        name
        for name, function in _public_functions().items()
        for parameter in inspect.signature(function).parameters.values()
        if _SEVERAL.search(str(parameter.annotation))
    }
    assert several == set(ONE_STRING) | CHARACTERS


@pytest.mark.parametrize("name", ONE_STRING)
def test_one_string_is_never_read_letter_by_letter(
    name: str, vectors: Embeddings, model: LanguageModel, sums: Seq2SeqModel
) -> None:
    """It is one word, one line, or a plain error."""
    try:
        assert ONE_STRING[name](vectors, model, sums)
    except WordkitError as error:
        assert "'c'" not in str(error), error


# --- processes, threads, notebooks ----------------------------------------------------------------


def _ask(asked: Any) -> str:
    return repr(asked) if not isinstance(asked, Embeddings) else asked.most_similar("car")[0].word


def test_models_go_to_other_processes(
    vectors: Embeddings, model: LanguageModel, sums: Seq2SeqModel
) -> None:
    """By multiprocessing, which pickles; wordkit itself reads and writes no pickle."""
    asked = [vectors, model, sums, Embeddings(["car", "van"], [[1.0, 0.0], [1.0, 0.1]])]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_ask, asked) == [_ask(each) for each in asked]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_forked_processes_ask(model: LanguageModel, sums: Seq2SeqModel) -> None:
    """Also after torch has begun threads in the parent."""
    expected = model.predict("the"), sums.transform("1+1")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        asked = pool.apply_async(_predict, (model,)), pool.apply_async(_transform, (sums,))
        assert tuple(each.get(timeout=120) for each in asked) == expected


def _predict(model: LanguageModel) -> Any:
    return model.predict("the")


def _transform(model: Seq2SeqModel) -> Any:
    return model.transform("1+1")


def test_threads_ask_together(vectors: Embeddings, model: LanguageModel) -> None:
    expected = vectors.most_similar("car"), model.predict("the")
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(lambda: (vectors.most_similar("car"), model.predict("the")))
            for _ in range(4)
        ]
        assert [each.result() for each in asked] == [expected] * 4
