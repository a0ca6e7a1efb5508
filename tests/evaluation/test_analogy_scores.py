"""Analogy accuracy against the obvious way and against gensim."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, FormatError
from wordkit.evaluation import (
    AnalogyScores,
    AnalogySection,
    SectionScore,
    analogy,
    iter_evaluate_analogies,
)


def planted(sections, dim: int, seed: int, noise: float, fillers: int = 300) -> Embeddings:
    """Vectors in which a part of the analogies holds: d is near c - a + b."""
    rng = np.random.default_rng(seed)
    vectors: dict[str, np.ndarray] = {}
    for section in sections:
        offset = rng.standard_normal(dim)
        for a, b, c, d in section.questions:
            for word, other in ((a, b), (c, d)):
                vectors.setdefault(word, rng.standard_normal(dim))
                near = vectors[word] + offset + noise * rng.standard_normal(dim)
                vectors.setdefault(other, near)
    vectors |= {f"filler{i}": 2 * rng.standard_normal(dim) for i in range(fillers)}
    words = list(vectors)
    order = rng.permutation(len(words))
    matrix = np.array(list(vectors.values()), dtype=np.float32)
    return Embeddings([words[i] for i in order], matrix[order])


def slow_score(embeddings: Embeddings, section: AnalogySection, method: str) -> SectionScore:
    """One question after the other, by Embeddings.analogy."""
    correct = used = 0
    for a, b, c, d in section.questions:
        if all(word in embeddings for word in (a, b, c, d)):
            used += 1
            answer = embeddings.analogy(b, a, c, n=1, method=method)
            correct += bool(answer) and answer[0].word == d
    return SectionScore(section.name, correct, used, len(section.questions) - used)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["add", "mul"]), st.integers(1, 3))
def test_scores_are_those_of_one_question_after_the_other(seed, method, threads):
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(25)]
    draw = [tuple(f"w{i}" for i in rng.integers(0, 28, 4)) for _ in range(40)]
    sections = [AnalogySection("s", tuple(draw[:25])), AnalogySection("gram", tuple(draw[25:]))]
    embeddings = Embeddings(words, rng.standard_normal((25, 5)))
    scores = iter_evaluate_analogies(
        embeddings, sections, method=method, case_insensitive=False, threads=threads
    ).result()
    assert list(scores.sections) == [slow_score(embeddings, s, method) for s in sections]


@pytest.mark.parametrize("method", ["add", "mul"])
def test_small_tables_give_the_same_scores(monkeypatch, method):
    words = [[f"{side}{i}" for side in "ab"] for i in range(12)]
    questions = tuple((a, b, c, d) for (a, b), (c, d) in itertools.permutations(words, 2))
    sections = [AnalogySection("s", questions)]
    embeddings = planted(sections, 10, 0, noise=0.4)
    whole = iter_evaluate_analogies(embeddings, sections, method=method).result()
    assert 0.2 < whole.total.accuracy < 0.99
    monkeypatch.setattr(analogy, "_TABLE", 1000)
    monkeypatch.setattr(analogy, "_GROUP_BLOCK", 3)
    assert iter_evaluate_analogies(embeddings, sections, method=method).result() == whole


def test_sections_semantic_syntactic_and_total():
    sections = (
        SectionScore("capitals", 3, 4, 1),
        SectionScore("family", 1, 4, 0),
        SectionScore("gram1-plural", 2, 2, 5),
    )
    scores = AnalogyScores("add", sections)
    assert scores.semantic == SectionScore("semantic", 4, 8, 1)
    assert scores.semantic.accuracy == 0.5
    assert scores.syntactic == SectionScore("syntactic", 2, 2, 5)
    assert scores.total == SectionScore("total", 6, 10, 6)
    assert SectionScore("none", 0, 0, 9).accuracy is None


def test_no_question_used_is_no_accuracy():
    section = AnalogySection("s", (("a", "b", "c", "d"),))
    scores = iter_evaluate_analogies(Embeddings(["x"], [[1.0]]), [section]).result()
    assert scores.sections == (SectionScore("s", 0, 0, 1),)
    run = iter_evaluate_analogies(Embeddings(["x"], [[1.0]]), [])
    assert [(report.done, report.total) for report in run] == [(0, 1), (1, 1)]
    assert run.result().total.used == 0


def test_zero_vectors_neither_ask_nor_answer():
    words = ["a", "b", "c", "zero", "d"]
    vectors = [[1, 0.1, 0], [1, 0, 0.2], [-1, 0, 0.3], [0, 0, 0], [-1, -0.1, -0.4]]
    section = AnalogySection("s", (("a", "b", "c", "d"), ("a", "zero", "c", "d")))
    embeddings = Embeddings(words, vectors)
    for method in ("add", "mul"):
        scores = iter_evaluate_analogies(embeddings, [section], method=method).result()
        assert scores.sections == (SectionScore("s", 1, 1, 1),)


def test_arguments_out_of_range_are_named():
    embeddings = Embeddings(["x"], [[1.0]])
    with pytest.raises(ConfigError, match="'sub'"):
        iter_evaluate_analogies(embeddings, [], method="sub")
    with pytest.raises(ConfigError, match="restrict_vocab"):
        iter_evaluate_analogies(embeddings, [], restrict_vocab=0)


def test_corrupted_vectors_end_in_an_error():
    vectors = np.ones((5, 2), dtype=np.float32)
    vectors[4] = np.inf
    norms = np.ones(5, dtype=np.float32)
    corrupted = Embeddings(list("abcde"), vectors, norms=norms, source="file")
    section = AnalogySection("s", (("a", "b", "c", "d"),))
    with pytest.raises(FormatError, match="file is corrupted"):
        iter_evaluate_analogies(corrupted, [section]).result()


@pytest.fixture(scope="module")
def google(shared_data):
    from wordkit_corpora.evaluation_sets import read_analogies

    return read_analogies(shared_data / "evaluation" / "questions-words.txt")


@pytest.mark.parametrize(
    ("restrict", "case_insensitive"), [(300_000, True), (900, True), (300_000, False)]
)
def test_the_accuracy_on_googles_questions_is_gensims(
    google, shared_data, tmp_path, restrict, case_insensitive
):
    """All sections, with every twelfth question, on few words."""
    from gensim.models import KeyedVectors

    sections = [AnalogySection(s.name, s.questions[::12]) for s in google]
    path = tmp_path / "questions.txt"
    with open(path, "w", encoding="utf-8") as file:
        for section in sections:
            file.write(f": {section.name}\n")
            file.writelines(" ".join(question) + "\n" for question in section.questions)
    base = planted(sections, 25, 1, noise=0.9)
    # other forms of words come before and after the ones that the questions have
    words = list(base.words)
    known = set(words)
    for i in range(0, len(words), 9):
        form = words[i].lower() if i % 2 else words[i].upper()
        if form not in known:
            known.add(form)
            words[i], words[-1 - i] = form, words[-1 - i]
    embeddings = Embeddings(words, base.vectors)
    peer = KeyedVectors(embeddings.dim)
    peer.add_vectors(words, embeddings.vectors.copy())
    accuracy, theirs = peer.evaluate_word_analogies(
        str(path), restrict_vocab=restrict, case_insensitive=case_insensitive
    )
    scores = iter_evaluate_analogies(
        embeddings, sections, restrict_vocab=restrict, case_insensitive=case_insensitive
    ).result()
    counted = [(s["section"], len(s["correct"]), len(s["incorrect"])) for s in theirs[:-1]]
    assert [(s.name, s.correct, s.used - s.correct) for s in scores.sections] == counted
    assert scores.total.accuracy == accuracy
    assert 0.2 < accuracy < 0.99
    assert scores.total.skipped > 0 or restrict > 900
