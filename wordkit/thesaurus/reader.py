"""NLTK's reader of WordNet, over files that need not lie in NLTK's data folders.

It differs from NLTK's in what it costs, not in what it answers: the index is read where it is asked
for, and the depth of the taxonomy without making an object of every synset. With these two
overridden a reader is there in a tenth of the time, and so is the first Leacock–Chodorow
similarity. Where a release of NLTK calls neither, it does the work itself.

This module imports NLTK; it is imported where a thesaurus is loaded.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from typing import Any, NoReturn

from nltk.corpus.reader.wordnet import WordNetCorpusReader, WordNetError
from nltk.data import PathPointer

from wordkit.errors import FormatError
from wordkit.thesaurus.files import WordNetFiles

__all__ = ["WordNetReader"]

_SIGNS_OF_DAMAGE = (
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
    WordNetError,
)
"""What NLTK raises when the files hold something else than it expects."""

_LICENCE = re.compile(r"\A(?: .*\n)*")
_HYPERNYM = re.compile(r" @i? (\d{8}) \w 0000")  # of the synset; others are of one of its words
_DEEPEST = 256  # steps from a root; in WordNet 3.0 there are up to 19


@contextlib.contextmanager
def _damage_told(where: object) -> Iterator[None]:
    """Turn what NLTK raises on damaged files into a FormatError that names the place."""
    try:
        yield
    except _SIGNS_OF_DAMAGE as error:
        why = f" ({error})" if str(error) else ""
        raise FormatError(f"{where} is damaged{why}; install WordNet again") from error


class _Elsewhere(PathPointer):  # type: ignore[misc]
    """The root that NLTK wants a reader to have; the files are not opened by way of it."""

    def open(self, encoding: str | None = None) -> NoReturn:
        raise NotImplementedError

    def file_size(self) -> NoReturn:
        raise NotImplementedError

    def join(self, fileid: str) -> NoReturn:
        raise NotImplementedError


class WordNetReader(WordNetCorpusReader):  # type: ignore[misc]
    """NLTK's reader of WordNet.

    Args:
        files: what it reads.

    Raises:
        FormatError: they are damaged.
        StorageError: one is missing, or cannot be read.
    """

    def __init__(self, files: WordNetFiles) -> None:
        self._files = files
        self._version: str | None = None
        with warnings.catch_warnings(), _damage_told(files.path):
            warnings.simplefilter("ignore")  # NLTK warns that there is no other language
            super().__init__(_Elsewhere(), None)

    def open(self, file: str) -> io.TextIOWrapper:
        """A file as a text whose places are counted in bytes."""
        return io.TextIOWrapper(io.BytesIO(self._files.read(file)), encoding="utf-8")

    def get_version(self) -> str | None:
        """The version that the files name, such as 3.0; looked up once."""
        if self._version is None:
            with _damage_told(self._files.path / "data.adj"):
                self._version = super().get_version() or ""
        return self._version or None

    def map_wn(self, version: str = "wordnet") -> None:
        """Nothing: other languages would want a map to WordNet 3.0."""

    map_wn30 = map_wn  # what NLTK 3.8 calls it

    def _load_lemma_pos_offset_map(self) -> None:
        satellites = getattr(self, "satellite_offsets", None)  # older NLTK has none
        self._lemma_pos_offset_map = _Index(self._files, self._FILEMAP, satellites)

    def synset_from_pos_and_offset(self, pos: str, offset: int) -> Any:
        """The synset at a byte of the file of a part of speech.

        Raises:
            FormatError: there is none.
        """
        with _damage_told(f"{self._files.path}: the synset {offset} ({pos})"):
            if offset not in self._synset_offset_cache[pos]:
                data = self._data_file(pos)
                data.seek(offset)
                if data.read(9) != f"{offset:08} ":
                    raise ValueError("none begins there")
            return super().synset_from_pos_and_offset(pos, offset)

    def named_synset(self, name: str) -> Any | None:
        """The synset of a name such as ``car.n.01``; None where there is none."""
        try:
            return self.synset(name)
        except WordNetError:
            return None

    def hypernym_paths(self, synset: Any) -> list[list[Any]]:
        """The ways to a synset from a root, both included.

        Raises:
            FormatError: a synset above it is damaged, or they go round in a circle.
        """
        with _damage_told(self._files.path):
            paths: list[list[Any]] = synset.hypernym_paths()
            return paths

    def similarity(self, first: Any, second: Any, measure: str) -> float | None:
        """How near two synsets are by "path", "wup" or "lch"; None if there is no path.

        Raises:
            FormatError: a synset above them is damaged.
        """
        with _damage_told(self._files.path):
            score: float | None = getattr(first, f"{measure}_similarity")(second)
            return score

    def lemmas_by_senses(self) -> list[str]:
        """All lemmas, those with the most senses first, more or less: by their line's length."""
        return self._lemma_pos_offset_map.longest_lines_first()

    def _compute_max_depth(self, pos: str, simulate_root: bool = True) -> int:
        """The steps from the root to the deepest synset, from the pointers to hypernyms alone."""
        name = f"data.{self._FILEMAP[pos]}"
        with _damage_told(self._files.path / name):
            depth = _depth(self.open(name)) + int(simulate_root)
        # NLTK looks it up by both, older NLTK by the part of speech
        self._max_depth[pos, simulate_root] = self._max_depth[pos] = depth
        return depth


class _Index(Mapping[str, "dict[str, list[int]]"]):
    """Lemma → part of speech → the places of its synsets; a line is parsed when it is asked for.

    Args:
        files: of the WordNet.
        parts: the letters of the parts of speech with the suffixes of their index files.
        satellites: places of the satellites among the adjectives, which are filed as ``"s"`` too;
            None: all adjectives are.

    Raises:
        FormatError: a file is no index.
        StorageError: one is missing, or cannot be read.
    """

    def __init__(
        self, files: WordNetFiles, parts: Mapping[str, str], satellites: Set[int] | None
    ) -> None:
        self._path = files.path
        self._satellites = satellites
        self._lines: dict[str, dict[str, str]] = {}
        for letter, suffix in parts.items():
            name = f"index.{suffix}"
            content = files.read(name)
            with _damage_told(files.path / name):
                self._lines[suffix] = _lines_by_lemma(content.decode(), letter)

    def __contains__(self, lemma: object) -> bool:
        return any(lemma in lines for lines in self._lines.values())

    def __getitem__(self, lemma: str) -> dict[str, list[int]]:
        places = {}
        for suffix, lines in self._lines.items():
            if lemma in lines:
                with _damage_told(f"{self._path / f'index.{suffix}'}: the line of {lemma!r}"):
                    pos, places[pos] = _parse(lines[lemma])
        if not places:
            raise KeyError(lemma)
        if "a" in places:
            places["s"] = [
                place
                for place in places["a"]
                if self._satellites is None or place in self._satellites
            ]
        return places

    def __iter__(self) -> Iterator[str]:
        return iter({lemma: None for lines in self._lines.values() for lemma in lines})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def longest_lines_first(self) -> list[str]:
        """All lemmas, those with the longest lines first."""
        lengths: dict[str, int] = {}
        for lines in self._lines.values():
            for lemma, line in lines.items():
                lengths[lemma] = lengths.get(lemma, 0) + len(line)
        return sorted(lengths, key=lambda lemma: -lengths[lemma])


def _lines_by_lemma(text: str, letter: str) -> dict[str, str]:
    """The lines of an index under their lemmas; the licence above them begins with spaces.

    Raises:
        ValueError: it holds no line, or one that is none of an index of this part of speech.
    """
    body = _LICENCE.sub("", text, count=1).rstrip()
    lines = body.splitlines()
    if not lines:
        raise ValueError("it holds no words")
    part = f" {letter} "  # stands once in each line; to count them costs less than to parse them
    if body.count(part) != len(lines):
        wrong = next((line for line in lines if line.count(part) != 1), "")
        raise ValueError(f"{wrong[:40]!r} is no line of an index")
    _parse(lines[-1])  # where a cut shows
    return {line.partition(" ")[0]: line for line in lines}


def _parse(line: str) -> tuple[str, list[int]]:
    """The part of speech and the places of a line of an index, as wndb(5WN) describes it."""
    fields = line.split()
    synsets, pointers = int(fields[2]), int(fields[3])
    places = [int(field) for field in fields[6 + pointers :]]
    if not places or len(places) != synsets:
        raise ValueError(f"{len(places)} places for {synsets} synsets")
    return fields[1], places


def _depth(lines: Iterator[str]) -> int:
    """The steps from a root to the deepest of the synsets below it."""
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
        if depth > _DEEPEST:
            raise ValueError("hypernyms go round in a circle")
    return depth
