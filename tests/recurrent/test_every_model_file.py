"""What holds for the file of every model with a network: language models and sequence models."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lm.models import random_model as random_language_model
from seq2seq.toy_pairs import random_model as random_sequence_model

from wordkit.embeddings import Embeddings, save_embeddings
from wordkit.errors import ConfigError, FormatError, ResourceError, StorageError, WordkitError
from wordkit.lm import load_language_model, save_language_model
from wordkit.seq2seq import load_seq2seq, save_seq2seq
from wordkit.storage import (
    LANGUAGE_MODEL,
    SEQ2SEQ_MODEL,
    is_of_kind,
    read_tensors,
    write_tensors,
)


@dataclass(frozen=True)
class Kind:
    """A kind of model, and what messages say of it."""

    name: str
    made: Callable[[], Any]
    save: Callable[[Any, Path], None]
    load: Callable[..., Any]
    network: str
    """The field that holds the network."""

    command: str

    def saved(self, path: Path) -> None:
        self.save(self.made(), path)

    def loaded_network(self, path: Path, device: str = "cpu") -> torch.nn.Module:
        network: torch.nn.Module = getattr(self.load(path, device), self.network)
        return network


KINDS = [
    Kind(
        LANGUAGE_MODEL, random_language_model, save_language_model, load_language_model, "module",
        "train-lm",
    ),
    Kind(
        SEQ2SEQ_MODEL, random_sequence_model, save_seq2seq, load_seq2seq, "network",
        "train-seq2seq",
    ),
]  # fmt: skip


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


@pytest.fixture
def path(tmp_path: Path, kind: Kind) -> Path:
    path = tmp_path / "model.safetensors"
    kind.saved(path)
    return path


def test_what_is_read_does_not_hang_on_the_file(kind: Kind, path: Path) -> None:
    network = kind.loaded_network(path)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    path.unlink()
    assert all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters())


def test_its_kind_is_told_at_a_glance(kind: Kind, path: Path) -> None:
    assert [is_of_kind(path, other.name) for other in KINDS] == [other is kind for other in KINDS]
    assert not is_of_kind(path, "embeddings")


def test_a_device_that_is_not_there(kind: Kind, path: Path) -> None:
    device = next(kind.loaded_network(path, "auto").parameters()).device
    assert device.type in ("cpu", "cuda", "mps")
    with pytest.raises(ConfigError, match="device must be one of"):
        kind.load(path, "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ResourceError, match="device cuda was asked for"):
            kind.load(path, "cuda")


@pytest.mark.parametrize("entry", ["network", "about"])
@pytest.mark.parametrize("wrong", ["", "{", "[]", "[" * 100_000], ids=["", "{", "[]", "deep"])
def test_records_that_are_none(kind: Kind, path: Path, entry: str, wrong: str) -> None:
    file = read_tensors(path, kind=kind.name)
    tensors = {name: np.array(tensor) for name, tensor in file.tensors.items()}
    write_tensors(path, tensors, kind=kind.name, metadata={**file.metadata, entry: wrong})
    with pytest.raises(FormatError, match=f"its entry '{entry}' is"):
        kind.load(path)


def test_every_truncation_is_found(kind: Kind, path: Path) -> None:
    content = path.read_bytes()
    for size in (*range(0, 64), *range(64, len(content), 97), len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(WordkitError) as caught:
            kind.load(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_other_files_are_named(kind: Kind, path: Path) -> None:
    save_embeddings(Embeddings(["a", "b"], np.eye(2)), path)
    with pytest.raises(FormatError, match=f"holds embeddings, not a {kind.name}; wordkit similar"):
        kind.load(path)
    path.write_bytes(pickle.dumps({"weights": list(range(100))}))
    with pytest.raises(FormatError, match=f"is a pickle; wordkit reads {kind.name}s from"):
        kind.load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", b"x" * 100)
    with pytest.raises(FormatError, match=rf"zip archive, as torch\.save writes .*{kind.command}"):
        kind.load(path)
    path.write_text("3 4\nthe 1 2 3 4\n")
    with pytest.raises(FormatError, match=f"is no {kind.name}: it begins with b'3 4"):
        kind.load(path)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="truncated: it has 0 bytes"):
        kind.load(path)
    with pytest.raises(StorageError, match="it is a folder"):
        kind.load(path.parent)
    with pytest.raises(StorageError, match="there is no such file"):
        kind.load(path.parent / "none.safetensors")


def test_one_model_is_not_read_as_another(kind: Kind, path: Path) -> None:
    for other in KINDS:
        if other is not kind:
            with pytest.raises(FormatError, match=f"holds a {kind.name}, not a {other.name}; "):
                other.load(path)
