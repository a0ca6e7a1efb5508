"""The folder of a corpus: which files it holds, and the manifest that names them.

N is the number of tokens, S of sentences (lines), V of words. The folder holds

    corpus.json          what the corpus is, how it was made, and the names of the files below
    ids-G.npy            (N,) int32: the word ids
    offsets-G.npy        (S + 1,) int64: sentence s is ids[offsets[s]:offsets[s + 1]]
    words-G.npy          UTF-8 bytes, one word a line, most frequent first
    counts-G.npy         (V,) int64: how often each word occurs

G names one generation of the data. A new generation is written beside the old one and takes over
when ``corpus.json`` is replaced, in one step, so that a kill leaves the old corpus or the new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import CorpusError

__all__ = ["FORMAT_VERSION", "MANIFEST", "PARTS", "fingerprint_of", "read_manifest"]

MANIFEST = "corpus.json"
FORMAT_VERSION = 1
PARTS: dict[str, npt.DTypeLike] = {
    "ids": np.int32,
    "offsets": np.int64,
    "words": np.uint8,
    "counts": np.int64,
}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The checked content of ``corpus.json``."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise CorpusError(
            f"{folder} is no prepared corpus: cannot read {path}; make one with wordkit prepare"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path} is damaged: it is not JSON; prepare the text again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != "wordkit corpus":
        raise CorpusError(f"{path} does not describe a wordkit corpus; prepare the text again")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise CorpusError(
            f"{folder} is of corpus format {manifest.get('format_version')}, and this wordkit "
            f"reads {FORMAT_VERSION}; prepare the text again"
        )
    return manifest


def fingerprint_of(digests: Iterable[bytes]) -> str:
    """The fingerprint of a corpus whose parts have these digests."""
    return hashlib.sha256(b"".join(digests)).hexdigest()[:32]
