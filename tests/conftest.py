"""Fixtures that all tests share."""

from __future__ import annotations

import os

# Threads of OpenMP that wait for work would keep the cores from other processes of the tests.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from pathlib import Path

import pytest
from hypothesis import settings

# No test asserts a time: other work may run on the same cores.
settings.register_profile("wordkit", deadline=None)
settings.load_profile("wordkit")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the checkout; tests skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no shared/data beside the checkout")
    return SHARED_DATA
