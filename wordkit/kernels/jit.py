"""Numba's ``njit``, with compiled kernels in folders of wordkit's own.

Numba compiles a function again when its source file has changed. A kernel is also compiled from
functions and constants that its module imports, so the kernels of a module are kept in a folder
that is named after the digest of all of wordkit's files that the module imports, directly or not.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import inspect
import os
import re
import shutil
import stat
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, overload

import numba

__all__ = ["kernel_folder", "njit"]

F = TypeVar("F", bound=Callable[..., Any])

_config: Any = numba.config  # untyped
_config_lock = threading.Lock()
_PACKAGE = Path(__file__).parents[1]
_IMPORTS = re.compile(rf"^\s*(?:from|import) {_PACKAGE.name}\.([\w.]+)", re.MULTILINE)
_STALE_SECONDS = 7 * 24 * 3600  # kernels of older sources go after a week, none while in use


@overload
def njit(function: F, *, cache: bool = ..., **options: Any) -> F: ...
@overload
def njit(function: None = ..., *, cache: bool = ..., **options: Any) -> Callable[[F], F]: ...
def njit(function: F | None = None, *, cache: bool = False, **options: Any) -> Any:
    """Compile a function as ``numba.njit`` does.

    Args:
        function: the function; None: return a decorator.
        cache: keep the compiled code on disk until a source file of it changes.
        options: see Numba.
    """
    if function is None:
        return functools.partial(njit, cache=cache, **options)
    if not cache:
        return numba.njit(**options)(function)
    with _cache_dir(_module_folder(Path(inspect.getfile(function)))):
        return numba.njit(cache=True, **options)(function)


@contextlib.contextmanager
def _cache_dir(folder: Path) -> Iterator[None]:
    """Set Numba's cache folder, which a function takes when it is decorated, for a moment."""
    with _config_lock:
        before, _config.CACHE_DIR = _config.CACHE_DIR, str(folder)
        try:
            yield
        finally:
            _config.CACHE_DIR = before


@functools.cache
def _module_folder(source: Path) -> Path:
    """Return the folder of the kernels of a source file, and remove stale ones beside it."""
    digest = hashlib.sha256()
    for path in sorted(_sources(source)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    module = kernel_folder() / ".".join(source.relative_to(_PACKAGE).with_suffix("").parts)
    folder = module / digest.hexdigest()[:16]
    with contextlib.suppress(OSError):  # another process may be at it
        for other in module.iterdir():
            if other != folder and other.stat().st_mtime < time.time() - _STALE_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
    return folder


def _sources(source: Path) -> set[Path]:
    """Return a file and all files of the package that it imports, directly or not."""
    found, pending = {source}, [source]
    while pending:
        for name in _IMPORTS.findall(pending.pop().read_text(encoding="utf-8")):
            module = _PACKAGE.joinpath(*name.split("."))
            for path in (module.with_suffix(".py"), module / "__init__.py"):
                if path not in found and path.is_file():
                    found.add(path)
                    pending.append(path)
    return found


@functools.cache
def kernel_folder() -> Path:
    """Return the folder of compiled kernels.

    It is in ``$NUMBA_CACHE_DIR`` where that is set, else in the first of these that can be
    written: ``__pycache__`` of the package, the user's cache folder, a private temporary folder.
    """
    installation = hashlib.sha256(str(_PACKAGE).encode()).hexdigest()[:8]
    return _cache_root() / f"{_PACKAGE.name}-{installation}"


def _cache_root() -> Path:
    if _config.CACHE_DIR:
        return Path(_config.CACHE_DIR)
    # not by wordkit.storage: kernels would be compiled anew when that changes
    named = os.environ.get("XDG_CACHE_HOME", "")
    home = os.path.expanduser("~") if os.environ.get("HOME") != "" else ""
    user_cache = named if os.path.isabs(named) else os.path.join(home, ".cache")
    for folder in (_PACKAGE / "__pycache__", Path(user_cache) / "numba"):
        if _can_write(folder):
            return folder
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"wordkit-kernels-{user}"
    if not _is_private(folder, user):
        folder = Path(tempfile.mkdtemp(prefix="wordkit-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    warnings.warn(
        f"compiled code is kept in {folder}, as neither the package nor the cache of the user can "
        "be written; set NUMBA_CACHE_DIR to a folder that can",
        stacklevel=2,
    )
    return folder


def _can_write(folder: Path) -> bool:
    """Return whether a folder, which need not exist yet, can be written."""
    if not folder.is_absolute():  # of an unknown home
        return False
    while not os.path.exists(folder) and folder != folder.parent:  # also where it is not shown
        folder = folder.parent
    return os.path.isdir(folder) and os.access(folder, os.W_OK)


def _is_private(folder: Path, user: int) -> bool:
    """Make a folder that nobody else can write, as the code in it will be run."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o022
