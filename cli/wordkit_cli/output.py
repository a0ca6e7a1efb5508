"""How answers are printed: plain text for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from wordkit.errors import counted

__all__ = ["counted", "print_answers", "print_json", "print_table"]


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


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
