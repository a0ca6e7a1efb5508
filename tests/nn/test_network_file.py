"""The file of any network: round trips in each precision, foreign and corrupted files, names."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wordkit.embeddings import Embeddings, save_embeddings
from wordkit.errors import (
    ConfigError,
    DivergenceError,
    FormatError,
    ResourceError,
    StorageError,
    VocabularyError,
    WordkitError,
)
from wordkit.nn.network_file import NetworkFile, save_network
from wordkit.storage import LANGUAGE_MODEL, kind_of, read_tensors, write_tensors
from wordkit.text import Vocabulary

COMMAND = "wordkit train-toy"


class Toy(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, width))
        self.shift = nn.Parameter(torch.empty(width))


def toy() -> Toy:
    made = Toy()
    with torch.no_grad():
        made.weight.copy_(torch.arange(6.0).view(2, 3) / 7)
        made.shift.fill_(1 / 3)
    return made


def save(path: Path, network: nn.Module | None = None, **more: Any) -> None:
    options: dict[str, Any] = {
        "vocabularies": {"": Vocabulary(["a", "b"], [3, 1])},
        "settings": {"width": 3},
        "metadata": {"a": [1, "é"]},
    }
    save_network(path, network or toy(), kind=LANGUAGE_MODEL, **{**options, **more})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "toy.safetensors"
    save(path)
    return path


def opened(path: Path) -> NetworkFile:
    return NetworkFile(path, kind=LANGUAGE_MODEL, command=COMMAND)


def filled(path: Path, build: Callable[[], Any] = Toy, device: str = "cpu") -> Any:
    return opened(path).fill(build, device)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_round_trips(path: Path, precision: str) -> None:
    save(path, precision=precision)
    stored, made = opened(path), toy()
    assert stored.settings == {"width": 3} and stored.metadata == {"a": [1, "é"]}
    assert [v.words for v in stored.vocabularies] == [("a", "b")]
    network = filled(path)
    assert torch.equal(network.shift, made.shift) and not network.training
    assert torch.equal(network.weight, made.weight) == (precision == "fp32")
    assert torch.allclose(network.weight, made.weight, atol=0.5 / 127)
    assert all(p.requires_grad and p.dtype == torch.float32 for p in network.parameters())
    with torch.no_grad():
        network.shift.add_(1)
        network.weight.add_(1)
    path.unlink()  # what was filled in is a copy
    assert torch.isfinite(network.weight).all()


def test_what_cannot_be_written_leaves_the_old_file(path: Path) -> None:
    before, broken = path.read_bytes(), toy()
    with torch.no_grad():
        broken.shift[1] = torch.nan
    with pytest.raises(DivergenceError, match="weights shift are not finite.*lower learning rate"):
        save(path, broken)
    for odd in (object(), float("nan")):
        with pytest.raises(ConfigError, match="cannot be written as JSON"):
            save(path, metadata={"odd": odd})
    with pytest.raises(ConfigError, match="not 'int4'"):
        save(path, precision="int4")
    with pytest.raises(StorageError, match="there is no folder"):
        save(path.parent / "none" / "toy")
    assert path.read_bytes() == before


def test_other_networks_are_not_filled(path: Path) -> None:
    with pytest.raises(FormatError, match="'weight' should have the shape 2 × 4, but has 2 × 3"):
        filled(path, lambda: Toy(4))
    with pytest.raises(FormatError, match="no such network has a tensor 'shift'"):
        filled(path, nn.Module)
    with pytest.raises(FormatError, match="no tensor 'in_proj_bias'|no tensor 'in_proj_weight'"):
        filled(path, lambda: nn.MultiheadAttention(2, 1))
    save(path, precision="int8")
    with pytest.raises(FormatError, match="should have the shape 2 × 4"):
        filled(path, lambda: Toy(4))


def test_no_memory_is_taken_for_shapes_that_do_not_fit(path: Path) -> None:
    with pytest.raises(FormatError, match="should have the shape"):
        filled(path, lambda: Toy(10**12) if torch.empty(0).is_meta else pytest.fail("made"))  # type: ignore[return-value]


@pytest.mark.parametrize("error", [ConfigError, VocabularyError])
def test_unfit_settings_are_a_corrupted_file(path: Path, error: type[Exception]) -> None:
    says = r"toy.safetensors is corrupted: too wide; copy it again"
    with pytest.raises(FormatError, match=says), opened(path).as_format_error():
        raise error("too wide")
    with pytest.raises(KeyError), opened(path).as_format_error():
        raise KeyError("a fault of the program")


@pytest.mark.parametrize("entry", ["network", "about"])
@pytest.mark.parametrize(
    "wrong", [None, "", "{", "[]", "[" * 100_000], ids=["none", "empty", "open", "list", "deep"]
)
def test_records_that_are_none(path: Path, entry: str, wrong: str | None) -> None:
    file = read_tensors(path, kind=LANGUAGE_MODEL)
    tensors = {name: np.array(tensor) for name, tensor in file.tensors.items()}
    metadata = {name: text for name, text in file.metadata.items() if name != entry}
    metadata |= {} if wrong is None else {entry: wrong}
    write_tensors(path, tensors, kind=LANGUAGE_MODEL, metadata=metadata)
    with pytest.raises(FormatError, match=f"its entry '{entry}' is"):
        opened(path)


def test_every_bit_and_every_byte_counts(path: Path) -> None:
    """One bit of a weight makes it another number, which only the digest tells."""
    whole = path.read_bytes()
    for place in range(len(whole) - 55, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(FormatError, match="is corrupted"):
            filled(path)
    for size in (*range(64), *range(64, len(whole), 41), len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(WordkitError) as caught:
            filled(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_are_not_finite(path: Path, value: float) -> None:
    file = read_tensors(path, kind=LANGUAGE_MODEL)
    tensors = {**file.tensors, "shift": np.full(3, value, np.float32)}
    write_tensors(path, tensors, kind=LANGUAGE_MODEL, metadata=file.metadata)
    with pytest.raises(FormatError, match="'shift' holds NaN or infinity"):
        filled(path)


def test_devices(path: Path) -> None:
    class Full(Toy):
        def to(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("CUDA out of memory\nand a long story")

    with pytest.raises(ResourceError, match="device cuda: CUDA out of memory; choose cpu$"):
        filled(path, Full, "cuda")


class Bomb:
    """Pickles are never opened: of this one the test would fail."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (pickle.dumps(Bomb()), "is a pickle; wordkit reads language models from"),
        (b"PK\x03\x04abcdefgh", r"is a zip archive"),
        (b"\x1f\x8b\x08abcdefgh", "is compressed with gzip"),
        (b"\x89HDF\r\n\x1a\n..", "is an HDF5 file"),
        (b"3 4\nthe 1 2", "is no language model: it begins with b'3 4"),
    ],
)
def test_foreign_files_are_named(path: Path, head: bytes, says: str) -> None:
    path.write_bytes(head + bytes(100))
    with pytest.raises(FormatError, match=says) as caught:
        opened(path)
    assert COMMAND in str(caught.value) and "\n" not in str(caught.value)


def test_files_of_other_kinds_and_no_files(path: Path) -> None:
    assert kind_of(path) == LANGUAGE_MODEL
    save_embeddings(Embeddings(["a", "b"], np.eye(2)), path)
    with pytest.raises(FormatError, match="holds embeddings, not a language model; "):
        opened(path)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="truncated: it has 0 bytes"):
        opened(path)
    with pytest.raises(StorageError, match="it is a folder"):
        opened(path.parent)
    with pytest.raises(StorageError, match="there is no such file"):
        opened(path.parent / "none")


def test_a_header_may_be_as_long_as_a_pickle_begins(path: Path) -> None:
    """Its length is what comes first, and 128 in the lowest byte is a length like others."""
    seen = set()
    for pad in range(0, 264, 8):
        save(path, metadata={"a": "x" * pad})
        assert opened(path).metadata == {"a": "x" * pad}
        seen.add(path.read_bytes()[0])
    assert 0x80 in seen


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_tensors_of_older_files_have_other_names(path: Path, precision: str) -> None:
    old = {
        "layers.0.extra": "recurrent.layers.0.peephole_weights",
        "encoder.backward_layers.1.bias": "encoder.recurrent.backward_layers.1.bias",
        "projection": "output.projection",
        "output": "output.weight",
    }
    vectors = {
        "layers.0.extra": "recurrent.layers.0.recurrent_bias",
        "decoder.layers.0.bias": "decoder.recurrent.layers.0.bias",
        "bias": "output.bias",
    }
    for names, value in ((old, torch.rand(2, 3)), (vectors, torch.rand(3))):
        network = nn.Module()
        for name in names:
            parts = name.split(".")
            inner = network
            for part in parts[:-1]:
                if not hasattr(inner, part):
                    inner.add_module(part, nn.Module())
                inner = getattr(inner, part)
            inner.register_parameter(parts[-1], nn.Parameter(value))
        save(path, network, precision=precision)
        found = set(opened(path).file.tensors) - {"words", "counts"}
        scales = {f"{name}.scales" for name in names.values()} if value.ndim == 2 else set()
        assert found == set(names.values()) | (scales if precision == "int8" else set())
