"""What the commands that ask WordNet share: which one, its options, how senses are printed."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from wordkit.errors import StorageError
from wordkit_cli.models import Found
from wordkit_cli.output import print_json
from wordkit_cli.progress import say
from wordkit_cli.several_words import ask_each

if TYPE_CHECKING:
    from wordkit.thesaurus import Sense, Thesaurus

__all__ = [
    "SenseFormat",
    "answer_words",
    "default_wordnet",
    "load_wordnet",
    "note_lemmas",
    "part_of_speech_option",
    "wordnet_option",
]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

wordnet_option = click.option(
    "--wordnet",
    metavar="PATH",
    help="The folder or zip of a WordNet. Default: $WORDKIT_WORDNET, else NLTK's, else Debian's.",
)


def part_of_speech_option(*parts: str) -> Callable[[F], F]:
    """The option --pos, for a command that knows these."""
    return click.option(
        "--pos", type=click.Choice(parts), help="Only the senses of this part of speech."
    )


def load_wordnet(path: str | None) -> Thesaurus:
    """The WordNet to ask; where none is named, standard error says which.

    Raises:
        StorageError: there is none.
        FormatError: it is damaged.
    """
    from wordkit.thesaurus import load_thesaurus, no_wordnet

    found = default_wordnet() if path is None else None
    if path is None and found is None:
        raise StorageError(f"{no_wordnet()} with --wordnet or $WORDKIT_WORDNET")
    thesaurus = load_thesaurus(path if found is None else found.path)
    if found is not None:
        version = f" {thesaurus.version}" if thesaurus.version else ""
        origin = f" ({found.origin})" if found.origin.startswith("$") else ""
        say(f"WordNet{version}: {found.path}{origin}")
    return thesaurus


def default_wordnet() -> Found | None:
    """The WordNet that is asked where none is named; None: there is none."""
    if named := os.environ.get("WORDKIT_WORDNET"):
        return Found(named, "$WORDKIT_WORDNET")
    from wordkit.thesaurus import installed_wordnet

    path = installed_wordnet()
    return None if path is None else Found(str(path), "this machine")


def note_lemmas(thesaurus: Thesaurus, word: str) -> None:
    """Say on standard error under which forms WordNet holds a word, if not as it is written."""
    lemmas = thesaurus.lemmas(word)
    if lemmas and " ".join(word.lower().split()) not in lemmas:
        say(f"{word}: {', '.join(lemmas)}")


@dataclass(frozen=True)
class SenseFormat(Generic[T]):
    """How the answer about one sense is printed."""

    data: Callable[[T], dict[str, Any]]
    """What JSON has of it, beside the sense."""

    lines: Callable[[Sense, T], Sequence[str]]
    """What is printed of it otherwise, with the sense's definition."""


def answer_words(
    thesaurus: Thesaurus,
    words: Sequence[str],
    ask: Callable[[str], Mapping[Sense, T]],
    form: SenseFormat[T],
    *,
    as_json: bool,
) -> None:
    """Print what is found for each of some words, for those that have it.

    Args:
        thesaurus: what is asked.
        words: to ask about; several get titles.
        ask: from a word to its senses, with what was found for each.
        form: how that is printed.
        as_json: as one object by word.

    Raises:
        VocabularyError: some word has no answer; those of the others are printed.
    """
    found, refusal = ask_each(words, ask)
    if found and as_json:
        print_json(
            {
                word: [{**form.data(what), **_as_data(sense)} for sense, what in senses.items()]
                for word, senses in found.items()
            }
        )
    elif found:
        _print_entries(thesaurus, found, form.lines, titled=len(set(words)) > 1)
    if refusal is not None:
        raise refusal


def _as_data(sense: Sense) -> dict[str, Any]:
    """A sense as JSON has it."""
    return {
        "sense": sense.name,
        "part_of_speech": sense.part_of_speech,
        "words": sense.words,
        "definition": sense.definition,
        "examples": sense.examples,
    }


def _print_entries(
    thesaurus: Thesaurus,
    found: Mapping[str, Mapping[Sense, T]],
    lines: Callable[[Sense, T], Sequence[str]],
    *,
    titled: bool,
) -> None:
    for number, (word, senses) in enumerate(found.items()):
        note_lemmas(thesaurus, word)
        if titled:
            click.echo(("\n" if number else "") + word)
        entries = [(sense, lines(sense, what)) for sense, what in senses.items()]
        _print_senses(entries, indent="  " if titled else "")


def _print_senses(entries: Sequence[tuple[Sense, Sequence[str]]], *, indent: str) -> None:
    """Print senses, numbered: the part of speech beside the lines of each, which are wrapped.

    Args:
        entries: each sense with its lines.
        indent: what to put before each line.
    """
    width = max(len(sense.part_of_speech) for sense, _ in entries)
    digits = len(str(len(entries)))
    for number, (sense, lines) in enumerate(entries, 1):
        head = f"{indent}{number:>{digits}}  {sense.part_of_speech.ljust(width)}  "
        for line in lines:
            for part in _wrapped(line, len(head)):
                click.echo(head + part)
                head = " " * len(head)


def _wrapped(line: str, indent: int) -> list[str]:
    """A line in parts that fit on the terminal; where there is none it stays whole."""
    if not sys.stdout.isatty():
        return [line]
    return textwrap.wrap(line, max(shutil.get_terminal_size().columns - indent, 20))
