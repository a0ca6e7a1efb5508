"""The front door: ``import wordkit``, texts as people have them, values out."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import math
import multiprocessing
import os
import pickle
import pydoc
import re
import shutil
import sys
import types
from collections.abc import Callable, Iterator
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
from wordkit.documents import DocumentVectors, iter_embed_lines, similar_lines
from wordkit.embeddings import Embeddings, Subwords, load_embeddings
from wordkit.embeddings.embeddings import _FAMILIAR as FAMILIAR
from wordkit.errors import (
    ConfigError,
    FormatError,
    StorageError,
    TextError,
    VocabularyError,
    WordkitError,
)
from wordkit.lm import LanguageModel, iter_train_language_model
from wordkit.seq2seq import Pair, Seq2SeqModel, iter_train_seq2seq
from wordkit.seq2seq.dialogue import DialogueModel
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus, NGrams, Vocabulary
from wordkit.thesaurus import Thesaurus, load_thesaurus
from wordkit.word2vec import Word2VecConfig, iter_train_word2vec
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


# --- names ------------------------------------------------------------------------------------


def test_all_names_are_there_and_seen_by_type_checkers() -> None:
    assert all(getattr(wordkit, name) is not None for name in dir(wordkit))
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        wordkit.train  # type: ignore[attr-defined]
    for name, ours in wordkit._FAMILIAR.items():
        with pytest.raises(AttributeError, match=f"{name}'; use wordkit.{ours}"):
            getattr(wordkit, name)
        assert ours in dir(wordkit)
    vectors = Embeddings(["a"], [[1.0]])
    for name, ours in FAMILIAR.items():
        with pytest.raises(AttributeError, match=re.escape(f"{name!r}; use {ours}")):
            getattr(vectors, name)
        called = [word for word in re.findall(r"(\w+)\(", ours) if word not in ("len", "load")]
        assert all(hasattr(vectors, word) or hasattr(vectors.vocabulary, word) for word in called)
    tree = ast.parse(Path(wordkit.__file__).read_text())
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    assert set(dir(wordkit)) == (typed - {"TYPE_CHECKING", "Any"}) | {"__version__"}
    assert len(pydoc.render_doc(wordkit).splitlines()) < 100, "one page of help"


def test_what_yields_reports_is_named_so() -> None:
    """One name, one meaning: plain names return values."""
    for root in ("wordkit", "cli", "corpora"):
        for path in (Path(wordkit.__file__).parents[1] / root).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    gives = ast.unparse(node.returns) if node.returns else ""
                    is_run = bool(re.match(r"\w*Run\b", gives)) or any(
                        ast.unparse(each) == "as_run" for each in node.decorator_list
                    )
                    assert is_run == node.name.startswith("iter_"), f"{path}: {node.name}"


# --- texts --------------------------------------------------------------------------------------


class Series:
    """An iterable as pandas has it: it has a name, and can be read again."""

    name = "comments"

    def __iter__(self) -> Iterator[str]:
        return iter(LINES)


def _paths(folder: Path) -> list[Path]:
    paths = [folder / "a.txt", folder / "b.txt"]
    for path, line in zip(paths, LINES, strict=True):
        path.write_text(line + "\n")
    return paths


TEXTS: dict[str, Callable[[Path], Any]] = {
    "a path": lambda folder: _paths(folder)[0].parent,
    "its name": lambda folder: str(_paths(folder)[0].parent / "*.txt"),
    "paths": _paths,
    "names of files": lambda folder: [str(path) for path in _paths(folder)],
    "lines": lambda _: LINES,
    "a generator of lines": lambda _: (line for line in LINES),
    "an array": lambda _: np.array(LINES),
    "a series": lambda _: Series(),
    "bytes": lambda _: [line.encode() for line in LINES],
    "an open file": lambda _: io.StringIO("\n".join(LINES)),
    "open files": lambda folder: [path.open() for path in _paths(folder)],
    "a path and a name": lambda folder: [*map(str, _paths(folder)[:1]), _paths(folder)[1]],
    "an open binary file": lambda _: io.BytesIO("\n".join(LINES).encode()),
    "lists of tokens": lambda _: TOKENS,
    "a generator of tuples": lambda _: (tuple(tokens) for tokens in TOKENS),
    "an opened text": lambda folder: iter_open_source(_paths(folder)).result(),
    "a corpus": lambda _: Corpus.from_sentences(TOKENS),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_all_kinds_of_text_give_the_same_corpus(kind: str, tmp_path: Path) -> None:
    corpus = wordkit.prepare(TEXTS[kind](tmp_path), progress=False)
    assert [corpus.vocabulary.decode(ids) for ids in corpus] == TOKENS
    assert corpus.vocabulary == Vocabulary.from_sentences(TOKENS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the cat sat", "'the cat sat' names no file, .* list of its lines"),
        ("no.txt", "names no file"),
        ("", "names no file"),
        ("two\nlines", "list of its lines"),
        (b"the cat", "not a bytes"),
        ({"a": 1}, "not a dict"),
        (7, "not 7"),
        (None, "not None"),
        ([], "no line"),
        (iter(()), "no line"),
        ([7], "must be a string or a list of tokens, not 7"),
        (["a", None], "line 2 must be a string, not None"),
        (["a", ["b"]], "line 2 must be a string"),
        ([["a"], "b c"], "sentence 2 is a string"),
        ([["a"], 7], "sentence 2 must be a list of tokens"),
        ([["a", 7]], "a token must be a string, not 7"),
        ([[]], "no token"),
        (["\ud800"], "line 1 is not valid Unicode"),
        (["no.txt"], "'no.txt' names no file"),
        (["a.txt", str(Path(__file__))], "'a.txt' names no file"),
        (["the cat sat", Path(__file__)], "'the cat sat' names no file"),
        ([io.StringIO("a"), Path(__file__)], "file 2 must be open, as the first is"),
        ([io.StringIO("a"), "b"], "file 2 must be open, as the first is"),
    ],
)
def test_what_is_no_text(text: Any, message: str) -> None:
    with pytest.raises((TextError, ConfigError), match=message):
        wordkit.prepare(text)


def test_a_closed_file_and_settings_without_effect() -> None:
    file = io.StringIO("a")
    file.close()
    with pytest.raises(TextError, match="closed"):
        wordkit.prepare(file)
    corpus = Corpus.from_sentences(TOKENS)
    for text in (corpus, TOKENS):
        with pytest.raises(ConfigError, match="tokenizer has no effect"):
            wordkit.prepare(text, tokenizer="words")


def test_an_open_file_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.txt").write_text(LINES[0])
    (tmp_path / "bad.txt").write_bytes(b"\xc9t\xe9")
    with open("good.txt") as good, open("bad.txt", encoding="utf-8") as bad:
        assert "good.txt" in repr(wordkit.prepare(good))
        with pytest.raises(TextError, match=r"bad.txt is not utf-8.*; open it with its encoding"):
            wordkit.prepare(bad)


def test_a_corpus_of_lines_in_memory_is_kept_in_a_folder(tmp_path: Path) -> None:
    for number, text in enumerate((LINES, TOKENS)):
        made = wordkit.prepare(text, tmp_path / f"{number}.ids", min_count=2)
        assert isinstance(made, Corpus) and made.vocabulary.words == ("the", "sat", "on")
        again = wordkit.load(tmp_path / f"{number}.ids")
        assert isinstance(again, Corpus) and again.fingerprint == made.fingerprint


def test_tokenized_text_is_told_by_its_first_lines() -> None:
    for text in (["a <unk> b"], iter(["a <unk> b"])):
        assert wordkit.prepare(text).vocabulary.words == ("a", "<unk>", "b")
    like = {"tokenizer": "whitespace", "numbers": "N"}
    corpus = iter_read_corpus(["It's 5"], like=like).result()
    assert corpus.vocabulary.words == ("It's", "N")


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vector_size": 3}, "did you mean dim?"),
        ({"windw": 3}, "did you mean window?"),
        ({"sg": 1}, "arch='skipgram'"),
        ({"xyz": 1}, "there is no setting 'xyz'; there are .*window"),
        ({"embedding_dim": 3}, "did you mean dim?"),
        ({"corpus_file": "a.txt"}, "did you mean text?"),
        ({"dim": 0}, "dim must be at least 1"),
        ({"resume": True}, "resume needs the checkpoint"),
        ({"init": "x.txt", "resume": "y.txt"}, "give one of them"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        wordkit.train_word2vec(TOKENS, **settings)


def test_the_text_by_another_name() -> None:
    with pytest.raises(ConfigError, match="no setting 'sentences'; did you mean text?"):
        wordkit.train_word2vec(sentences=TOKENS)
    with pytest.raises(TextError, match="holds no line"):
        wordkit.train_word2vec()


@pytest.mark.parametrize(
    ("train", "settings"),
    [
        (wordkit.train_word2vec, {"valid": LINES}),
        (wordkit.train_word2vec, {"embeddings": "v.safetensors"}),
        (wordkit.train_counts, {"init": "v.safetensors"}),
        (wordkit.train_counts, {"checkpoint": "c"}),
        (wordkit.train_seq2seq, {"embeddings": "v.safetensors"}),
    ],
)
def test_the_arguments_of_another_training_are_unknown(
    train: Callable[..., Any], settings: dict[str, Any]
) -> None:
    """They would have no effect."""
    with pytest.raises(ConfigError, match=f"there is no setting '{next(iter(settings))}'"):
        train(LINES, **settings)


@pytest.mark.parametrize("threads", [1.5, "2", True])
def test_a_number_of_threads_is_whole(threads: Any) -> None:
    with pytest.raises(ConfigError, match="threads must be a whole number, at least 1, not"):
        wordkit.prepare(LINES, threads=threads)


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


def test_a_training_is_resumed_from_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c"
    settings: dict[str, Any] = {"dim": 4, "epochs": 2, "min_count": 1, "sample": 0.0, "threads": 1}
    made = wordkit.train_word2vec(TOKENS, checkpoint=path, resume=True, **settings)
    again = wordkit.train_word2vec(TOKENS, checkpoint=path, resume=True, threads=1)
    assert np.array_equal(made.vectors, again.vectors)
    with pytest.raises(FormatError, match="train_word2vec and wordkit train-w2v resume it"):
        wordkit.load(path)
    path = tmp_path / "lm"
    options: dict[str, Any] = {"hidden": 8, "epochs": 1, "checkpoint": path, "resume": True}
    first = wordkit.train_language_model(LINES * 50, **options)
    second = wordkit.train_language_model(LINES * 50, **options)
    assert first.generate(method="greedy") == second.generate(method="greedy")
    with pytest.raises(ConfigError, match="was begun with .*; or leave out preset"):
        wordkit.train_language_model(LINES * 50, preset="rnnlm", **options)
    with pytest.raises(FormatError, match="train_language_model and wordkit train-lm resume it"):
        wordkit.load(path)


def test_checkpoints_replace_nothing_of_use(tmp_path: Path) -> None:
    plan, corpus = CheckpointPlan(tmp_path / "c"), Corpus.from_sentences(TOKENS * 50)
    pairs = [Pair(str(n), "even" if n % 2 == 0 else "odd") for n in range(50)]
    trainings: list[tuple[Any, Any, Any]] = [
        (wordkit.train_word2vec, iter_train_word2vec, corpus),
        (wordkit.train_language_model, iter_train_language_model, corpus),
        (wordkit.train_seq2seq, iter_train_seq2seq, pairs),
    ]
    for train, iter_train, text in trainings:
        with pytest.raises(StorageError, match="there is no folder"):
            iter_train(text, checkpoint=CheckpointPlan(tmp_path / "none" / "c"))
        Path(plan.path).write_text("not to be lost")
        for resume in (False, True):
            with pytest.raises(ConfigError, match="c exists and is no .* checkpoint"):
                train(text, checkpoint=plan.path, resume=resume)
        with pytest.raises(ConfigError, match="c exists and is no .* checkpoint"):
            iter_train(text, checkpoint=plan)
        assert Path(plan.path).read_text() == "not to be lost"
        Path(plan.path).write_text("")
        run = iter_train(text, checkpoint=plan)
        while not (report := next(run)).done or report.stage != "training":
            pass
        run.close()
        stopped = Path(plan.path).read_bytes()
        for again in (train, iter_train):
            with pytest.raises(ConfigError, match=r"c holds a training that was stopped a\w+ \d"):
                again(text, checkpoint=plan)
        assert Path(plan.path).read_bytes() == stopped


def test_what_is_read_is_not_replaced(vectors: Embeddings, tmp_path: Path) -> None:
    """By vectors of lines, or the second file of the projector."""
    text, words = tmp_path / "t.tsv", tmp_path / "q.metadata.tsv"
    text.write_text("a\tb\n" * 400)
    vectors.save(own := tmp_path / "v.safetensors")
    shutil.copy(own, words)
    mapped, lines = load_embeddings(own), open_text(text)
    with pytest.raises(ConfigError, match="is read"):
        iter_embed_lines(DocumentVectors(mapped), lines, text)
    with pytest.raises(ConfigError, match="is read"):
        load_embeddings(words).save(tmp_path / "q.tsv")
    assert text.read_text() == "a\tb\n" * 400 and words.read_bytes() == own.read_bytes()
    mapped.save(own)  # whole, before the file that it is mapped from goes
    assert np.array_equal(load_embeddings(own).vectors, mapped.vectors)


def test_initial_vectors_and_a_checkpoint_that_is_resumed(
    vectors: Embeddings, tmp_path: Path
) -> None:
    """The same call twice: the vectors are where the first begins, the checkpoint the second."""
    settings: dict[str, Any] = {"init": vectors, "resume": True, "checkpoint": tmp_path / "c"}
    once, again = (wordkit.train_word2vec(TOKENS * 9, threads=1, **settings) for _ in range(2))
    assert np.array_equal(once.vectors, again.vectors)


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


def test_both_texts_are_read_alike(tmp_path: Path) -> None:
    for name in ("train", "valid"):
        (tmp_path / name).write_text("Été 5\n" * 60, encoding="latin-1")
    made = wordkit.train_language_model(
        tmp_path / "train", valid=tmp_path / "valid", encoding="latin-1", numbers="N", hidden=8,
        epochs=1,
    )  # fmt: skip
    assert set(made.vocabulary.words) == {"été", "N", "<eos>", "<unk>"}
    assert made.metadata["valid"]["settings"]["numbers"] == "N"


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


def test_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    wordkit.prepare(LINES)
    assert capsys.readouterr().err == "", "not in a terminal"
    wordkit.prepare(LINES, progress=True)
    assert "reading" in capsys.readouterr().err

    class ZMQInteractiveShell:
        pass

    notebook = type("IPython", (), {"get_ipython": staticmethod(ZMQInteractiveShell)})
    monkeypatch.setitem(sys.modules, "IPython", notebook)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # type: ignore[arg-type]
    wordkit.prepare(LINES)
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "numbering: 12 tokens" in err

    shown: list[object] = []  # what rich shows in a notebook, through ipywidgets

    class Output:
        def clear_output(self, *, wait: bool) -> None:
            pass

        def __enter__(self) -> None:
            pass

        def __exit__(self, *exception: object) -> None:
            pass

    display = types.SimpleNamespace(display=shown.append)
    widgets = types.SimpleNamespace(Output=Output, __spec__=types.SimpleNamespace())
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    for name, module in (("ipywidgets", widgets), ("IPython.display", display)):
        monkeypatch.setitem(sys.modules, name, module)  # type: ignore[arg-type]
    wordkit.prepare(LINES)
    err = capsys.readouterr().err
    assert shown and "\n" not in err, "a bar, in the place of a line"


def test_settings_are_checked_before_the_text_is_read(vectors: Embeddings) -> None:
    def lines() -> Iterator[str]:
        raise AssertionError("read too early")
        yield ""

    cases: list[tuple[dict[str, Any], str]] = [
        ({"dropout": 7}, "dropout"),
        ({"optimizer": 1}, "optimizer"),
        ({"hiden": 3}, "hidden"),
        ({"valid": LINES, "hold_out": 0.1}, "valid and hold_out both say"),
        ({"hold_out": 0, "patience": 2}, "patience 2 needs validation"),
        ({"hold_out": 0, "schedule": "plateau"}, "schedule plateau needs validation"),
    ]
    for settings, message in cases:
        for train in (wordkit.train_language_model, wordkit.train_seq2seq):
            with pytest.raises(ConfigError, match=message):
                train(lines(), **settings)
    for settings in ({"softmax": "adaptive", "tied": True}, {"dim": 9, "embeddings": vectors}):
        with pytest.raises(ConfigError, match="tied must be False|set dim to"):
            wordkit.train_language_model(lines(), **settings)


def test_vocabulary_error_is_plain() -> None:
    with pytest.raises(VocabularyError, match="lower the minimum count"):
        wordkit.train_word2vec(TOKENS, min_count=99)
