"""Corpus folders: what is written is read, and damage is found."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit.errors import CorpusError, StorageError
from wordkit.storage import atomic
from wordkit.text import Corpus
from wordkit.text.corpus_folder import CorpusWriter, array_header

SENTENCES = [["the", "cat", "sat"], [], ["the", "mat"]]


@settings(max_examples=25)
@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "d"]))).filter(any))
def test_round_trip(tmp_path: Path, sentences: list[list[str]]) -> None:
    corpus = Corpus.from_sentences(sentences)
    corpus.save(tmp_path / "c.ids")
    again = Corpus.open(tmp_path / "c.ids")
    assert [again.vocabulary.decode(s) for s in again] == sentences
    assert again.vocabulary == corpus.vocabulary
    assert again.fingerprint == corpus.fingerprint
    for other in ([*sentences, ["a"]], [[*sentences[0], "a"], *sentences[1:]]):
        assert Corpus.from_sentences(other).fingerprint != corpus.fingerprint
    assert isinstance(again.ids, np.memmap) and not again.ids.flags.writeable


def saved(folder: Path) -> Path:
    Corpus.from_sentences(SENTENCES).save(folder)
    return folder


def part(folder: Path, name: str) -> Path:
    return next(folder.glob(f"{name}-*.npy"))


@pytest.mark.filterwarnings("error")
def test_an_array_header_of_python_2_is_read_without_a_word(tmp_path: Path) -> None:
    ids = part(saved(tmp_path), "ids")
    data = ids.read_bytes()
    ids.write_bytes(re.sub(rb"(\d),\), \} ", rb"\1L,), }", data))
    assert ids.read_bytes() != data
    assert Corpus.open(tmp_path).tokens == sum(map(len, SENTENCES))


def test_no_corpus(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(CorpusError, match="is no prepared corpus.*wordkit prepare"):
            Corpus.open(path)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "does not describe a wordkit corpus"),
        (b"{}", "does not describe a wordkit corpus"),
        (b'{"format": "wordkit corpus", "format_version": 7}', "corpus format 7"),
        (b'{"format": "wordkit corpus", "format_version": 1}', "no usable entry"),
        (
            b'{"format": "wordkit corpus", "format_version": 1, "sizes": {"ids": 1e400}}',
            "no usable entry",
        ),
    ],
)
def test_corrupted_manifest(tmp_path: Path, manifest: bytes, message: str) -> None:
    folder = saved(tmp_path / "c.ids")
    (folder / "corpus.json").write_bytes(manifest)
    with pytest.raises(CorpusError, match=message):
        Corpus.open(folder)


@pytest.mark.parametrize("name", ["ids", "offsets", "words", "counts"])
def test_corrupted_parts(tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path / "c.ids")
    path = part(folder, name)
    whole = path.read_bytes()
    for size in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CorpusError, match="truncated or corrupted|should hold"):
            Corpus.open(folder)
    path.unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        Corpus.open(folder)


def test_boundaries_must_rise_and_fit(tmp_path: Path) -> None:
    folder = saved(tmp_path / "c.ids")
    for bad in ([0, 3, 2, 5], [0, 3, 3, 4], [1, 3, 3, 5]):
        np.save(part(folder, "offsets"), np.array(bad, dtype=np.int64))
        with pytest.raises(CorpusError, match="boundaries do not"):
            Corpus.open(folder)


def test_a_part_holding_objects_is_never_unpickled(tmp_path: Path) -> None:
    folder = saved(tmp_path / "c.ids")
    np.save(part(folder, "counts"), np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    with pytest.raises(CorpusError, match="corrupted"):
        Corpus.open(folder)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "c.ids").write_text("mine")
    with pytest.raises(StorageError, match="it is a file; name a folder"):
        saved(tmp_path / "c.ids")
    with pytest.raises(StorageError, match="cannot make"):
        saved(tmp_path / "none" / "c.ids")
    assert (tmp_path / "c.ids").read_text() == "mine"


def test_a_changed_id_is_found(tmp_path: Path) -> None:
    folder = saved(tmp_path / "c.ids")
    Corpus.open(folder).check()
    content = bytearray(part(folder, "ids").read_bytes())
    content[-4] ^= 1
    part(folder, "ids").write_bytes(content)
    with pytest.raises(CorpusError, match="does not have its fingerprint"):
        Corpus.open(folder).check()


def test_two_writers_at_once(tmp_path: Path) -> None:
    """Whoever finishes last has the folder, whole."""
    one, two = Corpus.from_sentences([["a"]]), Corpus.from_sentences([["b", "b"]])
    with CorpusWriter(tmp_path / "c.ids") as first, CorpusWriter(tmp_path / "c.ids") as second:
        for writer, corpus in ((first, one), (second, two)):
            with writer.part("ids") as ids, writer.part("offsets") as offsets:
                ids.append(corpus.ids)
                offsets.append(corpus.offsets)
        first.finish(one.vocabulary, {})
        first.__exit__(None, None, None)
        assert Corpus.open(tmp_path / "c.ids").vocabulary == one.vocabulary
        second.finish(two.vocabulary, {})
    assert Corpus.open(tmp_path / "c.ids").vocabulary == two.vocabulary
    assert len(list((tmp_path / "c.ids").iterdir())) == 5


def test_a_killed_first_writer_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "c.ids"
    code = f"""
import os
from wordkit.text.corpus_folder import CorpusWriter
from wordkit.text.preparation import Spool
with CorpusWriter({str(folder)!r}) as writer, Spool(writer):
    with writer.part("ids"):
        os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list(folder.iterdir())) == 3
    saved(folder)
    assert len(list(folder.iterdir())) == 5


def test_numpy_wrote_the_same_header() -> None:
    """Older versions of NumPy, and other programs, must be able to read the files."""
    for size in (0, 7, 10**15):
        file = io.BytesIO(array_header(np.dtype(np.int64), size))
        assert np.lib.format.read_magic(file) == (1, 0)
        header = np.lib.format.read_array_header_1_0(file)
        assert header == ((size,), False, np.dtype(np.int64))
        assert file.tell() == 128


def test_a_stop_just_behind_the_change_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest names the new files already, though the writer has not come to know that."""
    Corpus.from_sentences([["old", "words"]]).save(tmp_path / "c.ids")
    fsync = atomic.fsync

    def stop(path: Path) -> None:
        if path.is_dir():
            raise KeyboardInterrupt
        fsync(path)

    monkeypatch.setattr(atomic, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        Corpus.from_sentences([["new"]]).save(tmp_path / "c.ids")
    Corpus.open(tmp_path / "c.ids").check()


def test_a_writer_that_fails_keeps_the_corpus_of_a_process_that_has_ended(tmp_path: Path) -> None:
    Corpus.from_sentences([["old", "words"]]).save(tmp_path / "c.ids")
    failing = Corpus.from_sentences([["new"]])
    failing.settings["not of JSON"] = object()
    with pytest.raises(TypeError):
        failing.save(tmp_path / "c.ids")
    assert list(Corpus.open(tmp_path / "c.ids").vocabulary) == ["old", "words"]
    assert len(list((tmp_path / "c.ids").iterdir())) == 5
