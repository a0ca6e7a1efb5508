"""A WordNet of a few words, in the format of wndb(5WN), that tests write themselves."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Synset(NamedTuple):
    """One synset: words with underscores, and the first words of what it points to."""

    kind: str  # n, v, a, s (satellite) or r
    lexname: int  # number of the lexicographer file
    words: str
    pointers: str  # symbol and first word, in turns
    gloss: str


SYNSETS = (
    Synset("n", 3, "thing", "", "what there is"),
    Synset("n", 6, "tool implement", "@ thing", 'what work is done with; "a tool of the trade"'),
    Synset("n", 6, "vehicle", "@ thing", "what carries"),
    Synset("n", 6, "car auto motor_car", "@ vehicle", 'it has a motor; "a fast car"; "by car"'),
    Synset("n", 6, "wagon car", "@ vehicle", "it is pulled"),
    Synset("n", 6, "snow_plough", "@ tool @ vehicle", "it clears roads"),
    Synset("n", 5, "ox", "@ thing", "it pulls wagons"),
    Synset("n", 18, "Herbie", "@i car", "a car of a film"),
    Synset("v", 38, "move go", "", "change place"),
    Synset("v", 38, "drive", "@ move", "go by car"),
    Synset("v", 31, "think", "", "use the mind"),
    Synset("v", 35, "auto", "@ drive", "go by auto"),
    Synset("a", 0, "quick", "& fast", "of much speed"),
    Synset("s", 0, "fast speedy", "& quick", 'quick; "fast cars"'),
    Synset("r", 2, "quickly", "", "with much speed"),
)
SUFFIXES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
EXCEPTIONS = {"noun": "oxen ox\n", "verb": "gone go\nwent go\n", "adj": "", "adv": ""}
HEADER = "  1 Written by the tests of wordkit.  \n"


def write_wordnet(folder: Path) -> Path:
    """Write the files of the WordNet, without lexnames as Debian has it; return the folder."""
    folder.mkdir(parents=True)
    places = {}
    for letter in SUFFIXES:
        place = len(HEADER)
        for synset in _of(letter):
            places[letter, synset.words.split()[0]] = place
            place += len(_line(synset, 0, defaultdict(int)))
    for letter, suffix in SUFFIXES.items():
        data, senses = [HEADER], defaultdict(list)
        for synset in _of(letter):
            place = places[letter, synset.words.split()[0]]
            data.append(_line(synset, place, places))
            for word in synset.words.split():
                senses[word.lower()].append(place)
        index = [
            f"{lemma} {letter} {len(at)} 1 @ {len(at)} 0 {' '.join(f'{p:08}' for p in at)}  \n"
            for lemma, at in sorted(senses.items())
        ]
        (folder / f"data.{suffix}").write_text("".join(data))
        (folder / f"index.{suffix}").write_text(HEADER + "".join(index))
        (folder / f"{suffix}.exc").write_text(EXCEPTIONS[suffix])
    return folder


def pack_wordnet(folder: Path, archive: Path) -> Path:
    """Put the folder into an archive, as nltk.download leaves one; return the archive."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            file.write(path, f"wordnet/{path.name}")
    return archive


def _of(letter: str) -> Iterator[Synset]:
    """The synsets of a file."""
    return (synset for synset in SYNSETS if synset.kind.replace("s", "a") == letter)


def _line(synset: Synset, place: int, places: dict[tuple[str, str], int]) -> str:
    letter, words = synset.kind.replace("s", "a"), synset.words.split()
    pointers = synset.pointers.split()
    fields = [f"{place:08} {synset.lexname:02} {synset.kind} {len(words):02x}"]
    fields += [f"{word} 0" for word in words]
    fields.append(f"{len(pointers) // 2:03}")
    for symbol, target in zip(pointers[::2], pointers[1::2], strict=True):
        fields.append(f"{symbol} {places[letter, target]:08} {letter} 0000")
    if letter == "v":
        fields.append("01 + 02 00")
    return " ".join(fields) + f" | {synset.gloss}  \n"
