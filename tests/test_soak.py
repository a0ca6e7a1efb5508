"""Commands that are killed, or lose their disk; ``benchmarks/soak.py`` disturbs many more."""

from __future__ import annotations

import subprocess
import sys

import pytest
from examples import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and mounts file systems")
def test_three_of_each_kind() -> None:
    soak = [sys.executable, str(ROOT / "benchmarks" / "soak.py"), "--each", "3"]
    done = subprocess.run(soak, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
