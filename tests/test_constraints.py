"""The oldest versions that are tested are the oldest that pyproject.toml allows."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def version(text: str) -> tuple[int, ...]:
    """A version without the zeros at its end: 8.0.0 is 8."""
    return tuple(map(int, re.sub(r"(\.0)+$", "", text).split(".")))


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    bounds = re.findall(r'"([a-z-]+)>=([0-9.]+)"', (ROOT / "pyproject.toml").read_text())
    lines = (ROOT / "constraints-oldest.txt").read_text().splitlines()
    oldest = dict(line.split("==") for line in lines if not line.startswith("#"))
    allowed = {name: version(number) for name, number in bounds if name != "hatchling"}
    assert len(allowed) >= 20
    assert {name: version(number) for name, number in oldest.items()} == allowed
