"""A tokenizer that takes its time, so that its process can be killed at work."""

from __future__ import annotations

import time

__all__ = ["slowly"]


def slowly(line: str) -> list[str]:
    time.sleep(0.0005)
    return line.split()
