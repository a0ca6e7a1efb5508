"""What is said of odd vector files: what is wrong, where, and what to do about it."""

from __future__ import annotations

import gzip
import os
import warnings

import numpy as np
import pytest
from vector_strategies import same

from wordkit.embeddings import Embeddings, formats, load_embeddings, save_embeddings
from wordkit.embeddings.formats import format_by_suffix
from wordkit.errors import (
    ConfigError,
    FormatError,
    StorageError,
    WordkitWarning,
)
from wordkit.storage import read_tensors

PAIR = Embeddings(["a", "b"], [[1.5, 2], [3, 3.25]])


@pytest.mark.parametrize("path", ["v", "v.gz", "v.npy", ".txt"])
def test_a_suffix_of_no_format_is_refused(path):
    assert format_by_suffix(f"a/{path}.TXT.gz").name == "word2vec"
    with pytest.raises(ConfigError, match="no format has the suffix"):
        format_by_suffix(path)


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


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("head", [b"2 2\n", b""])
def test_a_last_line_without_an_end_is_loaded_with_one_warning(
    tmp_path, monkeypatch, head, packed, compiled
):
    if compiled:
        monkeypatch.setattr(formats.text_reader, "_SMALL", 0)
    path = tmp_path / "v"
    content = head + b"a 1.5 2\nb 3 3."  # 3.25, cut
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.warns(WordkitWarning) as caught:
        read = load_embeddings(path)
    assert [str(w.message) for w in caught] == [
        f"{path}: the last line has no end; the file may be cut short"
    ]
    assert read.vectors.tolist() == [[1.5, 2], [3, 3]]
    with pytest.warns(WordkitWarning, match="no end"):
        load_embeddings(path, limit=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_embeddings(path, limit=1).words == ("a",)
        path.write_bytes(content + b"\n")
        assert len(load_embeddings(path)) == 2


# --- byte order marks ----------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"a 1.5 2\nb 3 3.25\n", b"2 2\na 1.5 2\nb 3 3.25\n"])
@pytest.mark.parametrize("name", [None, "by name"])
def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path, content, name):
    path = tmp_path / "v.txt"
    path.write_bytes(b"\xef\xbb\xbf" + content)
    layout = name and ("word2vec" if content[:1] == b"2" else "glove")
    assert same(load_embeddings(path, layout), PAIR)


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
