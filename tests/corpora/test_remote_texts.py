"""Texts by URLs: the same as from files of this machine, with errors as plain."""

from __future__ import annotations

import errno
import gzip
import io
import re
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, ClassVar

import fsspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wordkit
from wordkit.errors import CorpusError, StorageError, TextError, without_secrets
from wordkit.storage.remote import read_ranges
from wordkit.text import Corpus, remote_ids
from wordkit.text.corpus import is_corpus
from wordkit.text.corpus_folder import PARTS
from wordkit_corpora import open_text

pytest.importorskip("aiohttp")

TEXTS = {"a.txt": b"one\ntwo", "sub/b.txt": b"three\n", "sub/c.gz": gzip.compress(b"four\n")}
HIDDEN = {".hidden.txt": b"no\n", ".git/x.txt": b"no\n"}
LONG = b"".join(b"line %d\n" % number for number in range(500))
SERVED = {"/plain": LONG, "/ranges": LONG, "/list/": b"<a href='x.txt'>", "/list/x.txt": LONG}


@pytest.fixture
def memory() -> Iterator[str]:
    system = fsspec.filesystem("memory")
    for name, data in {**TEXTS, **HIDDEN}.items():
        system.pipe(f"/books/{name}", data)
    yield "memory://books"
    system.rm("/books", recursive=True)


@pytest.fixture
def local(tmp_path: Path) -> str:
    for name, data in {**TEXTS, **HIDDEN}.items():
        path = tmp_path / "books" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return f"file://{tmp_path}/books"


@pytest.fixture
def packed(tmp_path: Path) -> str:
    with zipfile.ZipFile(tmp_path / "books.zip", "w") as file:
        for name, data in {**TEXTS, **HIDDEN}.items():
            file.writestr(f"books/{name}", data)
    return f"zip://books::{tmp_path}/books.zip"


class _Server(BaseHTTPRequestHandler):
    """Serves ``/plain`` from its start only, ``/ranges`` from anywhere, and refuses the rest."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        if self.path not in SERVED:
            self.send_error(403 if self.path == "/secret" else 404)
            return
        data, has_ranges = SERVED[self.path], self.path.startswith("/ranges")
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and has_ranges:
            size, start, stop = len(data), int(asked[1]), int(asked[2] or len(data) - 1) + 1
            data = data[start:stop]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{size}")
        else:
            self.send_response(200)
        if has_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if self.path.endswith("/"):
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        threading.Thread(target=running.serve_forever).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def saved(folder: Path, lines: int = 200) -> dict[str, bytes]:
    """The files of a corpus of 40 words, by their names."""
    words = np.random.default_rng(0).integers(40, size=(lines, 10)).tolist()
    Corpus.from_sentences([list(map(str, line)) for line in words]).save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(*paths: str) -> bytes:
    return b"".join(block.data for block in open_text(paths).blocks())


@pytest.mark.parametrize("place", ["memory", "local", "packed"])
def test_files_folders_and_globs(place: str, request: pytest.FixtureRequest) -> None:
    folder, _, rest = str(request.getfixturevalue(place)).partition("::")
    end = "::" + rest if rest else ""
    assert read(folder + end) == b"one\ntwo\nthree\nfour\n"
    assert read(f"{folder}/sub/b.txt{end}", f"{folder}/a.txt{end}") == b"three\none\ntwo\n"
    assert read(f"{folder}/*.txt{end}") == b"one\ntwo\n"
    assert read(f"{folder}/*/*{end}") == b"three\nfour\n"
    whole = open_text(folder + end)
    assert whole.size == sum(map(len, TEXTS.values()))
    assert {file.startswith(folder) and file.endswith(end) for file in whole.files} == {True}
    corpus = wordkit.prepare(folder + end)
    assert corpus.vocabulary.words == ("one", "two", "three", "four")
    for bad in (f"{folder}/nothing{end}", f"{folder}/*.csv{end}"):
        with pytest.raises(TextError, match="there is no such file|no file is there") as error:
            read(bad)
        assert bad in str(error.value)


def test_http(server: str) -> None:
    assert read(f"{server}/plain") == read(f"{server}/ranges") == LONG
    assert [part.is_divided for part in open_text(f"{server}/plain").parts(1000)] == [False]
    parts = open_text(f"{server}/ranges").parts(1000)
    assert len(parts) > 4
    assert b"".join(block.data for part in parts for block in part.blocks()) == LONG
    np.testing.assert_array_equal(
        wordkit.prepare(f"{server}/ranges").ids, wordkit.prepare([LONG.decode()]).ids
    )
    assert read(f"{server}/list/*.txt") == LONG
    for path, reason in {
        "/secret": "403",
        "/none": "there is no such file",
        "/list/": r"it is a web page; for files that it lists, name them, or .*/list/\*.txt",
    }.items():
        with pytest.raises(TextError, match=reason) as error:
            read(server + path)
        assert f"cannot read {server}{path}: " in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(TextError, match="cannot read http://127.0.0.1:1/x: .*connect"):
        read("http://127.0.0.1:1/x")


def test_chains(memory: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("sub/z.txt", "zipped\n")
    fsspec.filesystem("memory").pipe("/books/sub/z.zip", packed.getvalue())
    for url, text in {
        f"simplecache::{memory}/a.txt": b"one\ntwo\n",
        f"simplecache::{memory}/*.txt": b"one\ntwo\n",
        f"zip://sub/z.txt::{memory}/sub/z.zip": b"zipped\n",
        f"zip://::{memory}/sub/z.zip": b"zipped\n",
        f"simplecache::zip://*/*.txt::{memory}/sub/z.zip": b"zipped\n",
    }.items():
        assert read(url) == text
        assert b"".join(b.data for part in open_text(url).parts(99) for b in part.blocks()) == text
    wordkit.prepare(["some words"], f"{memory}/c.ids")
    assert wordkit.load(f"simplecache::{memory}/c.ids").tokens == 2
    with pytest.raises(TextError, match=f"cannot read simplecache::{memory}/no.txt: there is no"):
        read(f"simplecache::{memory}/no.txt")


def test_requests_for_small_files(server: str) -> None:
    """To divide a text its files are asked for once; a part asks for each, and for a change."""
    names = [f"/small/{number}" for number in range(3)]
    SERVED.update(dict.fromkeys(names, b"a line\n"))
    text = open_text([server + name for name in names])
    _Server.asked.clear()
    (part,) = text.parts(1000)
    assert _Server.asked == [f"HEAD {name}" for name in names]
    _Server.asked.clear()
    assert b"".join(block.data for block in part.blocks()) == 3 * b"a line\n"
    assert part.size == 21 and part.changed_file() is None
    assert _Server.asked == [f"{how} {name}" for how in ("GET", "HEAD") for name in names]
    SERVED[names[1]] = b"another line\n"
    assert part.changed_file() == server + names[1]


def test_secrets_of_urls_stay_there(server: str) -> None:
    with pytest.raises(CorpusError, match="http://127.0.0.1") as refused:
        Corpus.open(f"{server.replace('//', '//user:secret@')}/no.ids")
    assert "secret" not in str(refused.value)
    url = f"{server.replace('//', '//user:secret@')}/ranges?sig=secret"
    SERVED["/ranges?sig=secret"] = LONG
    assert wordkit.prepare(url).settings["source"] == f"{server}/ranges"
    for bad in (url.replace("ranges", "none"), url.replace("ranges", "secret")):
        with pytest.raises(TextError, match=f"cannot read {bad.split('//')[0]}//127") as error:
            open_text(bad)
        assert "sig" not in str(error.value) and "user" not in str(error.value)
    assert without_secrets("zip://?.txt::ftp://u:p@h/?.zip") == "zip://?.txt::ftp://h/?.zip"


def test_a_change_is_noticed(memory: str) -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/books/a.txt", LONG)
    blocks = open_text(f"{memory}/a.txt", block_size=16).blocks()
    next(blocks)
    system.pipe("/books/a.txt", LONG + b"more\n")
    with pytest.raises(TextError, match="a.txt has changed while it was .*, and start again$"):
        list(blocks)


@pytest.mark.parametrize("train", [wordkit.train_counts, wordkit.train_glove])
def test_vectors_of_a_url(memory: str, tmp_path: Path, train: Any) -> None:
    text = b"one two three four\nfour three one\n" * 5
    fsspec.filesystem("memory").pipe("/books/toy.txt", text)
    (tmp_path / "toy.txt").write_bytes(text)
    there, here = (
        train(path, dim=2, min_count=1, threads=1)
        for path in (f"{memory}/toy.txt", tmp_path / "toy.txt")
    )
    np.testing.assert_array_equal(there.vectors, here.vectors)


def test_drivers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("no archive")
    for url, message in {
        "dropbox://a": "dropboxdrivefs",
        "abc://x": "Protocol not known: abc",
        f"zip://a.txt::{tmp_path}/x.zip": "File is not a zip file",
        f"zip://a.txt::{tmp_path}/y.zip": "there is no such file",
    }.items():
        with pytest.raises(TextError, match=f"cannot read {re.escape(url)}: .*{message}"):
            open_text(url)
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(TextError, match=r"URLs need the package fsspec; pip install 'wordkit\[r"):
        open_text("memory://x")


def test_lines_that_begin_as_urls_are_lines() -> None:
    lines = ["https://a.example is where", "this begins"]
    assert wordkit.prepare(lines).sentences == 2


@pytest.mark.parametrize("place", ["memory", "local", "packed", "server"])
def test_a_prepared_corpus(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    files, here = saved(tmp_path / "c.ids"), Corpus.open(tmp_path / "c.ids")
    url = f"{request.getfixturevalue(place)}/c.ids" if place != "packed" else "zip://c.ids"
    for name, data in files.items():
        if place == "memory":
            fsspec.filesystem("memory").pipe(f"/books/c.ids/{name}", data)
        elif place == "server":
            SERVED.update({f"{way}/c.ids/{name}": data for way in ("/plain", "/ranges")})
        elif place == "packed":
            with zipfile.ZipFile(tmp_path / "c.zip", "a") as file:
                file.writestr(f"c.ids/{name}", data)
    url = {
        "local": f"file://{tmp_path}/c.ids", "packed": f"{url}::{tmp_path}/c.zip",
        "server": url.replace("/c.ids", "/ranges/c.ids"),
    }.get(place, url)  # fmt: skip
    there = wordkit.load(url)
    assert isinstance(there, Corpus)
    there.check()
    assert there.record == here.record and there.vocabulary == here.vocabulary
    np.testing.assert_array_equal(there.ids, here.ids)
    assert is_corpus(url) and not is_corpus(url.replace("c.ids", "d.ids"))
    if place == "server":
        with pytest.raises(CorpusError, match="ids.* asked for 128 bytes, it gives 8,128; use a s"):
            Corpus.open(url.replace("ranges", "plain"))


@settings(max_examples=30)
@given(st.lists(st.one_of(
    st.integers(-999, 999), st.slices(999), st.lists(st.integers(-999, 999), min_size=1),
)))  # fmt: skip
def test_ids_are_read_as_they_are_used(keys: list[Any]) -> None:
    """And each but once."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        saved(Path(folder))
        patch.setattr(remote_ids, "_BLOCK", 8)
        asked = bytes_asked_for(patch)
        here, there = Corpus.open(folder), Corpus.open(f"file://{folder}")
        used = np.zeros(here.tokens // 8, dtype=bool)
        for key in keys:
            np.testing.assert_array_equal(there.ids[key], here.ids[key])
            if not isinstance(key, slice) or key.step in (None, 1):
                used[np.arange(here.tokens)[key] // 8] = True
            else:
                used[:] = True
        assert sum(asked) - 128 <= 32 * used.sum() + 32 * len(keys)  # an empty slice reads a block


def bytes_asked_for(patch: pytest.MonkeyPatch) -> list[int]:
    """The list that gets what is asked for from now on."""
    asked = list[int]()

    def recorded(url: str, ranges: list[tuple[int, int]]) -> list[bytes]:
        asked.extend(stop - start for start, stop in ranges)
        return read_ranges(url, ranges)

    patch.setattr(remote_ids, "read_ranges", recorded)
    return asked


def test_corrupted_ids(tmp_path: Path) -> None:
    files = saved(tmp_path)
    [name] = (name for name in files if name.startswith("ids"))
    whole, url = files[name], f"file://{tmp_path}"
    for bad in (whole[:-4], b"x" + whole[1:]):
        (tmp_path / name).write_bytes(bad)
        with pytest.raises(CorpusError, match=f"{name} is truncated or corrupted; prepare the te"):
            Corpus.open(url)
    for ids in (-1, 40):  # one that no vector has
        (tmp_path / name).write_bytes(whole[:-4] + np.int32(ids).tobytes())
        corpus = Corpus.open(url)
        assert corpus.ids[0] >= 0
        with pytest.raises(CorpusError, match=f"{name} is truncated or corrupted"):
            corpus.check()
    (tmp_path / name).unlink()
    with pytest.raises(CorpusError, match=f"{name} cannot be read: there is no such file"):
        corpus.check()


def test_a_corpus_is_written_to_a_store(
    memory: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it or nothing, and as to a folder."""
    system = fsspec.filesystem("memory")

    def content() -> dict[str, bytes]:
        paths = system.find(f"{memory}/c.ids")
        return {p.rpartition("/")[2].partition("-")[0]: system.cat_file(p) for p in paths}

    for text in (["some words"], ["other words", "and more"]):
        made = wordkit.prepare(text, f"{memory}/c.ids")
        wordkit.prepare(text, tmp_path / "c.ids")
        there, here = content(), {p.name.partition("-")[0]: p for p in tmp_path.glob("c.ids/*")}
        assert len(there) == 5 == len(system.ls(f"{memory}/c.ids"))
        assert all(there[part] == here[part].read_bytes() for part in PARTS)
        assert wordkit.load(f"{memory}/c.ids").record == made.record
    system.pipe_file(f"{memory}/other/notes.txt", b"")
    with pytest.raises(StorageError, match="other: it is a folder with other content"):
        wordkit.prepare(["words"], f"{memory}/other")
    made.save(f"{memory}/c.ids")
    assert all(content()[part] == there[part] for part in PARTS)
    for place in ("memory://", f"file://{tmp_path}"):
        with pytest.raises(TextError, match="holds no token"):
            wordkit.prepare([" "], f"{place}/new.ids")
        assert not fsspec.filesystem(place.partition(":")[0]).exists(f"{place}/new.ids")
    copies = iter([True, True, False])

    def copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
        if not next(copies):
            raise OSError(errno.ENOSPC, "No space left on device")
        target.write(source.read())

    before = content()
    monkeypatch.setattr("shutil.copyfileobj", copy)
    for place, reason in ((memory, "No space left"), (server, "501")):
        with pytest.raises(StorageError, match=f"cannot write {place}/c.ids: .*{reason}"):
            wordkit.prepare(["words"], f"{place}/c.ids")
        assert content() == before
