"""Arrays that grow in memory up to a limit, and in a temporary file beyond it.

The files have no name where the system allows that, so none remains even after a kill.
They are written by plain writes: a full disk under a written memory map would kill the process.
"""

from __future__ import annotations

import os
import tempfile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import StorageError

__all__ = ["GrowingArray"]


class GrowingArray:
    """A one-dimensional array that grows at its end.

    Args:
        dtype: type of the values.
        capacity: values to hold in memory. That much address space is taken at once, but memory
            only as it fills.
    """

    def __init__(self, dtype: npt.DTypeLike, capacity: int) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        try:
            self._memory = np.empty(max(capacity, 0), dtype=self.dtype)
        except MemoryError:  # more was allowed than there is
            self._memory = np.empty(0, dtype=self.dtype)
        self._file: IO[bytes] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values at the end.

        Raises:
            StorageError: they go to the temporary file, and its disk is full or not writable.
        """
        end = self._length + len(values)
        if self._file is None and end <= len(self._memory):
            self._memory[self._length : end] = values
        else:
            self._write(self._open_file(), values)
        self._length = end

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a copy of the values from ``start`` to ``stop``."""
        if self._file is None:
            return self._memory[start : min(stop, self._length)].copy()
        self._file.seek(start * self.dtype.itemsize)
        return np.fromfile(self._file, dtype=self.dtype, count=stop - start)

    def finish(self) -> npt.NDArray[Any]:
        """Return the array, memory-mapped and read-only where it is in a file; add no more."""
        if self._file is None:
            array, self._memory = self._memory, np.empty(0, dtype=self.dtype)
            array.resize(self._length, refcheck=False)  # gives the rest back, without a copy
            return array
        file, self._file = self._file, None
        if not self._length:  # an empty file cannot be mapped
            file.close()
            return np.empty(0, dtype=self.dtype)
        with file:  # the map keeps the content, and the file goes when the map does
            return np.memmap(file, dtype=self.dtype, mode="r", shape=(self._length,))

    def close(self) -> None:
        """Free memory and file."""
        self._memory = np.empty(0, dtype=self.dtype)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open_file(self) -> IO[bytes]:
        if self._file is None:
            try:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see close()
            except OSError as error:
                raise _write_error(error) from error
            self._write(self._file, self._memory[: self._length])
            self._memory = np.empty(0, dtype=self.dtype)
        return self._file

    def _write(self, file: IO[bytes], values: npt.NDArray[Any]) -> None:
        data = np.ascontiguousarray(values, dtype=self.dtype).data.cast("B")
        try:
            file.seek(0, os.SEEK_END)  # it may have been read meanwhile
            while data:
                data = data[file.write(data) :]  # an unbuffered write may write a part
        except OSError as error:
            raise _write_error(error) from error


def _write_error(error: OSError) -> StorageError:
    return StorageError(
        f"cannot write a temporary file in {tempfile.gettempdir()}: {error.strerror or error}; "
        "free some space, set TMPDIR to a larger disk, or allow more memory"
    )
