"""WordNet's database files, as the manual pages wndb(5WN) and morphy(7WN) describe them.

A synset is identified by its part of speech, one character, and the byte offset of its line.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from wordkit.errors import FormatError
from wordkit.thesaurus.files import WordNetFiles, shortened

__all__ = ["FILES", "PARTS_OF_SPEECH", "Database", "Sense", "SynsetId", "as_format_error"]

PARTS_OF_SPEECH = ("noun", "verb", "adjective", "adverb")
"""Parts of speech, in the order of senses."""

_SUFFIXES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}  # of the files
_NAMES = dict(zip(_SUFFIXES, PARTS_OF_SPEECH, strict=True)) | {"s": "adjective"}

FILES = [
    name
    for suffix in _SUFFIXES.values()
    for name in (f"data.{suffix}", f"index.{suffix}", f"{suffix}.exc")
]
"""The files of a WordNet that are read."""

_ENDINGS = {
    "n": "s: ses:s ves:f xes:x zes:z ches:ch shes:sh men:man ies:y",
    "v": "s: ies:y es:e es: ed:e ed: ing:e ing:",
    "a": "er: est: er:e est:e",
    "r": "",
}
"""Endings of inflected words, each with the ending of the base form."""

_LICENCE = re.compile(r"\A(?: .*\n)*")
_VERSION = re.compile(rb"WordNet (\d+\+?|\d+\.\d+) Copyright", re.IGNORECASE)
_MARKER = re.compile(r"\([^()]*\)$")  # such as (p) for predicative, after an adjective
_EXAMPLE = re.compile(r'"([^"]*)"')
_HYPERNYM = re.compile(r" @i? (\d{8}) \w 0000")  # of the synset; others are of one of its words
_MAX_DEPTH = 256  # steps from a root; in WordNet 3.0 there are up to 19


class SynsetId(NamedTuple):
    """The part of speech of a synset (n, v, a or r) and the byte offset of its line."""

    part: str
    offset: int


@dataclass(frozen=True)
class Sense:
    """One sense of a word: a synset of WordNet."""

    name: str
    """The name that NLTK gives it (3.10; 3.8 numbers satellites otherwise): ``car.n.01``."""

    part_of_speech: str
    """One of :data:`PARTS_OF_SPEECH`."""

    words: tuple[str, ...]
    """The words that have this sense, with spaces where WordNet writes underscores."""

    definition: str
    """The definition in the gloss."""

    examples: tuple[str, ...]
    """Phrases that show it in use, often none."""


@contextlib.contextmanager
def as_format_error(name: object) -> Iterator[None]:
    """Turn the exceptions that corrupted files cause into a FormatError that names the file."""
    try:
        yield
    except (ValueError, LookupError, RecursionError) as error:
        reason = f" ({shortened(error)})" if str(error) else ""
        raise FormatError(f"{name} is corrupted{reason}; install WordNet again") from error


class Database:
    """The index, the exceptions and the synsets of a WordNet; synsets are read when asked for.

    Args:
        files: the files to read.

    Raises:
        FormatError: an index or a list of exceptions is corrupted.
        StorageError: a file is missing, or cannot be read.
    """

    def __init__(self, files: WordNetFiles) -> None:
        self._files = files
        self._index: dict[str, dict[str, str]] = {}  # part → lemma → line
        self._exceptions: dict[str, dict[str, list[str]]] = {}  # part → form → base forms
        self._data: dict[str, bytes] = {}
        self._synsets: dict[SynsetId, tuple[Sense, tuple[SynsetId, ...]]] = {}
        for part, suffix in _SUFFIXES.items():
            content, exceptions = files.read(f"index.{suffix}"), files.read(f"{suffix}.exc")
            with as_format_error(files.path / f"index.{suffix}"):
                self._index[part] = _lines_by_lemma(content.decode(), part)
            with as_format_error(files.path / f"{suffix}.exc"):
                rows = map(str.split, exceptions.decode().splitlines())
                self._exceptions[part] = {row[0]: row[1:] for row in rows}

    @cached_property
    def version(self) -> str | None:
        """The version that the files name, such as 3.0."""
        found = _VERSION.search(self._content("a"))
        return found[1].decode() if found else None

    def lemmas(self) -> list[str]:
        """Return all lemmas, those with the longest index lines, hence most senses, first."""
        lengths: dict[str, int] = defaultdict(int)
        for lines in self._index.values():
            for lemma, line in lines.items():
                lengths[lemma] += len(line)
        return sorted(lengths, key=lambda lemma: -lengths[lemma])

    def base_forms(self, form: str, part: str) -> list[str]:
        """Return the form and those that it may be inflected from, if they are lemmas."""
        bases = self._exceptions[part].get(form)
        if bases is None:
            rules = [rule.split(":") for rule in _ENDINGS[part].split()]
            bases = [form.removesuffix(end) + base for end, base in rules if form.endswith(end)]
        return [base for base in (form, *bases) if base in self._index[part]]

    def synsets(self, form: str) -> list[SynsetId]:
        """Return synsets of a form and its base forms by part of speech, most frequent first."""
        return list(
            dict.fromkeys(
                SynsetId(part, offset)
                for part in _SUFFIXES
                for lemma in self.base_forms(form, part)
                for offset in self._offsets(lemma, part)
            )
        )

    def named_synset(self, name: str) -> SynsetId | None:
        """Return the synset of a name such as ``car.n.01``, or None if there is none."""
        lemma, part, number = name.rsplit(".", 2)
        file = part.replace("s", "a")  # satellites are adjectives
        offsets = self._offsets(lemma, part) if lemma in self._index[file] else []
        return SynsetId(file, offsets[int(number) - 1]) if int(number) <= len(offsets) else None

    def sense(self, synset: SynsetId) -> Sense:
        """Read the content of a synset.

        Raises:
            FormatError: its line is corrupted, or no synset begins at the offset.
        """
        return self._read(synset)[0]

    def hypernyms(self, synset: SynsetId) -> tuple[SynsetId, ...]:
        """Return the synsets that a synset is a kind or an instance of.

        Raises:
            FormatError: as :meth:`sense`.
        """
        return self._read(synset)[1]

    def depth(self, part: str) -> int:
        """Return the steps from a root to the deepest synset of a part of speech."""
        content = self._content(part)
        with as_format_error(self._files.path / f"data.{_SUFFIXES[part]}"):
            return _depth(content.decode().splitlines())

    def _content(self, part: str) -> bytes:
        if part not in self._data:
            self._data[part] = self._files.read(f"data.{_SUFFIXES[part]}")
        return self._data[part]

    def _offsets(self, lemma: str, part: str) -> list[int]:
        """Return the offsets of a lemma's synsets; "s": of the satellites among its adjectives."""
        file = part.replace("s", "a")
        with as_format_error(
            f"{self._files.path / f'index.{_SUFFIXES[file]}'}: the line of {lemma!r}"
        ):
            offsets = _parse_offsets(self._index[file][lemma])
        if part == "s":
            content = self._content("a")
            return [o for o in offsets if content[o + 12 : o + 13] == b"s"]
        return offsets

    def _read(self, synset: SynsetId) -> tuple[Sense, tuple[SynsetId, ...]]:
        if synset not in self._synsets:
            part, offset = synset
            with as_format_error(f"{self._files.path}: the synset {offset} ({part})"):
                content = self._content(part)
                line = content[offset : content.index(b"\n", offset)].decode()
                if not line.startswith(f"{offset:08} "):
                    raise ValueError("no line begins at its offset")
                self._synsets[synset] = self._parse_synset(synset, line)
        return self._synsets[synset]

    def _parse_synset(self, synset: SynsetId, line: str) -> tuple[Sense, tuple[SynsetId, ...]]:
        columns, gloss = line.split("|")
        _, _, part, count, *fields = columns.split()
        if part.replace("s", "a") != synset.part:
            raise ValueError(f"its part of speech is {part!r}")
        words = [_MARKER.sub("", word) for word in fields[: 2 * int(count, 16) : 2]]
        n_pointers, *rest = fields[2 * int(count, 16) :]
        stop = 4 * int(n_pointers)
        if stop > len(rest):
            raise ValueError(f"it has fewer than {n_pointers[:20]} pointers")
        pointers = [rest[start : start + 4] for start in range(0, stop, 4)]
        hypernyms = tuple(
            SynsetId(target, int(offset))
            for symbol, offset, target, words_of in pointers
            if symbol in ("@", "@i") and words_of == "0000"
        )
        lemma = words[0].lower()
        number = self._offsets(lemma, part).index(synset.offset) + 1
        sense = Sense(
            f"{lemma}.{part}.{number:02}",
            _NAMES[part],
            tuple(word.replace("_", " ") for word in words),
            _EXAMPLE.sub("", gloss).strip("; "),
            tuple(_EXAMPLE.findall(gloss)),
        )
        return sense, hypernyms


def _lines_by_lemma(text: str, part: str) -> dict[str, str]:
    """Return the lines of an index by their lemmas; the licence above them begins with spaces."""
    body = _LICENCE.sub("", text, count=1).rstrip()
    lines = body.splitlines()
    if not lines:
        raise ValueError("it holds no words")
    field = f" {part} "  # occurs once in each line; counting is cheaper than parsing
    if body.count(field) != len(lines):
        wrong = next((line for line in lines if line.count(field) != 1), "")
        raise ValueError(f"{wrong[:40]!r} is no line of an index")
    _parse_offsets(lines[-1])  # a file that was cut short ends in a broken line
    return {line.partition(" ")[0]: line for line in lines}


def _parse_offsets(line: str) -> list[int]:
    fields = line.split()
    synsets, pointers = int(fields[2]), int(fields[3])
    offsets = [int(field) for field in fields[6 + pointers :]]
    if not offsets or len(offsets) != synsets:
        raise ValueError(f"{len(offsets)} offsets for {synsets} synsets")
    return offsets


def _depth(lines: list[str]) -> int:
    """Return the steps from a root to the deepest of the synsets below it."""
    hyponyms = defaultdict(list)
    level = set()
    for line in lines:
        if line[0] != " ":
            hypernyms = _HYPERNYM.findall(line.partition("|")[0])
            for hypernym in hypernyms:
                hyponyms[hypernym].append(line[:8])
            if not hypernyms:
                level.add(line[:8])
    depth = 0
    while level := {hyponym for synset in level for hyponym in hyponyms.get(synset, ())}:
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError("hypernyms go round in a circle")
    return depth
