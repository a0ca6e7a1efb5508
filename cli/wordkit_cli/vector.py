"""wordkit vector: the vectors of words."""

from __future__ import annotations

import click

from wordkit_cli.models import load_vectors, say_composed
from wordkit_cli.options import json_option, model_option
from wordkit_cli.output import ask_each, print_json

__all__ = ["command"]


@click.command("vector")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.option("--mean", is_flag=True, help="One vector: the mean of all that are known.")
@model_option
@json_option
def command(words: tuple[str, ...], mean: bool, model: str | None, as_json: bool) -> None:
    """Print the vector of each WORD, as a line of the word and its numbers.

    Where some words are unknown, the others are answered, and the status is 1.

    \b
    Examples:
      wordkit vector car
      wordkit vector --mean the cat sat on the mat --json
    """
    vectors = load_vectors(model)
    say_composed(vectors, words)
    if mean:
        text = " ".join(words)
        rows, refusal = ask_each([text], vectors.mean_vector)
    else:
        rows, refusal = ask_each(words, vectors.vector)
    if as_json and rows:
        print_json({word: [float(x) for x in row] for word, row in rows.items()})
    elif rows:
        for word, row in rows.items():
            click.echo(" ".join([word, *(str(x) for x in row)]))
    if refusal is not None:
        raise refusal
