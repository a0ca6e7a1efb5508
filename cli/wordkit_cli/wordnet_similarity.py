"""wordkit wordnet-similarity: the similarity of two words in WordNet."""

from __future__ import annotations

import click

from wordkit_cli.options import json_option
from wordkit_cli.output import print_json, print_table
from wordkit_cli.wordnet import load_wordnet, note_lemmas, part_of_speech_option, wordnet_option

__all__ = ["command"]

_TITLES = {"path": "path", "wup": "Wu-Palmer", "lch": "Leacock-Chodorow"}


@click.command("wordnet-similarity")
@click.argument("a")
@click.argument("b")
@click.option(
    "--measure", "measures", type=click.Choice(list(_TITLES)), multiple=True,
    help="path, wup (Wu and Palmer) or lch (Leacock and Chodorow). Default: all three.",
)  # fmt: skip
@part_of_speech_option("noun", "verb")
@wordnet_option
@json_option
def command(
    a: str, b: str, measures: tuple[str, ...], pos: str | None, wordnet: str | None, as_json: bool
) -> None:
    """Measure the similarity of A and B in WordNet: that of their most similar senses.

    path and Wu-Palmer end at 1, Leacock-Chodorow at the logarithm of twice the depth of the
    taxonomy, 3.64 for nouns. All are NLTK's, so that Wu-Palmer may fall short of 1 for a sense and
    itself where it has several hypernyms. A and B are words, or senses such as car.n.01.

    \b
    Examples:
      wordkit wordnet-similarity car automobile
      wordkit wordnet-similarity car.n.01 novel.n.01
      wordkit wordnet-similarity walk run --pos verb --measure wup --json
    """
    thesaurus = load_wordnet(wordnet)
    chosen = list(dict.fromkeys(measures)) or list(_TITLES)
    found = {measure: thesaurus.similarity(a, b, measure, pos) for measure in chosen}
    if as_json:
        print_json(
            {
                measure: {"score": near.score, "senses": [sense.name for sense in near.senses]}
                for measure, near in found.items()
            }
        )
        return
    for word in (a, b):
        note_lemmas(thesaurus, word)
    print_table(
        [
            (_TITLES[measure], f"{near.score:.4f}", *(sense.name for sense in near.senses))
            for measure, near in found.items()
        ]
    )
    click.echo()
    senses = dict.fromkeys(sense for near in found.values() for sense in near.senses)
    print_table([(sense.name, sense.definition) for sense in senses])
