"""Files of a job that is done in parts, which a job that is started again finds and reuses.

A part is a safetensors file, written atomically, and maybe long arrays in files of their own, which
it names. Its name has the fingerprint of all that it is made of.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit import __version__
from wordkit.errors import StorageError, WordkitError
from wordkit.storage.atomic import fsync
from wordkit.storage.container import TensorFile, read_tensors, write_tensors

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Part", "PartArray", "PartFolder", "fingerprint", "part_in"]

_KIND, _RECORD, _ARRAYS = "part of a job", "record", "arrays"
_LOCK = "lock"
_NAME = re.compile(rf"[\w-]+\.(part|array)|\.[\w.-]+\.tmp|{_LOCK}")


def fingerprint(*things: object) -> str:
    """Return a digest of things by what ``repr`` says of them, and of the versions in use."""
    things = (__version__, sys.version_info[:2], *things)
    return hashlib.sha256(repr(things).encode(errors="surrogateescape")).hexdigest()[:32]


class Part:
    """A part, finished or to be made; it can be sent to other processes.

    Args:
        path: of its file, whose name has the fingerprint.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def finished(self) -> dict[str, Any] | None:
        """Return the record that was written with it; None where it is not finished."""
        try:
            metadata = read_tensors(self.path, kind=_KIND).metadata
            record, arrays = json.loads(metadata[_RECORD]), json.loads(metadata[_ARRAYS])
            whole = all(os.path.getsize(self._beside(name)) == n for name, _, n in arrays.values())
        except (WordkitError, OSError, ValueError, KeyError):  # it is made again
            return None
        return record if whole else None

    def write(
        self,
        record: Mapping[str, Any],
        tensors: Mapping[str, npt.NDArray[Any]] | None = None,
        arrays: Mapping[str, PartArray] | None = None,
    ) -> dict[str, Any]:
        """Finish it; return the record.

        Raises:
            StorageError: the disk is full.
        """
        files = {
            name: (os.path.basename(array.path), array.dtype.str, array.close())
            for name, array in (arrays or {}).items()
        }
        metadata = {_RECORD: json.dumps(dict(record)), _ARRAYS: json.dumps(files)}
        tensors = tensors or {"none": np.zeros(0, np.uint8)}
        write_tensors(self.path, tensors, kind=_KIND, metadata=metadata)
        return dict(record)

    def read(self) -> TensorFile:
        """Return the tensors, memory-mapped.

        Raises:
            WordkitError: it cannot be read.
        """
        return read_tensors(self.path, kind=_KIND)

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return a long array, memory-mapped.

        Raises:
            StorageError: it cannot be read.
        """
        file, dtype, size = json.loads(self.read().metadata[_ARRAYS])[name]
        if not size:
            return np.zeros(0, dtype)
        try:
            return np.memmap(path := self._beside(file), np.dtype(dtype), "r")
        except (OSError, ValueError) as error:
            raise StorageError(f"cannot read {path}: {error}; start again") from error

    def new_array(self, dtype: npt.DTypeLike) -> PartArray:
        """Return a long array to append to, in a file of its own."""
        # another attempt at the same part may be under way on a worker that was thought lost
        return PartArray(f"{self.path.removesuffix('.part')}-{uuid.uuid4().hex}.array", dtype)

    def _beside(self, name: str) -> str:
        return os.path.join(os.path.dirname(self.path), os.path.basename(name))


def part_in(folder: str, name: str, *made_of: object) -> Part:
    """Return the part of a folder that has a name, and is made of these things."""
    return Part(os.path.join(folder, f"{name}-{fingerprint(*made_of)}.part"))


class PartArray:
    """A long array in a file that grows.

    Raises:
        StorageError: it cannot be made or written.
    """

    def __init__(self, path: str, dtype: npt.DTypeLike) -> None:
        self.path, self.dtype, self.size = path, np.dtype(dtype), 0
        with self._errors():
            self._file = open(path, "wb")  # noqa: SIM115 - see close()

    def append(self, values: npt.NDArray[Any]) -> None:
        """Append values."""
        with self._errors():
            self._file.write(np.ascontiguousarray(values, dtype=self.dtype).data)
        self.size += len(values)

    def close(self) -> int:
        """Bring the array to the disk; return its bytes."""
        with self._errors(), self._file:
            self._file.flush()
            fsync(Path(self.path))
        return self.size * self.dtype.itemsize

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path}: {error.strerror or error}; free some space"
            ) from error


class PartFolder:
    """A folder of parts; a context manager that removes it when its job has ended well.

    Where the job has not, whatever the reason, finished parts stay for the next attempt. A
    KeyboardInterrupt gets the path as its argument then.

    Args:
        path: the folder, which may be there from an earlier attempt.

    Raises:
        StorageError: it cannot be made, holds something else, or is another process's now.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        try:
            os.makedirs(self.path, exist_ok=True)
            others = [name for name in os.listdir(self.path) if not _NAME.fullmatch(name)]
            if others:
                raise StorageError(
                    f"{path} is for the parts of this job, and holds {others[0]}; remove it"
                )
            # of a file, as NFS locks no folder
            self._lock = open(os.path.join(self.path, _LOCK), "wb")  # noqa: SIM115 - see __exit__
        except OSError as error:
            raise StorageError(
                f"cannot make {path}: {error.strerror or error}; a cluster puts parts beside the "
                "corpus: link that (ln -s) into a folder that all workers can write"
            ) from error
        try:
            if fcntl is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise StorageError(
                f"another process works in {path} now; wait until it has ended, and start again"
            ) from error
        except OSError:  # a file system without locks
            pass

    def __enter__(self) -> PartFolder:
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        with contextlib.suppress(OSError):
            if error is None or not any(name.endswith(".part") for name in os.listdir(self.path)):
                # a task that is still at work finds no folder to write to
                os.rename(self.path, doomed := f"{self.path}.{uuid.uuid4().hex}")
                self._lock.close()  # NFS keeps files that are open
                shutil.rmtree(doomed)
                error = None
        self._lock.close()
        while error is not None and not isinstance(error, KeyboardInterrupt):
            error = error.__context__  # of a generator that it has closed
        if error is not None:
            error.args = (self.path,)

    def part(self, name: str, *made_of: object) -> Part:
        """Return the part of a name and of all that it is made of."""
        return part_in(self.path, name, *made_of)
