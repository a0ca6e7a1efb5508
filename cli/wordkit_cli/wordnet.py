"""What the commands that ask WordNet share: which one, its options, how senses are printed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.thesaurus import Sense, Thesaurus

__all__ = [
    "as_data",
    "load_wordnet",
    "note_lemmas",
    "part_of_speech_option",
    "print_senses",
    "wordnet_option",
]

F = TypeVar("F", bound=Callable[..., Any])

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
    named = os.environ.get("WORDKIT_WORDNET") or None if path is None else path
    with _without_scipy():
        from wordkit.thesaurus import load_thesaurus

        thesaurus = load_thesaurus(named)
    if path is None:
        version = f" {thesaurus.version}" if thesaurus.version else ""
        say(f"WordNet{version}: {thesaurus.path}{' ($WORDKIT_WORDNET)' if named else ''}")
    return thesaurus


@contextlib.contextmanager
def _without_scipy() -> Iterator[None]:
    """Keep NLTK from importing what it likes to have and no reader of WordNet needs.

    That is three quarters of the time of its import. The process has to be ours: some of NLTK's
    statistics and classifiers stay without SciPy and scikit-learn in it.
    """
    hidden = [name for name in ("scipy", "scipy.stats", "sklearn") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def note_lemmas(thesaurus: Thesaurus, word: str) -> None:
    """Say on standard error under which forms WordNet holds a word, if not as it is written."""
    lemmas = thesaurus.lemmas(word)
    if lemmas and " ".join(word.lower().split()) not in lemmas:
        say(f"{word}: {', '.join(lemmas)}")


def as_data(sense: Sense) -> dict[str, Any]:
    """A sense as JSON has it."""
    return {
        "sense": sense.name,
        "part_of_speech": sense.part_of_speech,
        "words": sense.words,
        "definition": sense.definition,
        "examples": sense.examples,
    }


def print_senses(entries: Sequence[tuple[Sense, Sequence[str]]], *, indent: str = "") -> None:
    """Print senses, numbered: the part of speech beside the lines of each, which are wrapped.

    Args:
        entries: each sense with its lines; its definition is to be among them.
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
