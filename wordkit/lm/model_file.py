"""The file of a language model: network, words and settings, whole or not there at all.

V words. Beside the weights it holds ``words`` and ``counts`` (V,) as a file of vectors does, and as
JSON the shape of the network and how the model was made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from wordkit.config import from_record
from wordkit.errors import ConfigError
from wordkit.lm.config import ModelConfig
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.model import RecurrentModel
from wordkit.recurrent.network_file import NetworkFile, save_network
from wordkit.runtime import choose_device
from wordkit.storage import LANGUAGE_MODEL
from wordkit.text.vocabulary import Vocabulary

__all__ = ["load_language_model", "save_language_model"]

_TIED = "output"  # the name of the matrix that is another one, where words are tied
_VOCABULARY = ("words", "counts")


def save_language_model(
    model: LanguageModel, path: str | os.PathLike[str], *, precision: str = "fp32"
) -> None:
    """Write a model to a file, which is whole or not there at all.

    Args:
        model: what to write.
        path: the file.
        precision: of its matrices, a name of ``wordkit.storage.PRECISIONS``: fp16 halves the
            file, int8 quarters it.

    Raises:
        ConfigError: JSON cannot hold the metadata, or there is no such precision.
        VocabularyError: the words have no counts.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    _ = model.vocabulary.counts  # raises where there are none
    save_network(
        path,
        _stored(model.module.state_dict(), model.config),
        kind=LANGUAGE_MODEL,
        arrays=model.vocabulary.to_arrays(),
        network={"config": asdict(model.config), "cutoffs": _cutoffs(model.module)},
        about=model.metadata,
        precision=precision,
    )


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
    device = choose_device(device)
    stored = NetworkFile(path, kind=LANGUAGE_MODEL, command="wordkit train-lm")
    file = stored.file
    vocabulary = Vocabulary.from_arrays(
        file.tensor("words", np.uint8, 1), file.tensor("counts", np.int64, 1), str(path)
    )
    with stored.faults_told():
        config = from_record(ModelConfig, stored.network.get("config"))
        cutoffs = _checked_cutoffs(stored.network.get("cutoffs"), config)
        module = _empty(config, len(vocabulary), cutoffs, stored)
        stored.fill(module, _stored(module.state_dict(), config), _VOCABULARY)
        if config.tied:
            module.output = module.embedding
        model = LanguageModel(module, vocabulary, stored.about)
    stored.check_digest()
    stored.put_on(device, module)
    return model


def _checked_cutoffs(cutoffs: object, config: ModelConfig) -> list[int] | None:
    if not config.adaptive and cutoffs is None:
        return None
    if config.adaptive and isinstance(cutoffs, list) and all(type(c) is int for c in cutoffs):
        return cutoffs
    raise ConfigError(f"cutoffs cannot be {cutoffs!r:.50}")


def _empty(
    config: ModelConfig, words: int, cutoffs: list[int] | None, stored: NetworkFile
) -> RecurrentModel:
    """A network without memory for its weights, once the file is seen to have such weights.

    Raises:
        FormatError: the tensors of the file are not those of such a network.
        ConfigError: the cutoffs are none.
    """
    wanted: dict[str, tuple[int | None, int]] = {"embedding": (words, config.width_in)}
    wanted |= {f"layers.{i}.weight_hidden": (None, H) for i, H in enumerate(config.widths)}
    for name, shape in wanted.items():  # what the sizes of all the others come from
        stored.check_shape(name, shape)
    with torch.device("meta"):
        return RecurrentModel(config, words, cutoffs)
