"""How a file can be corrupted, and which of it a reader of each kind must not let pass.

``readers.py`` corrupts the files of each kind at random; these are the cases that commands tell.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save

__all__ = ["CORRUPTIONS", "REFUSED"]

Corruption = Callable[[Path], None]


def _missing(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _folder(path: Path) -> None:
    _missing(path)
    path.mkdir()


def _loop(path: Path) -> None:
    _missing(path)
    path.symlink_to(path.name)


def _unreadable(path: Path) -> None:
    """No permission; the superuser, who has every one, gets a file that no one can read."""
    if os.geteuid() != 0:
        path.chmod(0)
    else:
        _missing(path)
        if sys.platform == "linux":
            path.symlink_to("/proc/self/mem")


def _holding(content: bytes) -> Corruption:
    return lambda path: path.write_bytes(content) and None


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


CORRUPTIONS: dict[str, Corruption] = {
    "missing": _missing,
    "a folder": _folder,
    "a link to itself": _loop,
    "unreadable": _unreadable,
    "empty": _holding(b""),
    "random bytes": _holding(b"\0" + bytes(range(256)) * 12),
    "a pickle": _holding(pickle.dumps({"king": [1.0, 2.0], "queen": [0.5, 0.25]})),
    "safetensors of others": _holding(save({"weight": np.zeros((3, 4), np.float32)})),
    "utf-16": _holding("größer\tweiß\n".encode("utf-16")),
    "half a gzip": _holding(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c"),
    "cut": _cut,
}
"""Every corruption by name: it changes the file of a path."""

_TEXT = CORRUPTIONS.keys() - {"cut", "empty"}
REFUSED: dict[str, set[str]] = {
    "lines": _TEXT,
    **dict.fromkeys(
        ("text", "pairs", "dialogues", "labelled texts", "evaluation set", "training log"),
        _TEXT | {"empty"},
    ),
    **{
        kind: {*CORRUPTIONS}
        for kind in (
            "vectors",
            "language model",
            "sequence model",
            "dialogue model",
            "classifier",
            "corpus",
        )
    },
    **{  # without one a training starts afresh
        f"{kind} checkpoint": CORRUPTIONS.keys() - {"missing"}
        for kind in ("word2vec", "GloVe", "language model", "sequence model", "dialogue model")
    },
    "WordNet": {"missing", "a folder"},  # of its files, some hold what is not asked
}
"""The corruptions that must end in an error, by the kind of the file."""
