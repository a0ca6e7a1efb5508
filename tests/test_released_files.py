"""Files of released versions keep loading, and answer as the version that wrote them did.

``tests/released/VERSION`` holds small files of every kind that the version wrote, all trained on
the 200 lines of ``text.txt`` (prepared as ``text.ids``) and the 120 pairs of ``pairs.tsv`` beside
them, with a seed of 1 on one thread of a CPU, in fp32; and ``answers.json``: what that version
answered. The questions are those asked below. Version 0.1.0 was asked before its networks and
checkpoints were written anew. Files of a version are never changed afterwards.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordkit.embeddings import load_embeddings
from wordkit.errors import WordkitError
from wordkit.lm import (
    GenerationConfig,
    generate,
    iter_perplexity,
    iter_train_language_model,
    load_language_model,
    predict,
    score_lines,
)
from wordkit.lm import read_checkpoint as read_lm_checkpoint
from wordkit.seq2seq import (
    DecodingConfig,
    align,
    iter_train_seq2seq,
    load_seq2seq,
    read_pairs,
    transform,
)
from wordkit.seq2seq import read_checkpoint as read_seq2seq_checkpoint
from wordkit.text import Corpus
from wordkit.word2vec import (
    Word2VecConfig,
    iter_train_word2vec,
    read_checkpoint,
    start_from_checkpoint,
    start_from_model,
)
from wordkit_corpora import open_text

RELEASED = Path(__file__).parent / "released"
UNKNOWN = "ignore:the model does not know:wordkit.errors.WordkitWarning"

ANSWERS = {
    folder: json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    for folder in sorted(RELEASED.iterdir())
}


def files(kind: str) -> pytest.MarkDecorator:
    """Parametrise a test over the files of a kind, each with its answers."""
    known = {
        folder / name: answers
        for folder, kinds in ANSWERS.items()
        for name, answers in kinds[kind].items()
    }
    names = [f"{path.parent.name}-{path.stem}" for path in known]
    return pytest.mark.parametrize(("path", "answers"), known.items(), ids=names)


def close(expected: Any, *, rel: float = 1e-4) -> Any:
    return pytest.approx(expected, rel=rel, abs=1e-6)


def split(rows: list[Any]) -> tuple[list[Any], list[list[float]]]:
    """The words of rows, which must be equal, and their numbers, which may be rounded otherwise."""
    return [row[0] for row in rows], [list(row[1:]) for row in rows]


def same(found: list[Any], expected: list[Any], *, rel: float = 1e-4) -> bool:
    (words, numbers), (expected_words, expected_numbers) = split(found), split(expected)
    return words == expected_words and np.allclose(numbers, expected_numbers, rtol=rel, atol=1e-6)


def test_every_file_has_answers() -> None:
    for folder, kinds in ANSWERS.items():
        asked = {name for answers in kinds.values() for name in answers}
        there = {path.name for path in folder.iterdir()}
        assert there == asked | {"answers.json", "text.txt", "pairs.tsv"}


@files("corpus")
def test_corpora_hold_the_same_ids(path: Path, answers: dict[str, Any]) -> None:
    corpus = Corpus.open(path)
    corpus.check()
    assert list(corpus.vocabulary.words) == answers["words"]
    assert corpus.vocabulary.counts.tolist() == answers["counts"]
    assert [ids.tolist() for ids, _ in zip(corpus, range(5), strict=False)] == answers["first_ids"]
    assert corpus.tokens == answers["tokens"]
    assert corpus.sentences == answers["sentences"]
    assert corpus.fingerprint == answers["fingerprint"]
    assert answers["settings"].items() <= corpus.settings.items()


@files("vectors")
def test_vectors_answer_as_before(path: Path, answers: dict[str, Any]) -> None:
    embeddings = load_embeddings(path)
    embeddings.check()
    assert (len(embeddings), embeddings.dim) == (answers["words"], answers["dim"])
    assert same(embeddings.most_similar("king", n=4), answers["nearest"])
    assert embeddings.similarity("cheese", "tea") == close(answers["similarity"])
    for word, vector in answers["vectors"].items():
        assert embeddings.vector(word) == close(vector)
    found = {name: list(matrix.shape) for name, matrix in embeddings.weights.items()}
    assert found == answers["weights"]


@files("vectors")
def test_word2vec_goes_on_from_its_vectors(path: Path, answers: dict[str, Any]) -> None:
    if "arch" not in answers["settings"]:
        pytest.skip("not trained by word2vec")
    corpus, embeddings = Corpus.open(path.parent / "text.ids"), load_embeddings(path)
    settings = Word2VecConfig(**answers["settings"])
    start = start_from_model(corpus, settings, embeddings)
    if answers["weights"]:
        assert start.note is None or settings.loss == "hs"  # the output embeddings are there
        assert np.any(start.weights.output)
    vectors = iter_train_word2vec(
        corpus, replace(settings, epochs=1), start=start, threads=1
    ).result()
    assert vectors.words == embeddings.words


@pytest.mark.filterwarnings(UNKNOWN)
@files("language_models")
def test_language_models_answer_as_before(path: Path, answers: dict[str, Any]) -> None:
    model = load_language_model(path)
    assert len(model.vocabulary) == answers["words"]
    text = Corpus.open(path.parent / "text.ids")
    assert iter_perplexity(model, text).result().perplexity == close(answers["perplexity"])
    lines = ["the old king eats cheese", "the mouse sees the unheard dog"]
    for score, expected in zip(score_lines(model, lines), answers["lines"], strict=True):
        assert same(list(score.words), expected)
    assert same(predict(model, ["the"], 5), answers["predictions"])
    greedy = GenerationConfig(words=12, method="greedy", banned=("<unk>",))
    assert list(generate(model, ["the", "old"], greedy)) == answers["greedy"]
    beam = GenerationConfig(words=6, method="beam", beam=3, banned=("<unk>",))
    assert list(generate(model, ["the"], beam)) == answers["beam"]
    for word, vector in answers["vectors"].items():
        assert model.embeddings().vector(word) == close(vector)


@pytest.mark.filterwarnings(UNKNOWN)
@files("sequence_models")
def test_sequence_models_answer_as_before(path: Path, answers: dict[str, Any]) -> None:
    model, sources = load_seq2seq(path), answers["sources"]
    for name, config in {
        "greedy": DecodingConfig(),
        "beam": DecodingConfig(beam=3, alternatives=2),
    }.items():
        found = transform(model, sources, config)
        for texts, expected in zip(found, answers[name], strict=True):
            assert same(texts, expected)
    if answers["attention"] is not None:
        weights = align(model, sources[1]).weights
        assert weights == close(np.array(answers["attention"]), rel=1e-3)


def resumed(path: Path, kind: str) -> Any:
    """What comes out of a stopped training when it is resumed."""
    text = Corpus.open(path.parent / "text.ids")
    if kind == "word2vec":
        state = read_checkpoint(path)
        start = start_from_checkpoint(text, state.config, state)
        return iter_train_word2vec(text, state.config, start=start, threads=1).result()
    if kind == "language model":
        stopped = read_lm_checkpoint(path)
        more = {"valid": text, "device": "cpu", "threads": 1, "resume": stopped}
        return iter_train_language_model(text, stopped.model, stopped.training, **more).result()
    begun = read_seq2seq_checkpoint(path)
    pairs = list(read_pairs(open_text([path.parent / "pairs.tsv"])))
    return iter_train_seq2seq(
        pairs, begun.model, begun.training, device="cpu", threads=1, resume=begun
    ).result()


@files("checkpoints")
def test_stopped_trainings_end_as_they_would_have_or_in_one_line(
    path: Path, answers: dict[str, Any]
) -> None:
    try:
        made = resumed(path, answers["kind"])
    except WordkitError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
        return
    if "perplexity" in answers:
        text = Corpus.open(path.parent / "text.ids")
        expected = answers["perplexity"]
        assert iter_perplexity(made, text).result().perplexity == close(expected, rel=1e-2)
    elif "vectors" in answers:
        for word, vector in answers["vectors"].items():  # by other random numbers since 0.3
            there = made.vector(word)
            cosine = there @ vector / np.linalg.norm(there) / np.linalg.norm(vector)
            assert cosine > 0.95
            assert np.linalg.norm(there) == close(np.linalg.norm(vector), rel=0.5)
    else:
        [[text_and_score, *_]] = transform(made, ["cab"])
        assert text_and_score[0] == answers["log_probability"][0]
        assert text_and_score[1] == close(answers["log_probability"][1], rel=1e-2)
