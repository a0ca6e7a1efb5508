"""Atomic writes and the safetensors container."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

import wordkit
from wordkit.errors import FormatError, StorageError, WordkitWarning
from wordkit.storage import atomic_write, check_outputs, read_tensors, write_tensors
from wordkit.storage.checkpoints import CheckpointKeeper, CheckpointPlan


def test_the_new_file_takes_over_and_keeps_the_mode(tmp_path: Path) -> None:
    path, link = tmp_path / "a.txt", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic_write(link) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert set(tmp_path.iterdir()) == {path, link} and link.is_symlink()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_old_file_stays_when_the_block_raises(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["猫" * 85, "é" * 80 + "." + "n" * 94, "caf\udce9" * 60])
def test_any_name_that_the_file_system_takes(tmp_path: Path, name: str) -> None:
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_text("whole")
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_without_fsync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", refuse)
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a").read_text() == "whole"
    error = errno.EIO  # the disk itself is broken
    with (
        pytest.raises(StorageError, match="cannot write"),
        atomic_write(tmp_path / "a") as temporary,
    ):
        temporary.write_text("half")
    assert (tmp_path / "a").read_text() == "whole"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    cases = {
        tmp_path: "it is a folder",
        Path("/dev/null"): "it is a device, not a file",
        tmp_path / "missing" / "a": "there is no folder",
        Path("s3://books/vectors.txt"): "a URL is no file of this machine; name one here",
    }
    for path, message in cases.items():
        with pytest.raises(StorageError, match=message), atomic_write(path):
            pytest.fail("must not get here")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(("name", "reason"), [("x" * 256, "too long"), ("a\0b", "null byte")])
def test_names_that_no_file_can_have(
    tmp_path: Path, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each public function refuses them as it does other files."""
    monkeypatch.chdir(tmp_path)
    vectors = wordkit.Embeddings(["a", "b"], np.eye(2))
    plan = CheckpointPlan(name)
    for call in (
        lambda: vectors.save(f"{name}.txt"),
        lambda: vectors.vocabulary.save(name),
        lambda: wordkit.prepare(["a b"], name),
        lambda: CheckpointKeeper(plan, lambda path: None, int),
        lambda: check_outputs([name]),
    ):
        with pytest.raises(StorageError, match=f"cannot .*{reason}"):
            call()
    with pytest.raises(StorageError, match="cannot read"):
        wordkit.load(name)


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_folder_that_the_system_does_not_show_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """Of a network, a broken disk, or forbidden: a training goes on without its checkpoints."""
    keeper = CheckpointKeeper(
        CheckpointPlan(tmp_path / "c"), lambda path: write_tensors(path, {}, kind="test"), int
    )
    stat = os.stat

    def refuse(path: Any, *arguments: Any, **keywords: Any) -> os.stat_result:
        if not isinstance(path, int) and os.fspath(path).startswith(str(tmp_path)):
            raise OSError(error, os.strerror(error), path)
        return stat(path, *arguments, **keywords)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.warns(WordkitWarning, match=f"without a checkpoint: .*{os.strerror(error)}"):
        keeper.save()
    with pytest.raises(StorageError, match=os.strerror(error)):
        wordkit.load(tmp_path / "v.txt")


def test_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    code = f"""
import resource
import numpy as np
from wordkit.errors import StorageError
from wordkit.storage import write_tensors
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
try:
    write_tensors({str(tmp_path / "a")!r}, {{"x": np.zeros(100000)}}, kind="test")
except StorageError as error:
    print(error)
"""
    (tmp_path / "a").write_text("old")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout and "free some space" in done.stdout
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    code = f"""
import numpy as np
from wordkit.storage import write_tensors
n = 0
while True:
    n += 1
    write_tensors({str(path)!r}, {{"x": np.full(300_000, n)}}, kind="test")
    print(n, flush=True)
"""
    chooser = random.Random(3)
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chooser.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        x = read_tensors(path, kind="test").tensor("x", np.int64, 1)
        assert len(x) == 300_000 and (x == x[0]).all()
        assert len(list(tmp_path.iterdir())) <= 2  # the file and, perhaps, one temporary folder
    write_tensors(path, {"x": np.zeros(1)}, kind="test")
    assert list(tmp_path.iterdir()) == [path]


arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.int32, np.uint8, np.float16]),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=5),
)


@settings(max_examples=30)
@given(st.dictionaries(st.text(st.characters(codec="ascii"), min_size=1), arrays, max_size=4))
def test_round_trip(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    tensors.pop("__metadata__", None)
    path = tmp_path / "t"
    write_tensors(path, tensors, kind="test", metadata={"note": "é", **dict.fromkeys("abcdef", "")})
    whole = path.read_bytes()
    write_tensors(path, tensors, kind="test", metadata={"note": "é", **dict.fromkeys("abcdef", "")})
    assert path.read_bytes() == whole, "the same bytes for the same content"
    assert load_file(path).keys() == tensors.keys(), "for the safetensors package too"
    again = read_tensors(path, kind="test")
    assert again.metadata["note"] == "é"
    assert set(again.tensors) == set(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(again.tensors[name], tensor, strict=True)
        assert not again.tensors[name].flags.writeable


def container(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def about(**changes: str) -> dict[str, str]:
    """The metadata of a file of ours."""
    known = {"format": "wordkit", "kind": "test", "format_version": "1", **changes}
    return {"wordkit": json.dumps(known)}


META = about()


def of_tensor(dtype: str, shape: object, offsets: list[int], data: bytes = b"") -> bytes:
    entry = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
    return container({"__metadata__": META, "x": entry}, data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated: it has 0 bytes"),
        (container({}, length=200), "its header should have"),
        (container(b"[[[[" * 50_000), "header is not JSON"),
        (container([1]), "not a JSON object"),
        (container({}), "not one of wordkit's"),
        (container({"__metadata__": about(kind="cake")}), "holds a cake, not a test"),
        (container({"__metadata__": about(format_version="9")}), "update wordkit"),
        (container({"__metadata__": {"wordkit": "{"}}), "its metadata is not JSON"),
        (container({"__metadata__": {"wordkit": "[]"}}), "its metadata is not a JSON object"),
        (container({"__metadata__": META, "x": 3}), "bad header entry for tensor 'x'"),
        (of_tensor("F32", [2], [0, 8], b"1234"), "is truncated: tensor 'x' should end at byte 8"),
        (of_tensor("F32", [3], [0, 8], b"12345678"), "should take 12 bytes, but takes 8"),
        (of_tensor("F32", [1 << 40, 1 << 40], [0, 8], b"12345678"), "is corrupted"),
        (of_tensor("F32", [-2, -1], [0, 8], b"12345678"), "is corrupted"),
        *(
            (of_tensor("U8", shape, [0, 0]), "is corrupted")
            for shape in ([0, 10**30], [0] * 100, [float("inf")], [True], ["0"], "", None)
        ),
    ],
)
def test_corrupted_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as error:
        read_tensors(path, kind="test")
    assert "bad.safetensors" in str(error.value)
    with pytest.raises(StorageError, match="there is no such file"):
        read_tensors(tmp_path / "none", kind="test")


def test_a_tensor_of_another_type_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"x": np.zeros(3)}, kind="test")
    file = read_tensors(tmp_path / "t", kind="test")
    with pytest.raises(FormatError, match="should be float32 with 1 dimensions, but is float64"):
        file.tensor("x", np.float32, 1)
    with pytest.raises(FormatError, match="no tensor 'y'"):
        file.tensor("y", np.float32, 1)


def test_threads_may_write_one_file(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(15):
            write_tensors(tmp_path / "a", {"x": np.full(100, number)}, kind="test")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    x = read_tensors(tmp_path / "a", kind="test").tensor("x", np.int64, 1)
    assert (x == x[0]).all()
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
