"""Arrays that grow in memory, then in a file, and scratch arrays that outlive a failed task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.counts import iter_count_cooccurrences, kernels
from wordkit.counts.merge import RowScratch
from wordkit.counts.spill import GrowingArray
from wordkit.text import Corpus


@given(st.lists(st.lists(st.integers(-9, 9), max_size=9), max_size=9), st.integers(-1, 50))
@settings(max_examples=100)
def test_it_holds_what_was_added(pieces: list[list[int]], capacity: int) -> None:
    array = GrowingArray(np.int32, capacity)
    expected: list[int] = []
    for piece in pieces:
        array.append(np.array(piece, dtype=np.int32))
        expected += piece
        assert len(array) == len(expected)
        assert array.read(1, 4).tolist() == expected[1:4]
    found = array.finish()
    assert found.dtype == np.int32 and found.tolist() == expected
    if len(expected) > capacity >= 0:
        assert isinstance(found, np.memmap) and not found.flags.writeable
    array.close()
    assert found.tolist() == expected  # a result outlives what made it


def test_more_memory_than_there_is_becomes_a_file() -> None:
    array = GrowingArray(np.float64, 1 << 58)
    array.append(np.arange(3.0))
    assert isinstance(array.finish(), np.memmap)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [None, 12_000])
def test_an_error_in_a_task_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, threads: int, memory: int | None
) -> None:
    def fail(*_: Any) -> int:
        raise MemoryError("no room")

    monkeypatch.setattr(kernels, "count_rows", fail)
    corpus = Corpus.from_sentences([list("abcdefgh") * 8] * 50)
    with pytest.raises(MemoryError, match="no room"):
        iter_count_cooccurrences(corpus, memory=memory, threads=threads).result()


def test_a_failed_task_leaves_clean_sums() -> None:
    scratch = RowScratch(5, 5, np.float32)

    def fail(row: Any, output: Any) -> int:
        row[0][3] = 7
        raise MemoryError

    def look(row: Any, output: Any) -> int:
        output[0][:5], output[1][:5], output[2][0] = np.arange(5), row[0], 5
        return 5

    with pytest.raises(MemoryError):
        scratch.gather(1, fail)
    assert scratch.gather(1, look).values.tolist() == [0] * 5
