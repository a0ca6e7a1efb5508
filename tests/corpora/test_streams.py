"""Standard input and pipes, read once, and files that are read ahead in a thread."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from wordkit.errors import TextError
from wordkit.text.blocks import Block
from wordkit_corpora import open_text, plaintext
from wordkit_corpora.plaintext import read_ahead


class Pipe:
    """Standard input, into which a test writes."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.buffer = io.BufferedReader(io.FileIO(reading))

    def write(self, data: bytes) -> None:
        os.write(self._writing, data)

    def close(self) -> None:
        os.close(self._writing)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    made = Pipe()
    monkeypatch.setattr("sys.stdin", made)
    return made


def data_of(blocks: Iterator[Block]) -> bytes:
    return b"".join(block.data for block in blocks)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_standard_input_is_read_once(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch, is_compressed: bool
) -> None:
    text = b"some words\n" * 1000 + b"and no line end"
    data = gzip.compress(text) if is_compressed else text
    pipe.write(data)
    pipe.close()
    source = open_text(["-"])
    blocks = list(source.blocks())
    assert data_of(iter(blocks)) == text + b"\n"
    assert (blocks[-1].source, blocks[-1].progress, source.size) == (
        "standard input", len(data), None,
    )  # fmt: skip
    with pytest.raises(TextError, match="standard input can be read only once; save the text to"):
        source.blocks()
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(TextError, match="cannot read standard input: it is closed; name a file"):
        list(open_text(["-"]).blocks())


def test_standard_input_among_files(pipe: Pipe, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a file")
    pipe.write(b"the input")
    pipe.close()
    blocks = list(open_text([path, "-", path]).blocks())
    assert data_of(iter(blocks)) == b"a file\nthe input\na file\n"
    assert blocks[-1].progress == 21


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    source = open_text([path])
    assert source.size is None
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(b"from a pipe"),))
    writer.start()
    assert data_of(source.blocks()) == b"from a pipe\n"
    writer.join()
    with pytest.raises(TextError, match="can be read only once; save the text to a file"):
        source.blocks()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16-le"])
def test_each_line_is_there_before_the_next_is_written(pipe: Pipe, encoding: str) -> None:
    blocks = open_text(["-"], encoding=encoding, as_it_comes=True).blocks()
    for number, line in enumerate(["1\n", "7\n", "é\n", "BZ\n", "a longer line than those\n"], 1):
        pipe.write(line.encode(encoding))
        block = next(blocks)  # nothing more has been written: a reader that waits for it hangs
        assert block.data == line.encode() and block.line == number
    pipe.write("and\nthe ".encode(encoding))
    assert next(blocks).data == b"and\n", "a part of a line waits for its end"
    pipe.write("end".encode(encoding))
    pipe.close()
    assert data_of(blocks) == b"the end\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("size", [1, 7])
def test_the_text_is_the_same_however_it_comes(pipe: Pipe, pack: object, size: int) -> None:
    assert callable(pack)
    text = b"\xef\xbb\xbfone\n\nthe second is blank\nlast"
    packed = pack(text)
    for start in range(0, len(packed), size):
        pipe.write(packed[start : start + size])
    pipe.close()
    pipe.buffer = io.BufferedReader(_Trickle(pipe.buffer, size))  # type: ignore[type-var]
    blocks = open_text(["-"], as_it_comes=True).blocks()
    assert data_of(blocks) == b"one\n\nthe second is blank\nlast\n"


class _Trickle(io.RawIOBase):
    """A pipe that gives so many bytes at a time."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file, self._size = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        some = self._file.read(min(self._size, len(buffer)))
        buffer[: len(some)] = some
        return len(some)


def test_a_file_is_read_in_whole_blocks_all_the_same(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(1000))
    (tmp_path / "text").write_text(text)
    blocks = [
        [block.data for block in open_text([tmp_path / "text"], as_it_comes=flag).blocks()]
        for flag in (False, True)
    ]
    assert blocks[0] == blocks[1] == [text.encode()]


# --- reading ahead -------------------------------------------------------------------------------


PATIENCE = 30  # seconds until what never comes is given up; nothing that works waits so long


def counting(stop: int, seen: list[int]) -> Generator[int, None, None]:
    try:
        for number in range(1, stop + 1):
            seen.append(number)
            yield number
    finally:
        seen.append(-1)


def test_it_runs_ahead_but_not_far() -> None:
    seen: list[int] = []
    is_far = threading.Event()

    def observed() -> Generator[int, None, None]:
        for number in counting(100, seen):
            if number == 3:
                is_far.set()
            yield number

    items = read_ahead(observed(), depth=2)
    next(items)
    assert is_far.wait(PATIENCE)
    time.sleep(0.02)  # a chance to go on, for one that would
    assert seen == [1, 2, 3]
    items.close()  # type: ignore[attr-defined]


def test_errors_come_in_their_place() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ValueError("here")

    items = read_ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="here"):
        next(items)
    with pytest.raises(StopIteration):
        next(items)


def test_nothing_runs_before_the_first_item_or_after_the_end() -> None:
    before = threading.active_count()
    seen: list[int] = []
    items = read_ahead(counting(100, seen))
    assert (seen, threading.active_count()) == ([], before)
    assert [next(items), next(items)] == [1, 2]
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert list(read_ahead(counting(100, []))) == list(range(1, 101))
    assert list(read_ahead(counting(0, []))) == []
    assert seen[-1] == -1  # the generator was closed


class InterruptedPool(ThreadPoolExecutor):
    """One that Ctrl-C strikes as it starts its thread: that runs, and the pool does not know it."""

    begun = threading.Event()

    def submit(self, *arguments: Any, **options: Any) -> Any:
        super().submit(*arguments, **options)
        assert self.begun.wait(PATIENCE)
        raise KeyboardInterrupt

    def shutdown(self, *_: Any, **__: Any) -> None:
        super().shutdown(wait=False, cancel_futures=True)


def test_a_thread_that_the_pool_lost_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the midst of making an item, when a generator cannot be closed."""
    monkeypatch.setattr(plaintext, "ThreadPoolExecutor", InterruptedPool)
    seen: list[str] = []

    def slow() -> Generator[int, None, None]:
        try:
            InterruptedPool.begun.set()
            time.sleep(0.2)
            seen.append("made")
            yield 1
        finally:
            seen.append("closed")

    with pytest.raises(KeyboardInterrupt):
        next(read_ahead(slow()))
    assert seen == ["made", "closed"]
