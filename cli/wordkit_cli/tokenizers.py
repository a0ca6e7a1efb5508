"""wordkit tokenizers: the ways to cut text into words."""

from __future__ import annotations

import click

from wordkit.text import named_tokenizers
from wordkit_cli.options import json_option
from wordkit_cli.output import print_json

__all__ = ["command"]

EXAMPLE = "Don't panic: the U.S. co-op sold 1,200 books (3.5% more)! @anna #books :-)"


@click.command("tokenizers")
@click.argument("line", default=EXAMPLE)
@json_option
def command(line: str, as_json: bool) -> None:
    """List the tokenizers, and what each makes of LINE.

    \b
    Examples:
      wordkit tokenizers
      wordkit tokenizers "It's 5 o'clock."
    """
    if as_json:
        print_json(
            [
                {"name": t.name, "description": t.description, "tokens": list(t(line))}
                for t in named_tokenizers().values()
            ]
        )
        return
    click.echo(f"{line}\n")
    for tokenizer in named_tokenizers().values():
        click.echo(f"{tokenizer.name:<11} {tokenizer.description}")
        click.echo(f"{'':<11} {' '.join(tokenizer(line))}\n")
