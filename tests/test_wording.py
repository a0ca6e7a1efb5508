"""Counts in messages read as a sentence does."""

from __future__ import annotations

import numpy as np
import pytest

from wordkit.wording import counted


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 tokens"), (1, "1 token"), (2, "2 tokens"), (2_000_000, "2,000,000 tokens"),
        (np.int64(1), "1 token"), (np.int64(1_234_567), "1,234,567 tokens"), (1.0, "1 token"),
        (0.5, "0.5 tokens"), (2.25, "2.25 tokens"),
    ],
)  # fmt: skip
def test_one_is_singular(number: float, shown: str) -> None:
    assert counted(number, "token") == shown
