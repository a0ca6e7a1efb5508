"""wordkit compare: the neighbours of a word by thesaurus, counting, GloVe and word2vec."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import click

from wordkit.errors import UnknownWordError
from wordkit_cli.models import (
    COUNTED,
    GLOVE,
    SUBWORDS,
    VECTORS,
    Default,
    default_file,
    find,
    say_composed,
)
from wordkit_cli.options import json_option, number_option
from wordkit_cli.output import ask_each, print_json, print_table
from wordkit_cli.progress import say
from wordkit_cli.wordnet import default_wordnet, load_wordnet, wordnet_option

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.thesaurus import Comparison, Thesaurus

__all__ = ["command"]

Answers = Sequence[tuple[str, float]] | Sequence[str]
"""Near words: those of vectors with their cosines, those of the thesaurus without."""

_COUNTED, _INFERRED = "wordkit train-counts", "wordkit train-w2v"
_METHODS: dict[str, tuple[str, Default, str]] = {  # arguments of compare(), files, their makers
    "counting": ("counted", COUNTED, _COUNTED),
    "inference": ("inferred", VECTORS, _INFERRED),
    "glove": ("glove", GLOVE, "wordkit train-glove"),
    "subwords": ("subwords", SUBWORDS, _INFERRED),
}


@click.command("compare")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.option(
    "--counting", metavar="FILE",
    help="Vectors by counting. Default: $WORDKIT_COUNTS, else ./counts.safetensors, else bundled.",
)  # fmt: skip
@click.option(
    "--inference", metavar="FILE",
    help="Vectors by word2vec. Default: those that a query would ask.",
)  # fmt: skip
@click.option(
    "--glove", metavar="FILE",
    help="Vectors by GloVe. Default: $WORDKIT_GLOVE, else ./glove.safetensors, else none.",
)  # fmt: skip
@click.option(
    "--subwords", metavar="FILE",
    help="Vectors by word2vec with subwords. Default: $WORDKIT_SUBWORDS, else "
    "./subwords.safetensors, else none.",
)  # fmt: skip
@wordnet_option
@number_option
@json_option
def command(words: tuple[str, ...], number: int, as_json: bool, **files: str | None) -> None:
    """Compare the neighbours of each WORD by thesaurus, counting, inference, GloVe and subwords.

    The thesaurus gives WordNet's synonyms, sense by sense. The others give the words with the
    nearest vectors, with their cosines: those of train-counts and of train-w2v, and where there are
    such files those of train-glove and of train-w2v with --subwords. Where there is no WordNet its
    column tells how to get it. (none) means no answer. Where none of the methods knows some words,
    the others are answered, and the status is 1.

    \b
    Examples:
      wordkit compare car
      wordkit compare function module -n 5
      wordkit compare car --counting counted.safetensors --json
      wordkit compare car --glove glove.safetensors -n 5
    """
    from wordkit.thesaurus import compare

    thesaurus = _thesaurus(files["wordnet"])
    vectors = {
        name: _vectors(find(default, files[name]), made_by)
        for name, (_, default, made_by) in _METHODS.items()
        if files[name] is not None or default.bundled or default_file(default)
    }
    asked = {_METHODS[name][0]: each for name, each in vectors.items()}
    found, refusal = ask_each(
        words, lambda word: compare(word, number, thesaurus=thesaurus, **asked)
    )
    for each in vectors.values():
        say_composed(each, found)
    for word in found:
        for name, each in vectors.items():
            if not each.composes(word):
                _tell_if_unknown(name, each.vocabulary.id, word)
        if thesaurus is not None:
            _tell_if_unknown("thesaurus", thesaurus.senses, word)
    if as_json and found:
        print_json({word: comparison._asdict() for word, comparison in found.items()})
    elif found:
        _print(found, titled=len(set(words)) > 1)
    if refusal is not None:
        raise refusal


def _print(found: Mapping[str, Comparison], *, titled: bool) -> None:
    """Print comparisons; several words get titles."""
    from wordkit.thesaurus import HOW_TO_GET_WORDNET

    missing = ("missing; install it:", *HOW_TO_GET_WORDNET)
    for number, (word, comparison) in enumerate(found.items()):
        if titled:
            click.echo(("\n" if number else "") + word)
        columns = {
            name: missing if answers is None else answers or ("(none)",)
            for name, answers in comparison._asdict().items()
            if answers is not None or name == "thesaurus"
        }
        _print_columns(columns, indent="  " if titled else "")


def _thesaurus(path: str | None) -> Thesaurus | None:
    """WordNet; None, and a line on standard error, where none is named and none is installed."""
    if path is None and default_wordnet() is None:
        say("thesaurus: no WordNet is installed")
        return None
    return load_wordnet(path)


def _vectors(path: str, made_by: str) -> Embeddings:
    """The vectors of a file, with a line on standard error if another command made it."""
    from wordkit.embeddings import load_embeddings

    vectors = load_embeddings(path)
    maker = vectors.metadata.get("made_by")
    if maker != made_by and (maker or made_by == _COUNTED):
        said = f"was made by {maker}, not" if maker else "does not say that it was made"
        say(f"warning: {path} {said} by {made_by}")
    return vectors


def _tell_if_unknown(method: str, ask: Callable[[str], object], word: str) -> None:
    """Print on standard error that a method lacks a word, with near spellings."""
    try:
        ask(word)
    except UnknownWordError as error:
        say(f"{method}: {error}")


def _print_columns(columns: Mapping[str, Answers], *, indent: str) -> None:
    """Print answers as columns under the names of their methods."""
    cells = [
        [(name, ""), *(_cells(answer) for answer in answers)] for name, answers in columns.items()
    ]
    rows = []
    for thesaurus, *others in zip_longest(*cells, fillvalue=("", "")):
        rows.append((indent + thesaurus[0], *(part for cell in others for part in cell)))
    print_table(rows, right=range(2, 2 * len(cells), 2))


def _cells(answer: tuple[str, float] | str) -> tuple[str, str]:
    return (answer, "") if isinstance(answer, str) else (answer[0], f"{answer[1]:.4f}")
