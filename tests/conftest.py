"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal

# Threads of OpenMP that wait for work would keep the cores from other processes of the tests.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # each core has a process of the tests already
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test asserts a time: other work may run on the same cores.
settings.register_profile(
    "wordkit", deadline=None, max_examples=50, suppress_health_check=[
        HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
    ],
)  # fmt: skip
settings.load_profile("wordkit")

# Tests move the folder of caches, in each of which Matplotlib would list all fonts anew.
_CACHE = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
os.environ.setdefault("MPLCONFIGDIR", os.path.join(_CACHE, "matplotlib"))

# A run in the background, or behind nohup, ignores them, and so would all that it starts.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the checkout; tests skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no shared/data beside the checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the calls of every command read; to be copied."""
    from every_command import make_files

    folder = tmp_path_factory.mktemp("made")
    make_files(folder)
    return folder
