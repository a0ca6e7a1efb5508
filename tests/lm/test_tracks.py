"""Tracks and windows: in an epoch every token is predicted once, after the one before it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import ConfigError, TextError
from wordkit.lm.batches import NO_TARGET, Tracks
from wordkit.lm.stream import TokenStream
from wordkit.text import Corpus, Vocabulary


def stream_of(tokens: int) -> TokenStream:
    """A stream whose token n is the word n; the last one is its line end."""
    words = [*(f"w{n}" for n in range(tokens - 1)), "<eos>", "<unk>"]
    ids = np.arange(tokens, dtype=np.int32)
    vocabulary = Vocabulary(words, np.ones(len(words), np.int64))
    return TokenStream(Corpus(ids, np.array([0, tokens]), vocabulary), vocabulary)


@given(st.data())
def test_every_token_is_predicted_once_after_the_one_before_it(data: st.DataObject) -> None:
    processes = data.draw(st.integers(1, 3), "processes")
    batch = processes * data.draw(st.integers(1, 4), "tracks of each")
    steps = data.draw(st.integers(1, 9), "steps")
    tokens = data.draw(st.integers(batch * steps, batch * steps + 60), "tokens")
    stream = stream_of(tokens)
    parts = [
        Tracks(stream, batch, steps, rank=rank, processes=processes) for rank in range(processes)
    ]
    assert {part.tracks for part in parts} == {batch // processes}
    met: list[int] = []
    position = 0
    while position < parts[0].length:
        drawn = data.draw(st.integers(1, steps), "length")
        windows = [part.window(position, drawn) for part in parts]
        length = min(drawn, parts[0].length - position)
        there = 0
        for window in windows:
            assert window.inputs.shape == window.targets.shape == (length, batch // processes)
            targets, inputs = window.targets.numpy(), window.inputs.numpy()
            is_target = targets != NO_TARGET
            there += int(is_target.sum())
            before = np.where(targets == 0, stream.eos_id, targets - 1)
            assert (inputs == before)[is_target].all()
            met += targets[is_target].tolist()
        assert {window.tokens for window in windows} == {there}, "over all processes"
        position += length
    assert sorted(met) == list(range(tokens))


def test_a_track_goes_on_from_window_to_window() -> None:
    """So that the state that a track carries is that of the words before."""
    tracks = Tracks(stream_of(23), 3, 4)
    columns = np.concatenate([tracks.window(p, 4).targets.numpy() for p in (0, 4)])
    assert columns.T.tolist() == [
        list(range(8)),
        list(range(8, 16)),
        [*range(16, 23), NO_TARGET],
    ]


def test_processes_have_neighbouring_parts_of_the_same_tracks() -> None:
    stream = stream_of(41)
    whole = Tracks(stream, 4, 5).window(5, 5)
    parts = [Tracks(stream, 4, 5, rank=rank, processes=2).window(5, 5) for rank in (0, 1)]
    assert np.array_equal(np.hstack([part.inputs for part in parts]), whole.inputs)
    assert np.array_equal(np.hstack([part.targets for part in parts]), whole.targets)


def test_a_text_shorter_than_a_window() -> None:
    assert Tracks(stream_of(12), 3, 4).length == 4
    with pytest.raises(TextError) as caught:
        Tracks(stream_of(11), 3, 4)
    assert str(caught.value) == (
        "the text has 11 tokens, and a window of 3 tracks and 4 steps takes 12; "
        "give more text, or lower batch or steps"
    )


def test_tracks_that_the_processes_cannot_share() -> None:
    with pytest.raises(ConfigError, match="batch must be a multiple of 2, .*, not 3"):
        Tracks(stream_of(60), 3, 4, rank=1, processes=2)
