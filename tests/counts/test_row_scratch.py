"""Scratch arrays that outlive the failure of a task, and threads that are not too many."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from wordkit.counts import CooccurrenceConfig, count_cooccurrences, kernels
from wordkit.counts.merge import RowScratch
from wordkit.text import Corpus

SENTENCES = [[f"w{(i * j) % 40}" for j in range(60)] for i in range(50)]

# A process of its own, as a fault would hang it for ever.
_FAILING = """
from wordkit.counts import count_cooccurrences, kernels
from wordkit.text import Corpus
def fail(*arguments):
    raise MemoryError("no room")
kernels.count_rows = fail
corpus = Corpus.from_sentences([list("abcdefgh") * 8] * 50)
try:
    count_cooccurrences(corpus, memory=%s, threads=%d).result()
except MemoryError as error:
    print("told:", error)
"""


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [None, 12_000])
def test_an_error_in_a_task_ends_the_job(threads: int, memory: int | None) -> None:
    command = [sys.executable, "-c", _FAILING % (memory, threads)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert found.stdout == "told: no room\n", found.stderr


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


def test_threads_by_the_thousand_are_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    before, most = threading.active_count(), 0
    count_rows = kernels.count_rows

    def watch(*arguments: Any) -> int:
        nonlocal most
        most = max(most, threading.active_count() - before)
        return int(count_rows(*arguments))

    monkeypatch.setattr(kernels, "count_rows", watch)
    corpus, config = Corpus.from_sentences(SENTENCES), CooccurrenceConfig(window=2)
    found = count_cooccurrences(corpus, config, threads=100_000, memory=1 << 20).result()
    expected = count_cooccurrences(corpus, config, threads=1).result()
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    assert 1 <= most <= 64
