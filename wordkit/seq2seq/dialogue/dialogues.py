"""Dialogues: turns that answer each other, one a line, with a blank line between dialogues."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from wordkit.errors import TextError, WordkitWarning, counted, missing_hint
from wordkit.seq2seq.pairs import Pair, split_groups
from wordkit.text.blocks import TextSource, numbered_lines_of
from wordkit.text.normalization import Normalization, normalized

__all__ = [
    "Dialogue", "check_dialogues", "dialogue_turns", "normalized_dialogues", "read_dialogues",
    "split_dialogues", "turn_pairs",
]  # fmt: skip

Dialogue: TypeAlias = tuple[str, ...]
"""The turns of a dialogue, two at least."""


def read_dialogues(source: TextSource) -> list[Dialogue]:
    """Read the dialogues of a text: a turn a line, and a blank line between dialogues.

    Where lines are ``speaker<TAB>text``, lines of one speaker that follow each other are one turn.
    White space around a turn is stripped. The end of a file ends a dialogue.

    Args:
        source: the text.

    Raises:
        TextError: the text cannot be read, or holds no dialogue of two turns.

    Warns:
        WordkitWarning: a dialogue has a single turn, or a turn is empty: these are left out; or no
            blank line separates dialogues.
    """
    groups = [*filter(None, _groups(source))]
    found = check_dialogues(groups, source.name)
    if len(groups) == 1:
        _warn(f"{source.name} has no blank line between dialogues, so all of it is one dialogue")
    return found


def _groups(source: TextSource) -> Iterator[list[str]]:
    """Yield the turns of each dialogue."""
    turns: list[str] = []
    file, speaker = "", ""
    for line, name, _ in numbered_lines_of(source):
        if not line.strip() or name != file:
            yield turns
            turns, speaker, file = [], "", name
        if not line.strip():
            continue
        first, tab, text = line.lstrip().partition("\t")
        if tab and turns and first.strip() == speaker:
            turns[-1] = f"{turns[-1]} {text.strip()}".strip()
        else:
            turns.append((text if tab else line).strip())
        speaker = first.strip() if tab else ""
    yield turns


def check_dialogues(dialogues: Iterable[Iterable[str]], name: str = "dialogues") -> list[Dialogue]:
    """Return dialogues of two turns at least, none of which is empty.

    Args:
        dialogues: the turns of each, as strings; those that cannot be used are left out.
        name: of the text, for messages.

    Raises:
        TextError: a turn is no string, or no dialogue is left.

    Warns:
        WordkitWarning: a dialogue has a single turn, or a turn is empty: these are left out.
    """
    found = []
    empty = single = 0
    for number, dialogue in enumerate(dialogues, 1):
        listed = dialogue_turns(dialogue, number)
        turns = tuple(filter(None, listed))
        empty += len(listed) - len(turns)
        single += len(turns) == 1
        if len(turns) > 1:
            found.append(turns)
    if empty:
        _warn(f"{name}: left out {counted(empty, 'empty turn')}")
    if single:
        has = "has" if single == 1 else "have"
        _warn(f"{name}: left out {counted(single, 'dialogue')} that {has} one turn")
    if not found:
        raise TextError(
            f"{name} holds no dialogue of two turns; give a turn in each line, and a blank line "
            "between dialogues"
        )
    return found


def dialogue_turns(dialogue: Any, number: int) -> list[str]:
    """Return the turns of a dialogue, without white space around them.

    Raises:
        TextError: it is no list of strings; the message names the dialogue by its number.
    """
    if isinstance(dialogue, str | bytes) or not isinstance(dialogue, Iterable):
        raise TextError(f"dialogue {number} must be a list of turns, not {dialogue!r:.60}")
    turns = [*dialogue]
    for turn in turns:
        if not isinstance(turn, str):
            hint = missing_hint(turn)
            raise TextError(f"dialogue {number}: a turn must be a string, not {turn!r:.50}{hint}")
    return [turn.strip() for turn in turns]


def _warn(message: str) -> None:
    warnings.warn(message, WordkitWarning, stacklevel=3)


def normalized_dialogues(dialogues: Iterable[Dialogue], form: Normalization) -> list[Dialogue]:
    """Return dialogues with their turns in a normal form."""
    return [tuple(normalized(turn, form) for turn in dialogue) for dialogue in dialogues]


def turn_pairs(dialogues: Iterable[Sequence[str]]) -> list[Pair]:
    """Return each turn with the next one, dialogue by dialogue."""
    return [Pair(*pair) for dialogue in dialogues for pair in pairwise(dialogue)]


def split_dialogues(
    dialogues: Sequence[Dialogue], fraction: float, seed: int
) -> tuple[list[Dialogue], list[Dialogue]]:
    """Return dialogues to train on and to validate on, drawn at random; both keep their order.

    Equal dialogues are on one side.

    Args:
        dialogues: of which two at least are different.
        fraction: of the dialogues to validate on, above 0 and at most 0.5; one at least.
        seed: at least 0.

    Raises:
        ConfigError: the fraction or the seed is out of range.
        TextError: there are fewer than two dialogues.
    """
    remedy = "separate dialogues by blank lines"
    return split_groups(dialogues, lambda dialogue: dialogue, fraction, seed, "dialogue", remedy)
