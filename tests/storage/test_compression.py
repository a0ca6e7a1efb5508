"""Compressed files are read whole or refused, and written so that they can be read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordkit.errors import FormatError, StorageError
from wordkit.storage.compression import (
    COMPRESSIONS,
    HEAD_BYTES,
    Compression,
    compressed_writer,
    decompressed,
    decompression_errors,
    detect_compression,
    file_format,
    split_suffix,
)

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
compressions = pytest.mark.parametrize("compression", COMPRESSIONS, ids=lambda c: c.name)


def read(data: bytes, compression: Compression, size: int = 1000) -> bytes:
    file = decompressed(io.BytesIO(data), compression)  # type: ignore[arg-type]
    with decompression_errors("a", compression, FormatError, StorageError):
        return b"".join(iter(lambda: file.read(size), b""))


@compressions
@given(content=st.binary(max_size=400), size=st.integers(1, 500))
def test_what_the_standard_library_compresses(
    compression: Compression, content: bytes, size: int
) -> None:
    data = COMPRESS[compression.name](content)
    assert detect_compression(data[:HEAD_BYTES]) is compression
    assert file_format(data[:HEAD_BYTES]) == f"compressed with {compression.name}"
    assert read(data, compression, size) == content


@compressions
def test_what_is_written(tmp_path: Path, compression: Compression) -> None:
    content = random.Random(1).randbytes(300_000)
    path = tmp_path / f"a.txt{compression.suffix.upper()}"
    assert split_suffix(path) == (tmp_path / "a.txt", compression)
    for _ in range(2):
        with compressed_writer(path, compression) as file:
            file.write(content[:7])
            file.write(content[7:])
        written = path.read_bytes()
        assert read(written, compression) == content
    with compressed_writer(tmp_path / "again", compression) as file:
        file.write(content)
    assert (tmp_path / "again").read_bytes() == written, "neither name nor time are in it"


@compressions
def test_truncated_and_corrupted_data(compression: Compression) -> None:
    whole = COMPRESS[compression.name](random.Random(1).randbytes(5000))
    message = f"a is truncated: its {compression.name} data end too early; copy or download it"
    for size in (len(whole) - 1, len(whole) // 2, 12):
        with pytest.raises(FormatError, match=message):
            read(whole[:size], compression)
    corrupted = bytearray(whole)
    corrupted[len(whole) // 2] ^= 1
    with pytest.raises(FormatError, match=f"a is corrupted: its {compression.name} data cannot be"):
        read(bytes(corrupted), compression)


CORRUPTED_SECOND = {
    "its header": lambda stream: stream[:3] + b"?" + stream[4:],
    "plain text": lambda stream: b"and so on, uncompressed\n",
    "a bit of its header": lambda stream: stream[:4],
    "behind padding": lambda stream: bytes(4) + b"X" + stream[1:],
}


@compressions
@pytest.mark.parametrize("fault", CORRUPTED_SECOND)
def test_what_follows_a_stream_is_never_dropped(compression: Compression, fault: str) -> None:
    compress = COMPRESS[compression.name]
    data = compress(b"one\n") + CORRUPTED_SECOND[fault](compress(b"two\n"))
    with pytest.raises(
        FormatError, match=f"a is (corrupted|truncated): its {compression.name} data"
    ):
        read(data, compression)


@compressions
@pytest.mark.parametrize("zeros", [0, 4, 4 << 17])
def test_streams_may_be_concatenated_and_padded(compression: Compression, zeros: int) -> None:
    compress, padding = COMPRESS[compression.name], bytes(zeros)
    data = compress(b"one\n") + padding + compress(b"two\n") + padding
    assert read(data, compression) == b"one\ntwo\n"


def test_a_failing_disk_is_not_the_files_fault() -> None:
    for compression in (None, *COMPRESSIONS):
        with (
            pytest.raises(StorageError, match="cannot read a: Input/output error"),
            decompression_errors("a", compression, FormatError, StorageError),
        ):
            raise OSError(5, "Input/output error")


def numpy_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        *((pickle.dumps({"a": 1}, protocol), "a pickle") for protocol in (2, 3, 4, 5)),
        (numpy_array(), "a NumPy array"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (b"\x80\x04\0\0\0\0\0\0{}", None),  # safetensors with a header of 1152 bytes
        (b"BZh is text", None),
        (b"PK", None),
        (b"", None),
    ],
)
def test_formats_by_their_first_bytes(head: bytes, name: str | None) -> None:
    assert file_format(head[:HEAD_BYTES]) == name
