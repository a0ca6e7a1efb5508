"""Phrases, against a slow and obvious reference, and gensim's."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wordkit
from wordkit.errors import ConfigError, VocabularyError
from wordkit.text import Corpus, Phrase, PhraseConfig, iter_find_phrases, iter_join_phrases, phrases

Sentences = list[list[str]]

# few words, so that neighbours come again; "a_b" is also what joins a and b
WORDS = st.sampled_from(["a", "b", "c", "d", "a_b", "<unk>", "<eos>"])
SENTENCES = st.lists(st.lists(WORDS, max_size=12), max_size=30)
CONFIGS = st.builds(
    PhraseConfig,
    score=st.sampled_from(["word2vec", "npmi"]),
    threshold=st.floats(0, 0.99),
    min_count=st.integers(1, 3),
)


def texts(corpus: Corpus) -> Sentences:
    return [corpus.vocabulary.decode(line) for line in corpus]


def scored(sentences: Sentences, config: PhraseConfig) -> dict[tuple[str, str], tuple[int, float]]:
    """All pairs above the threshold, with counts and scores, one after the other."""
    words = Counter(word for line in sentences for word in line)
    pairs = Counter((a, b) for line in sentences for a, b in pairwise(line))
    N, found = sum(words.values()), {}
    for (a, b), n in pairs.items():
        if n < config.min_count or {a, b} & {"<unk>", "<eos>"}:
            continue
        if config.score == "word2vec":
            score = (n - config.min_count) / words[a] / words[b] * N
        else:
            score = np.log(n / N / (words[a] / N * (words[b] / N))) / -np.log(n / N)
            assert score < 1 + 1e-12
            score = min(score, 1.0)
        if score > config.least_score:
            found[a, b] = n, score
    return found


def joined(sentences: Sentences, pairs: Any) -> Sentences:
    """The sentences with these pairs joined, from left to right."""
    lines = []
    for line in sentences:
        out, i = list[str](), 0
        while i < len(line):
            is_phrase = tuple(line[i : i + 2]) in pairs
            out.append("_".join(line[i : i + 2]) if is_phrase else line[i])
            i += 1 + is_phrase
        lines.append(out)
    return [line for line in lines if line]


@given(SENTENCES, CONFIGS)
def test_phrases_are_those_of_the_reference(sentences: Sentences, config: PhraseConfig) -> None:
    if not any(sentences):
        return
    corpus = Corpus.from_sentences(sentences)
    found = iter_find_phrases(corpus, config, threads=2).result()
    expected = scored(sentences, config)
    as_rows = sorted(("_".join(pair), n) for pair, (n, _) in expected.items())
    assert sorted((each.phrase, each.count) for each in found) == as_rows
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert sorted(scores) == pytest.approx(sorted(score for _, score in expected.values()))
    assert all(score <= 1 for score in scores) or config.score == "word2vec"
    new = iter_join_phrases(corpus, None, config, threads=2).result()
    assert texts(new) == joined(sentences, expected)
    counts = Counter(word for line in texts(new) for word in line)
    assert dict(zip(new.vocabulary, new.vocabulary.counts.tolist(), strict=True)) == counts
    ranks = Corpus.from_sentences(texts(new)).vocabulary
    assert new.vocabulary == ranks  # most frequent first, ties as they come
    new.check()


@given(SENTENCES, CONFIGS)
def test_three_words_are_two_passes(sentences: Sentences, config: PhraseConfig) -> None:
    sentences = [[word for word in line if word != "a_b"] for line in sentences]
    if not any(sentences):
        return
    once = joined(sentences, scored(sentences, config))
    pairs = {
        pair for pair in scored(once, config) if sum(word.count("_") + 1 for word in pair) <= 3
    }
    corpus = Corpus.from_sentences(sentences)
    found = iter_join_phrases(corpus, None, config, longest=3, threads=1).result()
    assert texts(found) == joined(once, pairs)


def test_any_division_of_the_work_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    lines = [[f"w{word}" for word in line] for line in random.zipf(1.3, (3000, 9)) % 500]
    corpus = Corpus.from_sentences(lines)
    config = PhraseConfig(threshold=2, min_count=2)
    expected = iter_find_phrases(corpus, config, threads=1).result()
    whole = texts(iter_join_phrases(corpus, None, config, threads=1).result())
    assert len(expected) > 30
    monkeypatch.setattr(phrases, "_MAX_PAIRS", 1)
    monkeypatch.setattr(phrases, "_JOINED_TOKENS", 1000)
    assert iter_find_phrases(corpus, config, threads=3).result() == expected
    assert texts(iter_join_phrases(corpus, None, config, threads=3).result()) == whole


@pytest.mark.parametrize("score", ["word2vec", "npmi"])
def test_phrases_are_gensims(shared_data: Path, score: str) -> None:
    gensim = pytest.importorskip("gensim.models.phrases")
    text = (shared_data / "ptb" / "ptb.valid.txt").read_text(encoding="utf-8")
    lines = [line.replace("<unk>", "unk").split() for line in text.splitlines()]
    corpus = Corpus.from_sentences(lines)
    if score == "npmi":
        threshold, theirs = 0.5, gensim.Phrases(lines, 5, 0.5, scoring="npmi", delimiter="_")
    else:
        # gensim multiplies by the number of words and pairs that it knows, word2vec by N
        known = len(gensim.Phrases(lines, min_count=5).vocab)
        threshold = 10.0 * corpus.tokens / known
        theirs = gensim.Phrases(lines, min_count=5, threshold=10.0)
    config = PhraseConfig(score=score, threshold=threshold)  # type: ignore[arg-type]
    found = {each.phrase: each.score for each in iter_find_phrases(corpus, config).result()}
    scale = 1 if score == "npmi" else threshold / 10
    expected = {phrase: each * scale for phrase, each in theirs.export_phrases().items()}
    assert len(found) > 50 and found == pytest.approx(expected)
    lines = [line for line in lines if line]
    new = iter_join_phrases(corpus, None, config).result()
    assert texts(new) == [theirs[line] for line in lines]


# --- through the front door ----------------------------------------------------------------------

LINES = ["new york is big", "i love new york", "big apple new york", "is it big in new york"] * 3


def test_prepare_joins_before_rare_words_go_and_says_how(tmp_path: Path) -> None:
    made: dict[str, Any] = {
        "phrases": 2, "phrase_score": "npmi", "phrase_threshold": 0.8, "phrase_min_count": 6,
    }  # fmt: skip
    corpus = wordkit.prepare(LINES, tmp_path / "c.ids", min_count=6, **made)
    assert corpus.vocabulary.words == ("new_york", "big", "is")
    assert corpus.settings.items() >= {**made, "min_count": 6, "tokenizer": "basic"}.items()
    assert corpus.settings["text_tokens"] == 54 and corpus.settings["oov"] == 15
    again = wordkit.prepare([line.split() for line in LINES], min_count=6, **made)
    assert texts(again) == texts(corpus)
    assert [p.name for p in tmp_path.iterdir()] == ["c.ids"]
    unk = wordkit.prepare(LINES, min_count=6, unk=True, eos=True, **made)
    assert texts(unk)[1] == ["<unk>", "<unk>", "new_york", "<eos>"]
    found = wordkit.find_phrases(LINES, score="npmi", threshold=0.8, min_count=6)
    assert found == [Phrase("new_york", 12, pytest.approx(1.0))]


def test_queries_take_a_space_for_the_underscore() -> None:
    corpus = wordkit.prepare(LINES * 5, phrases=2, phrase_threshold=1, phrase_min_count=6)
    vectors = wordkit.train_counts(corpus, dim=2, min_count=1)
    assert "new york" in vectors and "new_york" in vectors and "york new" not in vectors
    np.testing.assert_array_equal(vectors.vector("new york"), vectors.vector("new_york"))
    assert vectors.most_similar(" new  york ", n=2) == vectors.most_similar("new_york", n=2)


def test_settings_that_do_not_go() -> None:
    other = wordkit.prepare(LINES).vocabulary
    for text in (LINES, [line.split() for line in LINES]):
        with pytest.raises(ConfigError, match="phrases shape a vocabulary, and one is given"):
            wordkit.prepare(text, phrases=2, vocabulary=other)
        with pytest.raises(ConfigError, match="phrases must be from 1 to 3, not 4"):
            wordkit.prepare(text, phrases=4)
        with pytest.raises(ConfigError, match="phrases must be a whole number.*, not True"):
            wordkit.prepare(text, phrases=True)
        with pytest.raises(ConfigError, match="phrase_min_count 2 has no effect with phrases 1"):
            wordkit.prepare(text, phrase_min_count=2)
    with pytest.raises(ConfigError, match="at most 2 or 3 words, not 4"):
        iter_join_phrases(wordkit.prepare(LINES), longest=4)
    with pytest.raises(VocabularyError, match="no word is left"):
        wordkit.prepare(LINES, phrases=2, min_count=100)
    assert wordkit.find_phrases(LINES) == []
