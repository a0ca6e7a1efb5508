"""Texts by URLs: the same as from files of this machine, with errors as plain."""

from __future__ import annotations

import gzip
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest

import wordkit
from wordkit.errors import TextError
from wordkit_corpora import open_text

pytest.importorskip("aiohttp")

TEXTS = {"a.txt": b"one\ntwo", "sub/b.txt": b"three\n", "sub/c.gz": gzip.compress(b"four\n")}
HIDDEN = {".hidden.txt": b"no\n", ".git/x.txt": b"no\n"}
LONG = b"".join(b"line %d\n" % number for number in range(500))


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

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.path not in ("/plain", "/ranges"):
            self.send_error(403 if self.path == "/secret" else 404)
            return
        data, asked = LONG, re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.path == "/ranges":
            start, stop = int(asked[1]), int(asked[2] or len(LONG) - 1) + 1
            data = LONG[start:stop]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{len(LONG)}")
        else:
            self.send_response(200)
        if self.path == "/ranges":
            self.send_header("Accept-Ranges", "bytes")
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
    for path, reason in {"/secret": "403", "/none": "there is no such file"}.items():
        with pytest.raises(TextError, match=reason) as error:
            read(server + path)
        assert f"cannot read {server}{path}: " in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(TextError, match="cannot read http://127.0.0.1:1/x: .*connect"):
        read("http://127.0.0.1:1/x")


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
