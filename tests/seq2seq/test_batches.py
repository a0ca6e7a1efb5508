"""Pairs as ids and in batches: nothing gets lost, and nothing stands in a wrong place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.seq2seq.batches import (
    EncodedPairs,
    PairBatch,
    batch_of,
    encode,
    epoch_batches,
    in_order_batches,
    longest,
)
from wordkit.seq2seq.pairs import Pair, Unit, joined, read_pairs, units_of, vocabulary_of
from wordkit.text import Vocabulary
from wordkit_corpora.plaintext import open_text

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
        assert len(texts) == len(pairs)
        expected = [slow_ids(pair[side], vocabulary, unit) for pair in pairs]
        split = np.split(texts.ids, texts.offsets[1:-1])
        assert [ids.tolist() for ids in split] == expected
        assert texts.lengths.tolist() == [len(ids) for ids in expected]
        parts = [part for pair in pairs for part in units_of(pair[side], unit)]
        unknown = [part for part in parts if part not in vocabulary]
        assert texts.unknown == len(unknown)
        assert texts.unknown_units == tuple(dict.fromkeys(unknown))[:10]
    assert longest(encoded) == (
        max(len(units_of(pair.source, unit)) for pair in pairs),
        max(len(units_of(pair.target, unit)) for pair in pairs),
    )


def test_unknown_units_are_named_each_once_and_not_all() -> None:
    letters = "zyxwvutsrqponm"
    encoded = encode([Pair("a" + letters * 2, "x")], SOURCES, TARGETS, "char")
    assert encoded.sources.unknown == 28
    assert encoded.sources.unknown_units == tuple(letters[:10])
    assert (encoded.targets.unknown, encoded.targets.unknown_units) == (0, ())


def test_words_that_are_called_like_the_marks() -> None:
    """Not ends, in the middle of a text; the word for unknown ones is known as such."""
    encoded = encode([Pair("a <eos> <unk>", "x <eos> <unk> y")], SOURCES, TARGETS, "word")
    assert SOURCES.decode(encoded.sources.ids) == ["a", "<unk>", "<unk>"]
    assert TARGETS.decode(encoded.targets.ids) == ["x", "<unk>", "<unk>", "y"]
    assert (encoded.sources.unknown_units, encoded.sources.unknown) == (("<eos>",), 1)
    assert (encoded.targets.unknown_units, encoded.targets.unknown) == (("<eos>",), 1)
    batch = batch_of(encoded, [0], reverse=False)
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
    with pytest.raises(ConfigError, match="unit must be one of char, word, not 'line'"):
        encode([good], SOURCES, TARGETS, "line")  # type: ignore[arg-type]


def test_no_pairs_at_all() -> None:
    encoded = encode([], SOURCES, TARGETS, "word")
    assert len(encoded) == 0
    assert longest(encoded) == (0, 0)
    assert epoch_batches(encoded, 3, seed=1, epoch=0) == []
    assert in_order_batches(encoded, 3) == []


# --- a batch --------------------------------------------------------------------------------------


def test_what_a_batch_looks_like() -> None:
    pairs = [Pair("ab", "y"), Pair("?", "not asked for"), Pair("b aa", "xy")]
    encoded = encode(pairs, SOURCES, TARGETS, "char")
    batch = batch_of(encoded, [0, 2], reverse=False)
    assert batch.rows.tolist() == [2, 0], "the longest source first"
    assert batch.sources.T.tolist() == [[0, 3, 1, 1], [-1, -1, 1, 0]]
    assert batch.source_lengths.tolist() == [4, 2]
    assert batch.inputs.T.tolist() == [[0, 1, 3], [0, 3, 0]]
    assert batch.targets.T.tolist() == [[1, 3, 0], [3, 0, -1]]
    assert batch.tokens == 5
    arrays = (batch.sources, batch.source_lengths, batch.inputs, batch.targets, batch.rows)
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}
    reverse = batch_of(encoded, [0, 2], reverse=True)
    assert reverse.sources.T.tolist() == [[1, 1, 3, 0], [-1, -1, 0, 1]]
    assert np.array_equal(reverse.targets, batch.targets)
    assert np.array_equal(reverse.inputs, batch.inputs)


def slow_batch(encoded: EncodedPairs, rows: list[int], *, reverse: bool) -> PairBatch:
    """The obvious twin: one pair after the other, the longest source first."""

    def ids_of(row: int, side: str) -> list[int]:
        texts = getattr(encoded, side)
        return list(texts.ids[texts.offsets[row] : texts.offsets[row + 1]])

    rows = sorted(rows, key=lambda row: -len(ids_of(row, "sources")))
    given_, wanted = [ids_of(r, "sources") for r in rows], [ids_of(r, "targets") for r in rows]
    S, T, eos = max(map(len, given_)), max(map(len, wanted)) + 1, encoded.eos_id
    ordered = [ids[::-1] if reverse else ids for ids in given_]
    return PairBatch(
        np.array([[-1] * (S - len(ids)) + ids for ids in ordered]).T,
        np.array([len(ids) for ids in given_]),
        np.array([[eos, *ids] + [eos] * (T - 1 - len(ids)) for ids in wanted]).T,
        np.array([[*ids, eos] + [-1] * (T - 1 - len(ids)) for ids in wanted]).T,
        np.array(rows),
    )


@given(pairs_with_a_source, units, st.booleans(), st.data())
def test_a_batch_is_that_of_its_twin(
    pairs: list[Pair], unit: Unit, reverse: bool, data: st.DataObject
) -> None:
    encoded = encode(pairs, SOURCES, TARGETS, unit)
    rows = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=20), "rows")
    batch = batch_of(encoded, np.array(rows), reverse=reverse)
    twin = slow_batch(encoded, rows, reverse=reverse)
    for name in ("sources", "source_lengths", "inputs", "targets", "rows"):
        assert np.array_equal(getattr(batch, name), getattr(twin, name)), name
    assert batch.tokens == sum(len(units_of(pairs[row].target, unit)) + 1 for row in rows)


@given(pairs_with_a_source, units, st.booleans())
def test_a_batch_gives_its_pairs_back(pairs: list[Pair], unit: Unit, reverse: bool) -> None:
    source_units = vocabulary_of([pair.source for pair in pairs], unit)
    target_units = vocabulary_of(["x y", *(pair.target for pair in pairs)], unit)
    encoded = encode(pairs, source_units, target_units, unit)
    batch = batch_of(encoded, np.arange(len(pairs)), reverse=reverse)
    assert sorted(batch.rows.tolist()) == list(range(len(pairs)))
    for column, row in enumerate(batch.rows.tolist()):
        pair = pairs[row]
        source = [i for i in batch.sources[:, column].tolist() if i >= 0]
        source = source[::-1] if reverse else source
        assert len(source) == batch.source_lengths[column]
        target = [i for i in batch.targets[:, column].tolist() if i >= 0]
        assert target.pop() == target_units.eos_id
        found = (
            joined(source_units.decode(source), unit),
            joined(target_units.decode(target), unit),
        )
        expected = tuple(joined(units_of(text, unit), unit) for text in pair)
        assert found == expected
        assert batch.inputs[: len(target) + 1, column].tolist() == [target_units.eos_id, *target]


@pytest.mark.parametrize("rows", [[], [-1], [0, 3]])
def test_rows_that_are_no_pairs(rows: list[int]) -> None:
    with pytest.raises(ConfigError, match="rows must name one or more of 3 pairs, from 0 on"):
        batch_of(encoded_lengths([(1, 1)] * 3), rows, reverse=False)


# --- the batches of an epoch ----------------------------------------------------------------------

lists_of_lengths = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), max_size=40)


@given(lists_of_lengths, st.integers(1, 7), st.integers(1, 4), st.integers(0, 3))
def test_every_pair_comes_once_in_an_epoch(
    lengths: list[tuple[int, int]], batch: int, bucket: int, epoch: int
) -> None:
    encoded = encoded_lengths(lengths)
    for batches in (
        epoch_batches(encoded, batch, seed=3, epoch=epoch, bucket=bucket),
        in_order_batches(encoded, batch),
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
    """Put in the order of the shuffle that they were drawn from, they are its sorted runs."""
    lengths = random_lengths(100)
    batches = as_lists(
        epoch_batches(encoded_lengths(lengths), batch, seed=8, epoch=1, bucket=bucket)
    )
    shuffled = np.random.default_rng([8, 1]).permutation(100).tolist()
    expected = []
    for start in range(0, 100, batch * bucket):
        run = sorted(shuffled[start : start + batch * bucket], key=lambda row: lengths[row])
        expected += [run[i : i + batch] for i in range(0, len(run), batch)]
    assert sorted(batches) == sorted(expected)
    assert len(expected) < 15 or batches != expected, "in another order"


def padding_of(encoded: EncodedPairs, batches: list[Ids]) -> int:
    made = [batch_of(encoded, rows, reverse=False) for rows in batches]
    return sum(int((b.sources == -1).sum() + (b.targets == -1).sum()) for b in made)


def test_buckets_leave_less_padding() -> None:
    encoded = encoded_lengths(random_lengths(3000))
    paddings = [
        padding_of(encoded, epoch_batches(encoded, 10, seed=1, epoch=0, bucket=bucket))
        for bucket in (1, 10, 300)
    ]
    in_order = padding_of(encoded, in_order_batches(encoded, 10))
    assert paddings[1] < 0.7 * paddings[0]
    assert paddings[2] < 0.7 * paddings[1]
    assert in_order == paddings[2], "all sorted together"


def test_batches_for_an_evaluation_go_from_short_to_long() -> None:
    lengths = random_lengths(100)
    rows = np.concatenate(in_order_batches(encoded_lengths(lengths), 9)).tolist()
    assert rows == sorted(range(100), key=lambda row: lengths[row])


def test_numbers_that_cannot_be() -> None:
    encoded = encoded_lengths([(1, 1)])
    with pytest.raises(ConfigError, match="batch must be at least 1, not 0"):
        in_order_batches(encoded, 0)
    with pytest.raises(ConfigError, match="batch must be at least 1, not 0"):
        epoch_batches(encoded, 0, seed=1, epoch=0)
    with pytest.raises(ConfigError, match="bucket must be at least 1, not 0"):
        epoch_batches(encoded, 1, seed=1, epoch=0, bucket=0)
    with pytest.raises(ConfigError, match="seed must be at least 0, not -1"):
        epoch_batches(encoded, 1, seed=-1, epoch=0)
    with pytest.raises(ConfigError, match="epoch must be at least 0, not -1"):
        epoch_batches(encoded, 1, seed=1, epoch=-1)


# --- real data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "most"), [("addition", (7, 4)), ("date", (29, 10))])
def test_real_pairs_come_back_from_an_epoch(
    shared_data: Path, name: str, most: tuple[int, int]
) -> None:
    path = shared_data / "seq2seq" / f"{name}.txt"
    pairs = list(read_pairs(open_text([path]), "_"))
    source_units = vocabulary_of((pair.source for pair in pairs), "char")
    target_units = vocabulary_of((pair.target for pair in pairs), "char")
    encoded = encode(pairs, source_units, target_units, "char")
    assert longest(encoded) == most
    assert encoded.sources.unknown == encoded.targets.unknown == 0
    batches = epoch_batches(encoded, 128, seed=1, epoch=0, bucket=100)
    assert sorted(np.concatenate(batches).tolist()) == list(range(50_000))
    made = [batch_of(encoded, rows, reverse=True) for rows in batches]
    assert sum(batch.tokens for batch in made) == 50_000 + sum(len(p.target) for p in pairs)
    padded = sum(int((batch.sources == -1).sum()) for batch in made)
    assert padded < 0.02 * sum(batch.sources.size for batch in made)
    letters = np.array([*source_units, ""])  # the last one, of −1, is the padding
    for batch in made[::40]:
        for row, column in zip(batch.rows.tolist(), batch.sources.T[:, ::-1], strict=True):
            assert "".join(letters[column].tolist()) == pairs[row].source
