"""Files of other places, by URLs with a protocol (``s3://``, ``https://``, ``zip://``), by fsspec.

All that a driver raises comes as an OSError with a plain reason, as for files of this machine.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import Any

__all__ = [
    "RemoteDetails", "RemoteReader", "copy_to", "in_folder", "is_remote", "read_file",
    "read_ranges", "remote_details", "remote_files",
]  # fmt: skip

_URL = re.compile(r"(\w+::)*[A-Za-z][A-Za-z0-9+.-]+://.")
_MAX_REASON = 300  # characters
_COPIED_BYTES = 16 << 20  # at a time
_VERSION_ENTRIES = (
    "ETag", "etag", "generation", "checksum", "CRC", "LastModified", "Last-Modified",
    "last_modified", "updated", "mtime",
)  # fmt: skip
"""What drivers call that which changes with the content of a file."""


@dataclass(frozen=True)
class RemoteDetails:
    """What a file system tells of a file without reading it."""

    size: int | None
    """Bytes; None where they are not known."""

    is_archived: bool
    """Whether it is in an archive, which is read from its start."""

    version: str
    """Another one where the file has changed, with times in seconds, as any mount has them."""


def is_remote(path: object) -> bool:
    """Return whether a path is a string with a protocol."""
    return isinstance(path, str) and _URL.match(path) is not None


def in_folder(folder: str | os.PathLike[str], name: str) -> str:
    """Return the path or URL of a file in a folder."""
    if not is_remote(folder):
        return os.path.join(folder, name)
    first, chain, rest = os.fspath(folder).partition("::")
    if "://" not in first:
        return first + chain + in_folder(rest, name)
    return f"{first.rstrip('/')}/{name}{chain}{rest}"


def read_file(path: str) -> bytes:
    """Return the content of a file of this machine, or of a URL.

    Raises:
        OSError: it cannot be read.
    """
    if not is_remote(path):
        with open(path, "rb") as file:
            return file.read()
    with _as_os_errors():
        system, name = _file_system(path)
        return bytes(system.cat_file(name))


def read_ranges(url: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return ranges of the bytes of a file, read at the same time where its driver can.

    Args:
        url: of the file.
        ranges: the first byte of each, and the one after its last.

    Raises:
        OSError: as :func:`remote_details` says, or the server gives other bytes.
    """
    with _as_os_errors():
        system, path = _file_system(url)
        starts, stops = ([pair[i] for pair in ranges] for i in (0, 1))
        found = system.cat_ranges([path] * len(ranges), starts, stops)
        for data in found:
            if isinstance(data, Exception):
                raise data
    for data, (start, stop) in zip(found, ranges, strict=True):
        if len(data) != stop - start:
            reason = f"asked for {stop - start:,} bytes, it gives {len(data):,}"
            raise OSError(errno.EIO, f"{reason}; use a server that gives ranges of files")
    return [bytes(data) for data in found]


def copy_to(url: str, files: Sequence[Path], replaced: re.Pattern[str]) -> None:
    """Copy files into a remote folder: all of them, in their order, or none.

    Args:
        url: of the folder.
        files: of this machine; none: only find out whether files can be written there.
        replaced: the names of files that are removed afterwards.

    Raises:
        OSError: they cannot be written.
    """
    with _as_os_errors():
        system, folder = _file_system(url)
        is_new = not system.exists(folder)
        try:
            system.mkdir(folder, create_parents=False)
        except FileExistsError:  # of which some stores do not know before
            is_new = False
        if not files:
            names = [path.rpartition("/")[2] for path in system.find(folder, maxdepth=1)]
            if names and not any(map(replaced.fullmatch, names)):
                raise FileExistsError("it is a folder with other content; name a new one")
            system.pipe_file(probe := f"{folder}/wordkit.tmp", b"")
            system.rm_file(probe)
            if is_new:
                with contextlib.suppress(OSError):  # of stores that have none
                    system.rmdir(folder)
            return
        with system.transaction:
            for file in files:
                with open(file, "rb") as source, system.open(f"{folder}/{file.name}", "wb") as copy:
                    shutil.copyfileobj(source, copy, _COPIED_BYTES)
        system.invalidate_cache()
        kept = {file.name for file in files}
        for path in system.find(folder, maxdepth=1):
            name = path.rpartition("/")[2]
            if replaced.fullmatch(name) and name not in kept:
                system.rm_file(path)


def remote_files(url: str) -> list[str]:
    """Return the URLs of the files that a URL stands for, maybe none.

    A file stands for itself; a folder for all files below, sorted, without hidden ones; a glob,
    where there is no such file, for its matches, sorted.

    Raises:
        OSError: there is no such file or folder, its driver is not installed, or it fails.
    """
    with _as_os_errors():
        system, path = _file_system(url)
        system.invalidate_cache()
        try:
            info = system.info(path)
            if info["type"] != "directory":
                page = str(info.get("url", ""))  # that of a server of HTTP, at its end
                if page.endswith("/") and info.get("mimetype") == "text/html":
                    raise IsADirectoryError(
                        f"it is a web page; for files that it lists, name them, or {page}*.txt"
                    )
                return [url]
            found, base = system.find(path), path.rstrip("/")
        except FileNotFoundError:
            if not has_magic(path):
                raise
            found = [
                name
                for match, each in system.glob(path, detail=True).items()
                for name in ([match] if each["type"] == "file" else system.find(match))
            ]
            base = re.split(r"[*?[]", path)[0].rpartition("/")[0]
        shown = [name for name in dict.fromkeys(found) if not _is_hidden(name, base)]
        shown.sort(key=lambda name: name.split("/"))  # folder by folder
        return [_url_of(system, name, url, path) for name in shown]


def remote_details(url: str, *, is_fresh: bool = False) -> RemoteDetails:
    """Return the details of a file.

    Args:
        url: of the file.
        is_fresh: ask again, also where they are known from a list of its folder.

    Raises:
        OSError: there is no such file, its driver is not installed, or it fails.
    """
    with _as_os_errors():
        system, path = _file_system(url)
        if is_fresh:
            system.invalidate_cache()
        return _details(system, path)


class RemoteReader(io.RawIOBase):
    """The bytes of a remote file.

    Args:
        url: of the file.
        start: the first byte; not every server of HTTP can begin within a file.

    Raises:
        OSError: as :func:`remote_details` says, also while it is read.
    """

    def __init__(self, url: str, start: int = 0) -> None:
        with _as_os_errors():
            system, path = _file_system(url)
            self._system, self._path = system, path  # one of archives closes them when it goes
            is_stream = not start and url.lower().startswith(("http:", "https:"))
            self._file = system.open(path, "rb", **({"block_size": 0} if is_stream else {}))
            if start:
                self._file.seek(start)

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read up to ``len(buffer)`` bytes; return their number, 0 at the end."""
        with _as_os_errors():
            piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def version(self) -> str:
        """Return that of the details of the file as it is now."""
        with _as_os_errors():
            self._system.invalidate_cache()
            return _details(self._system, self._path).version

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


def _file_system(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImportError("URLs need the package fsspec; pip install 'wordkit[remote]'") from error
    return url_to_fs(url)  # type: ignore[no-any-return]


def _details(system: Any, path: str) -> RemoteDetails:
    info = system.info(path)
    found = [info[name] for name in _VERSION_ENTRIES if name in info] or [info.get("created")]
    whole = [int(entry) if isinstance(entry, float) else entry for entry in found]
    size = info.get("size")
    return RemoteDetails(size, _is_archive(system), repr([size, *whole]))


def _is_archive(system: Any) -> bool:
    from fsspec.archive import AbstractArchiveFileSystem

    return isinstance(system, AbstractArchiveFileSystem)


def _url_of(system: Any, name: str, url: str, path: str) -> str:
    """Return the URL of a file that was found by a URL, which its file system calls ``path``."""
    first, chain, rest = url.partition("::")
    if "://" not in first:  # a cache of the files of the rest
        return first + chain + _url_of(system, name, rest, path)
    first = first.rstrip("/")
    if path.strip("/") and first.endswith(path.rstrip("/")):  # the protocol, and with hdfs the host
        return first[: len(first) - len(path.rstrip("/"))] + name + chain + rest
    return str(system.unstrip_protocol(name)) + chain + rest


def _is_hidden(name: str, base: str) -> bool:
    """Return whether a file, or a folder that it is in below the base, begins with a point."""
    return "/." in f"/{name}"[len(base) + 1 if base else 0 :]


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """Raise what a driver raises as an OSError with a number and a reason of one line."""
    try:
        yield
    except Exception as error:  # each driver has its own kinds
        # the driver of HTTP takes every failure for a missing file, and gives it as the cause
        cause = (isinstance(error, FileNotFoundError) and error.__cause__) or error
        if isinstance(cause, FileNotFoundError) or getattr(cause, "status", None) == 404:
            raise FileNotFoundError(errno.ENOENT, "there is no such file") from error
        reason = _reason(cause)
        if isinstance(error, PermissionError):
            reason += "; give its driver the credentials of an account that may do so"
            raise PermissionError(errno.EACCES, reason) from error
        raise OSError(errno.EIO, reason) from error


def _reason(error: BaseException) -> str:
    lines = str(error).splitlines() or [""]
    return lines[0][:_MAX_REASON] or type(error).__name__
