"""A tokenizer in a process of its own, so that several work at a time.

Python packages that hold the interpreter's lock, such as fugashi and NLTK, use one core, whatever
the number of threads. A process reads blocks from its standard input and writes their tokens to its
standard output, both with their sizes before them.
"""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt

from wordkit.text.normalization import Normalization
from wordkit.text.tokenizers import Case, Tokenizer, get_tokenizer, named_tokenizers
from wordkit.text.vocabulary import EOS

__all__ = ["TokenizerProcess", "line_tokens"]

_SIZE = struct.Struct("<q")
_CODE = "import sys; sys.path[:] = {}; from {} import _serve; _serve(*{})"


def line_tokens(
    tokenize: Callable[[str], Sequence[str]], text: str, *, eos: bool
) -> tuple[list[str], list[int]]:
    """Return the tokens of the lines of a text, and how many there are before each line end.

    Args:
        tokenize: a line to its tokens; empty ones are left out.
        text: lines; what is after the last line end is a line that goes on.
        eos: put ``<eos>`` at the end of each line.
    """
    *lines, last = text.split("\n")
    tokens: list[str] = []
    ends: list[int] = []
    for line in lines:
        tokens.extend(filter(None, tokenize(line.removesuffix("\r"))))
        if eos:
            tokens.append(EOS)
        ends.append(len(tokens))
    tokens.extend(filter(None, tokenize(last.removesuffix("\r"))))
    return tokens, ends


class TokenizerProcess:
    """A named tokenizer that works in another process, which begins with the first text.

    Args:
        tokenizer: one of :func:`wordkit.text.named_tokenizers`, with its normal form and case.
        eos: put ``<eos>`` at the end of each line.
    """

    def __init__(self, tokenizer: Tokenizer, *, eos: bool) -> None:
        case = "lower" if tokenizer.lowercase else "keep"
        arguments = (tokenizer.name, tokenizer.normalize, case, eos)
        self._code = _CODE.format(sys.path, __name__, arguments)
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def may(tokenizer: Tokenizer) -> bool:
        """Return whether a tokenizer can work in another process, and gains by it."""
        known = named_tokenizers().get(tokenizer.name)
        return (
            known is not None and known.function is tokenizer.function and bool(sys.executable)
            and not (tokenizer.scanned or tokenizer.takes_lines or tokenizer.is_exact)
        )  # fmt: skip

    def __call__(self, text: bytes) -> tuple[bytes, npt.NDArray[np.int32]] | None:
        """Return the tokens of a text, each ended by a line feed, and how many end each line.

        None where the process has failed; what it cannot do, this one will say.
        """
        try:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", self._code], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            to_it, from_it = self._process.stdin, self._process.stdout
            if to_it is None or from_it is None:
                return None
            _write(to_it, text)
        except OSError:
            return None
        ends, tokens = _read(from_it), _read(from_it)
        if ends is None or tokens is None:
            return None
        return tokens, np.frombuffer(ends, dtype=np.int32)

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
    """The next piece of data; None at the end."""
    head = file.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    data = file.read(size)
    return data if len(data) == size else None


def _serve(name: str, normalize: Normalization, case: Case, eos: bool) -> None:
    """Tokenize the texts of standard input, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began this process ends it
    tokenizer = get_tokenizer(name, normalize, case)
    while (text := _read(sys.stdin.buffer)) is not None:
        tokens, ends = line_tokens(tokenizer, text.decode(), eos=eos)
        _write(sys.stdout.buffer, np.array(ends, dtype=np.int32).tobytes())
        _write(sys.stdout.buffer, "".join(f"{token}\n" for token in tokens).encode())
