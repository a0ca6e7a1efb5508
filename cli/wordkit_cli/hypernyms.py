"""wordkit hypernyms: the hypernyms of a word in WordNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from wordkit_cli.options import json_option
from wordkit_cli.wordnet import answer_words, load_wordnet, part_of_speech_option, wordnet_option

if TYPE_CHECKING:
    from wordkit.thesaurus import Sense

__all__ = ["command"]


@click.command("hypernyms")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@part_of_speech_option("noun", "verb")
@wordnet_option
@json_option
def command(words: tuple[str, ...], pos: str | None, wordnet: str | None, as_json: bool) -> None:
    """Show the hypernyms of each sense of WORD in WordNet, step by step up to the root.

    A sense that is of two kinds has several ways up. Each step shows the first word of its synset;
    --json names the synsets. Nouns and verbs have hypernyms, adjectives and adverbs have none.
    Where some words have none or are unknown, the others are answered, and the status is 1.

    \b
    Examples:
      wordkit hypernyms car
      wordkit hypernyms car.n.01 novel.n.01
      wordkit hypernyms run --pos verb --json
    """
    thesaurus = load_wordnet(wordnet)
    data = _data if as_json else None
    answer_words(thesaurus, words, lambda word: thesaurus.hypernyms(word, pos), _lines, data)


def _data(ways: Sequence[Sequence[Sense]]) -> dict[str, Any]:
    return {"paths": [[step.name for step in way] for way in ways]}


def _lines(sense: Sense, ways: Sequence[Sequence[Sense]]) -> list[str]:
    return [", ".join(sense.words), sense.definition, *map(_drawn, ways)]


def _drawn(way: Sequence[Sense]) -> str:
    """A way up, from left to right."""
    return " ".join(f"→ {step.words[0]}" for step in way) or "(a root: nothing lies above it)"
