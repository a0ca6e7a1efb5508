"""The ids of a corpus in a store, of which this machine gets those that it uses.

N is the number of tokens, V of words.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import CorpusError, StorageError
from wordkit.storage.remote import read_ranges, remote_details

__all__ = ["RemoteIds"]

_BLOCK = 1 << 10  # ids that are read together
_MAX_BLOCKS = 1 << 12  # that are asked for at a time: 16 MB


class RemoteIds:
    """Ids in a remote ``.npy`` file: indexing reads what it needs, :func:`numpy.asarray` all.

    What was read is kept in a temporary file, and is not read again.

    Args:
        url: of the file.
        header: its first bytes, if it holds so many int32.
        size: N.
        words: V.

    Raises (also while they are used):
        CorpusError: the file cannot be read, or is corrupted.
        StorageError: there is no space for a temporary file.
    """

    def __init__(self, url: str, header: bytes, size: int, words: int) -> None:
        self._url, self._start, self._words = url, len(header), words
        try:
            is_whole = remote_details(url).size in (None, len(header) + 4 * size)
            if not is_whole or read_ranges(url, [(0, len(header))]) != [header]:
                raise self._corrupted()
            self._is_here = np.zeros(-(-size // _BLOCK), dtype=bool)
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - goes with the ids
            self._file.truncate(4 * size)  # without blocks on the disk until they are written
        except OSError as error:
            raise _no_space(error) from error
        self._ids: npt.NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        if size:  # an empty file cannot be mapped
            self._ids = np.asarray(np.memmap(self._file, np.int32, "r", shape=(size,)))

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, key: Any) -> Any:
        return self.having(key)[key]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype)

    def having(self, key: Any) -> npt.NDArray[np.int32]:
        """Return an array of shape (N,), in which at least the ids that a key selects are right."""
        first, last = 0, len(self._is_here)
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(len(self))
            first, last = start // _BLOCK, -(-stop // _BLOCK)
        blocks = np.arange(first, last)
        if not isinstance(key, slice) and np.asarray(key).dtype.kind in "iu":
            blocks = np.unique(np.asarray(key) % len(self) // _BLOCK)
        missing = blocks[~self._is_here[blocks]]
        for i in range(0, len(missing), _MAX_BLOCKS):
            self._read(missing[i : i + _MAX_BLOCKS])
        return self._ids

    def _read(self, blocks: npt.NDArray[np.int64]) -> None:
        runs = np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1)
        places = [
            (4 * _BLOCK * int(run[0]), 4 * min(_BLOCK * (int(run[-1]) + 1), len(self)))
            for run in runs
        ]
        try:
            found = read_ranges(self._url, [(self._start + a, self._start + b) for a, b in places])
        except OSError as error:
            raise self._unreadable(error) from error
        for (place, _), data in zip(places, found, strict=True):
            if int(np.frombuffer(data, np.uint32).max()) >= self._words:  # also those below zero
                raise self._corrupted()
            try:
                os.pwrite(self._file.fileno(), data, place)
            except OSError as error:
                raise _no_space(error) from error
        self._is_here[blocks] = True

    def _unreadable(self, error: OSError) -> CorpusError:
        return CorpusError(f"{self._url} cannot be read: {error.strerror}")

    def _corrupted(self) -> CorpusError:
        return CorpusError(f"{self._url} is truncated or corrupted; prepare the text again")


def _no_space(error: OSError) -> StorageError:
    return StorageError(
        f"cannot write a temporary file in {tempfile.gettempdir()}: {error.strerror or error}; "
        "free some space, or set TMPDIR to a larger disk"
    )
