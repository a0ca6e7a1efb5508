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

import torch
from torch import Tensor

from wordkit.nn.config import full_name
from wordkit.nn.network import map_state, select
from wordkit.nn.recurrent import RecurrentStack
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.dialogue.batches import History
from wordkit.seq2seq.dialogue.config import DialogueConfig
from wordkit.seq2seq.network import Seq2SeqNetwork

__all__ = ["DialogueNetwork"]


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
        step = rows.unsqueeze(0)
        history = History(rows, step, rows, step, torch.ones_like(rows))
        return self.encode_dialogues(sources, lengths, history)

    def encode_dialogues(self, turns: Tensor, lengths: Tensor, history: History) -> DecoderState:
        """Read dialogues, and return the state of the decoder before the first step of next turns.

        Args:
            turns: each turn once, (S, N), int64, in the order in which units are read, padded at
                the end; best the longest first, as padding then costs little.
            lengths: of each turn, from 1 to S, (N,), int64.
            history: the turns before each next turn.
        """
        history, lengths = map_state(lambda part: part.to(turns.device), (history, lengths))
        outputs, layers, _ = self.read(turns, lengths)
        vectors, last = layers[-1][0], history.last
        if self.context is None:
            after, layers = layers, select(layers, last)
        else:
            before = self.context.initial_state(history.steps.shape[1])
            after = self.context.states(vectors[history.steps], before)
            after = map_state(lambda part: part.flatten(0, 1), after)
            layers = select(after, history.ends)
        if self.decoder.attention is None:
            return self._with_latent(self.decoder.initial_state(vectors, layers, None))
        values, masks = [], []
        if self.config.attends_to != "turns":
            steps = torch.arange(int(lengths[last].max()), device=turns.device)
            values.append(outputs[: len(steps)].index_select(1, last))
            masks.append(steps >= lengths[last].unsqueeze(1))
        if self.config.attends_to != "turn":
            # with its own vector a turn is told exactly, however little the context RNN keeps yet
            of_turns = after[-1][0] + vectors[history.steps].flatten(0, 1)
            values.append(of_turns[history.known])
            steps = torch.arange(len(history.known), device=turns.device)
            masks.append(steps >= history.lengths.unsqueeze(1))
        state = self.decoder.initial_state(torch.cat(values), layers, torch.cat(masks, 1))
        return self._with_latent(state)
