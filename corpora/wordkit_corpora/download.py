"""Downloads over HTTPS, checked against their SHA-256, and the cache folder that keeps them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from wordkit.errors import StorageError
from wordkit.runtime import Report
from wordkit.storage import atomic_write, user_cache

__all__ = ["RemoteFile", "cache_folder", "fetch", "make_cache_folder"]

_TIMEOUT = 30.0  # seconds without any answer
_PIECE = 1 << 16


@dataclass(frozen=True)
class RemoteFile:
    """A file on the net that never changes."""

    name: str
    """Its name, on the net and on the disk."""

    size: int
    """Bytes."""

    sha256: str
    """The SHA-256 of its content, in hexadecimal."""


def _is_intact(path: Path, file: RemoteFile) -> bool:
    """Return True if the file at this path has exactly the expected content."""
    try:
        if path.stat().st_size != file.size:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    except OSError:  # fetching it again reports the error
        return False


def fetch(
    file: RemoteFile, base_url: str, folder: Path, *, otherwise: str
) -> Generator[Report, None, Path]:
    """Download a file into a folder, unless it exists already.

    Args:
        file: what is expected.
        base_url: the URL of its folder; certificates are verified.
        folder: where it is written, atomically.
        otherwise: what to do when it cannot be fetched, for the message.

    Raises:
        StorageError: there is no connection, the content is not the expected one, or it cannot be
            written.
    """
    import http.client  # this and its companions take long to load
    import ssl
    import urllib.request

    target = folder / file.name
    if _is_intact(target, file):
        return target
    url = f"{base_url}/{file.name}"
    content = bytearray()
    try:
        context = ssl.create_default_context()
        with urllib.request.urlopen(url, timeout=_TIMEOUT, context=context) as answer:
            while len(content) <= file.size and (piece := answer.read(_PIECE)):
                content += piece
                yield Report("fetching", len(content), file.size, "bytes")
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise StorageError(f"cannot fetch {url}: {_reason(error)}; {otherwise}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise StorageError(
            f"{url} is not the expected file: {len(content)} bytes came with SHA-256 "
            f"{found[:12]}…, not {file.size} with {file.sha256[:12]}…; try again later, or "
            f"{otherwise}"
        )
    with atomic_write(target) as temporary:
        temporary.write_bytes(content)
    return target


def _reason(error: Exception) -> str:
    import urllib.error

    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/wordkit``, or ``~/.cache/wordkit``; it need not exist.

    For a user without a home it is one that cannot be made.
    """
    return (user_cache() or Path(os.devnull)) / "wordkit"


def make_cache_folder() -> Path:
    """Return the cache folder, which is created if needed.

    Raises:
        StorageError: it cannot be made.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the cache folder {folder}: {error.strerror or error}; set "
            "XDG_CACHE_HOME to a folder that can be written"
        ) from error
    return folder
