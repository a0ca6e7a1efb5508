"""wordkit synonyms: other words for each sense of a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from wordkit_cli.options import json_option
from wordkit_cli.wordnet import answer_words, load_wordnet, part_of_speech_option, wordnet_option

if TYPE_CHECKING:
    from wordkit.thesaurus import Sense

__all__ = ["command"]


@click.command("synonyms")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@part_of_speech_option("noun", "verb", "adjective", "adverb")
@wordnet_option
@json_option
def command(words: tuple[str, ...], pos: str | None, wordnet: str | None, as_json: bool) -> None:
    """Show the synonyms of each sense of WORD in WordNet, the most frequent sense first.

    Under them the sense is defined and, where WordNet does so, shown in use. - marks a sense
    that no other word has. WORD may be inflected, of several words in quotes, or the name of a
    sense, as car.n.01. Where some words are unknown, the others are answered, and the status is 1.

    \b
    Examples:
      wordkit synonyms car
      wordkit synonyms run --pos verb
      wordkit synonyms 'ice cream' happy --json
    """
    thesaurus = load_wordnet(wordnet)
    data = (lambda others: {"synonyms": others}) if as_json else None
    answer_words(thesaurus, words, lambda word: thesaurus.synonyms(word, pos), _lines, data)


def _lines(sense: Sense, others: Sequence[str]) -> list[str]:
    return [", ".join(others) or "-", sense.definition, *map(_quoted, sense.examples)]


def _quoted(example: str) -> str:
    return f'"{example}"'
