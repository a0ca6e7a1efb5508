"""The network of a dialogue model: encoder of turns → context RNN → decoder of the next turn.

With the architecture ``hred`` (Serban et al. 2016) the last hidden state of the encoder is the
vector of a turn; the context RNN reads these vectors, and its state after the last turn is the
state that the decoder starts from. With ``vhred`` (Serban et al. 2017) the latent variable of
:mod:`wordkit.seq2seq.latent` is given this state. With ``seq2seq`` the decoder starts from the
encoder's own.

Notation: N turns that are read, S steps of a turn, M next turns of a batch, K steps of the context
RNN, C sequences that it reads, D size of a hidden state.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wordkit.nn.config import full_name
from wordkit.nn.network import map_state, select
from wordkit.nn.recurrent import LayerState, RecurrentStack
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.dialogue.batches import History
from wordkit.seq2seq.dialogue.config import DialogueConfig
from wordkit.seq2seq.network import Seq2SeqNetwork

__all__ = ["DialogueNetwork", "read_turns"]


class DialogueNetwork(Seq2SeqNetwork):
    """A :class:`wordkit.nn.network.SequenceNetwork` whose state holds the turns so far.

    Args:
        config: its shape.
        words: the size of the vocabulary.
    """

    config: DialogueConfig

    def __init__(self, config: DialogueConfig, words: int) -> None:
        super().__init__(config, words, words)
        self.encoder.embedding = self.decoder.embedding
        self.context: RecurrentStack | None = None
        if config.arch != "seq2seq":
            self.context = RecurrentStack(
                full_name(config.cell, config.activation),
                [config.width] * (config.layers + 1),
                dropout=self.encoder.dropout,
            )

    def encode(self, sources: Tensor, lengths: Tensor) -> DecoderState:
        """Read first turns: as :meth:`encode_dialogues` where nothing was said before."""
        rows = torch.arange(sources.shape[1])
        return self.encode_dialogues(
            sources, lengths, History(rows, (rows,), rows, rows.unsqueeze(0), torch.ones_like(rows))
        )

    def encode_dialogues(self, turns: Tensor, lengths: Tensor, history: History) -> DecoderState:
        """Read dialogues, and return the state of the decoder before the first step of next turns.

        Args:
            turns: each turn once, (S, N), int64, in the order in which units are read, padded at
                the end.
            lengths: of each turn, from 1 to S, (N,), int64.
            history: the turns before each next turn.
        """
        outputs, layers, mask = self.read(turns, lengths)
        history = map_state(lambda part: part.to(turns.device), history)
        vectors = layers[-1][0]
        if self.context is None:
            after, layers = layers, select(layers, history.last)
        else:
            after = read_turns(self.context, vectors, history.steps)
            layers = select(after, history.ends)
        if self.decoder.attention is None:
            return self._with_latent(self.decoder.initial_state(outputs, layers, None))
        values, masks = [], []
        if self.config.attention_to != "turns":
            values.append(outputs.index_select(1, history.last))
            if mask is None:
                mask = torch.zeros_like(turns.T, dtype=torch.bool)
            masks.append(mask[history.last])
        if self.config.attention_to != "turn":
            # with its own vector a turn is told exactly, however little the context RNN keeps yet
            of_turns = after[-1][0] + vectors[torch.cat(history.steps)]
            values.append(of_turns[history.known])
            steps = torch.arange(len(history.known), device=turns.device)
            masks.append(steps >= history.lengths.unsqueeze(1))
        state = self.decoder.initial_state(torch.cat(values), layers, torch.cat(masks, 1))
        return self._with_latent(state)


def read_turns(
    context: RecurrentStack, vectors: Tensor, steps: Sequence[Tensor],
    state: tuple[LayerState, ...] | None = None,
) -> tuple[LayerState, ...]:  # fmt: skip
    """Return the states of a context RNN after all steps, those of one step after the other.

    Args:
        context: the RNN.
        vectors: of the turns, (N, D).
        steps: the turns that are read at each step, see
            :class:`wordkit.seq2seq.dialogue.batches.History`.
        state: before the first step, of C sequences; None: nothing was said before.
    """
    state = state or context.initial_state(len(steps[0]))
    found: list[tuple[LayerState, ...]] = []
    for turns in steps:
        before = tuple(tuple(part[: len(turns)] for part in layer) for layer in state)
        _, state = context(vectors[turns].unsqueeze(0), before)
        found.append(state)
    return tuple(
        tuple(torch.cat(parts) for parts in zip(*layer, strict=True))
        for layer in zip(*found, strict=True)
    )
