"""The file of a sequence to sequence model: network, vocabularies and settings.

Beside the weights it holds the words and counts of both vocabularies, and as JSON the shape of the
network and how the model was made.
"""

from __future__ import annotations

import os
from dataclasses import asdict

import torch

from wordkit.config import from_record
from wordkit.recurrent.network_file import NetworkFile, save_network
from wordkit.runtime import choose_device
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.seq2seq.vocabularies import VOCABULARY_ARRAYS, read_vocabularies, vocabulary_arrays
from wordkit.storage import SEQ2SEQ_MODEL

__all__ = ["load_seq2seq", "save_seq2seq"]


def save_seq2seq(model: Seq2SeqModel, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, which is whole or not there at all.

    Raises:
        ConfigError: JSON cannot hold the metadata.
        VocabularyError: a vocabulary has no counts.
        DivergenceError: a weight is not finite. Nothing is written.
        StorageError: the file cannot be written.
    """
    save_network(
        path,
        model.network.state_dict(),
        kind=SEQ2SEQ_MODEL,
        arrays=vocabulary_arrays(model.source_vocabulary, model.target_vocabulary),
        network={"config": asdict(model.config), "longest_target": model.longest_target},
        about=model.metadata,
    )


def load_seq2seq(path: str | os.PathLike[str], device: str = "cpu") -> Seq2SeqModel:
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
    stored = NetworkFile(path, kind=SEQ2SEQ_MODEL, command="wordkit train-seq2seq")
    vocabularies = read_vocabularies(stored.file)
    with stored.faults_told():
        config = from_record(Seq2SeqConfig, stored.network.get("config"))
        # what the sizes of all the others come from, before a network of such sizes is made
        stored.check_shape("encoder.embedding", (len(vocabularies[0]), config.dim))
        stored.check_shape("encoder.layers.0.weight_hidden", (None, config.hidden))
        with torch.device("meta"):
            network = Seq2SeqNetwork(config, *map(len, vocabularies))
        stored.fill(network, network.state_dict(), VOCABULARY_ARRAYS)
        longest = stored.network.get("longest_target")
        model = Seq2SeqModel(network, *vocabularies, longest, stored.about)  # type: ignore[arg-type]
    stored.check_digest()
    stored.put_on(device, network)
    return model
