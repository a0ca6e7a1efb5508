"""Synonyms, hypernyms and similarities of words by WordNet.

WordNet (Miller, "WordNet: A Lexical Database for English", CACM 1995) puts words that mean the same
into one synset, and arranges the synsets of nouns and of verbs under more general ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wordkit.errors import ConfigError, VocabularyError
from wordkit.storage import atomic_write
from wordkit.text.spelling import near_spellings, unknown_word
from wordkit.thesaurus.database import FILES, PARTS_OF_SPEECH, Database, Sense, SynsetId
from wordkit.thesaurus.files import WordNetFiles, installed_wordnet, no_wordnet
from wordkit.thesaurus.taxonomy import MEASURES, Taxonomy

__all__ = ["Similarity", "Thesaurus", "load_thesaurus"]

_PARTS = dict(zip("nvar", PARTS_OF_SPEECH, strict=True))
_SENSE = re.compile(r"\S+\.[nvasr]\.0*[1-9]\d{0,3}")


@dataclass(frozen=True)
class Similarity:
    """The similarity of two words, which is that of their two most similar senses."""

    score: float
    """Higher is more similar; above 0 and up to 1, but for "lch"."""

    senses: tuple[Sense, Sense]
    """The sense of the first word and that of the second."""


class Thesaurus:
    """Synonyms, hypernyms and similarities of words.

    A word may be of several words ("ice cream"), in any capitals, or inflected: WordNet knows
    *cars* as *car*. It may also be the name of one sense: ``car.n.01``.

    Args:
        files: the WordNet to ask.

    Raises:
        FormatError: the files are corrupted.
        StorageError: one is missing, or cannot be read.
    """

    def __init__(self, files: WordNetFiles) -> None:
        self.path = files.path
        self._files = files
        self._database = Database(files)
        self._taxonomies = {part: Taxonomy(self._database, part) for part in "nv"}

    def __repr__(self) -> str:
        return f"Thesaurus(WordNet {self.version or 'of an unknown version'}, {str(self.path)!r})"

    @property
    def version(self) -> str | None:
        """The version of the WordNet, such as 3.0."""
        return self._database.version

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the files of the WordNet to a zip archive, which :func:`wordkit.load` reads.

        Raises:
            StorageError: a file cannot be read, or the archive cannot be written.
            FormatError: an archive that is read is corrupted.
        """
        from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

        with atomic_write(path) as temporary, ZipFile(temporary, "w") as archive:
            for name in FILES:
                archive.writestr(ZipInfo(f"wordnet/{name}"), self._files.read(name), ZIP_DEFLATED)

    def lemmas(self, word: str) -> tuple[str, ...]:
        """Return the forms of a word in WordNet, by part of speech; none where it has none."""
        for form in _spellings(word):
            found = (self._database.base_forms(form, part)[:1] for part in _PARTS)
            if lemmas := dict.fromkeys(lemma for forms in found for lemma in forms):
                return tuple(map(_with_spaces, lemmas))
        return ()

    def senses(self, word: str, part_of_speech: str | None = None) -> list[Sense]:
        """Return the senses of a word, by part of speech with the most frequent first.

        Raises:
            UnknownWordError: WordNet does not hold it; the error names near spellings.
            VocabularyError: it does not hold it as this part of speech.
            ConfigError: there is no such part of speech.
            FormatError: the files are corrupted.
        """
        parts = PARTS_OF_SPEECH if part_of_speech is None else (part_of_speech,)
        return [self._database.sense(synset) for synset in self._synsets(word, parts)]

    def synonyms(
        self, word: str, part_of_speech: str | None = None
    ) -> dict[Sense, tuple[str, ...]]:
        """Return the other words of each sense of a word; often none.

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
        """Return the paths from each sense of a noun or verb to a root, shortest first.

        A path begins with a hypernym of the sense. A root, such as ``entity.n.01``, has a single
        path, of no steps.

        Raises:
            As :meth:`senses`; adjectives and adverbs have no hypernyms.
        """
        found = {}
        for synset in self._taxonomic_synsets(word, part_of_speech):
            paths = [
                tuple(map(self._database.sense, path[1:]))
                for path in self._taxonomies[synset.part].paths(synset)
            ]
            paths.sort(key=lambda path: (len(path), [sense.name for sense in path]))
            found[self._database.sense(synset)] = paths
        return found

    def similarity(
        self, a: str, b: str, measure: str = "path", part_of_speech: str | None = None
    ) -> Similarity:
        """Return the similarity of two words in the taxonomy: the highest score of a sense of each.

        Nouns are compared with nouns and verbs with verbs.

        Args:
            a: a word, or the name of a sense.
            b: the other.
            measure: "path": 1 / (1 + steps of the shortest path); "wup": the depth of their lowest
                common hypernym compared with their own (Wu and Palmer 1994); "lch": -log of that
                path's length, in synsets, over twice the depth of the taxonomy (Leacock and
                Chodorow 1998). All as NLTK has them, so that verbs share one root.
            part_of_speech: compare only these senses.

        Raises:
            As :meth:`senses`, and VocabularyError where the two have no part of speech in common.
        """
        if measure not in MEASURES:
            raise ConfigError(f"measure must be one of {', '.join(MEASURES)}, not {measure!r}")
        firsts = self._taxonomic_synsets(a, part_of_speech)
        seconds = self._taxonomic_synsets(b, part_of_speech)
        best: tuple[float, SynsetId, SynsetId] | None = None
        for first in firsts:
            for second in seconds:
                if first.part == second.part:
                    score = MEASURES[measure](self._taxonomies[first.part], first, second)
                    if score is not None and (best is None or score > best[0]):
                        best = score, first, second
        if best is None:
            raise VocabularyError(
                f"WordNet has no sense of {a!r} and one of {b!r} under one root: nouns lie under "
                "another one than verbs"
            )
        score, first, second = best
        return Similarity(score, (self._database.sense(first), self._database.sense(second)))

    def _taxonomic_synsets(self, word: str, part_of_speech: str | None) -> list[SynsetId]:
        """Return the synsets of a word that have hypernyms, or are the root of those that have."""
        if part_of_speech in ("adjective", "adverb"):
            raise ConfigError(
                f"part_of_speech must be noun or verb, which have hypernyms, not {part_of_speech!r}"
            )
        return self._synsets(word, (part_of_speech,) if part_of_speech else ("noun", "verb"))

    def _synsets(self, word: str, parts: Sequence[str]) -> list[SynsetId]:
        """Return the synsets of a word that are of these parts of speech; at least one."""
        if not set(parts) <= set(PARTS_OF_SPEECH):
            raise ConfigError(
                f"part_of_speech must be one of {', '.join(PARTS_OF_SPEECH)}, not {parts[0]!r}"
            )
        found = self._all_synsets(word)
        chosen = [synset for synset in found if _PARTS[synset.part] in parts]
        if not chosen:
            known = dict.fromkeys(_PARTS[synset.part] for synset in found)
            raise VocabularyError(
                f"WordNet has {word!r} as {' and '.join(known)}, not as {' or '.join(parts)}"
            )
        return chosen

    def _all_synsets(self, word: str) -> list[SynsetId]:
        for form in _spellings(word):
            if found := self._database.synsets(form):
                return found
        form = next(_spellings(word))
        if _SENSE.fullmatch(form) and (synset := self._database.named_synset(form)):
            return [synset]
        ranks = {lemma: rank for rank, lemma in enumerate(self._database.lemmas())}
        raise unknown_word(word, map(_with_spaces, near_spellings(form, ranks)), place="WordNet")


def load_thesaurus(path: str | os.PathLike[str] | None = None) -> Thesaurus:
    """Load the thesaurus of a WordNet.

    Args:
        path: a folder of WordNet's files, or the zip of one; None: that of
            :func:`installed_wordnet`. Nothing is downloaded.

    Raises:
        StorageError: there is none, a file is missing or cannot be read.
        FormatError: it is no WordNet, or a corrupted one.
    """
    path = installed_wordnet() if path is None else path
    if path is None:
        raise no_wordnet()
    return Thesaurus(WordNetFiles(path))


def _with_spaces(lemma: str) -> str:
    return lemma.replace("_", " ")


def _spellings(word: str) -> Iterator[str]:
    """Yield the lemma to look for, then the same with hyphens and spaces exchanged."""
    lemma = "_".join(word.lower().split())
    yield lemma
    if "-" in lemma:
        yield lemma.replace("-", "_")
    if "_" in lemma:
        yield lemma.replace("_", "-")
