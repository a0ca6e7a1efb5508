"""Readers of evaluation sets: word pairs with human scores, and analogy questions."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from wordkit.errors import TextError
from wordkit.evaluation import AnalogySection, WordPair, WordPairs
from wordkit.storage import why_unreadable

__all__ = ["find_sets", "read_analogies", "read_word_pairs"]

_MAX_LINE_BYTES = 1 << 16
_HEAD_BYTES = 1 << 12  # looked at to tell text from what is none
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_VECTOR_ROW = re.compile(r"\S+(?: [-+]?[\d.]+(?:e[-+]?\d+)?){3,}", re.IGNORECASE)
_NO_PAIRS = "no list of word pairs; name the vectors first, and such a list as similarity"
_NO_QUESTIONS = (
    "no list of analogy questions; name the vectors first, and such questions as analogies"
)
_PAIR = "two words and a number, separated by tabs, commas or spaces"
_QUESTION = "four words, or a colon and the name of a section"


def read_word_pairs(path: str | os.PathLike[str]) -> WordPairs:
    """Read the word pairs of a file: two words and a score a line; further columns are ignored.

    Columns are separated by tabs, where a line has any, else by commas, else by white space.
    Lines that begin with ``#`` are comments, and the first line may name the columns.

    Raises:
        TextError: the file cannot be read, or a line is of another form; the message names it.
    """
    pairs: list[WordPair] = []
    for index, (number, line) in enumerate(_lines(path, _NO_PAIRS)):
        pair = _pair(line)
        if pair is not None:
            pairs.append(pair)
        elif index > 0:  # the first line may be a heading
            raise TextError(f"{path}, line {number}: expected {_PAIR}, found {line[:60]!r}")
    if not pairs:
        raise TextError(f"{path} holds no word pairs; a line of them is {_PAIR}")
    return WordPairs(Path(path).stem, tuple(pairs))


def read_analogies(path: str | os.PathLike[str]) -> tuple[AnalogySection, ...]:
    """Read the sections of a file of analogy questions, as word2vec's ``questions-words.txt``.

    A line is ``: name``, which begins a section, or four words a, b, c, d: a is to b as c is to d.
    Lines that begin with ``#`` are comments.

    Raises:
        TextError: the file cannot be read, or a line is of another form; the message names it.
    """
    sections: list[tuple[str, list[tuple[str, str, str, str]]]] = []
    for number, line in _lines(path, _NO_QUESTIONS):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        words = line.split()
        if len(words) != 4:
            raise TextError(f"{path}, line {number}: expected {_QUESTION}, found {line[:60]!r}")
        if not sections:
            raise TextError(
                f"{path}, line {number}: a question stands before the first section; "
                "put a line such as ': capitals' before it"
            )
        a, b, c, d = words
        sections[-1][1].append((a, b, c, d))
    if not any(questions for _, questions in sections):
        raise TextError(f"{path} holds no questions; a line of it is {_QUESTION}")
    return tuple(AnalogySection(name, tuple(questions)) for name, questions in sections)


def _pair(line: str) -> WordPair | None:
    columns = re.split(r"\t" if "\t" in line else "," if "," in line else r"\s+", line)
    if len(columns) < 3:
        return None
    a, b = columns[0].strip(), columns[1].strip()
    try:
        score = float(columns[2])
    except ValueError:
        return None
    return WordPair(a, b, score) if a and b and math.isfinite(score) else None


def _lines(path: str | os.PathLike[str], mistaken: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor comments, with their numbers."""
    number = 0
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
            if head.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise TextError(f"{path} is UTF-16; convert it to UTF-8")
            if _BINARY.search(head):
                raise TextError(f"{path} is not text: it is {mistaken}")
            file.seek(0)
            while data := file.readline(_MAX_LINE_BYTES + 1):
                number += 1
                if len(data) > _MAX_LINE_BYTES:
                    raise TextError(
                        f"{path}, line {number} is longer than {_MAX_LINE_BYTES} bytes: it is "
                        f"{mistaken}"
                    )
                line = data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if _VECTOR_ROW.fullmatch(line):
                    raise TextError(
                        f"{path}, line {number} is a word with its vector: it is {mistaken}"
                    )
                if line and not line.startswith("#"):
                    yield number, line
    except UnicodeDecodeError as error:
        raise TextError(
            f"{path}, line {number}: byte {error.start} of it is not UTF-8; convert the file"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise TextError(f"cannot read {path}: {why_unreadable(path, error)}") from error


def find_sets(data_dir: str | os.PathLike[str] | None = None) -> tuple[list[Path], list[Path]]:
    """Find the files of word pairs and of analogies in the user's folder of data.

    Args:
        data_dir: the folder, or one that holds a folder ``evaluation``; None: ``$WORDKIT_DATA``.

    Returns:
        The files whose names begin with ``EN-`` (word pairs), and those whose names begin with
        ``questions-`` (analogies), each in the order of their names.

    Raises:
        TextError: there is no such folder, or it holds neither.
    """
    named = data_dir if data_dir is not None else os.environ.get("WORDKIT_DATA")
    if not named:
        raise TextError(
            "no evaluation sets: name files as similarity and analogies, or a folder that "
            "holds them with data_dir or $WORDKIT_DATA"
        )
    for folder in (Path(named) / "evaluation", Path(named)):
        try:
            pairs = sorted(folder.glob("EN-*.txt"))
            questions = sorted(folder.glob("questions-*.txt"))
        except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
            reason = getattr(error, "strerror", None) or error
            raise TextError(f"cannot read {folder}: {reason}; check data_dir") from error
        if pairs or questions:
            return pairs, questions
    raise TextError(
        f"{named} holds no evaluation sets (EN-*.txt, questions-*.txt), nor does a folder "
        "evaluation in it; name files as similarity and analogies"
    )
