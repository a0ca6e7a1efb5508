"""Texts of a server that speaks S3, on the loopback: ``make test-remote``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import wordkit
from wordkit.errors import CorpusError, StorageError, TextError
from wordkit.text import Corpus
from wordkit_corpora import open_text

moto_server = pytest.importorskip("moto.server")
boto = pytest.importorskip("botocore.session")
s3fs = pytest.importorskip("s3fs")

LONG = b"".join(b"line %d\n" % number for number in range(5000))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto.get_session().create_client("s3")
    client.create_bucket(Bucket="books")
    for name, data in {"a/1.txt": LONG, "a/2.txt": b"end", "a/.hidden": b"no"}.items():
        client.put_object(Bucket="books", Key=name, Body=data)
    s3fs.S3FileSystem.clear_instance_cache()  # which knows the server of another test
    yield "s3://books"
    server.stop()


def test_a_bucket(bucket: str) -> None:
    for url in (f"{bucket}/a", f"{bucket}/a/*.txt", f"{bucket}/**/*.txt"):
        text = open_text(url)
        assert text.files == (f"{bucket}/a/1.txt", f"{bucket}/a/2.txt")
        assert b"".join(block.data for block in text.blocks()) == LONG + b"end\n"
        parts = text.parts(10_000)
        assert len(parts) == -(-len(LONG) // 10_000) + 1
        assert b"".join(b.data for part in parts for b in part.blocks()) == LONG + b"end\n"
    assert wordkit.prepare(f"{bucket}/a").tokens == 10_001
    for bad in (f"{bucket}/a/3.txt", "s3://nowhere/a.txt"):
        with pytest.raises(TextError, match=f"cannot read {bad}: "):
            open_text(bad)


def test_a_prepared_corpus(bucket: str) -> None:
    for text in (f"{bucket}/a/1.txt", f"{bucket}/a/*.txt"):
        made = wordkit.prepare(text, f"{bucket}/c.ids")
        there = wordkit.load(f"{bucket}/c.ids")
        assert isinstance(there, Corpus) and there.record == made.record
        there.check()
        assert len(s3fs.S3FileSystem().find(f"{bucket}/c.ids")) == 5
    with pytest.raises(StorageError, match="cannot write s3://nowhere/c.ids: "):
        wordkit.prepare(["words"], "s3://nowhere/c.ids")
    with pytest.raises(CorpusError, match="s3://books/d.ids is no prepared corpus: .*no such file"):
        wordkit.load(f"{bucket}/d.ids")


def test_missing_credentials(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TextError, match="cannot read s3://books/a: .*credentials"):
        open_text(f"{bucket}/a")
    with pytest.raises(StorageError, match="cannot write s3://books/c.ids: .*credentials"):
        wordkit.prepare(["words"], f"{bucket}/c.ids")
