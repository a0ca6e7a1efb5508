"""A segmenter in a process of its own, so that several work at a time.

A package that holds Python's lock, such as fugashi, uses one core, whatever the number of threads.
A process reads texts from its standard input and writes them to its standard output with spaces
between their words, both with their sizes before them.
"""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
from typing import IO

from wordkit.text.tokenizers import Tokenizer, named_tokenizers

__all__ = ["SegmenterProcess"]

_SIZE = struct.Struct("<q")
_CODE = "import sys; sys.path[:] = {}; from {} import _serve; _serve({!r})"


class SegmenterProcess:
    """The segmenter of a tokenizer in another process, which begins with the first text.

    Args:
        tokenizer: a named one that has a segmenter.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._code = _CODE.format(sys.path, __name__, tokenizer.name)
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, text: str) -> str | None:
        """Return a text with spaces between its words; None where the process has failed."""
        try:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", self._code], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            to_it, from_it = self._process.stdin, self._process.stdout
            if to_it is None or from_it is None:
                return None
            _write(to_it, text.encode())
            found = _read(from_it)
        except OSError:
            return None
        return None if found is None else found.decode()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(_SIZE.pack(len(data)))
    file.write(data)
    file.flush()


def _read(file: IO[bytes]) -> bytes | None:
    """Return the next piece of data; None at the end."""
    head = file.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    data = file.read(size)
    return data if len(data) == size else None


def _serve(name: str) -> None:
    """Segment the texts of standard input, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began this process ends it
    segment = named_tokenizers()[name].segment
    while segment is not None and (text := _read(sys.stdin.buffer)) is not None:
        _write(sys.stdout.buffer, segment(text.decode()).encode())
