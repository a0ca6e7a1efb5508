"""The network of a sequence-to-sequence model: encoder → decoder → output layer.

Notation: S steps of the source, T steps of the target, B sequences of a batch, F features, D size
of a hidden state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.initialization import (
    EMBEDDING_RANGE,
    initialize_layers,
    initialize_matrix,
    uniform_,
)
from wordkit.nn.network import map_state
from wordkit.nn.output import OutputLayer
from wordkit.nn.recurrent import LayerState
from wordkit.nn.transformer import padding_mask
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.decoder import Decoder, DecoderState
from wordkit.seq2seq.encoder import Encoder
from wordkit.seq2seq.latent import Gaussian, LatentVariable, standard_normal
from wordkit.seq2seq.transformer import TransformerDecoder, TransformerEncoder
from wordkit.text import Vocabulary
from wordkit.training.finetuning import copy_weights, share_unk_bias

if TYPE_CHECKING:
    from wordkit.seq2seq.model import SequenceModel

__all__ = ["Seq2SeqNetwork", "initialize", "start_from"]

_SIDES: dict[str, tuple[type[Encoder | TransformerEncoder], type[Decoder | TransformerDecoder]]] = {
    "recurrent": (Encoder, Decoder),
    "transformer": (TransformerEncoder, TransformerDecoder),
}
"""The encoder and the decoder of each architecture; recurrent ones where it is not named."""


class Seq2SeqNetwork(nn.Module):
    """A :class:`wordkit.nn.network.SequenceNetwork` whose state holds the encoded source.

    Args:
        config: its shape.
        source_words, target_words: the sizes of the two vocabularies.
    """

    def __init__(self, config: Seq2SeqConfig, source_words: int, target_words: int) -> None:
        super().__init__()
        self.config = config
        encoder, decoder = _SIDES.get(config.arch, _SIDES["recurrent"])
        self.encoder = encoder(config, source_words)
        self.decoder = decoder(config, target_words)
        tied = self.decoder.embedding if config.tied else None
        self.output = OutputLayer(config.width_out, target_words, tied)
        self.latent = None if config.latent is None else LatentVariable(config, config.latent)

    def encode(self, sources: Tensor, lengths: Tensor) -> DecoderState:
        """Read sources, and return the state of the decoder before its first step.

        Args:
            sources: shape (S, B), int64, in the order in which they are read, padded at the end.
            lengths: of each source, from 1 to S, shape (B,), int64.
        """
        return self._with_latent(self.decoder.initial_state(*self.read(sources, lengths)))

    def read(
        self, sources: Tensor, lengths: Tensor
    ) -> tuple[Tensor, tuple[LayerState, ...], Tensor | None]:
        """Return the outputs of the encoder, (S, B, D), the last state of each layer, and the mask.

        Args:
            sources, lengths: as for :meth:`encode`. The mask, (B, S), is true at padding; None
                where there is none.
        """
        is_padded = bool((lengths < len(sources)).any())
        outputs, layers = self.encoder(sources, lengths if is_padded else None)
        mask = padding_mask(lengths, len(sources), sources.device) if is_padded else None
        return outputs, layers, mask

    def _with_latent(self, state: DecoderState) -> DecoderState:
        if self.latent is None:
            return state
        given = self.latent.from_source(state.layers[-1][0])
        if self.config.autoencode:  # the decoder knows the latent variable alone
            state = state._replace(layers=map_state(torch.zeros_like, state.layers))
        return state._replace(latent=given.mean, distribution=given)

    def distributions(self, state: DecoderState, targets: Tensor) -> tuple[Gaussian, Gaussian]:
        """Return the posterior of the latent variable, and its prior.

        Args:
            state: from :meth:`encode`.
            targets: shape (T, B), int64; −1 at padding.
        """
        vectors = F.embedding(targets.clamp(min=0), self.decoder.embedding)
        lengths = (targets >= 0).sum(0).clamp(min=1)
        latent, given = cast("LatentVariable", self.latent), cast("Gaussian", state.distribution)
        context, vectors = state.layers[-1][0], self.decoder.dropout(vectors)
        return latent.distributions(given, context, vectors, lengths)

    def bag_loss(self, state: DecoderState, targets: Tensor) -> Tensor:
        """Return the bag-of-words loss of a state with its latent variable, in nats, summed.

        Args:
            state: of the targets, before the first step.
            targets: as for :meth:`distributions`.
        """
        latent, z = cast("LatentVariable", self.latent), cast("Tensor", state.latent)
        return latent.bag_loss(state.layers[-1][0], z, self.decoder.embedding, targets)

    def initial_state(self, batch: int) -> DecoderState:
        """Return the state for empty sources; of an autoencoder, before anything is known."""
        empty = self.decoder.embedding.new_zeros(0, batch, self.config.width)
        stack = "transformer" if self.config.arch == "transformer" else "recurrent"
        layers = getattr(self.decoder, stack).initial_state(batch)
        state = self._with_latent(self.decoder.initial_state(empty, layers, None))
        if not self.config.autoencode:
            return state
        prior = standard_normal(cast("Tensor", state.latent))
        return state._replace(latent=prior.mean, distribution=prior)

    def forward(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Return the features of the decoder's steps, (T, B, F), and the state after the last.

        Args:
            ids: what was written at the step before each, shape (T, B), int64.
            state: from :meth:`encode`, :meth:`initial_state` or an earlier call.
        """
        found: tuple[Tensor, DecoderState] = self.decoder(ids, state)
        return found


def initialize(network: Seq2SeqNetwork, generator: torch.Generator) -> None:
    """Draw all weights of a new network, as its settings say.

    Args:
        network: whose weights are set.
        generator: of the random numbers, on the CPU.
    """
    config, output, attention = network.config, network.output, network.decoder.attention
    uniform_(network.encoder.embedding, EMBEDDING_RANGE, generator)
    uniform_(network.decoder.embedding, EMBEDDING_RANGE, generator)
    initialize_layers(network, config, generator)
    for matrix in [] if attention is None else attention.parameters():
        if config.attention == "general":  # starts as dot, and learns sooner for it
            torch.nn.init.eye_(matrix)
        elif matrix.ndim == 1:
            uniform_(matrix, len(matrix) ** -0.5, generator)
        else:
            initialize_matrix(matrix, config.width, config, generator)
    if output.projection is not None:
        initialize_matrix(output.projection, config.dim, config, generator)
    if not config.tied:
        initialize_matrix(output.weight, config.width_out, config, generator)


def start_from(
    network: Seq2SeqNetwork, vocabularies: Sequence[Vocabulary], init: SequenceModel,
    found: Sequence[Vocabulary],
) -> None:  # fmt: skip
    """Start training from the weights of a model; new units start as ``<unk>``.

    Args:
        network: whose weights are set, of the same shape but for its units.
        vocabularies: of the network, as the model has them: its units, and new ones.
        init: the model.
        found: all units of the texts to train on, for each vocabulary.
    """
    source, *_, target = [*zip(init.vocabularies, vocabularies, strict=True)] * 2
    rows = {"encoder.embedding": source}
    rows |= dict.fromkeys(("decoder.embedding", "output.weight", "output.bias"), target)
    copy_weights(network, init.network, rows)
    share_unk_bias(network.output.bias, *target, found[-1])
