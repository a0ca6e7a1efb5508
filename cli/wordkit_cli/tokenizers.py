"""wordkit tokenizers: the ways to cut text into words."""

from __future__ import annotations

import click

from wordkit.errors import ConfigError
from wordkit.text import Tokenizer, named_tokenizers
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
    rows = [(tokenizer, *_tokens(tokenizer, line)) for tokenizer in named_tokenizers().values()]
    if as_json:
        names = ("name", "description", "install", "tokens")
        print_json(
            [
                dict(zip(names, (t.name, t.description, _package(t), tokens), strict=True))
                for t, tokens, _ in rows
            ]
        )
        return
    click.echo(f"{line}\n")
    for tokenizer, tokens, why_not in rows:
        package = _package(tokenizer)
        needs = "" if package is None else f"; pip install '{package}'"
        shown = (
            why_not if tokens is None else (" " if tokenizer.unit == "word" else "·").join(tokens)
        )
        click.echo(f"{tokenizer.name:<11} {tokenizer.description}{needs}")
        click.echo(f"{'':<11} {shown}\n")


def _tokens(tokenizer: Tokenizer, line: str) -> tuple[list[str] | None, str]:
    """The tokens of a line, or None and why there are none."""
    if tokenizer.unit == "bpe":
        return None, "(depends on the text that it has learnt from)"
    try:
        return list(tokenizer(line)), ""
    except ConfigError:
        return None, "(not installed)"


def _package(tokenizer: Tokenizer) -> str | None:
    return f"wordkit[{tokenizer.extra}]" if tokenizer.extra else None
