"""Common parts of the commands that ask WordNet: its options, its files, printing senses."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit.errors import StorageError
from wordkit_cli.models import Found
from wordkit_cli.output import ask_each, print_json
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.thesaurus import Sense, Thesaurus

__all__ = [
    "answer_words", "default_wordnet", "load_wordnet", "note_lemmas", "part_of_speech_option",
    "wordnet_option",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

wordnet_option = click.option(
    "--wordnet", metavar="PATH",
    help="The folder or zip of a WordNet. Default: $WORDKIT_WORDNET, else NLTK's, else Debian's.",
)  # fmt: skip


def part_of_speech_option(*parts: str) -> Callable[[F], F]:
    """Return the option --pos, for a command that knows these."""
    return click.option(
        "--pos", type=click.Choice(parts), help="Only the senses of this part of speech."
    )


def load_wordnet(path: str | None) -> Thesaurus:
    """Load the WordNet to ask; a default is named on standard error.

    Raises:
        StorageError: there is none.
        FormatError: it is corrupted.
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
    """Return the default WordNet; None where there is none."""
    if named := os.environ.get("WORDKIT_WORDNET"):
        return Found(named, "$WORDKIT_WORDNET")
    from wordkit.thesaurus import installed_wordnet

    path = installed_wordnet()
    return None if path is None else Found(str(path), "this machine")


def note_lemmas(thesaurus: Thesaurus, word: str) -> None:
    """Print on standard error the lemmas of a word that is not one itself."""
    lemmas = thesaurus.lemmas(word)
    if lemmas and " ".join(word.lower().split()) not in lemmas:
        say(f"{word}: {', '.join(lemmas)}")


def answer_words(
    thesaurus: Thesaurus,
    words: Sequence[str],
    ask: Callable[[str], Mapping[Sense, T]],
    lines: Callable[[Sense, T], Sequence[str]],
    data: Callable[[T], dict[str, Any]] | None,
) -> None:
    """Print what is found for each of some words, for those that have it.

    Args:
        thesaurus: a WordNet.
        words: to ask about; several get titles.
        ask: from a word to its senses, with what was found for each.
        lines: of that, in print, with the sense's definition.
        data: of that, in JSON, beside the sense; None: print no JSON.

    Raises:
        VocabularyError: some word has no answer; those of the others are printed.
    """
    found, refusal = ask_each(words, ask)
    if found and data is not None:
        print_json(
            {
                word: [{**data(what), **_as_data(sense)} for sense, what in senses.items()]
                for word, senses in found.items()
            }
        )
    else:
        for number, (word, senses) in enumerate(found.items()):
            note_lemmas(thesaurus, word)
            titled = len(set(words)) > 1
            if titled:
                click.echo(("\n" if number else "") + word)
            entries = [(sense, lines(sense, what)) for sense, what in senses.items()]
            _print_senses(entries, indent="  " if titled else "")
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


def _print_senses(entries: Sequence[tuple[Sense, Sequence[str]]], *, indent: str) -> None:
    """Print senses, numbered: the part of speech beside the lines of each, which are wrapped."""
    width = max(len(sense.part_of_speech) for sense, _ in entries)
    digits = len(str(len(entries)))
    for number, (sense, lines) in enumerate(entries, 1):
        head = f"{indent}{number:>{digits}}  {sense.part_of_speech.ljust(width)}  "
        for line in lines:
            for part in _wrapped(line, len(head)):
                click.echo(head + part)
                head = " " * len(head)


def _wrapped(line: str, indent: int) -> list[str]:
    """A line wrapped to the terminal; unchanged where there is none."""
    if not sys.stdout.isatty():
        return [line]
    return textwrap.wrap(line, max(shutil.get_terminal_size().columns - indent, 20))
