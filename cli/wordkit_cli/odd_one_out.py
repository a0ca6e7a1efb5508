"""wordkit odd-one-out: the word that does not fit."""

from __future__ import annotations

import click

from wordkit_cli.models import load_vectors
from wordkit_cli.options import json_option, model_option
from wordkit_cli.output import print_json

__all__ = ["command"]


@click.command("odd-one-out")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@model_option
@json_option
def command(words: tuple[str, ...], model: str | None, as_json: bool) -> None:
    """Find the WORD that is farthest from the mean of them all.

    \b
    Examples:
      wordkit odd-one-out breakfast lunch dinner car
    """
    if len(words) < 3:
        raise click.UsageError("name at least three words")
    odd = load_vectors(model).doesnt_match(words)
    if as_json:
        print_json({"odd_one_out": odd})
    else:
        click.echo(odd)
