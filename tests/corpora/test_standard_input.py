"""Standard input, through a real process."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "corpora")!r}]
from wordkit.errors import WordkitError
from wordkit_corpora import open_text
source = open_text(sys.argv[1:])
try:
    for block in source.blocks():
        sys.stdout.buffer.write(block.data)
        place = (block.source, block.progress, source.size)
    sys.stderr.write(repr(place))
    source.blocks()
except WordkitError as error:
    sys.stderr.write(f" {{error}}")
"""


def run(data: bytes, *paths: str) -> tuple[bytes, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *paths], input=data, capture_output=True, check=True
    )
    return done.stdout, done.stderr.decode()


@pytest.mark.parametrize("is_packed", [False, True])
def test_it_is_read_once(is_packed: bool) -> None:
    text = b"some words\n" * 1000 + b"and no line end"
    data = gzip.compress(text) if is_packed else text
    out, err = run(data, "-")
    assert out == text + b"\n"
    assert err.startswith(repr(("standard input", len(data), None)))
    assert err.endswith(
        "standard input can be read only once; save the text to a file and name that"
    )


def test_among_files(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a file")
    out, err = run(b"the input", str(path), "-", str(path))
    assert out == b"a file\nthe input\na file\n"
    assert repr((str(path), 21, None)) in err


def test_a_binary_input() -> None:
    out, err = run(b"\x80\x00\x01", "-")
    assert out == b""
    assert "standard input: line 1, byte 1: a NUL byte" in err
    assert "Traceback" not in err
