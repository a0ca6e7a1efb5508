"""Fetched files are the expected ones or none."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from wordkit.errors import StorageError
from wordkit.runtime import Report, Run
from wordkit_corpora.download import RemoteFile, fetch

CONTENT = b"the cat sat on the mat\n" * 9000
FILE = RemoteFile("cat.txt", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Server(ThreadingHTTPServer):
    """Serves one body on 127.0.0.1; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = CONTENT
        self.announced: int | None = None
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/data"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.path != "/data/cat.txt":
            self.send_error(404)
            return
        body, announced = self.server.body, self.server.announced
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asks may leave early
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def get(url: str, folder: Path, file: RemoteFile = FILE) -> Path:
    def steps() -> Generator[Report, None, Path]:
        return (yield from fetch(file, url, folder, otherwise="put it there yourself"))

    return Run(steps()).result()


def test_fetched_once_and_kept(server: Server, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    path = get(server.url, tmp_path)
    assert path.read_bytes() == CONTENT
    assert get(server.url, tmp_path) == path
    assert server.asked == 1
    path.write_bytes(CONTENT[:-1] + b"!")  # corrupted: fetched anew
    assert get(server.url, tmp_path).read_bytes() == CONTENT
    assert server.asked == 2
    with pytest.raises(StorageError, match=r"cannot fetch .*: the server answered 404 Not Found"):
        get(server.url + "/elsewhere", tmp_path / "none")
    reports = list(fetch(FILE, server.url, tmp_path / "new", otherwise=""))
    assert len(reports) > 1 and reports[-1] == Report(
        "fetching", len(CONTENT), len(CONTENT), "bytes"
    )


@pytest.mark.parametrize(
    ("body", "came"),
    [
        (CONTENT[:-1] + b"!", "207000 bytes"),
        (b"<html>log in first</html>", "25 bytes"),
        (b"", "0 bytes"),
        (CONTENT * 100, r"(207|262)\d{3} bytes"),  # left early
    ],
)
def test_another_file_is_refused(server: Server, tmp_path: Path, body: bytes, came: str) -> None:
    server.body = body
    message = f"cat.txt is not the expected file: {came} came with SHA-256 .*put it there yourself"
    with pytest.raises(StorageError, match=message):
        get(server.url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_body(server: Server, tmp_path: Path) -> None:
    server.body, server.announced = CONTENT[:1000], len(CONTENT)
    with pytest.raises(StorageError, match="cat.txt"):
        get(server.url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(StorageError, match="refused; put it there yourself") as caught:
            get(url, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_certificate_is_refused(server: Server, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with pytest.raises(StorageError, match=r"(?i)certificate.*; put it there yourself"):
        get(server.url.replace("http:", "https:"), tmp_path)
    assert not (tmp_path / "cat.txt").exists()
