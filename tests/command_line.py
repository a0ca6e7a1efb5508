"""The type of the fixture that runs the real command line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Wordkit = Callable[..., "subprocess.CompletedProcess[str]"]
