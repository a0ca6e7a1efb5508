"""The file of a network: its weights, and whatever belongs to it, whole or not there at all.

The file is a safetensors container with the weights as float32, or its matrices quantized
(``storage.quantization``), named as in the state of the network (a matrix that is tied to another
one comes once), arrays such as the words, and two JSON objects: the shape of the network, and how
it was made.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wordkit.errors import (
    ConfigError,
    DivergenceError,
    FormatError,
    ResourceError,
    VocabularyError,
)
from wordkit.storage import TensorFile, content_digest, read_tensors, write_tensors
from wordkit.storage.quantization import check_precision, dequantize, is_scales_of, quantize

__all__ = ["NetworkFile", "save_network"]

_NETWORK, _ABOUT, _DIGEST = "network", "about", "sha256"  # entries of the metadata
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x80", "a pickle"),
    (b"PK\x03\x04", "a zip archive, as torch.save writes its pickles"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"\x89HDF", "an HDF5 file"),
)
"""How files begin that are taken for networks by mistake, and what they are."""


def save_network(
    path: str | os.PathLike[str],
    weights: Mapping[str, Tensor],
    *,
    kind: str,
    arrays: Mapping[str, npt.NDArray[Any]],
    network: Mapping[str, Any],
    about: Mapping[str, Any],
    precision: str = "fp32",
) -> None:
    """Write a network to a file, which is whole or not there at all.

    Args:
        path: the file.
        weights: by name.
        kind: what the file says that it is.
        arrays: what else belongs to it.
        network: its shape, as JSON takes it.
        about: how it was made, as JSON takes it.
        precision: of the matrices, one of ``wordkit.storage.PRECISIONS``.

    Raises:
        ConfigError: JSON cannot hold the last two, or there is no such precision.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    check_precision(precision)
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in weights.items()}
    for name, matrix in tensors.items():
        if not np.isfinite(matrix).all():
            raise DivergenceError(
                f"the weights {name} are not finite, so {path} is left as it was; train again "
                "with a lower learning rate"
            )
    records = {_NETWORK: dict(network), _ABOUT: dict(about)}
    try:
        metadata = {name: json.dumps(value, allow_nan=False) for name, value in records.items()}
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the metadata cannot be written as JSON: {error}") from error
    everything = dict(arrays)
    for name, tensor in tensors.items():
        everything |= quantize(name, tensor, precision)
    metadata[_DIGEST] = content_digest(_text(metadata), everything)
    write_tensors(path, everything, kind=kind, metadata=metadata)


def _text(records: Mapping[str, str]) -> str:
    """The records as one text, for the digest."""
    return json.dumps(dict(sorted(records.items())))


class NetworkFile:
    """A file that :func:`save_network` has written, or something else that is found out.

    Args:
        path: the file.
        kind: what it has to be.
        command: of wordkit, that makes such files.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is a pickle, packed, of another kind, or damaged.
    """

    def __init__(self, path: str | os.PathLike[str], *, kind: str, command: str) -> None:
        self.path = Path(path)
        _refuse_foreign(self.path, kind, command)
        self.file: TensorFile = read_tensors(path, kind=kind)
        self.network, self.about = self._record(_NETWORK), self._record(_ABOUT)

    def _record(self, name: str) -> dict[str, Any]:
        """A JSON object by name."""
        try:
            known = json.loads(self.file.metadata.get(name, ""))
        except (ValueError, RecursionError) as error:
            raise self.damaged(f"its entry {name!r} is missing or not JSON") from error
        if not isinstance(known, dict):
            raise self.damaged(f"its entry {name!r} is no JSON object")
        return known

    @contextlib.contextmanager
    def faults_told(self) -> Iterator[None]:
        """Let settings and words that cannot be be faults of this file."""
        try:
            yield
        except (ConfigError, VocabularyError) as error:
            raise self.damaged(str(error)) from error

    def check_shape(self, name: str, shape: tuple[int | None, ...]) -> None:
        """Check a tensor's type and shape; None: any size.

        Raises:
            FormatError: it has another one, or is missing.
        """
        found = dequantize(self.file, name, len(shape)).shape
        if any(size not in (None, there) for size, there in zip(shape, found, strict=True)):
            expected = " × ".join("any" if size is None else str(size) for size in shape)
            raise self.damaged(
                f"tensor {name!r} should have the shape {expected}, but has "
                f"{' × '.join(map(str, found))}"
            )

    def fill(
        self, network: nn.Module, state: Mapping[str, Tensor], beside: tuple[str, ...]
    ) -> None:
        """Give a network, which has no memory for its weights yet, those of the file.

        Args:
            network: made on the device ``meta``.
            state: what of its state is in the file.
            beside: the names of what else is.

        Raises:
            FormatError: the tensors of the file are not those of such a network, or not finite.
            ResourceError: they do not fit into memory.
        """
        for name, tensor in state.items():
            self.check_shape(name, tuple(tensor.shape))
        for name in self.file.tensors:
            known = name in state or name in beside or is_scales_of(name, self.file.tensors)
            if not known:
                raise self.damaged(f"no such network has a tensor {name!r:.50}")
        try:
            weights = {
                name: torch.from_numpy(self._finite(name, tensor.ndim))
                for name, tensor in state.items()
            }
        except MemoryError as error:
            raise ResourceError(
                f"{self.path} does not fit into memory; close other programs"
            ) from error
        network.load_state_dict(weights, strict=False, assign=True)

    def check_digest(self) -> None:
        """Check that all is as it was written.

        Raises:
            FormatError: it is not.
        """
        records = {name: self.file.metadata[name] for name in (_NETWORK, _ABOUT)}
        found = content_digest(_text(records), self.file.tensors)
        if found != self.file.metadata.get(_DIGEST):
            raise self.damaged("its content does not have the digest that was written with it")

    def _finite(self, name: str, dimensions: int) -> npt.NDArray[np.float32]:
        matrix = np.array(dequantize(self.file, name, dimensions))
        if not np.isfinite(matrix).all():
            raise self.damaged(f"tensor {name!r} holds NaN or infinity")
        return matrix

    def put_on(self, device: str, network: nn.Module) -> None:
        """Bring a network to where it is to answer.

        Raises:
            ResourceError: it cannot be brought there.
        """
        try:
            network.to(device)
        except RuntimeError as error:  # such as a device that is full
            reason = str(error).partition("\n")[0]
            raise ResourceError(
                f"{self.path} cannot be put on device {device}: {reason}; choose cpu"
            ) from error
        network.eval()

    def damaged(self, fault: str) -> FormatError:
        """The error that the file is damaged."""
        return FormatError(f"{self.path} is damaged: {fault}; copy it again, or train a model anew")


def _refuse_foreign(path: Path, kind: str, command: str) -> None:
    """Check that a file is not of a kind that is never read.

    Raises:
        FormatError: it is a pickle, packed, or no container at all.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(9)
    except OSError:  # whoever goes on to read it will say why
        return
    for magic, what in _FOREIGN:
        if head.startswith(magic) and head[8:] != b"{":
            raise FormatError(
                f"{path} is {what}; wordkit reads {kind}s from safetensors files of its "
                f"own only: train one with {command}"
            )
    if len(head) == 9 and head[8:] != b"{":
        raise FormatError(
            f"{path} is no {kind}: it begins with {head!r}, not with the header of a "
            f"safetensors file; train one with {command}"
        )
