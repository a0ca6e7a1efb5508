"""wordkit similar: the nearest words."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from wordkit.errors import TextError
from wordkit_cli.models import load_vectors
from wordkit_cli.options import json_option, model_option, number_option
from wordkit_cli.output import print_answers

__all__ = ["command"]


@click.command("similar")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@number_option
@model_option
@json_option
def command(words: tuple[str, ...], number: int, model: str | None, as_json: bool) -> None:
    """The words nearest to each WORD, by cosine similarity, best first.

    WORD may be - to read words from standard input, one a line.

    \b
    Examples:
      wordkit similar car
      wordkit similar you year car toyota -n 5
      wordkit similar car --json -m vectors.safetensors
    """
    vectors = load_vectors(model)
    asked = list(_expand(words))
    found = vectors.most_similar_batch(asked, n=number)
    print_answers(dict(zip(asked, found, strict=True)), as_json=as_json)


def _expand(words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        if word == "-":
            if sys.stdin is None:
                raise TextError("standard input is closed; name the words")
            try:
                text = sys.stdin.buffer.read().decode()
            except UnicodeDecodeError as error:
                raise TextError(f"standard input: byte {error.start} is not UTF-8") from error
            yield from filter(None, map(str.strip, text.split("\n")))
        else:
            yield word
