"""wordkit corpora: the corpora that have a name."""

from __future__ import annotations

import click

from wordkit_cli.options import json_option
from wordkit_cli.output import print_json

__all__ = ["command"]


@click.command("corpora")
@json_option
def command(as_json: bool) -> None:
    """List the corpora that can be named wherever a file can.

    \b
    Examples:
      wordkit corpora
      wordkit train-counts pydocs
    """
    from wordkit_corpora.named import named_corpora

    if as_json:
        print_json(
            [
                {
                    "name": c.name,
                    "description": c.description,
                    "size": c.size,
                    "licence": c.licence,
                    "origin": c.origin,
                    "tokenizer": c.tokenizer,
                }
                for c in named_corpora()
            ]
        )
        return
    for number, c in enumerate(named_corpora()):
        click.echo(("\n" if number else "") + f"{c.name:<10} {c.description}")
        for label, value in (("size", c.size), ("licence", c.licence), ("from", c.origin)):
            click.echo(f"{'':<10} {label}: {value}")
