"""Pairs as ids and in batches: nothing gets lost, and nothing stands in a wrong place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.seq2seq.batches import (
    EncodedPairs,
    encode,
    epoch_batches,
    pad,
    sorted_batches,
)
from wordkit.seq2seq.pairs import Pair, Unit, units_of, vocabulary_of
from wordkit.text import Vocabulary

Ids = npt.NDArray[np.int64]

SOURCES = Vocabulary(["b", "a", "<unk>", " ", "<eos>", "ab"])
TARGETS = Vocabulary(["<eos>", "x", " ", "y", "<unk>", "xy"])

units = st.sampled_from(["char", "word"])
sources = st.text(st.sampled_from("ab?! "), min_size=1, max_size=9).filter(str.strip)
targets = st.text(st.sampled_from("xy? "), max_size=9)
pairs_with_a_source = st.lists(st.builds(Pair, sources, targets), min_size=1, max_size=12)


def encoded_lengths(lengths: list[tuple[int, int]]) -> EncodedPairs:
    """Pairs of texts of these lengths."""
    return encode([Pair("a" * s, "x" * t) for s, t in lengths], SOURCES, TARGETS, "char")


def random_lengths(n: int) -> list[tuple[int, int]]:
    random = np.random.default_rng(5)
    drawn = random.integers(1, 30, (n, 2)).tolist()
    return [(source, target) for source, target in drawn]


# --- as ids ---------------------------------------------------------------------------------------


def slow_ids(text: str, vocabulary: Vocabulary, unit: Unit) -> list[int]:
    """The obvious twin: one unit after the other."""
    unk = vocabulary.id("<unk>")
    ids = []
    for part in units_of(text, unit):
        found = vocabulary.get(part)
        ids.append(unk if found is None or part == "<eos>" else found)
    return ids


@given(pairs_with_a_source, units)
def test_texts_are_encoded_as_one_by_one(pairs: list[Pair], unit: Unit) -> None:
    encoded = encode(pairs, SOURCES, TARGETS, unit)
    assert len(encoded) == len(pairs)
    sides = ((encoded.sources, SOURCES, 0), (encoded.targets, TARGETS, 1))
    for texts, vocabulary, side in sides:
        assert texts.ids.dtype == np.int32
        expected = [slow_ids(pair[side], vocabulary, unit) for pair in pairs]
        split = np.split(texts.ids, texts.offsets[1:-1])
        assert [ids.tolist() for ids in split] == expected
        assert texts.lengths.tolist() == [len(ids) for ids in expected]
        parts = [part for pair in pairs for part in units_of(pair[side], unit)]
        unknown = [part for part in parts if part not in vocabulary]
        assert texts.unknown == len(unknown)
        assert texts.unknown_units == tuple(dict.fromkeys(unknown))[:10]
        assert texts.longest == max(map(len, expected))


def test_unknown_units_are_named_each_once_and_not_all() -> None:
    characters = "zyxwvutsrqponm"
    encoded = encode([Pair("a" + characters * 2, "x")], SOURCES, TARGETS, "char")
    assert encoded.sources.unknown == 28
    assert encoded.sources.unknown_units == tuple(characters[:10])
    assert (encoded.targets.unknown, encoded.targets.unknown_units) == (0, ())


def test_words_that_are_called_like_the_marks() -> None:
    """Not ends, in the middle of a text; the word for unknown ones is known as such."""
    encoded = encode([Pair("a <eos> <unk>", "x <eos> <unk> y")], SOURCES, TARGETS, "word")
    assert SOURCES.decode(encoded.sources.ids) == ["a", "<unk>", "<unk>"]
    assert TARGETS.decode(encoded.targets.ids) == ["x", "<unk>", "<unk>", "y"]
    assert (encoded.sources.unknown_units, encoded.sources.unknown) == (("<eos>",), 1)
    assert (encoded.targets.unknown_units, encoded.targets.unknown) == (("<eos>",), 1)
    batch = pad(encoded, np.array([0]), reverse=False)
    assert batch.targets.T.tolist() == [[1, 4, 4, 3, TARGETS.id("<eos>")]]


@given(pairs_with_a_source, units, st.integers(1, 2))
def test_a_vocabulary_counts_what_is_encoded(pairs: list[Pair], unit: Unit, min_count: int) -> None:
    texts = [pair.source + " a <eos> <unk> a" for pair in pairs]
    vocabulary = vocabulary_of(texts, unit, min_count=min_count)
    encoded = encode([Pair(text, "") for text in texts], vocabulary, TARGETS, unit)
    found = np.bincount(encoded.sources.ids, minlength=len(vocabulary))
    found[vocabulary.id("<eos>")] += len(texts)
    assert found.tolist() == vocabulary.counts.tolist()


def test_what_cannot_be_encoded() -> None:
    good = Pair("a", "x")
    for vocabulary in (Vocabulary(["a", "<eos>"]), Vocabulary(["a", "<unk>"])):
        for both in ((vocabulary, TARGETS), (SOURCES, vocabulary)):
            with pytest.raises(VocabularyError, match="needs <unk> and <eos>"):
                encode([good], *both, "char")
    with pytest.raises(TextError, match="the source of pair 2 is empty"):
        encode([good, Pair("", "x"), Pair("", "x")], SOURCES, TARGETS, "char")
    with pytest.raises(TextError, match="the source of pair 3 is empty"):
        encode([good, good, Pair("  ", "x")], SOURCES, TARGETS, "word")
    with pytest.raises(ConfigError, match="unit must be one of char, word, bpe, not 'line'"):
        encode([good], SOURCES, TARGETS, "line")  # type: ignore[arg-type]


def test_no_pairs_at_all() -> None:
    encoded = encode([], SOURCES, TARGETS, "word")
    assert len(encoded) == 0
    assert (encoded.sources.longest, encoded.targets.longest) == (0, 0)
    assert epoch_batches(encoded, 3, seed=1, epoch=0) == []
    assert sorted_batches(encoded, 3) == []


# --- a batch --------------------------------------------------------------------------------------


def test_what_a_batch_looks_like() -> None:
    pairs = [Pair("ab", "y"), Pair("?", "not asked for"), Pair("b aa", "xy")]
    encoded, rows = encode(pairs, SOURCES, TARGETS, "char"), np.array([0, 2])
    batch = pad(encoded, rows, reverse=False)
    assert batch.sources.T.tolist() == [[1, 0, 0, 0], [0, 3, 1, 1]]
    assert batch.lengths.tolist() == [2, 4]
    assert batch.inputs.T.tolist() == [[0, 3, 0], [0, 1, 3]]
    assert batch.targets.T.tolist() == [[3, 0, -1], [1, 3, 0]]
    assert pad(encoded, rows, reverse=True).sources.T.tolist() == [[0, 1, 0, 0], [1, 1, 3, 0]]


@given(pairs_with_a_source, units, st.booleans(), st.data())
def test_a_batch_gives_its_pairs_back(
    pairs: list[Pair], unit: Unit, reverse: bool, data: st.DataObject
) -> None:
    encoded = encode(pairs, SOURCES, TARGETS, unit)
    rows = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=20), "rows")
    batch = pad(encoded, np.array(rows), reverse=reverse)
    columns = zip(rows, *(part.t().tolist() for part in vars(batch).values()), strict=True)
    for row, source, length, inputs, targets in columns:
        expected = slow_ids(pairs[row].source, SOURCES, unit)
        assert source[:length] == (expected[::-1] if reverse else expected)
        assert not any(source[length:]) or reverse
        wanted, eos = slow_ids(pairs[row].target, TARGETS, unit), encoded.eos_id
        more = len(targets) - len(wanted) - 1
        assert targets == [*wanted, eos] + [-1] * more
        assert inputs == [eos, *wanted] + [eos] * more


# --- the batches of an epoch ----------------------------------------------------------------------

lists_of_lengths = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), max_size=40)


@given(lists_of_lengths, st.integers(1, 7), st.integers(1, 4), st.integers(0, 3))
def test_every_pair_comes_once_in_an_epoch(
    lengths: list[tuple[int, int]], batch: int, bucket: int, epoch: int
) -> None:
    encoded = encoded_lengths(lengths)
    for batches in (
        epoch_batches(encoded, batch, seed=3, epoch=epoch, bucket=bucket),
        sorted_batches(encoded, batch),
    ):
        assert sorted(np.concatenate([*batches, []]).tolist()) == list(range(len(lengths)))
        sizes = sorted(len(rows) for rows in batches)
        full, left = divmod(len(lengths), batch)
        assert sizes == ([left] if left else []) + [batch] * full


def as_lists(batches: list[Ids]) -> list[list[int]]:
    return [rows.tolist() for rows in batches]


def test_seed_and_epoch_say_which_batches_there_are() -> None:
    encoded = encoded_lengths(random_lengths(300))

    def batches(seed: int, epoch: int) -> list[list[int]]:
        return as_lists(epoch_batches(encoded, 7, seed=seed, epoch=epoch, bucket=5))

    assert batches(1, 2) == batches(1, 2)
    for other in (batches(1, 3), batches(2, 2), batches(2, 1)):
        assert other != batches(1, 2)
        assert sorted(map(sorted, other)) != sorted(map(sorted, batches(1, 2))), "not only moved"


@given(st.integers(1, 6), st.integers(1, 5))
def test_runs_of_batches_are_sorted_and_shuffled(batch: int, bucket: int) -> None:
    """In the order of the shuffle that they were drawn from, they are its sorted runs."""
    lengths = random_lengths(100)
    batches = as_lists(
        epoch_batches(encoded_lengths(lengths), batch, seed=8, epoch=1, bucket=bucket)
    )
    shuffled = np.random.default_rng([8, 1]).permutation(100).tolist()
    expected = []
    for start in range(0, 100, batch * bucket):
        run = sorted(shuffled[start : start + batch * bucket], key=lambda row: lengths[row])
        expected += [run[i : i + batch][::-1] for i in range(0, len(run), batch)]
    assert sorted(batches) == sorted(expected)
    assert len(expected) < 15 or batches != expected, "in another order"


@given(lists_of_lengths, st.integers(1, 30), st.integers(1, 4))
def test_batches_by_tokens_hold_all_pairs_and_no_more_units(
    lengths: list[tuple[int, int]], tokens: int, bucket: int
) -> None:
    encoded = encoded_lengths(lengths)
    batches = epoch_batches(encoded, 1, seed=3, epoch=1, bucket=bucket, tokens=tokens)
    assert sorted(np.concatenate([*batches, []]).tolist()) == list(range(len(lengths)))
    for rows in batches:
        batch = pad(encoded, rows, reverse=False)
        assert max(batch.sources.numel(), batch.inputs.numel()) <= tokens or len(rows) == 1


def padding_of(encoded: EncodedPairs, batches: list[Ids]) -> int:
    made = [pad(encoded, rows, reverse=False) for rows in batches]
    return sum(int(b.sources.numel() - b.lengths.sum() + (b.targets == -1).sum()) for b in made)


def test_buckets_leave_less_padding() -> None:
    encoded = encoded_lengths(random_lengths(3000))
    paddings = [
        padding_of(encoded, epoch_batches(encoded, 10, seed=1, epoch=0, bucket=bucket))
        for bucket in (1, 10, 300)
    ]
    in_order = padding_of(encoded, sorted_batches(encoded, 10))
    assert paddings[1] < 0.7 * paddings[0]
    assert paddings[2] < 0.7 * paddings[1]
    assert in_order == paddings[2], "all sorted together"
