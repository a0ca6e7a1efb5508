"""Classifiers: training, files, answers, the estimator, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fasttext_files import Model
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import MultiLabelBinarizer
from string_source import StringSource

import wordkit
from wordkit.classification import (
    Classifier,
    ClassifierConfig,
    ClassifierRun,
    LabelledText,
    TextClassifier,
    iter_train_classifier,
    labelled_texts,
    read_labelled_texts,
    score_classifier,
)
from wordkit.classification.features import tokenized
from wordkit.classification.naive_bayes import log_count_ratios
from wordkit.classification.scores import score_labels
from wordkit.classification.search import iter_search_settings
from wordkit.embeddings import Embeddings
from wordkit.embeddings.composition import Subwords
from wordkit.errors import (
    ConfigError,
    DivergenceError,
    FormatError,
    ResourceError,
    TextError,
    VocabularyError,
    WordkitError,
    WordkitWarning,
)
from wordkit.text.subwords import NGrams

TEXTS = ["the cat sat", "a dog barks", "the car drives", "a fast car", "the cat and dog"] * 8
LABELS = ["animal", "animal", "road", "road", "animal"] * 8
PAIRS = labelled_texts(TEXTS, LABELS)
TEXT = {"tokenizer": "basic"}


def trained(pairs: Any = PAIRS, **values: Any) -> Classifier:
    given = {name: values.pop(name) for name in ("embeddings", "text") if name in values}
    config = ClassifierConfig(**{"dim": 8, "epochs": 10, **values})
    return iter_train_classifier(pairs, config, threads=1, **given).result()


@pytest.fixture(scope="module")
def model() -> Classifier:
    return trained()


@pytest.mark.parametrize(
    "given",
    [
        {}, {"loss": "ova"}, {"loss": "hs"}, {"subwords": "2-4"}, {"models": 3, "dropout": 0.2},
        {"dim": 1, "weighting": "tfidf"}, {"naive_bayes": 0.5},
        {"class_weight": "balanced", "word_ngrams": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_can_be_learnt_is_learnt_and_kept(given: dict[str, Any], tmp_path: Path) -> None:
    made = trained(**given)
    assert [found[0].label for found in made.predict(TEXTS)] == LABELS
    probabilities = made.probabilities(TEXTS)
    if made.config.loss != "ova":
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    made.save(tmp_path / "c.safetensors")
    again = wordkit.load(tmp_path / "c.safetensors")
    assert isinstance(again, Classifier)
    assert np.array_equal(again.probabilities(TEXTS), probabilities)
    assert again.config == made.config
    assert (again.labels, again.metadata) == (made.labels, made.metadata)
    trained(**given).save(tmp_path / "d.safetensors")
    same = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "cd")
    assert next(same) == next(same), "the same seed on one thread gives the same file"


def test_many_labels_keep_vectors_and_output() -> None:
    texts = [f"word{i} and so on" for i in range(30)]
    for loss in ("softmax", "ova", "hs"):
        made = trained(
            labelled_texts(texts, [f"label {i}" for i in range(30)]), loss=loss, epochs=60, lr=1.0
        )
        assert made.output is not None
        right = [found[0].label == f"label {i}" for i, found in enumerate(made.predict(texts))]
        assert np.mean(right) > 0.9, loss


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
@settings(max_examples=30)
def test_texts_are_classified_by_themselves(model: Classifier, texts: list[str]) -> None:
    together = model.probabilities(texts)
    alone = [model.probabilities(text)[0] for text in texts]
    assert together == pytest.approx(np.array(alone).reshape(len(texts), 2), abs=1e-6)
    for found in model.predict(texts, 2):
        assert found[0].probability >= found[1].probability
    assert [len(found) for found in model.predict(texts, 9, threshold=0.51)] == [
        int((row >= 0.51).sum()) for row in together
    ]


def test_tokens_are_taken_as_they_are(model: Classifier) -> None:
    assert np.array_equal(
        model.probabilities([["the", "cat", "sat"], "a dog"]),
        model.probabilities(["the cat sat", "a dog"]),
    )
    with pytest.raises(ConfigError, match="strings or lists of tokens, not None"):
        model.predict(None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="'get_labels'; use labels"):
        model.get_labels()


def test_embeddings_help_with_words_that_are_rare_or_not_in_the_texts() -> None:
    words = ["cat", "dog", "car", "bus"]
    rows = np.array([[9, 0], [9, 1], [0, 9], [1, 9], [7, 1], [0, 5]], np.float32)
    vectors = Embeddings([*words, "le\u0301on", "lorry"], rows)
    pairs = labelled_texts(["cat", "dog", "car", "bus"], ["animal", "animal", "road", "road"])
    made = trained(pairs, dim=2, embeddings=vectors, word_ngrams=1)
    assert [found[0].label for found in made.predict(words)] == [each.labels[0] for each in pairs]
    assert [found[0].label for found in made.predict(["l\u00e9on", "lorry"])] == ["animal", "road"]
    assert "l\u00e9on" in made.features.vocabulary.words
    composing = Embeddings(words, rows[:4], subwords=Subwords(NGrams(2, 2, 5), rows[:5]))
    run = ClassifierRun(
        tokenized(labelled_texts(["cats", "bus"], ["a", "b"]), TEXT), ClassifierConfig(dim=2), TEXT,
        embeddings=composing,
    )  # fmt: skip
    start = run._inputs[run.features.vocabulary.ids(["cats", "bus"]), :2]
    expected = composing[["cats", "bus"]]
    assert start / start[1, 1] == pytest.approx(expected / expected[1, 1])
    with pytest.raises(ConfigError, match="dim is 3, and the vectors to start from have 2"):
        trained(pairs, dim=3, embeddings=vectors)
    with pytest.raises(VocabularyError, match="none of the words of the texts is among the 4"):
        trained(dim=2, embeddings=Embeddings(["x", "y", "z", "w"], rows[:4]))


def test_the_classes_of_few_texts_weigh_more_when_balanced() -> None:
    pairs = labelled_texts(["a b"] * 9 + ["a b"], ["often"] * 9 + ["seldom"])
    plain, balanced = (trained(pairs, class_weight=way) for way in ("none", "balanced"))
    seldom = [float(each.probabilities("a b")[0, 1]) for each in (plain, balanced)]
    assert seldom[0] == pytest.approx(0.1, abs=0.1)
    assert seldom[1] == pytest.approx(0.5, abs=0.15)


def test_naive_bayes_is_the_log_count_ratio() -> None:
    pairs = labelled_texts(["a a b", "b c", "c"], ["x", "x", "y"])
    run = ClassifierRun(tokenized(pairs, TEXT), ClassifierConfig(word_ngrams=1), TEXT)
    ratios = log_count_ratios(run.texts, np.eye(4, 2, dtype=np.float32))
    words = run.features.vocabulary.ids(["a", "b", "c", "</s>"])
    x, y = np.array([2, 2, 1, 2]) + 1, np.array([0, 0, 1, 1]) + 1
    expected = np.log(x / x.sum()) - np.log(y / y.sum())
    assert run.labels.words == ("x", "y")
    scale = ratios[words, 0] / expected
    assert scale == pytest.approx(np.full(4, scale[0]))
    assert ratios[:, 1] == pytest.approx(-ratios[:, 0])
    with pytest.raises(ConfigError, match="naive_bayes 0.5 has no effect with loss hs"):
        ClassifierConfig(loss="hs", naive_bayes=0.5)


def test_a_stopped_training_has_a_classifier() -> None:
    run = iter_train_classifier(PAIRS, ClassifierConfig(epochs=1000), threads=2)
    for report in run:
        if report.figures["epoch"] > 30:
            break
    run.close()
    assert run.has_learnt
    assert score_classifier(run.best(), PAIRS).accuracy == 1


def test_a_training_that_diverges_says_so() -> None:
    with pytest.raises(DivergenceError, match="lower lr"):
        trained(lr=1e30)


# --- scores --------------------------------------------------------------------------------------

label_sets = st.lists(st.sets(st.sampled_from("abc"), min_size=1), min_size=1, max_size=12)


@given(st.data())
def test_scores_are_those_of_scikit_learn(data: st.DataObject) -> None:
    true = data.draw(label_sets)
    answers = data.draw(
        st.lists(st.sets(st.sampled_from("abcd")), min_size=len(true), max_size=len(true))
    )
    score = score_labels(true, answers)
    names = sorted({label for each in (*true, *answers) for label in each})
    assume(len(names) > 1)  # of a single one, scikit-learn takes 0 and 1 as two labels
    coded = MultiLabelBinarizer(classes=names)
    y, p = coded.fit_transform(true), coded.transform(answers)
    assert score.accuracy == pytest.approx(accuracy_score(y, p))
    assert score.macro_f1 == pytest.approx(f1_score(y, p, average="macro", zero_division=0))
    assert score.micro_f1 == pytest.approx(f1_score(y, p, average="micro", zero_division=0))
    known = precision_recall_fscore_support(y, p, zero_division=0)
    for each in score.labels:
        place = names.index(each.label)
        expected = [column[place] for column in known]
        assert [each.precision, each.recall, each.f1, each.count] == pytest.approx(expected)
    if all(len(each) == 1 for each in (*true, *answers)):
        assert score.micro_f1 == pytest.approx(score.accuracy)
        assert sum(each.count for each in score.confusions) == round(
            (1 - score.accuracy) * len(true)
        )


def test_several_labels_of_a_text_are_all_found_by_ova() -> None:
    pairs = [LabelledText(("a", "b"), "x y"), LabelledText(("a",), "x"), LabelledText(("b",), "y")]
    made = trained(pairs * 10, loss="ova", epochs=30)
    assert score_classifier(made, pairs).accuracy == 1
    with pytest.warns(WordkitWarning, match="does not know 'c', labels of 1 text"):
        assert score_classifier(made, [LabelledText(("c",), "x")]).accuracy == 0


# --- the estimator -------------------------------------------------------------------------------


def test_the_estimator_is_one_of_scikit_learn() -> None:
    search = GridSearchCV(TextClassifier(dim=5, n_jobs=1), {"epochs": [5, 10]}, cv=2)
    search.fit(TEXTS, LABELS)
    assert search.best_score_ == 1
    assert clone(search.best_estimator_).get_params()["dim"] == 5
    numbers = TextClassifier(dim=5, n_jobs=1).fit(TEXTS, [len(label) for label in LABELS])
    assert numbers.classes_.tolist() == [4, 6]
    assert numbers.predict(["a cat", "a car"]).tolist() == [6, 4]
    small = TextClassifier(dim=5, max_ngrams=3, n_jobs=1).fit(TEXTS, LABELS)
    assert len(small.classifier_.features.buckets) == 3
    spaced = TextClassifier(dim=5, n_jobs=1).fit(TEXTS, [f" {label}" for label in LABELS])
    assert spaced.predict(["a cat", "a car"]).tolist() == [" animal", " road"]
    assert numbers.predict_proba(["a cat"])[0, 1] > 0.5
    with pytest.raises(NotFittedError):
        TextClassifier().predict(["a"])
    with pytest.raises(ConfigError, match="an iterable of texts"):
        numbers.predict("a cat")
    for wrong in (None, math.nan, ["animal", "road"]):
        with pytest.raises(ConfigError, match="y must hold a string or a number for each text"):
            TextClassifier(class_weight="balanced", n_jobs=-1).fit(TEXTS, [*LABELS[1:], wrong])


# --- reading -------------------------------------------------------------------------------------


def read(text: str, **how: Any) -> list[tuple[tuple[str, ...], Any]]:
    return [(each.labels, each.text) for each in read_labelled_texts(StringSource(text), **how)]


def test_lines_of_three_kinds() -> None:
    expected = [(("a b",), "x y"), (("c",), "z\tw")]
    assert read("a b\tx y\n\nc\tz\tw\n") == expected
    assert read("1 x y\n2 z", separator=" ") == [(("1",), "x y"), (("2",), "z")]
    assert read("__label__a __label__b x y\nz __label__c\n") == [
        (("a", "b"), "x y"), (("c",), "z")
    ]  # fmt: skip
    table = 'id,text,label\n1,"x, ""y""\nand z",a\n2,w,b\n'
    assert read(table, columns=["label", " text"]) == [(("a",), 'x, "y" and z'), (("b",), "w")]
    assert read("x;a\ny;b\n", columns=[2, 1], separator=";") == [(("a",), "x"), (("b",), "y")]
    assert read("a," + "y" * 200_000 + "\n", columns=[1, 2]) == [(("a",), "y" * 200_000)]
    with pytest.raises(ConfigError, match="columns have numbers from 1 up, not 0, 1"):
        read("x,a", columns=["0", "1"])


@pytest.mark.parametrize(
    ("text", "how", "says"),
    [
        ("a\tb\nno label here\n", {}, "line 2: it has no label: expected a label, a tab and"),
        ("\tb\n", {}, "line 1: it has no label"),
        ("__label__a b\nc\n", {}, "line 2: it has no label: expected a word __label__"),
        ("__label__ b\n", {}, "line 1: it has no label"),
        ("\n \n", {}, "holds no text"),
        ("a,b\n1,2\n", {"columns": ["c", "b"]}, "line 1: it names no column 'c', found 'a, b'"),
        ("a,b\n1\n", {"columns": ["1", "2"]}, "line 2: it has 1 column, not 2"),
        ("\n", {"columns": ["1", "2"]}, "holds no text; give some"),
        ("a,b\n,2\n", {"columns": ["a", "b"]}, "line 2: its label is empty"),
        ('a,b\n1,"2\n', {"columns": ["a", "b"]}, "it is no CSV"),
        ("a,b\n", {"columns": ["a", "b"]}, "no text below its first line"),
    ],
)
def test_lines_that_are_refused(text: str, how: dict[str, Any], says: str) -> None:
    with pytest.raises(TextError, match=says) as caught:
        read(text, **how)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pairs", "given", "error", "says"),
    [
        ([("a", "x"), ("a", "y")], {}, TextError, "all texts have the label 'a'"),
        ([], {}, TextError, "holds no line"),
        ([("a", ""), ("b", " ")], {}, TextError, "all 2 texts are empty"),
        ([("a", "x"), ("b", None)], {}, ConfigError, "text 2 must be a string or a list"),
        ([("a", "x"), (None, "y")], {}, ConfigError, "the label of text 2 must be a string"),
        ([("a", "x"), ("b", "\ud800")], {}, TextError, "not valid Unicode"),
        ([("a", "x"), ("b", "y")], {"min_count": 3}, VocabularyError, "no word occurs 3 times"),
        ([("a", "x"), ("b", "y")], {"buckets": 2**31 - 1}, ResourceError, "lower buckets"),
        ([("a", "x"), ("b", "y")], {"subwords": "4-3"}, ConfigError, "4 to 3 characters"),
        ([("a", "x"), ("b", "y")], {"subwords": ""}, ConfigError, "as in 3-6, not ''"),
        ([("a", "x"), ("b", "y")], {"dimensions": 3}, ConfigError, "no setting 'dimensions'"),
        ([("a", "x"), ("b", "y")], {"tokenizer": "no"}, ConfigError, "tokenizer must be one of"),
        (["x", "y"], {"config": ["a", "b"]}, ConfigError, r"give zip\(labels, texts\)"),
        ([("a", "x"), ("b", "y")], {"embeddings": np.eye(30)}, ConfigError, "Embeddings or its f"),
        ([("a", "x", "y")], {}, ConfigError, "text 1 must be a label and a text"),
    ],
)
def test_what_cannot_be_learnt_from(
    pairs: Any, given: dict[str, Any], error: type[WordkitError], says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda: 1 << 30)
    with pytest.raises(error, match=says) as caught:
        wordkit.train_classifier(pairs, progress=False, **given)
    assert "\n" not in str(caught.value)


def test_empty_texts_are_left_out_of_the_training() -> None:
    with pytest.warns(WordkitWarning, match="1 text is empty, and left out"):
        made = trained([*PAIRS, LabelledText(("road",), " ")])
    assert made.metadata["training"]["texts"] == len(PAIRS)
    assert made.predict("")[0][0].label in ("animal", "road")


def test_corrupted_files_are_refused(tmp_path: Path, model: Classifier) -> None:
    from dataclasses import replace

    path = tmp_path / "c.safetensors"
    scores = model.vectors.copy()
    scores[3, 0] = math.nan
    replace(model, vectors=scores).save(path)
    with pytest.raises(FormatError, match="not finite"):
        Classifier.load(path)
    path.write_bytes(Model(labels=("__label__a", "__label__b")).to_bytes())
    with pytest.raises(FormatError, match="is a model of fastText, whose vectors alone are read"):
        Classifier.load(path)
    path.write_text("a line of a text")
    with pytest.raises(FormatError, match="is no safetensors file"):
        Classifier.load(path)
    with pytest.raises(ConfigError, match="cannot hold a function"):
        trained(text={"tokenizer": str.split}).save(path)


def test_small_files_answer_nearly_the_same(tmp_path: Path) -> None:
    texts = [f"a{i % 7} b{i * i % 11} c{i % 5}" for i in range(3000)]
    for many in (2, 40):  # scores, then vectors and an output matrix
        pairs = labelled_texts(texts, [str(i * i % 7 * i % many) for i in range(3000)])
        made, sizes = trained(pairs, dim=16, epochs=3), []
        before = made.probabilities(texts)
        for precision, off in (("fp32", 0), ("fp16", 0.01), ("int8", 0.1)):
            made.save(tmp_path / precision, precision=precision)
            sizes.append((tmp_path / precision).stat().st_size)
            assert (
                np.abs(Classifier.load(tmp_path / precision).probabilities(texts) - before).max()
                <= off
            )
        assert sizes == sorted(sizes, reverse=True)
        rows = np.linalg.norm(made.vectors[len(made.features.vocabulary) :], axis=1)
        pruned = made.pruned(50)
        assert sorted(pruned.features.buckets) == sorted(
            made.features.buckets[np.argsort(rows)[-50:]]
        )
        pruned.save(tmp_path / "pruned", precision="int8")
        small = Classifier.load(tmp_path / "pruned")
        assert np.abs(small.probabilities("b0") - made.probabilities("b0")).max() < 0.1
        assert np.array_equal(made.pruned(10**9).probabilities(texts), before)
    with pytest.raises(ConfigError, match="max_ngrams must be at least 1, not 0"):
        TextClassifier(max_ngrams=0).fit(["one label"], ["alone"])  # before it is trained
    with pytest.raises(ConfigError, match="max_ngrams must be at least 1, not 0"):
        made.pruned(0)
    with pytest.raises(ConfigError, match="precision must be fp32, fp16, int8, not 'int4'"):
        made.save(tmp_path / "x", precision="int4")


def test_one_door_for_training_and_measuring(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    lines = zip(LABELS, TEXTS, strict=True)
    path.write_text("".join(f"{label}\t{text}\n" for label, text in lines))
    made = wordkit.train_classifier(path, dim=8, threads=1, tokenizer="whitespace")
    assert made.text["tokenizer"] == "whitespace"
    made.save(tmp_path / "c.safetensors")
    assert wordkit.evaluate_classifier(tmp_path / "c.safetensors", path).accuracy == 1


# --- the search for settings ---------------------------------------------------------------------


def test_a_search_finds_settings_that_can_be_given() -> None:
    """What is given stays; what is found trains the same classifier again."""
    noise = np.random.default_rng(2).choice(list("abcdefgh"), (200, 6))
    texts = [" ".join(row) + (" up" if i % 3 else " down") for i, row in enumerate(noise)]
    pairs = labelled_texts(texts, ["yes" if i % 3 else "no" for i in range(200)])
    data = tokenized(pairs, TEXT)
    run = iter_search_settings(data, {"dim": 6, "models": 1}, minutes=0.05, threads=2)
    seen = [report.figures["trials"] for report in run]
    choice = run.result()
    assert seen[-1] == choice.trials > 1
    assert choice.config.dim == 6
    assert choice.accuracy > 0.95 and choice.held_out >= 20
    assert ClassifierConfig(**choice.settings) == choice.config
    again = ClassifierRun(data, choice.config, TEXT, threads=1).result()
    assert score_classifier(again, pairs).accuracy > 0.95


def test_a_search_tries_embeddings_too() -> None:
    words = [f"{kind}{i}" for kind in ("hot", "cold") for i in range(20)]
    rows = np.array([[1, 0] if word.startswith("hot") else [0, 1] for word in words], np.float32)
    data = tokenized(labelled_texts(words, [word[:3] for word in words]), TEXT)
    vectors = Embeddings(words, rows)
    given = {"word_ngrams": 1, "subwords": None, "loss": "hs"}
    choice = iter_search_settings(data, given, minutes=0.03, embeddings=vectors).result()
    assert choice.trials >= 2 and choice.accuracy > 0.9
    assert choice.config.dim == (2 if choice.uses_embeddings else choice.config.dim)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"max_minutes": 0.01}, TextError, "needs 20 texts or more, not 2"),
        ({"max_minutes": 0}, ConfigError, "max_minutes must be above 0, not 0"),
        ({"max_minutes": math.nan}, ConfigError, "max_minutes must be a finite number"),
        ({"max_minutes": 0.01, "epochs": 0}, ConfigError, "epochs must be at least 1"),
        ({"valid": [("a", "x")]}, ConfigError, "valid has no effect without max_minutes"),
        ({"max_minutes": 0.01, "valid": [("a", "x")], "min_count": 9}, VocabularyError, "9 times"),
    ],
)
def test_a_search_that_cannot_begin(
    given: dict[str, Any], error: type[WordkitError], says: str
) -> None:
    with pytest.raises(error, match=says):
        wordkit.train_classifier([("a", "x"), ("b", "y")], progress=False, **given)
