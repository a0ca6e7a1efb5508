"""The file of a language model: network, words and settings, whole or not there at all.

V words. The file is a safetensors container with the weights as float32, named as in the state of
the network (a matrix that is tied to another one comes once), ``words`` and ``counts`` (V,) as in
a file of vectors, and as JSON the shape of the network and how the model was made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wordkit.errors import (
    ConfigError,
    DivergenceError,
    FormatError,
    ResourceError,
    VocabularyError,
)
from wordkit.lm.config import ModelConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.model import RecurrentModel
from wordkit.records import from_record
from wordkit.runtime import choose_device
from wordkit.storage import LANGUAGE_MODEL, TensorFile, read_tensors, write_tensors
from wordkit.text.vocabulary import Vocabulary

__all__ = ["load_language_model", "save_language_model"]

_NETWORK, _ABOUT = "network", "about"  # entries of the metadata
_TIED = "output"  # the name of the matrix that is another one, where words are tied
_VOCABULARY = ("words", "counts")
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x80", "a pickle"),
    (b"PK\x03\x04", "a zip archive, as torch.save writes its pickles"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"\x89HDF", "an HDF5 file"),
)
"""How files begin that are taken for language models by mistake, and what they are."""


def save_language_model(model: LanguageModel, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, which is whole or not there at all.

    Raises:
        ConfigError: JSON cannot hold the metadata.
        VocabularyError: the words have no counts.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    weights = {
        name: tensor.detach().cpu().numpy()
        for name, tensor in _stored(model.module.state_dict(), model.config).items()
    }
    for name, matrix in weights.items():
        if not np.isfinite(matrix).all():
            raise DivergenceError(
                f"the weights {name} are not finite, so {path} is left as it was; train again "
                "with a lower learning rate"
            )
    _ = model.vocabulary.counts  # raises where there are none
    about = {
        _NETWORK: {"config": asdict(model.config), "cutoffs": _cutoffs(model.module)},
        _ABOUT: dict(model.metadata),
    }
    try:
        metadata = {name: json.dumps(value, allow_nan=False) for name, value in about.items()}
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the metadata cannot be written as JSON: {error}") from error
    tensors = {**weights, **model.vocabulary.to_arrays()}
    write_tensors(path, tensors, kind=LANGUAGE_MODEL, metadata=metadata)


def _stored(state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """The tensors that go into the file, by name."""
    return {name: tensor for name, tensor in state.items() if not (config.tied and name == _TIED)}


def _cutoffs(module: RecurrentModel) -> list[int] | None:
    """Where the clusters of an adaptive softmax begin; None where there is none."""
    if module.adaptive is None:
        return None
    return [int(place) for place in module.adaptive.softmax.cutoffs[:-1]]


def load_language_model(path: str | os.PathLike[str], device: str = "cpu") -> LanguageModel:
    """The model of a file, all of which is read and checked.

    Args:
        path: the file.
        device: where the network goes, as :func:`wordkit.runtime.choose_device` takes it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is damaged, or something else.
        ConfigError: there is no device of this name.
        ResourceError: the machine has no such device, or the model does not fit into memory.
    """
    path, device = Path(path), choose_device(device)
    _refuse_foreign(path)
    file = read_tensors(path, kind=LANGUAGE_MODEL)
    vocabulary = Vocabulary.from_arrays(
        file.tensor("words", np.uint8, 1), file.tensor("counts", np.int64, 1), str(path)
    )
    network, about = _record(file, _NETWORK), _record(file, _ABOUT)
    try:
        config = from_record(ModelConfig, network.get("config"))
        cutoffs = _checked_cutoffs(network.get("cutoffs"), config)
        module = _empty(config, len(vocabulary), cutoffs, file)
        _fill(module, file)
        model = LanguageModel(module, vocabulary, about)
    except (ConfigError, VocabularyError) as error:
        raise _damaged(path, str(error)) from error
    try:
        module.to(device)
    except RuntimeError as error:  # such as a device that is full
        reason = str(error).partition("\n")[0]
        raise ResourceError(
            f"{path} cannot be put on device {device}: {reason}; choose cpu"
        ) from error
    module.eval()
    return model


def _refuse_foreign(path: Path) -> None:
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
                f"{path} is {what}; wordkit reads language models from safetensors files of its "
                "own only: train one with wordkit train-lm"
            )
    if len(head) == 9 and head[8:] != b"{":
        raise FormatError(
            f"{path} is no language model: it begins with {head!r}, not with the header of a "
            "safetensors file; train one with wordkit train-lm"
        )


def _record(file: TensorFile, name: str) -> dict[str, Any]:
    """A JSON object of the metadata."""
    try:
        known = json.loads(file.metadata.get(name, ""))
    except (ValueError, RecursionError) as error:
        raise _damaged(file.path, f"its entry {name!r} is missing or not JSON") from error
    if not isinstance(known, dict):
        raise _damaged(file.path, f"its entry {name!r} is no JSON object")
    return known


def _checked_cutoffs(cutoffs: object, config: ModelConfig) -> list[int] | None:
    if not config.adaptive and cutoffs is None:
        return None
    if config.adaptive and isinstance(cutoffs, list) and all(type(c) is int for c in cutoffs):
        return cutoffs
    raise ConfigError(f"cutoffs cannot be {cutoffs!r:.50}")


def _empty(
    config: ModelConfig, words: int, cutoffs: list[int] | None, file: TensorFile
) -> RecurrentModel:
    """A network without memory for its weights, once the file is seen to have such weights.

    Raises:
        FormatError: the tensors of the file are not those of such a network.
        ConfigError: the cutoffs are none.
    """
    wanted: dict[str, tuple[int | None, int]] = {"embedding": (words, config.width_in)}
    wanted |= {f"layers.{i}.weight_hidden": (None, H) for i, H in enumerate(config.widths)}
    for name, shape in wanted.items():  # what the sizes of all the others come from
        _check_shape(file, name, shape)
    with torch.device("meta"):
        module = RecurrentModel(config, words, cutoffs)
    state = _stored(module.state_dict(), config)
    for name, tensor in state.items():
        _check_shape(file, name, tuple(tensor.shape))
    for name in file.tensors:
        if name not in state and name not in _VOCABULARY:
            raise _damaged(file.path, f"no such network has a tensor {name!r:.50}")
    return module


def _check_shape(file: TensorFile, name: str, shape: tuple[int | None, ...]) -> None:
    """Check a tensor's type and shape; None: any size."""
    found = file.tensor(name, np.float32, len(shape)).shape
    if any(size not in (None, there) for size, there in zip(shape, found, strict=True)):
        expected = " × ".join("any" if size is None else str(size) for size in shape)
        raise _damaged(
            file.path,
            f"tensor {name!r} should have the shape {expected}, but has "
            f"{' × '.join(map(str, found))}",
        )


def _fill(module: RecurrentModel, file: TensorFile) -> None:
    """Give a network the weights of a file, copied from it.

    Raises:
        FormatError: one of them is not finite.
        ResourceError: they do not fit into memory.
    """
    try:
        state = {
            name: torch.from_numpy(_checked(file, name))
            for name in _stored(module.state_dict(), module.config)
        }
    except MemoryError as error:
        raise ResourceError(
            f"{file.path} does not fit into memory; close other programs"
        ) from error
    module.load_state_dict(state, strict=False, assign=True)
    if module.config.tied:
        module.output = module.embedding


def _checked(file: TensorFile, name: str) -> npt.NDArray[np.float32]:
    matrix = np.array(file.tensors[name])
    if not np.isfinite(matrix).all():
        raise _damaged(file.path, f"tensor {name!r} holds NaN or infinity")
    return matrix


def _damaged(path: Path, fault: str) -> FormatError:
    return FormatError(f"{path} is damaged: {fault}; copy it again, or train a model anew")
