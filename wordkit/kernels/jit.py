"""Numba's ``njit``, with a place for its compiled kernels wherever wordkit is installed.

Numba keeps what it compiled beside the source, else in the user's cache folder. Where neither can
be written (a system-wide installation, run by a user without a home) it refuses to compile at all;
a folder for temporary files then serves.

Numba goes by the source file of a function when it asks whether what it has kept is out of date. A
kernel is also made of what its module takes from others: arithmetic that is compiled into it, and
constants. So here it goes by all of wordkit's files that the module imports, near or far.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import inspect
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload

import numba
import numba.core.caching
import numba.core.config

__all__ = ["kernel_folder", "njit"]

F = TypeVar("F", bound=Callable[..., Any])

_config: Any = numba.core.config
_caching: Any = numba.core.caching  # untyped
_PACKAGE = Path(__file__).parents[1]
_IMPORTS = re.compile(rf"^\s*(?:from|import) {_PACKAGE.name}\.([\w.]+)", re.MULTILINE)


@overload
def njit(function: F, *, cache: bool = ..., **options: Any) -> F: ...
@overload
def njit(function: None = ..., *, cache: bool = ..., **options: Any) -> Callable[[F], F]: ...
def njit(function: F | None = None, *, cache: bool = False, **options: Any) -> Any:
    """As ``numba.njit``; what ``cache`` keeps is used again while all its sources are as then.

    Args:
        function: what to compile; None: return a decorator.
        cache: whether to keep what was compiled.
        options: see Numba.
    """
    if function is None:
        return functools.partial(njit, cache=cache, **options)
    dispatcher: Any = numba.njit(**options)(function)
    if cache:
        dispatcher._cache = _Cache(function)
    return dispatcher


class _Kept(_caching.CompileResultCacheImpl):  # type: ignore[misc]
    """How a function is kept: as Numba does it, but with the stamp of all its sources."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = _stamp(Path(inspect.getfile(function)))
        self._locator.get_source_stamp = lambda: stamp


class _Cache(_caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _Kept


@functools.cache
def _stamp(source: Path) -> str:
    """A digest of a file and of all files of the package that it imports, near or far."""
    digest = hashlib.sha256()
    for path in sorted(_sources(source)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(source: Path) -> set[Path]:
    """A file, and all files of the package that it imports, near or far."""
    found, coming = {source}, [source]
    while coming:
        for name in _IMPORTS.findall(coming.pop().read_text(encoding="utf-8")):
            module = _PACKAGE.joinpath(*name.split("."))
            for path in (module.with_suffix(".py"), module / "__init__.py"):
                if path not in found and path.is_file():
                    found.add(path)
                    coming.append(path)
    return found


def kernel_folder() -> str:
    """Where compiled kernels are kept: one folder, or that of each source."""
    if _config.CACHE_DIR:
        return str(_config.CACHE_DIR)
    if _can_write(_PACKAGE / "__pycache__"):
        return str(_PACKAGE / "**" / "__pycache__")
    return str(_user_cache() / "numba")


def _user_cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return Path(named or os.path.join(os.path.expanduser("~"), ".cache"))


def _provide_cache() -> None:
    """Name a folder for compiled kernels, where Numba would find none by itself."""
    if _config.CACHE_DIR or _can_write(_PACKAGE / "__pycache__"):
        return
    if _can_write(_user_cache() / "numba"):
        return
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"wordkit-kernels-{user}"
    if not _is_private(folder, user):
        folder = Path(tempfile.mkdtemp(prefix="wordkit-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _config.CACHE_DIR = str(folder)


def _can_write(folder: Path) -> bool:
    """Whether a folder, which may have to be made first, can be written."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _is_private(folder: Path, user: int) -> bool:
    """Make a folder that nobody else can write: what lies in it will be run."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o022


_provide_cache()
