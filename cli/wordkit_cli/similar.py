"""wordkit similar: the nearest words."""

from __future__ import annotations

from collections.abc import Iterator

import click

from wordkit.errors import TextError
from wordkit_cli.models import load_vectors, say_composed
from wordkit_cli.options import json_option, model_option, number_option
from wordkit_cli.output import print_answers

__all__ = ["command"]


@click.command("similar")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@number_option
@model_option
@json_option
def command(words: tuple[str, ...], number: int, model: str | None, as_json: bool) -> None:
    """Find the words nearest to each WORD by cosine similarity, best first.

    WORD may be - to read words from standard input, one a line. Where some words are unknown, the
    others are answered, and the status is 1. Vectors with subwords know nearly any WORD: one that
    is not of their vocabulary is composed of its character n-grams, which is said.

    \b
    Examples:
      wordkit similar car
      wordkit similar you year car toyota -n 5
      wordkit similar car --json -m vectors.safetensors
    """
    asked = list(dict.fromkeys(_expand(words)))
    if not asked:
        raise TextError("standard input holds no word; give one a line")
    vectors = load_vectors(model)
    known = [word for word in asked if word in vectors or vectors.composes(word)]
    say_composed(vectors, known)
    if known:
        found = vectors.most_similar_batch(known, n=number)
        answers = dict(zip(known, found, strict=True))
        print_answers(answers, as_json=as_json, heading=len(asked) > 1)
    vectors.check_words(asked)  # raises, with near spellings


def _expand(words: tuple[str, ...]) -> Iterator[str]:
    from wordkit.text.blocks import lines_of
    from wordkit_corpora.plaintext import open_text

    for word in words:
        if word == "-":
            yield from filter(None, map(str.strip, lines_of(open_text(word))))
        else:
            yield word
