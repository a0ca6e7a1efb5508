"""The text as one stream of words, and the words that a model of it has."""

from __future__ import annotations

import numpy as np
import pytest

from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.lm.stream import TokenStream, hold_out, words_to_model
from wordkit.text import Corpus, Vocabulary

LINES = ["a b a", "", "c a b", "d"]


def corpus_of(lines: list[str], *, eos: bool = False) -> Corpus:
    return Corpus.from_sentences([*line.split(), *(["<eos>"] if eos else [])] for line in lines)


def words_of(stream: TokenStream, vocabulary: Vocabulary) -> list[str]:
    return [vocabulary.word(int(i)) for i in stream.read(0, stream.tokens)]


def model_words(*words: str) -> Vocabulary:
    return Vocabulary(words, [1] * len(words))


# --- the stream -----------------------------------------------------------------------------------


@pytest.mark.parametrize("eos", [True, False])
def test_each_line_is_closed_whether_the_corpus_has_line_ends_or_not(eos: bool) -> None:
    vocabulary = model_words("b", "<eos>", "a", "<unk>", "c")  # an order of its own
    stream = TokenStream(corpus_of(LINES, eos=eos), vocabulary)
    expected = ["a", "b", "a", "<eos>", "<eos>", "c", "a", "b", "<eos>", "<unk>", "<eos>"]
    assert stream.tokens == len(expected)
    assert words_of(stream, vocabulary) == expected


def test_lines_are_closed_where_the_words_are_those_of_a_text_with_line_ends() -> None:
    vocabulary = model_words("<eos>", "a", "b", "c", "<unk>")
    corpus = Corpus.from_sentences([["a", "b"], ["c"]], vocabulary=vocabulary)
    stream = TokenStream(corpus, vocabulary)
    assert words_of(stream, vocabulary) == ["a", "b", "<eos>", "c", "<eos>"]


def test_a_part_is_that_part_of_the_whole() -> None:
    corpus = corpus_of(LINES)
    stream = TokenStream(corpus, words_to_model(corpus, min_count=1))
    whole = stream.read(0, stream.tokens)
    assert whole.dtype == np.int64
    for start in range(stream.tokens):
        for stop in range(start, stream.tokens + 1):
            assert stream.read(start, stop).tolist() == whole[start:stop].tolist()


def test_places_of_any_shape_and_the_line_end_before_the_first() -> None:
    corpus = corpus_of(LINES, eos=True)
    stream = TokenStream(corpus, words_to_model(corpus, min_count=1))
    whole = stream.read(0, stream.tokens)
    taken = stream.take(np.array([[-1, 0], [3, stream.tokens - 1]]))
    assert taken.tolist() == [[stream.eos_id, whole[0]], [whole[3], whole[-1]]]


def test_what_a_stream_needs() -> None:
    with pytest.raises(VocabularyError, match="needs <unk> and <eos>"):
        TokenStream(corpus_of(LINES), model_words("a", "<unk>"))
    with pytest.raises(VocabularyError, match="needs <unk> and <eos>"):
        TokenStream(corpus_of(LINES), model_words("a", "<eos>"))
    with pytest.raises(TextError, match="holds no token"):
        TokenStream(corpus_of([]), model_words("a", "<unk>", "<eos>"))


# --- the words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("eos", [True, False])
def test_words_seen_once_are_unknown_where_the_text_does_not_say_so_itself(eos: bool) -> None:
    vocabulary = words_to_model(corpus_of(LINES, eos=eos))
    counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    assert counts == {"<eos>": 4, "a": 3, "b": 2, "<unk>": 2}, "c and d are unknown"


@pytest.mark.parametrize("eos", [True, False])
def test_a_text_that_has_unknown_words_keeps_the_others(eos: bool) -> None:
    vocabulary = words_to_model(corpus_of([*LINES, "<unk> e"], eos=eos))
    counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    assert counts == {"<eos>": 5, "a": 3, "b": 2, "c": 1, "d": 1, "e": 1, "<unk>": 1}
    fewer = words_to_model(corpus_of([*LINES, "<unk> e"], eos=eos), min_count=2)
    counts = dict(zip(fewer.words, fewer.counts.tolist(), strict=True))
    assert counts == {"<eos>": 5, "a": 3, "b": 2, "<unk>": 4}


@pytest.mark.parametrize("eos", [True, False])
def test_words_beyond_a_number_are_unknown(eos: bool) -> None:
    corpus = corpus_of(LINES, eos=eos)
    vocabulary = words_to_model(corpus, min_count=1, max_size=4)
    assert set(vocabulary.words) == {"<eos>", "<unk>", "a", "b"}
    assert vocabulary.counts.sum() == corpus.tokens + (0 if eos else corpus.sentences)
    assert set(words_to_model(corpus, max_size=3).words) == {"<eos>", "<unk>", "a"}
    with pytest.raises(ConfigError, match="at least 3"):
        words_to_model(corpus, max_size=2)


def test_a_vocabulary_counts_what_the_stream_holds() -> None:
    for eos in (True, False):
        corpus = corpus_of([*LINES, "a a e", "b e"], eos=eos)
        vocabulary = words_to_model(corpus, max_size=4)
        stream = TokenStream(corpus, vocabulary)
        found = np.bincount(stream.read(0, stream.tokens), minlength=len(vocabulary))
        assert found.tolist() == vocabulary.counts.tolist()


# --- holding out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("eos", [True, False])
def test_the_last_lines_are_held_out_and_their_words_not_known(eos: bool) -> None:
    lines = ["x y y", "y x z", "y y", "x", "new x z", "new new", "y x", "x new"]
    train, valid = hold_out(corpus_of(lines, eos=eos), 0.5)
    ends = ["<eos>"] if eos else []

    def lines_of(corpus: Corpus) -> list[list[str]]:
        return [[corpus.vocabulary.word(int(i)) for i in line] for line in corpus]

    assert lines_of(train) == [[*line.split(), *ends] for line in lines[:4]]
    assert lines_of(valid) == [[*line.split(), *ends] for line in lines[4:]]
    counts = dict(zip(train.vocabulary.words, train.vocabulary.counts.tolist(), strict=True))
    assert counts == {"y": 5, "x": 3, "z": 1, **({"<eos>": 4} if eos else {})}
    assert list(train.vocabulary.counts) == sorted(train.vocabulary.counts, reverse=True)
    vocabulary = words_to_model(train, min_count=1)
    assert "new" not in vocabulary
    text = " ".join(words_of(TokenStream(valid, vocabulary), vocabulary))
    assert text == "<unk> x z <eos> <unk> <unk> <eos> y x <eos> x <unk> <eos>"


@pytest.mark.parametrize("share", [0.04, 0.3, 0.9, 0.96])
def test_both_parts_have_a_line_and_no_line_is_lost(share: float) -> None:
    corpus = corpus_of([f"w{n % 7} v" for n in range(20)])
    train, valid = hold_out(corpus, share)
    assert train.sentences >= 1 and valid.sentences >= 1
    assert train.sentences + valid.sentences == 20
    assert abs(valid.sentences - 20 * share) <= 1
    assert train.tokens + valid.tokens == corpus.tokens


@pytest.mark.parametrize("lengths", [[100], [3, 90, 7], [0, 100, 0], [60, 40]])
def test_a_text_of_few_long_lines_is_cut_within_one(lengths: list[int]) -> None:
    words = iter([f"w{n}" for n in range(100)])
    corpus = Corpus.from_sentences([next(words) for _ in range(n)] for n in lengths)
    train, valid = hold_out(corpus, 0.1)
    assert (train.tokens, valid.tokens) == ((93, 7) if lengths[-1] == 7 else (90, 10))
    assert set(train.vocabulary.words) == {f"w{n}" for n in range(train.tokens)}
    held = [valid.vocabulary.word(int(i)) for i in valid.ids]
    assert held == [f"w{n}" for n in range(train.tokens, 100)]
    assert sum(len(line) for part in (train, valid) for line in part) == 100
    assert abs(train.sentences + valid.sentences - len(lengths) - 0.5) == 0.5, "one line is cut"


def test_a_text_too_short_to_hold_some_out() -> None:
    with pytest.raises(TextError, match="the text has 1 token, and some must be held out"):
        hold_out(corpus_of(["a"]), 0.5)
    assert [part.tokens for part in hold_out(corpus_of(["a b"]), 0.01)] == [1, 1]
