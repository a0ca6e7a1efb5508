"""The file of any network: what the files of models do not test each for themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from wordkit.errors import ConfigError, FormatError, ResourceError, VocabularyError
from wordkit.recurrent.network_file import NetworkFile, save_network
from wordkit.storage import read_tensors, write_tensors

KIND, COMMAND = "toy", "wordkit train-toy"
BESIDE = ("names",)


class Toy(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, width))
        self.bias = nn.Parameter(torch.empty(width))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "toy.safetensors"
    weights = {"weight": torch.arange(6.0).view(2, 3), "bias": torch.ones(3)}
    arrays = {"names": np.arange(4)}
    save_network(
        path, weights, kind=KIND, arrays=arrays, network={"width": 3}, about={"a": [1, "é"]}
    )
    return path


def opened(path: Path) -> NetworkFile:
    return NetworkFile(path, kind=KIND, command=COMMAND)


def empty(width: int = 3) -> Toy:
    with torch.device("meta"):
        return Toy(width)


def test_there_and_back(path: Path) -> None:
    stored, network = opened(path), empty()
    assert stored.network == {"width": 3} and stored.about == {"a": [1, "é"]}
    stored.fill(network, network.state_dict(), BESIDE)
    stored.put_on("cpu", network)
    assert torch.equal(network.weight, torch.arange(6.0).view(2, 3))
    assert torch.equal(network.bias, torch.ones(3))
    assert network.weight.requires_grad and not network.training


def test_what_is_filled_in_is_a_copy(path: Path) -> None:
    for _ in range(2):
        network = empty()
        opened(path).fill(network, network.state_dict(), BESIDE)
        assert network.bias[0] == 1
        with torch.no_grad():
            network.bias.fill_(7)


def test_shapes_may_be_left_open(path: Path) -> None:
    stored = opened(path)
    stored.check_shape("weight", (None, 3))
    stored.check_shape("weight", (None, None))
    with pytest.raises(FormatError, match="'weight' should have the shape any × 4, but has 2 × 3"):
        stored.check_shape("weight", (None, 4))
    with pytest.raises(FormatError, match="with 1 dimensions, but is float32 with 2"):
        stored.check_shape("weight", (None,))


def test_another_network_is_not_filled(path: Path) -> None:
    network = empty(4)
    with pytest.raises(
        FormatError, match="is damaged: tensor 'weight' should have the shape 2 × 4"
    ):
        opened(path).fill(network, network.state_dict(), BESIDE)
    with pytest.raises(FormatError, match="no such network has a tensor 'names'"):
        opened(path).fill(empty(), empty().state_dict(), ())
    assert network.weight.device.type == "meta"


@pytest.mark.parametrize("error", [ConfigError, VocabularyError])
def test_faults_are_those_of_the_file(path: Path, error: type[Exception]) -> None:
    says = r"toy.safetensors is damaged: too wide; copy it again"
    with pytest.raises(FormatError, match=says), opened(path).faults_told():
        raise error("too wide")
    with pytest.raises(KeyError), opened(path).faults_told():
        raise KeyError("a fault of the program")


@pytest.mark.parametrize("entry", ["network", "about"])
def test_records_that_are_not_there(path: Path, entry: str) -> None:
    file = read_tensors(path, kind=KIND)
    tensors = {name: np.array(tensor) for name, tensor in file.tensors.items()}
    metadata = {name: text for name, text in file.metadata.items() if name != entry}
    write_tensors(path, tensors, kind=KIND, metadata=metadata)
    with pytest.raises(FormatError, match=f"its entry '{entry}' is missing or not JSON"):
        opened(path)


def test_a_device_that_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = empty()
    stored = opened(path)
    stored.fill(network, network.state_dict(), BESIDE)

    def refuse(device: str) -> None:
        raise RuntimeError("CUDA out of memory\nand a long story")

    monkeypatch.setattr(network, "to", refuse)
    with pytest.raises(ResourceError, match="device cuda: CUDA out of memory; choose cpu$"):
        stored.put_on("cuda", network)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"\x80\x04\x95abcdefgh", "is a pickle"),
        (b"PK\x03\x04abcdefgh", "is a zip archive"),
        (b"\x1f\x8b\x08abcdefgh", "is packed with gzip"),
        (b"\x89HDF\r\n\x1a\n..", "is an HDF5 file"),
        (b"the 0.1 0.2", "is no toy: it begins with b'the 0.1 0'"),
    ],
)
def test_foreign_files_are_named(path: Path, head: bytes, says: str) -> None:
    path.write_bytes(head + bytes(100))
    with pytest.raises(FormatError, match=says) as caught:
        opened(path)
    assert COMMAND in str(caught.value) and "\n" not in str(caught.value)


def test_a_header_may_be_as_long_as_a_pickle_begins(tmp_path: Path) -> None:
    """Its length is what comes first, and 128 in the lowest byte is a length like others."""
    path = tmp_path / "toy.safetensors"
    seen = set()
    for pad in range(0, 264, 8):
        save_network(path, {}, kind=KIND, arrays={}, network={}, about={"a": "x" * pad})
        assert opened(path).about == {"a": "x" * pad}
        seen.add(path.read_bytes()[0])
    assert 0x80 in seen


def test_every_bit_is_looked_at(tmp_path: Path) -> None:
    """One bit of a weight makes it another number, which only the digest tells."""
    from lm.models import random_model

    from wordkit.lm import load_language_model, save_language_model

    path = tmp_path / "model"
    save_language_model(random_model(), path)
    whole = path.read_bytes()
    load_language_model(path)
    for place in range(len(whole) - 400, len(whole), 37):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match="is damaged"):
            load_language_model(path)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_fewer_bytes(path: Path, precision: str) -> None:
    weights = {"weight": torch.arange(6.0).view(2, 3) / 7, "bias": torch.ones(3) / 3}
    arrays = {"names": np.arange(4)}
    save_network(path, weights, kind=KIND, arrays=arrays, network={}, about={}, precision=precision)
    stored, network = opened(path), empty()
    stored.fill(network, network.state_dict(), BESIDE)
    stored.check_digest()
    assert torch.equal(network.bias, weights["bias"])
    assert torch.allclose(network.weight, weights["weight"], atol=0.5 / 127)
    assert not torch.equal(network.weight, weights["weight"])
    with pytest.raises(FormatError, match="should have the shape 2 × 4"):
        opened(path).fill(empty(4), {"weight": empty(4).weight}, BESIDE)


def test_a_precision_that_is_none(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="not 'int4'"):
        save_network(path, {}, kind=KIND, arrays={}, network={}, about={}, precision="int4")
    assert path.read_bytes() == before
