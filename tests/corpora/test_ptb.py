"""Where the Penn Treebank is looked for, and what a language model gets of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from wordkit.errors import ConfigError, StorageError, TextError
from wordkit.runtime import Run
from wordkit_corpora import iter_ptb_corpora, iter_ptb_source
from wordkit_corpora.ptb import PTB_FILES, ptb_path

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing answers


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("WORDKIT_DATA", raising=False)
    return tmp_path / "cache" / "wordkit"


def found(split: str, data_dir: Path | None = None) -> Path:
    return Run(ptb_path(split, data_dir, base_url=NOWHERE)).result()


def put(folder: Path, data: bytes = b"my own text\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ptb.train.txt"
    path.write_bytes(data)
    return path


def test_the_pinned_files_are_the_real_ones(shared_data: Path) -> None:
    for file in PTB_FILES.values():
        data = (shared_data / "ptb" / file.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)


def test_the_users_own_files_are_taken_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct, nested = put(tmp_path / "a"), put(tmp_path / "b" / "ptb")
    assert found("train", tmp_path / "a") == direct
    assert found("train", tmp_path / "b") == nested
    monkeypatch.setenv("WORDKIT_DATA", str(tmp_path / "b"))
    assert found("train") == nested
    assert found("train", tmp_path / "a") == direct
    source = iter_ptb_source("train").result()
    assert (source.name, b"".join(b.data for b in source.blocks())) == ("ptb", b"my own text\n")


def test_a_named_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"ptb.valid.txt: neither .* nor a folder ptb in it"):
        found("valid", tmp_path)
    with pytest.raises(ConfigError, match="split must be one of train, valid, test, not 'dev'"):
        found("dev")


def test_the_cache_is_used_only_when_intact(cache: Path, shared_data: Path) -> None:
    real = (shared_data / "ptb" / "ptb.train.txt").read_bytes()
    path = put(cache, real)
    assert found("train") == path
    put(cache, real[:-1] + b"x")
    with pytest.raises(StorageError, match=r"cannot fetch .*ptb.train.txt"):
        found("train")


def test_offline_names_the_other_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORDKIT_DATA", str(tmp_path))  # without the file: the net is next
    message = (
        r"cannot fetch http://127.0.0.1:9/ptb.test.txt: .*; put ptb.test.txt into a folder and "
        r"name that as data_dir or \$WORDKIT_DATA$"
    )
    with pytest.raises(StorageError, match=message):
        found("test")


def test_a_cache_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"cannot make the cache folder .*set XDG_CACHE_HOME"):
        found("test")


def test_corpora_for_language_models(shared_data: Path) -> None:
    corpora = iter_ptb_corpora(shared_data).result()
    tokens = {split: corpus.tokens for split, corpus in corpora.items()}
    assert tokens == {"train": 929_589, "valid": 73_760, "test": 82_430}
    words = corpora["train"].vocabulary
    assert len(words) == 10_000
    for split, corpus in corpora.items():
        assert corpus.vocabulary.words == words.words
        lines = (shared_data / "ptb" / f"ptb.{split}.txt").read_text().splitlines()
        for line, ids in zip(lines[:200], corpus, strict=False):
            assert words.decode(ids) == [*line.split(), "<eos>"]
