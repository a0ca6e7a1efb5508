"""The network of a sequence to sequence model: encoder, decoder, output layer.

Letters: S places of the source, T steps of the target, B pairs, V characters or words of the
target, E length of a vector, F what goes into the output layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.recurrent.exact_loss import linear_cross_entropy, log_probabilities
from wordkit.recurrent.layer import linear
from wordkit.recurrent.starting_weights import draw_evenly, start_layer, start_matrix
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.decoder import Decoded, Decoder, DecoderState
from wordkit.seq2seq.encoder import Encoder

__all__ = ["Seq2SeqNetwork", "start_weights"]

_FEW = 256  # characters or words, whose logits need not be saved memory for
_VECTORS = 0.1  # range of the vectors at the start


class Seq2SeqNetwork(nn.Module):
    """The network. Dropout draws from ``generator``, and only in training mode.

    Args:
        config: its shape.
        source_words, target_words: the sizes of the two vocabularies.
    """

    def __init__(self, config: Seq2SeqConfig, source_words: int, target_words: int) -> None:
        super().__init__()
        self.config = config
        self.precision = "fp32"
        self.generator: torch.Generator | None = None
        self.encoder = Encoder(config, source_words)
        self.decoder = Decoder(config, target_words)
        self.projection: nn.Parameter | None = None
        self.output: nn.Parameter | None = None
        if not config.tied:
            self.output = nn.Parameter(torch.empty(target_words, config.width_out))
        elif config.dim != config.width_out:
            self.projection = nn.Parameter(torch.empty(config.dim, config.width_out))
        self.bias = nn.Parameter(torch.zeros(target_words))

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.bias.device

    @property
    def vectors_out(self) -> Tensor:
        """What the features are compared with, shape (V, F), or (V, E) where vectors are tied."""
        return self.decoder.embedding if self.output is None else self.output

    def start(self, sources: Tensor) -> DecoderState:
        """The state of the decoder when the sources are read.

        Args:
            sources: shape (S, B), int64, in the order that they are read in; −1 in front of those
                that are shorter.
        """
        encoded = self.encoder(sources, self.precision, self.generator)
        return self.decoder.start(encoded, self.precision)

    def decode(self, inputs: Tensor, state: DecoderState) -> Decoded:
        """Some steps of the decoder.

        Args:
            inputs: shape (T, B), int64: at each step what was written at the one before.
            state: from :meth:`start` or an earlier call.
        """
        decoded: Decoded = self.decoder(inputs, state, self.precision, self.generator)
        return decoded

    def loss(self, features: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The sum of −log p of the targets, in nats.

        Args:
            features: shape (T, B, F).
            targets: shape (T, B), int64; −1 where there is none.
            label_smoothing: share of the probability given to all characters or words alike.
        """
        flat, ids = self._outgoing(features), targets.reshape(-1)
        if len(self.bias) < _FEW:
            logits = F.linear(flat, self.vectors_out, self.bias)
            return F.cross_entropy(
                logits, ids, ignore_index=-1, reduction="sum", label_smoothing=label_smoothing
            )
        return linear_cross_entropy(
            flat,
            self.vectors_out,
            self.bias,
            ids,
            precision=self.precision,
            label_smoothing=label_smoothing,
        )

    def log_probabilities(self, features: Tensor) -> Tensor:
        """log p of everything that can be written, (T·B, V), natural; without gradients."""
        return log_probabilities(self._outgoing(features), self.vectors_out, self.bias)

    def _outgoing(self, features: Tensor) -> Tensor:
        flat = features.reshape(-1, features.shape[-1])
        if self.projection is None:
            return flat
        return linear(flat, self.projection, None, self.precision)


def start_weights(network: Seq2SeqNetwork, generator: torch.Generator) -> None:
    """Draw all weights of a new network, as its configuration says.

    Args:
        network: whose weights are set.
        generator: of the random numbers, on the CPU.
    """
    config = network.config
    draw_evenly(network.encoder.embedding, _VECTORS, generator)
    draw_evenly(network.decoder.embedding, _VECTORS, generator)
    for layers in (network.encoder.layers, network.encoder.backward_layers, network.decoder.layers):
        for layer in layers or ():
            start_layer(layer, config, generator)  # type: ignore[arg-type]
    matrices = [] if network.decoder.attention is None else network.decoder.attention.parameters()
    for matrix in matrices:
        if matrix.ndim == 1:
            draw_evenly(matrix, len(matrix) ** -0.5, generator)
        else:
            start_matrix(matrix, config.width, config, generator)
    if network.projection is not None:
        start_matrix(network.projection, config.dim, config, generator)
    if network.output is not None:
        start_matrix(network.output, config.width_out, config, generator)
