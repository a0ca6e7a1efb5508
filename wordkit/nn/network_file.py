"""The file of a network: its weights, vocabularies, settings and metadata.

The file is a safetensors container with the parameters as float32, or its matrices quantized
(``storage.quantization``), by their names in the network (one that is tied to another comes once);
arrays such as the words; and two JSON objects: the settings of the network, and its metadata.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from wordkit.errors import (
    ConfigError,
    DivergenceError,
    FormatError,
    ResourceError,
    VocabularyError,
)
from wordkit.storage import TensorFile, content_digest, read_tensors, to_json, write_tensors
from wordkit.storage.compression import HEAD_BYTES, file_format
from wordkit.storage.quantization import check_precision, dequantize, is_scales_of, quantize
from wordkit.text import Vocabulary

__all__ = ["NetworkFile", "read_vocabularies", "save_network", "vocabulary_arrays"]

N = TypeVar("N", bound=nn.Module)

_NETWORK, _ABOUT, _DIGEST = "network", "about", "sha256"  # entries of the metadata

_RENAMED = (
    (r"^((?:encoder|decoder)\.)?((?:backward_)?layers\.)", r"\1recurrent.\2"),
    (r"^(projection|bias)(?=$|\.scales$)", r"output.\1"),
    (r"^output(?=$|\.scales$)", "output.weight"),
    (r"^adaptive\.", "output."),
    (r"\.extra$", ".recurrent_bias"),
    (r"\.extra(?=\.scales$)", ".peephole_weights"),
)
"""Patterns of tensor names in files of version 0.1, and the names of today."""


def save_network(
    path: str | os.PathLike[str],
    network: nn.Module,
    *,
    kind: str,
    vocabularies: Mapping[str, Vocabulary],
    settings: Mapping[str, Any],
    metadata: Mapping[str, Any],
    precision: str = "fp32",
) -> None:
    """Write a network to a file, atomically.

    Args:
        path: the file.
        network: whose parameters are written.
        kind: of the file.
        vocabularies: of the network, by the prefix of their arrays.
        settings: of the network, as JSON takes them.
        metadata: how it was made, as JSON takes it.
        precision: of the matrices, one of ``wordkit.storage.PRECISIONS``.

    Raises:
        ConfigError: JSON cannot hold the last two, or there is no such precision.
        VocabularyError: a vocabulary has no counts.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    check_precision(precision)
    everything = vocabulary_arrays(vocabularies)
    for name, parameter in network.named_parameters():
        matrix = parameter.detach().cpu().numpy()
        if not np.isfinite(matrix).all():
            raise DivergenceError(
                f"the weights {name} are not finite, so {path} is left as it was; train again "
                "with a lower learning rate"
            )
        everything |= quantize(name, matrix, precision)
    texts = {_NETWORK: to_json(dict(settings)), _ABOUT: to_json(dict(metadata))}
    texts[_DIGEST] = content_digest(_joined(texts), everything)
    write_tensors(path, everything, kind=kind, metadata=texts)


def vocabulary_arrays(vocabularies: Mapping[str, Vocabulary]) -> dict[str, npt.NDArray[Any]]:
    """Return the words and counts of vocabularies, by name with the prefix of each.

    Raises:
        VocabularyError: one has no counts.
    """
    arrays = dict[str, npt.NDArray[Any]]()
    for prefix, vocabulary in vocabularies.items():
        _ = vocabulary.counts  # raises where there are none
        arrays |= {prefix + name: array for name, array in vocabulary.to_arrays().items()}
    return arrays


def read_vocabularies(file: TensorFile, prefixes: Sequence[str]) -> tuple[Vocabulary, ...]:
    """Return the vocabularies that :func:`vocabulary_arrays` gave the arrays of.

    Raises:
        FormatError: an array is missing or corrupted.
    """
    return tuple(Vocabulary.from_file(file, prefix) for prefix in prefixes)


def _joined(records: Mapping[str, str]) -> str:
    """Return the records as one text, for the digest."""
    return json.dumps(dict(sorted(records.items())))


class NetworkFile:
    """The content of a file that :func:`save_network` has written, checked.

    Args:
        path: the file.
        kind: that it must be of.
        command: of wordkit, that makes such files.
        prefixes: of the arrays of each vocabulary.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is a pickle, compressed, of another kind, or corrupted.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        kind: str,
        command: str,
        prefixes: Sequence[str] = ("",),
    ) -> None:
        self.path = Path(path)
        _refuse_foreign(self.path, kind, command)
        self.file = read_tensors(path, kind=kind)
        self.vocabularies = read_vocabularies(self.file, prefixes)
        self._arrays = {prefix + name for prefix in prefixes for name in ("words", "counts")}
        self.settings, self.metadata = self.file.record(_NETWORK), self.file.record(_ABOUT)
        texts = {name: self.file.metadata[name] for name in (_NETWORK, _ABOUT)}
        self._digest = content_digest(_joined(texts), self.file.tensors)
        self.file = replace(self.file, tensors=_renamed(self.file.tensors))

    @contextlib.contextmanager
    def as_format_error(self) -> Iterator[None]:
        """Raise the errors of invalid settings, words and pieces as a FormatError of this file."""
        try:
            yield
        except (ConfigError, VocabularyError) as error:
            raise self.corrupted(str(error)) from error
        except FormatError as error:
            if str(self.path) in str(error):
                raise
            raise type(error)(f"{self.path}: {error}") from error

    def fill(self, build: Callable[[], N], device: str) -> N:
        """Return a network with the weights of the file, in evaluation mode.

        Args:
            build: makes it; its parameters are of float32.
            device: where it goes.

        Raises:
            FormatError: the tensors of the file are not those of such a network, or not finite.
            ResourceError: they do not fit into memory, or cannot be put on the device.
        """
        with torch.device("meta"):  # takes no memory, whatever the sizes in the settings
            shapes = {name: tuple(p.shape) for name, p in build().named_parameters()}
        for name, shape in shapes.items():
            self._check_shape(name, shape)
        for name in self.file.tensors:
            if not (
                name in shapes or name in self._arrays or is_scales_of(name, self.file.tensors)
            ):
                raise self.corrupted(f"no such network has a tensor {name!r:.50}")
        try:
            network = build()
            for name, parameter in network.named_parameters():
                parameter.data = torch.from_numpy(self._finite(name, parameter.ndim))
        except MemoryError as error:
            raise ResourceError(
                f"{self.path} does not fit into memory; close other programs"
            ) from error
        if self._digest != self.file.metadata.get(_DIGEST):
            raise self.corrupted("its content does not have the digest that was written with it")
        try:
            network.to(device)
        except RuntimeError as error:  # such as a device that is full
            reason = str(error).partition("\n")[0]
            raise ResourceError(
                f"{self.path} cannot be put on device {device}: {reason}; choose cpu"
            ) from error
        return network.eval()

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        found = dequantize(self.file, name, len(shape)).shape
        if found != shape:
            expected, actual = (" × ".join(map(str, sizes)) for sizes in (shape, found))
            raise self.corrupted(
                f"tensor {name!r} should have the shape {expected}, but has {actual}"
            )

    def _finite(self, name: str, dimensions: int) -> npt.NDArray[np.float32]:
        matrix = np.array(dequantize(self.file, name, dimensions))
        if not np.isfinite(matrix).all():
            raise self.corrupted(f"tensor {name!r} holds NaN or infinity")
        return matrix

    def corrupted(self, fault: str) -> FormatError:
        """Return the error that the file is corrupted."""
        return FormatError(
            f"{self.path} is corrupted: {fault}; copy it again, or train a model anew"
        )


def _renamed(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return tensors by the names that they have today."""
    found = {}
    for name, tensor in tensors.items():
        if name.endswith(".extra") and tensor.ndim == 2:
            name = name.replace(".extra", ".peephole_weights")
        for old, new in _RENAMED:
            name = re.sub(old, new, name)
        found[name] = tensor
    return found


def _refuse_foreign(path: Path, kind: str, command: str) -> None:
    """Raise a FormatError if a file is a pickle, compressed, or no container at all."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:  # reading it will say why
        return
    what = file_format(head)
    if what is not None:
        raise FormatError(
            f"{path} is {what}; wordkit reads {kind}s from safetensors files of its own only: "
            f"train one with {command}"
        )
    if len(head) >= 9 and head[8:9] != b"{":
        raise FormatError(
            f"{path} is no {kind}: it begins with {head[:9]!r}, not with the header of a "
            f"safetensors file; train one with {command}"
        )
