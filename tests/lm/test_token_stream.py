"""The text as one stream of words, cut into windows; the words of a model; holding out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit import prepare
from wordkit.errors import ConfigError, TextError, VersionError, VocabularyError
from wordkit.lm.data import TextWindows, TokenStream, hold_out, words_to_model
from wordkit.text import Corpus, Vocabulary

LINES = ["a b a", "", "c a b", "d"]


def corpus_of(lines: list[str], *, eos: bool = False) -> Corpus:
    return Corpus.from_sentences([*line.split(), *(["<eos>"] if eos else [])] for line in lines)


def words_of(stream: TokenStream, vocabulary: Vocabulary) -> list[str]:
    return [vocabulary.word(int(i)) for i in stream[:]]


def model_words(*words: str) -> Vocabulary:
    return Vocabulary(words, [1] * len(words))


def counts_of(vocabulary: Vocabulary) -> dict[str, int]:
    return dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))


# --- the stream -----------------------------------------------------------------------------------


@pytest.mark.parametrize("eos", [True, False])
def test_each_line_is_closed_whether_the_corpus_has_line_ends_or_not(eos: bool) -> None:
    vocabulary = model_words("b", "<eos>", "a", "<unk>", "c")  # an order of its own
    stream = TokenStream(corpus_of(LINES, eos=eos), vocabulary)
    expected = ["a", "b", "a", "<eos>", "<eos>", "c", "a", "b", "<eos>", "<unk>", "<eos>"]
    assert len(stream) == len(expected) and words_of(stream, vocabulary) == expected
    whole = stream[:]
    assert whole.dtype == np.int64 and stream[3:7].tolist() == whole[3:7].tolist()
    taken = stream.take(np.array([[-1, 0], [3, len(stream) - 1]]))
    assert taken.tolist() == [[stream.eos_id, whole[0]], [whole[3], whole[-1]]]


def test_lines_are_closed_where_the_vocabulary_is_of_a_text_with_line_ends() -> None:
    vocabulary = model_words("<eos>", "a", "b", "<unk>")
    corpus = Corpus.from_sentences([["a", "b"], ["b"]], vocabulary=vocabulary)
    stream = TokenStream(corpus, vocabulary)
    assert words_of(stream, vocabulary) == ["a", "b", "<eos>", "b", "<eos>"]


@pytest.mark.parametrize("form", ["none", "nfc", "nfkc"])
def test_words_are_found_in_the_normal_form_of_the_model(form: str) -> None:
    vocabulary = model_words("caf\u00e9", "fin", "<eos>", "<unk>")
    corpus = corpus_of(["cafe\u0301 \ufb01n caf\u00e9"])
    like = {"tokenizer": "whitespace", "normalize": form}
    found = words_of(TokenStream(corpus, vocabulary, like), vocabulary)
    assert found == ["caf\u00e9", "fin" if form == "nfkc" else "<unk>", "caf\u00e9", "<eos>"]
    corpus.settings["tokenizer"] = like["tokenizer"] = "char"  # nothing is lost without a form
    found = words_of(TokenStream(corpus, vocabulary, like), vocabulary)
    assert found[0] == ("<unk>" if form == "none" else "caf\u00e9")


def test_what_a_stream_needs() -> None:
    for words in (("a", "<unk>"), ("a", "<eos>")):
        with pytest.raises(VocabularyError, match="needs <unk> and <eos>"):
            TokenStream(corpus_of(LINES), model_words(*words))
    with pytest.raises(TextError, match="holds no token"):
        TokenStream(corpus_of([]), model_words("a", "<unk>", "<eos>"))


def stream_of(tokens: int) -> TokenStream:
    """A stream whose token n is the word n; the last one is its line end."""
    words = [*(f"w{n}" for n in range(tokens - 1)), "<eos>", "<unk>"]
    ids = np.arange(tokens, dtype=np.int32)
    vocabulary = Vocabulary(words, np.ones(len(words), np.int64))
    return TokenStream(Corpus(ids, np.array([0, tokens]), vocabulary), vocabulary)


@given(st.data())
def test_every_token_is_predicted_once_after_the_one_before_it(data: st.DataObject) -> None:
    processes = data.draw(st.integers(1, 3), "processes")
    batch = processes * data.draw(st.integers(1, 4), "sequences of each")
    steps = data.draw(st.integers(1, 9), "steps")
    stream = stream_of(data.draw(st.integers(batch * steps, batch * steps + 60), "tokens"))
    parts = [
        TextWindows(stream, batch, steps, rank=n, processes=processes) for n in range(processes)
    ]
    assert {part.sequences for part in parts} == {batch // processes}
    columns: list[list[int]] = [[] for _ in range(batch)]
    position = 0
    while position < len(parts[0]):
        drawn = data.draw(st.integers(1, steps), "length")
        windows = [part.window(position, drawn) for part in parts]
        targets = np.hstack([window.targets.numpy() for window in windows])
        inputs = np.hstack([window.inputs.numpy() for window in windows])
        assert targets.shape == inputs.shape == (min(drawn, len(parts[0]) - position), batch)
        before = np.where(targets == 0, stream.eos_id, targets - 1)
        assert (inputs == before)[targets >= 0].all()
        assert {window.tokens for window in windows} == {int((targets >= 0).sum())}
        for column, row in zip(columns, targets.T, strict=True):
            column += row[row >= 0].tolist()
        position += drawn
    assert [i for column in columns for i in column] == list(range(len(stream))), "in sequences"


def test_texts_that_windows_cannot_be_cut_from() -> None:
    assert len(TextWindows(stream_of(12), 3, 4)) == 4
    with pytest.raises(TextError) as caught:
        TextWindows(stream_of(11), 3, 4)
    assert str(caught.value) == (
        "the text has 11 tokens, and a window of 3 sequences and 4 steps takes 12; "
        "give more text, or lower batch or steps"
    )
    with pytest.raises(ConfigError, match="batch must be a multiple of 2, .*, not 3"):
        TextWindows(stream_of(60), 3, 4, rank=1, processes=2)


# --- the words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("eos", [True, False])
def test_words_of_a_model(eos: bool) -> None:
    """Those seen once are unknown where the text does not say so itself."""
    found = counts_of(words_to_model(corpus_of(LINES, eos=eos)))
    assert found == {"<eos>": 4, "a": 3, "b": 2, "<unk>": 2}
    marked = corpus_of([*LINES, "<unk> e"], eos=eos)
    found = counts_of(words_to_model(marked))
    assert found == {"<eos>": 5, "a": 3, "b": 2, "c": 1, "d": 1, "e": 1, "<unk>": 1}
    found = counts_of(words_to_model(marked, min_count=2))
    assert found == {"<eos>": 5, "a": 3, "b": 2, "<unk>": 4}
    vocabulary = words_to_model(marked, min_count=1, max_size=4)
    assert set(vocabulary.words) == {"<eos>", "<unk>", "a", "b"}
    stream = TokenStream(marked, vocabulary)
    assert np.bincount(stream[:], minlength=4).tolist() == vocabulary.counts.tolist()
    with pytest.raises(ConfigError, match="at least 3"):
        words_to_model(marked, max_size=2)


def test_a_text_of_one_symbol() -> None:
    """It is no wonder that it is short: pieces of it are long."""
    for tokenizer, said in (("whitespace", "word 'aaa"), ("char", "character 'a'"),
                            ("bpe", "character 'a'")):  # fmt: skip
        text = prepare(["a" * 300], tokenizer=tokenizer, eos=True, progress=False)
        stream = TokenStream(text, words_to_model(text, min_count=1))
        with pytest.raises(TextError, match=f"tokens?, all of the one {said}.*, and a window"):
            TextWindows(stream, 20, 35)
    assert not TokenStream(corpus_of(["a b"]), model_words("a", "<unk>", "<eos>")).of_one_symbol


def test_pieces_are_checked_before_the_training() -> None:
    text = prepare(["a" * 300], tokenizer="bpe", progress=False)
    text.settings["bpe"] = {**text.settings["bpe"], "format_version": 7}
    with pytest.raises(VersionError, match="the pieces of bpe are of format 7"):
        words_to_model(text)


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
    assert counts_of(train.vocabulary) == {"y": 5, "x": 3, "z": 1, **({"<eos>": 4} if eos else {})}
    assert list(train.vocabulary.counts) == sorted(train.vocabulary.counts, reverse=True)
    vocabulary = words_to_model(train, min_count=1)
    text = " ".join(words_of(TokenStream(valid, vocabulary), vocabulary))
    assert text == "<unk> x z <eos> <unk> <unk> <eos> y x <eos> x <unk> <eos>"


@pytest.mark.parametrize("lengths", [[100], [3, 90, 7], [0, 100, 0], [60, 40]])
def test_a_text_of_few_long_lines_is_cut_within_one(lengths: list[int]) -> None:
    words = iter([f"w{n}" for n in range(100)])
    corpus = Corpus.from_sentences([next(words) for _ in range(n)] for n in lengths)
    train, valid = hold_out(corpus, 0.1)
    assert (train.tokens, valid.tokens) == ((93, 7) if lengths[-1] == 7 else (90, 10))
    held = [valid.vocabulary.word(int(i)) for i in valid.ids]
    assert held == [f"w{n}" for n in range(train.tokens, 100)]
    assert sum(len(line) for part in (train, valid) for line in part) == 100


def test_texts_too_short_to_hold_some_out() -> None:
    with pytest.raises(TextError, match="the text has 1 token, and some must be held out"):
        hold_out(corpus_of(["a"]), 0.5)
    assert [part.tokens for part in hold_out(corpus_of(["a b"]), 0.01)] == [1, 1]
    with pytest.raises(ConfigError, match="above 0 and below 1, not 1"):
        hold_out(corpus_of(LINES), 1)
