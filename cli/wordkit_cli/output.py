"""The output of answers: plain text or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from wordkit.errors import VocabularyError, counted

__all__ = ["ask_each", "counted", "escaped", "print_answers", "print_json", "print_table"]

T = TypeVar("T")


_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    r"""Return a text as a terminal shows it without obeying it: ``\x1b`` for an escape character.

    Controls but tab and line feed are escaped, those that reorder text, and surrogates, which stand
    for bytes that are not UTF-8: ``caf\xe9``.
    """
    text = _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
    written = text.encode(errors="backslashreplace").decode()
    return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", written)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, in ASCII."""
    click.echo(json.dumps(value, allow_nan=False))


def print_table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print rows as columns.

    Args:
        rows: all of the same length.
        right: the columns to align at the right.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def print_answers(
    answers: Mapping[str, Sequence[tuple[str, float]]], *, as_json: bool, heading: bool = False
) -> None:
    """Print words with scores for each question; several questions, or ``heading``, get titles."""
    if as_json:
        print_json({question: [[w, s] for w, s in found] for question, found in answers.items()})
        return
    titled = heading or len(answers) > 1
    for number, (question, found) in enumerate(answers.items()):
        if titled:
            click.echo(("\n" if number else "") + question)
        if found:
            indent = "  " if titled else ""
            print_table([(f"{indent}{word}", f"{score:.4f}") for word, score in found])


def ask_each(
    words: Iterable[str], ask: Callable[[str], T]
) -> tuple[dict[str, T], VocabularyError | None]:
    """Return the answers for the words that have one, and what to raise when they are printed.

    Args:
        words: each is asked about once.
        ask: raises VocabularyError for a word without an answer.
    """
    found: dict[str, T] = {}
    refused: list[VocabularyError] = []
    for word in dict.fromkeys(words):
        try:
            found[word] = ask(word)
        except VocabularyError as error:
            refused.append(error)
    if len(refused) > 1:
        return found, VocabularyError("; ".join(map(str, refused)))
    return found, refused[0] if refused else None
