"""Texts as people have them, and settings as keywords, by ``import wordkit``."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordkit
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.text import Corpus, Vocabulary
from wordkit_corpora import iter_open_source, iter_read_corpus

LINES = ["the cat sat on the mat", "the dog sat on the log"]
TOKENS = [line.split() for line in LINES]


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


def test_settings_are_checked_before_the_text_is_read() -> None:
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
    for settings in (
        {"softmax": "adaptive", "tied": True},
        {"dim": 9, "embeddings": Embeddings(["a"], [[1.0]])},
    ):
        with pytest.raises(ConfigError, match="tied must be False|set dim to"):
            wordkit.train_language_model(lines(), **settings)


def test_both_texts_are_read_alike(tmp_path: Path) -> None:
    for name in ("train", "valid"):
        (tmp_path / name).write_text("Été 5\n" * 60, encoding="latin-1")
    made = wordkit.train_language_model(
        tmp_path / "train", valid=tmp_path / "valid", encoding="latin-1", numbers="N", hidden=8,
        epochs=1,
    )  # fmt: skip
    assert set(made.vocabulary.words) == {"été", "N", "<eos>", "<unk>"}
    assert made.metadata["valid"]["settings"]["numbers"] == "N"


def test_vocabulary_error_is_plain() -> None:
    with pytest.raises(VocabularyError, match="lower the minimum count"):
        wordkit.train_word2vec(TOKENS, min_count=99)


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
