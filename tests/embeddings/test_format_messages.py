"""What is said of odd vector files: what is wrong, where, and what to do about it."""

from __future__ import annotations

import os

import numpy as np
import pytest

from wordkit.embeddings import Embeddings, formats, load_embeddings, save_embeddings
from wordkit.errors import (
    FormatError,
    StorageError,
)
from wordkit.storage import read_tensors

PAIR = Embeddings(["a", "b"], [[1.5, 2], [3, 3.25]])


@pytest.mark.parametrize("fails", ["vectors", "words"])
def test_a_failed_write_for_the_projector_changes_neither_file(tmp_path, monkeypatch, fails):
    files = [tmp_path / "v.tsv", tmp_path / "v.metadata.tsv"]
    for file in files:
        file.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    name = "format_all" if fails == "vectors" else "_lines"
    monkeypatch.setattr(formats.projector, name, full)
    with pytest.raises(StorageError, match="No space left"):
        save_embeddings(PAIR, files[0])
    assert [file.read_text() for file in files] == ["old", "old"]
    assert sorted(tmp_path.iterdir()) == sorted(files)


# --- a last line without an end ------------------------------------------------------------------


# --- byte order marks ----------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["", "2 2\n"])
@pytest.mark.parametrize("name", [None, "glove", "word2vec"])
def test_text_of_other_kinds_is_named(tmp_path, head, name):
    path = tmp_path / "v"
    for between, fault in (("\t", "tabs"), (",", "commas"), (" ", "UTF-16")):
        text = f"{head}a 1.5 2\nb 3 3.25\n".replace(" ", between)
        text = text if between != "," else text.replace(f"2{between}2\n", "2 2\n")
        path.write_bytes(text.encode("utf-16" if between == " " else "utf-8"))
        with pytest.raises(FormatError, match=rf"v (is|has) {fault}\b.*(convert|replace)"):
            load_embeddings(path, name)
    for encoding in ("utf-16le", "utf-16be"):  # without a byte order mark
        path.write_bytes(f"{head}a 1.5 2\nb 3 3.25\n".encode(encoding))
        with pytest.raises(FormatError, match=f"v is UTF-16 text; .*iconv -f {encoding} "):
            load_embeddings(path, name)


# --- remedies ------------------------------------------------------------------------------------


def refusal(path, **options: object) -> str:
    with pytest.raises(FormatError) as caught:
        load_embeddings(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("binary", [False, True])
def test_words_of_another_encoding_name_the_options_of_both_interfaces(tmp_path, binary):
    path = tmp_path / "v"
    row = b"caf\xe9 " + np.full(9, 1.5, "<f4").tobytes() if binary else b"caf\xe9 1.5\n"
    path.write_bytes(b"1 9\n" + row if binary else b"1 1\n" + row)
    text = refusal(path)
    assert "wordkit convert" in text
    assert "--encoding" in text
    assert "--errors replace" in text
    assert "encoding=" in text
    assert load_embeddings(path, encoding="latin-1").words == ("café",)


@pytest.mark.parametrize("wrong", [8, 12])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_wrong_dimension_in_a_binary_header_is_named(tmp_path, wrong, end):
    rng = np.random.default_rng(0)
    rows = [b"w%d " % i + rng.standard_normal(10).astype("<f4").tobytes() + end for i in range(99)]
    path = tmp_path / "v.bin"
    path.write_bytes(b"%d %d\n" % (80, wrong) + b"".join(rows))
    text = refusal(path, format="word2vec-binary")
    if end:
        assert f"dimension {wrong} in the header does not fit" in text
    assert "\n" not in text


def test_pipes_and_devices_are_said_to_be_no_regular_files(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, "/dev/zero"):
        with pytest.raises(StorageError, match="not a regular file; save it to one"):
            load_embeddings(path)
        with pytest.raises(StorageError, match="not a regular file; save it to one"):
            read_tensors(path, kind="embeddings")
    with pytest.raises(StorageError, match="no such file"):
        load_embeddings(tmp_path / "missing")
    with pytest.raises(StorageError, match="folder"):
        load_embeddings(tmp_path)
