"""Answers to dialogues, and a conversation with a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from wordkit.errors import ConfigError, TextError
from wordkit.nn.network import device_of, inference
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.dialogue.batches import encode_dialogues
from wordkit.seq2seq.dialogue.decoding import decode_turns, read_batches
from wordkit.seq2seq.dialogue.dialogues import dialogue_turns
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.transformation import Answer, as_answer, warn_of_unknown
from wordkit.text.normalization import normalized

__all__ = ["Chat", "TurnWeight", "answers"]

_MORE_DRAWS = 10  # samples among which another answer is looked for


class TurnWeight(NamedTuple):
    """A turn, and the attention to it."""

    turn: str

    weight: float
    """From 0 to 1; those of all turns that the model knows sum to 1."""


class Chat:
    """A conversation with a model: what is said, and what it answers.

    Args:
        model: that answers.
        config: how its answers are decoded; None: as the model's ``decoding`` says. What is
            drawn depends on the seed and on how much was said before in this chat.
    """

    def __init__(self, model: DialogueModel, config: DecodingConfig | None = None) -> None:
        self.model, self.config = model, config or model.decoding()
        self.turns: list[str] = []
        """The turns of the dialogue so far, the model's own among them."""
        self._said = 0
        self._tried: list[str] = []  # answers to the last thing said
        self._known: set[str] = set()  # unknown units that were warned of

    def say(self, text: str) -> str:
        """Return the answer to a text, with all that was said before in mind.

        Raises:
            TextError: it is empty, or no string.
            ResourceError: it is too long for the memory that is free.

        Warns:
            WordkitWarning: the model does not know a word, and reads ``<unk>``.
        """
        (text,) = _checked([text], 1)
        turns = [*self.turns, text]
        answer = self._answer(turns, self._said, [])
        self.turns, self._said, self._tried = [*turns, answer], self._said + 1, [answer]
        return answer

    def again(self) -> str:
        """Return another answer to what was said last, which replaces the one before.

        It is the next one that is drawn, or where answers are not drawn the next best of the beam
        search; the last one again where no other is found.

        Raises:
            TextError: nothing was said yet.
        """
        if not self.turns:
            raise TextError("nothing was said yet; say something first")
        answer = self._answer(self.turns[:-1], self._said - 1, self._tried)
        self._tried.append(answer)
        self.turns[-1] = answer
        return answer

    def attention(self) -> list[TurnWeight]:
        """Return how much the last answer attends to each turn before it.

        A latent variable is its mean.

        Raises:
            ConfigError: the model does not attend to turns.
            TextError: nothing was said yet.
        """
        if not self.turns:
            raise TextError("nothing was said yet; say something first")
        *turns, answer = self.turns
        return turn_weights(self.model, [*filter(None, turns)], answer)

    def reset(self) -> None:
        """Forget the dialogue, and begin a new one."""
        self.turns, self._tried = [], []

    def _answer(self, turns: Sequence[str], number: int, tried: Sequence[str]) -> str:
        config, more = self.config, len(tried) + 1
        if tried and config.sample:
            config = replace(config, alternatives=more + _MORE_DRAWS)
        elif tried:
            config = replace(config, alternatives=more, beam=max(config.beam, more))
        said = [filter(None, turns)]  # an answer may be empty
        (found,) = answers(self.model, said, config, first=number, known=self._known)
        texts = [answer.text for answer in found]
        return next((text for text in texts if text not in tried), texts[-1])


def answers(
    model: DialogueModel,
    dialogues: Iterable[Iterable[str]],
    config: DecodingConfig | None = None,
    *,
    first: int = 0,
    known: set[str] | None = None,
) -> list[list[Answer]]:
    """Return the next turns of each dialogue, best first, or as drawn.

    Args:
        model: that answers.
        dialogues: the turns of each so far, one at least.
        config: how.
        first: number of the first dialogue, which its random numbers depend on.
        known: unknown units that were warned of, which is added to.

    Raises:
        ConfigError: unknown units are to be copied.
        TextError: a dialogue has no turn, or a turn is empty or no string.
        ResourceError: a turn is too long for the memory that is free.

    Warns:
        WordkitWarning: the model does not know a word, and reads ``<unk>``.
    """
    if isinstance(dialogues, str):
        raise TextError(f"dialogues must be lists of turns, not the string {dialogues!r:.60}")
    config, form = config or DecodingConfig(), model.config.normalize
    histories = [
        [normalized(turn, form) for turn in _checked(turns, number)][-(model.config.window or 0) :]
        for number, turns in enumerate(dialogues, 1)
    ]
    encoded = encode_dialogues(
        [[*turns, ""] for turns in histories], model.vocabulary, model.config.unit, model.bpe
    )
    warn_of_unknown(encoded.sources, set() if known is None else known)
    rows = encoded.starts[1:] - 1
    found = decode_turns(model, encoded, rows, config, numbers=np.arange(len(rows)) + first)
    return [[as_answer(model, each, config) for each in hypotheses] for hypotheses in found]


def _checked(dialogue: Any, number: int) -> list[str]:
    """Return the turns of a dialogue without white space around them."""
    turns = dialogue_turns(dialogue, number)
    if not turns:
        raise TextError(f"dialogue {number} has no turn to answer; give one at least")
    if not all(turns):
        raise TextError(f"dialogue {number}: turn {turns.index('') + 1} is empty; give it a text")
    return turns


def turn_weights(model: DialogueModel, turns: Sequence[str], answer: str) -> list[TurnWeight]:
    """Return the attention to each turn, the mean over the units of an answer.

    Where the model attends to the units of the last turn too, their weights are part of its own.

    Args:
        model: that attends to turns.
        turns: those before, one at least.
        answer: the next one.

    Raises:
        ConfigError: the model does not attend to turns.
    """
    config = model.config
    if config.arch == "seq2seq":
        raise ConfigError("the model knows the last turn alone; train one with arch hred or vhred")
    if config.attention == "none":
        raise ConfigError("the model attends to nothing; train one with attention dot")
    if config.attends_to == "turn":
        raise ConfigError(
            "the model attends to no turn but the last; train one with attention_to turns or both"
        )
    texts = [normalized(text, config.normalize) for text in (*turns, answer)]
    encoded = encode_dialogues([texts], model.vocabulary, config.unit, model.bpe)
    [(batch, state)] = read_batches(model, encoded, np.array([len(turns) - 1]))
    network, found = model.network, []
    with inference(network):
        for unit in batch.inputs.to(device_of(network)):  # <eos> and the answer
            _, state = network(unit.unsqueeze(0), state)
            if state.weights is not None:
                found.append(state.weights[0])
    weights = torch.stack(found).mean(0).tolist()
    known = int(batch.history.lengths[0])
    weights, of_units = weights[-known:], weights[:-known]
    weights[-1] += sum(of_units)
    return [*map(TurnWeight, turns[-known:], weights)]
