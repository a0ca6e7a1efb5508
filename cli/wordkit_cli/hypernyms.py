"""wordkit hypernyms: what a word is a kind of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from wordkit_cli.options import json_option
from wordkit_cli.output import print_json
from wordkit_cli.wordnet import (
    as_data,
    load_wordnet,
    part_of_speech_option,
    print_entries,
    wordnet_option,
)

if TYPE_CHECKING:
    from wordkit.thesaurus import Sense

__all__ = ["command"]


@click.command("hypernyms")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@part_of_speech_option("noun", "verb")
@wordnet_option
@json_option
def command(words: tuple[str, ...], pos: str | None, wordnet: str | None, as_json: bool) -> None:
    """What each WORD is a kind of in WordNet, for each sense, step by step up to the root.

    A sense that is of two kinds has several ways up. Each step shows the first word of its synset;
    --json names the synsets. Nouns and verbs have hypernyms, adjectives and adverbs have none.

    \b
    Examples:
      wordkit hypernyms car
      wordkit hypernyms car.n.01 novel.n.01
      wordkit hypernyms run --pos verb --json
    """
    thesaurus = load_wordnet(wordnet)
    found = {word: thesaurus.hypernyms(word, pos) for word in words}
    if as_json:
        print_json(
            {
                word: [
                    {**as_data(sense), "paths": [[step.name for step in way] for way in ways]}
                    for sense, ways in senses.items()
                ]
                for word, senses in found.items()
            }
        )
        return
    print_entries(thesaurus, found, _lines)


def _lines(sense: Sense, ways: Sequence[Sequence[Sense]]) -> list[str]:
    return [", ".join(sense.words), sense.definition, *map(_drawn, ways)]


def _drawn(way: Sequence[Sense]) -> str:
    """A way up, from left to right."""
    return " ".join(f"→ {step.words[0]}" for step in way) or "(a root: nothing lies above it)"
