"""What can befall a file, and which of it a reader of each kind must not let pass."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["DAMAGES", "REFUSED"]

Damage = Callable[[Path, random.Random], None]


def _missing(path: Path, _: random.Random) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _folder(path: Path, chooser: random.Random) -> None:
    _missing(path, chooser)
    path.mkdir()


def _loop(path: Path, chooser: random.Random) -> None:
    _missing(path, chooser)
    path.symlink_to(path.name)


def _unreadable(path: Path, chooser: random.Random) -> None:
    """No permission; the superuser, who has every one, gets a file that no one can read."""
    if os.geteuid() != 0:
        path.chmod(0)
    elif sys.platform == "linux":
        _missing(path, chooser)
        path.symlink_to("/proc/self/mem")
    else:
        _missing(path, chooser)


def _with(content: Callable[[bytes, random.Random], bytes]) -> Damage:
    """Other content in the place of the file's own."""

    def damage(path: Path, chooser: random.Random) -> None:
        path.write_bytes(content(path.read_bytes(), chooser))

    return damage


def _cut(share: float) -> Damage:
    return _with(lambda old, _: old[: int(len(old) * share)])


def _flip(old: bytes, chooser: random.Random) -> bytes:
    new = bytearray(old)
    new[chooser.randrange(len(new))] ^= 1 << chooser.randrange(8)
    return bytes(new)


def _header(old: bytes, chooser: random.Random) -> bytes:
    """One bit among the first bytes, where sizes and names stand."""
    return _flip(old[:64], chooser) + old[64:]


def _safetensors_of_others(_: bytes, chooser: random.Random) -> bytes:
    import numpy as np
    from safetensors.numpy import save

    return save({"weight": np.zeros((3, 4), np.float32)})


DAMAGES: dict[str, Damage] = {
    "missing": _missing,
    "a folder": _folder,
    "a link to itself": _loop,
    "unreadable": _unreadable,
    "empty": _with(lambda *_: b""),
    "random bytes": _with(lambda _, chooser: b"\0" + chooser.randbytes(3000)),
    "a pickle": _with(lambda *_: pickle.dumps({"king": [1.0, 2.0], "queen": [0.5, 0.25]})),
    "safetensors of others": _with(_safetensors_of_others),
    "utf-16": _with(lambda *_: "größer\tweiß\n".encode("utf-16")),
    "latin-1": _with(lambda *_: "größer\tweiß\n".encode("latin-1") * 3),
    "half a gzip": _with(lambda *_: b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c"),
    **{f"cut to {share:.0%}": _cut(share) for share in (0.1, 0.5, 0.9)},
    **{f"a bit flipped, {number}": _with(_flip) for number in range(2)},
    **{f"a bit of the header flipped, {number}": _with(_header) for number in range(2)},
}
"""Every damage by name: it changes the file of a path."""

_NO_FILE = {"missing", "a folder", "a link to itself", "unreadable"}
_FOREIGN = {"random bytes", "a pickle", "safetensors of others", "utf-16", "latin-1", "half a gzip"}
_CUTS = {name for name in DAMAGES if name.startswith("cut")}
_ALL_CUT = _NO_FILE | _FOREIGN | _CUTS | {"empty"}

REFUSED: dict[str, set[str]] = {
    "text": _NO_FILE | _FOREIGN | {"empty"},
    "lines": _NO_FILE | _FOREIGN,
    "pairs": _NO_FILE | _FOREIGN | {"empty"},
    "evaluation set": _NO_FILE | _FOREIGN | {"empty"},
    "vectors": _ALL_CUT,
    "language model": _ALL_CUT,
    "sequence model": _ALL_CUT,
    **{  # where there is none, and where one is still empty, a training starts afresh
        f"{kind} checkpoint": _ALL_CUT - {"missing"}
        for kind in ("word2vec", "language model", "sequence model")
    },
    "corpus": _ALL_CUT,
    "WordNet": {"missing", "a folder"},  # of its files, some hold what is not asked
    "training log": _NO_FILE | _FOREIGN | {"empty"},
}
"""The damages that must end in an error, by the kind of the file; others may leave a good file."""
