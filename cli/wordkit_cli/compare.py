"""wordkit compare: a word by thesaurus, counting and inference, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

import click

from wordkit.errors import VocabularyError, WordkitError
from wordkit_cli.models import find_counted_vectors, find_vectors
from wordkit_cli.options import json_option, number_option
from wordkit_cli.output import print_json, print_table
from wordkit_cli.progress import say
from wordkit_cli.wordnet import load_wordnet, wordnet_option

__all__ = ["command"]

Answers = Sequence[tuple[str, float]] | Sequence[str]
"""Near words: those of vectors with their cosines, those of the thesaurus without."""

Way = Callable[[str], Answers]
"""From a word to the words near to it."""

_COUNTED, _INFERRED = "wordkit train-counts", "wordkit train-w2v"

_MISSING = {
    "thesaurus": (
        "missing; install it:",
        "apt-get install wordnet-base",
        "or python -m nltk.downloader wordnet",
    ),
    "counting": ("missing; make it:", "wordkit train-counts TEXT", "  -o counts.safetensors"),
    "inference": ("missing; make it:", "wordkit train-w2v TEXT"),
}
"""What stands in the column of a way that cannot be asked."""


@click.command("compare")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.option(
    "--counting",
    metavar="FILE",
    help="Vectors by counting. Default: $WORDKIT_COUNTS, else ./counts.safetensors, else bundled.",
)
@click.option(
    "--inference",
    metavar="FILE",
    help="Vectors by word2vec. Default: those that a query would ask.",
)
@wordnet_option
@number_option
@json_option
def command(
    words: tuple[str, ...],
    counting: str | None,
    inference: str | None,
    wordnet: str | None,
    number: int,
    as_json: bool,
) -> None:
    """Three ways to the meaning of each WORD, side by side: thesaurus, counting, inference.

    The thesaurus gives WordNet's synonyms, sense by sense. The other two give the words with the
    nearest vectors, those of train-counts and those of train-w2v, with their cosines. The column
    of a way that is missing says how to get it.

    \b
    Examples:
      wordkit compare car
      wordkit compare function module -n 5
      wordkit compare car --counting counts.safetensors --inference w2v.safetensors --json
    """
    ways = _ways(wordnet, counting, inference, number)
    found = {word: _answers(ways, word) for word in words}
    if as_json:
        print_json(found)
        return
    for place, (word, answers) in enumerate(found.items()):
        if len(found) > 1:
            click.echo(("\n" if place else "") + word)
        _print_columns(
            {
                name: _MISSING[name] if way is None else answers[name] or ("(none)",)
                for name, way in ways.items()
            },
            indent="  " if len(found) > 1 else "",
        )


def _ways(
    wordnet: str | None, counting: str | None, inference: str | None, number: int
) -> dict[str, Way | None]:
    """The three ways by name; None for one that cannot be asked."""
    return {
        "thesaurus": _opened("thesaurus", lambda: _synonyms(wordnet, number)),
        "counting": _opened(
            "counting", lambda: _neighbours(find_counted_vectors(counting), _COUNTED, number)
        ),
        "inference": _opened(
            "inference",
            lambda: _neighbours(find_vectors(inference), _INFERRED, number),
        ),
    }


def _opened(name: str, open_way: Callable[[], Way]) -> Way | None:
    """A way that can be asked; None, and a line on standard error, where it cannot."""
    try:
        return open_way()
    except WordkitError as error:
        say(f"{name}: {error}")
        return None


def _synonyms(wordnet: str | None, number: int) -> Way:
    thesaurus = load_wordnet(wordnet)

    def ask(word: str) -> Sequence[str]:
        senses = thesaurus.synonyms(word).values()
        return list(dict.fromkeys(other for others in senses for other in others))[:number]

    return ask


def _neighbours(path: str, made_by: str, number: int) -> Way:
    """The nearest vectors of a file, with a line on standard error if another command made it."""
    from wordkit.embeddings import load_embeddings

    vectors = load_embeddings(path)
    maker = vectors.metadata.get("made_by")
    if maker != made_by and (maker or made_by == _COUNTED):
        said = f"was made by {maker}, not" if maker else "does not say that it was made"
        say(f"warning: {path} {said} by {made_by}")
    return lambda word: vectors.most_similar(word, n=number)


def _answers(ways: Mapping[str, Way | None], word: str) -> dict[str, Answers | None]:
    """What each way answers; None for one that is missing, or does not know the word.

    Raises:
        VocabularyError: no way has an answer.
    """
    answers: dict[str, Answers | None] = {}
    for name, way in ways.items():
        try:
            answers[name] = None if way is None else way(word)
        except WordkitError as error:
            say(f"{name}: {error}")
            answers[name] = None
    if all(answer is None for answer in answers.values()):
        raise VocabularyError(f"neither thesaurus nor counting nor inference tells of {word!r}")
    return answers


def _print_columns(columns: Mapping[str, Answers], *, indent: str) -> None:
    """Print answers side by side under the names of their ways."""
    cells = [
        [(name, ""), *(_cells(answer) for answer in answers)] for name, answers in columns.items()
    ]
    rows = []
    for thesaurus, counting, inference in zip_longest(*cells, fillvalue=("", "")):
        rows.append((indent + thesaurus[0], *counting, *inference))
    print_table(rows, right=(2, 4))


def _cells(answer: tuple[str, float] | str) -> tuple[str, str]:
    return (answer, "") if isinstance(answer, str) else (answer[0], f"{answer[1]:.4f}")
