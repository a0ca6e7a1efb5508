"""Words by their senses: a thesaurus that asks WordNet by way of NLTK.

WordNet (Miller, "WordNet: A Lexical Database for English", CACM 1995) puts words that mean the same
into one synset, and arranges the synsets of nouns and of verbs under more general ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordkit.errors import ConfigError, UnknownWordError, VocabularyError
from wordkit.text.spelling import near_spellings
from wordkit.thesaurus.files import WordNetFiles, find_wordnet, no_wordnet

__all__ = [
    "MEASURES",
    "PARTS_OF_SPEECH",
    "Nearness",
    "Sense",
    "Thesaurus",
    "installed_wordnet",
    "load_thesaurus",
]

PARTS_OF_SPEECH = ("noun", "verb", "adjective", "adverb")
"""In the order in which senses are given."""

MEASURES = ("path", "wup", "lch")
"""Similarities by path length, by Wu and Palmer, and by Leacock and Chodorow."""

_LETTERS = dict(zip(PARTS_OF_SPEECH, "nvar", strict=True))
_NAMES = {letter: name for name, letter in _LETTERS.items()} | {"s": "adjective"}
_ARRANGED = ("noun", "verb")  # what has hypernyms
_SENSE = re.compile(r"\S+\.[nvasr]\.0*[1-9]\d{0,3}")


@dataclass(frozen=True)
class Sense:
    """One sense of a word: a synset of WordNet."""

    name: str
    """What NLTK calls it, such as ``car.n.01``."""

    part_of_speech: str
    """One of :data:`PARTS_OF_SPEECH`."""

    words: tuple[str, ...]
    """The words that have this sense, with spaces where WordNet writes underscores."""

    definition: str
    """What it means."""

    examples: tuple[str, ...]
    """Phrases that show it in use, often none."""


@dataclass(frozen=True)
class Nearness:
    """How near two words are, by their two nearest senses."""

    score: float
    """Higher is nearer; above 0 and up to 1, but for "lch"."""

    senses: tuple[Sense, Sense]
    """The sense of the first word and that of the second."""


class Thesaurus:
    """Synonyms, hypernyms and similarities of words.

    A word may be of several words ("ice cream"), in any capitals, or inflected: WordNet knows
    *cars* as *car*. It may also be the name of one sense: ``car.n.01``.

    Args:
        files: of the WordNet to ask.

    Raises:
        FormatError: they are damaged.
        StorageError: one is missing, or cannot be read.
    """

    def __init__(self, files: WordNetFiles) -> None:
        from wordkit.thesaurus.reader import WordNetReader

        self.path = files.path
        self._reader = WordNetReader(files)

    @property
    def version(self) -> str | None:
        """The version that the WordNet says it is, such as 3.0."""
        return self._reader.get_version()

    def lemmas(self, word: str) -> tuple[str, ...]:
        """The forms of a word that WordNet holds, by part of speech; none where it has none."""
        for form in _spellings(word):
            found = (self._reader.morphy(form, letter) for letter in _LETTERS.values())
            if lemmas := dict.fromkeys(lemma for lemma in found if lemma is not None):
                return tuple(map(_plain, lemmas))
        return ()

    def senses(self, word: str, part_of_speech: str | None = None) -> list[Sense]:
        """The senses of a word, by part of speech with the most frequent first.

        Raises:
            UnknownWordError: WordNet does not hold it; the error names near spellings.
            VocabularyError: not as this part of speech.
            ConfigError: there is no such part of speech.
            FormatError: the files are damaged.
        """
        return [_sense(synset) for synset in self._synsets(word, _chosen(part_of_speech))]

    def synonyms(
        self, word: str, part_of_speech: str | None = None
    ) -> dict[Sense, tuple[str, ...]]:
        """For each sense of a word the other words that have it; often none.

        Raises:
            As :meth:`senses`.
        """
        own = {word.casefold(), *self.lemmas(word)}
        return {
            sense: tuple(other for other in sense.words if other.casefold() not in own)
            for sense in self.senses(word, part_of_speech)
        }

    def hypernyms(
        self, word: str, part_of_speech: str | None = None
    ) -> dict[Sense, list[tuple[Sense, ...]]]:
        """For each sense of a noun or verb the ways up to a root, shortest first.

        A way begins with a hypernym of the sense. A root, such as ``entity.n.01``, has a single
        way, of no steps.

        Raises:
            As :meth:`senses`; adjectives and adverbs have no hypernyms.
        """
        ways = {}
        for synset in self._arranged_synsets(word, part_of_speech):
            paths = self._reader.hypernym_paths(synset)
            ups = [tuple(map(_sense, reversed(path[:-1]))) for path in paths]
            ways[_sense(synset)] = sorted(ups, key=lambda up: (len(up), [s.name for s in up]))
        return ways

    def similarity(
        self, a: str, b: str, measure: str = "path", part_of_speech: str | None = None
    ) -> Nearness:
        """How near two words are in the taxonomy: the highest score of a sense of each.

        Nouns are compared with nouns and verbs with verbs.

        Args:
            a: a word, or the name of a sense.
            b: the other.
            measure: "path": 1 / (1 + steps of the shortest path); "wup": how deep their lowest
                common hypernym lies beside themselves (Wu and Palmer 1994); "lch": -log of that
                path's length, in synsets, over twice the depth of the taxonomy (Leacock and
                Chodorow 1998). All as NLTK has them, so that verbs share one root.
            part_of_speech: compare only these senses.

        Raises:
            As :meth:`senses`, and VocabularyError where the two have no part of speech in common.
        """
        if measure not in MEASURES:
            raise ConfigError(f"measure must be one of {', '.join(MEASURES)}, not {measure!r}")
        firsts = self._arranged_synsets(a, part_of_speech)
        seconds = self._arranged_synsets(b, part_of_speech)
        best = None
        for first in firsts:
            for second in seconds:
                if first.pos() == second.pos():
                    score = self._reader.similarity(first, second, measure)
                    if score is not None and (best is None or score > best[0]):
                        best = score, first, second
        if best is None:
            raise VocabularyError(
                f"WordNet has no sense of {a!r} and one of {b!r} under one root: nouns lie under "
                "another one than verbs"
            )
        score, first, second = best
        return Nearness(float(score), (_sense(first), _sense(second)))

    def _arranged_synsets(self, word: str, part_of_speech: str | None) -> list[Any]:
        """The synsets of a word that have hypernyms, or are the root of those that have."""
        parts = [part for part in _chosen(part_of_speech) if part in _ARRANGED]
        if not parts:
            raise ConfigError(
                f"part_of_speech must be noun or verb, which have hypernyms, not {part_of_speech!r}"
            )
        return self._synsets(word, parts)

    def _synsets(self, word: str, parts: Sequence[str]) -> list[Any]:
        """The synsets of a word that are of these parts of speech; at least one."""
        found = self._all_synsets(word)
        chosen = [synset for synset in found if _NAMES[synset.pos()] in parts]
        if not chosen:
            known = dict.fromkeys(_NAMES[synset.pos()] for synset in found)
            raise VocabularyError(
                f"WordNet has {word!r} as {' and '.join(known)}, not as {' or '.join(parts)}"
            )
        return chosen

    def _all_synsets(self, word: str) -> list[Any]:
        for form in _spellings(word):
            if found := self._reader.synsets(form):
                return list(dict.fromkeys(found))
        form = _lemma(word)
        if _SENSE.fullmatch(form) and (synset := self._reader.named_synset(form)) is not None:
            return [synset]
        ranks = {lemma: rank for rank, lemma in enumerate(self._reader.lemmas_by_senses())}
        raise UnknownWordError(word, map(_plain, near_spellings(form, ranks)), place="WordNet")


def load_thesaurus(path: str | os.PathLike[str] | None = None) -> Thesaurus:
    """The thesaurus of a WordNet.

    Args:
        path: a folder of WordNet's files, or the zip of one; None: that of
            :func:`installed_wordnet`. Nothing is downloaded.

    Raises:
        StorageError: there is none, a file is missing or cannot be read.
        FormatError: it is no WordNet, or a damaged one.
    """
    path = installed_wordnet() if path is None else path
    if path is None:
        raise no_wordnet()
    return Thesaurus(WordNetFiles(path))


def installed_wordnet() -> Path | None:
    """The folder or zip of the WordNet that is installed; None: there is none.

    NLTK's own (in its data folders, unpacked or as ``nltk.download`` leaves it) goes before that of
    Debian's package ``wordnet-base``. Whether it is whole shows when it is loaded.
    """
    import nltk.data

    return find_wordnet(nltk.data.path)


def _chosen(part_of_speech: str | None) -> tuple[str, ...]:
    if part_of_speech is None:
        return PARTS_OF_SPEECH
    if part_of_speech not in PARTS_OF_SPEECH:
        raise ConfigError(
            f"part_of_speech must be one of {', '.join(PARTS_OF_SPEECH)}, not {part_of_speech!r}"
        )
    return (part_of_speech,)


def _sense(synset: Any) -> Sense:
    return Sense(
        synset.name(),
        _NAMES[synset.pos()],
        tuple(map(_plain, synset.lemma_names())),
        synset.definition(),
        tuple(synset.examples()),
    )


def _lemma(word: str) -> str:
    """A word as WordNet files it: in small letters, with underscores for spaces."""
    return "_".join(word.lower().split())


def _plain(lemma: str) -> str:
    return lemma.replace("_", " ")


def _spellings(word: str) -> Iterator[str]:
    """The lemma to look for, then the same with hyphens and spaces in each other's place."""
    lemma = _lemma(word)
    yield lemma
    if "-" in lemma:
        yield lemma.replace("-", "_")
    if "_" in lemma:
        yield lemma.replace("_", "-")
