"""Readers of evaluation sets: word pairs with human scores, and analogy questions."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wordkit.errors import TextError
from wordkit.evaluation import AnalogySection, WordPair, WordPairs
from wordkit.storage import why_no_file
from wordkit.storage.compression import split_suffix
from wordkit.text.blocks import Line, numbered_lines_of
from wordkit_corpora.files import STANDARD_INPUT
from wordkit_corpora.plaintext import open_text

__all__ = ["find_sets", "read_analogies", "read_word_pairs"]

_MAX_LINE = 1 << 16  # characters
_VECTOR_ROW = re.compile(r"\S+(?: [-+]?[\d.]+(?:e[-+]?\d+)?){3,}", re.IGNORECASE)
_NO_PAIRS = "no list of word pairs; name the vectors first, and such a list as similarity"
_NO_QUESTIONS = (
    "no list of analogy questions; name the vectors first, and such questions as analogies"
)
_PAIR = "two words and a number, separated by tabs, commas or spaces"
_QUESTION = "four words, or a colon and the name of a section"


def read_word_pairs(path: str | os.PathLike[str], **reading: Any) -> WordPairs:
    """Read the word pairs of a file: two words and a score a line; further columns are ignored.

    Columns are separated by tabs, where a line has any, else by commas, else by white space.
    Lines that begin with ``#`` are comments, and the first line may name the columns.

    Args:
        path: the file, plain or compressed, a pipe, or ``-`` for standard input.
        reading: ``encoding`` and ``errors``, as for :func:`wordkit_corpora.open_text`.

    Raises:
        TextError: the file cannot be read, or a line is of another form; the message names it.
    """
    pairs: list[WordPair] = []
    for index, line in enumerate(_lines(path, _NO_PAIRS, reading)):
        _check_no_vector(line, _NO_PAIRS)
        pair = _pair(line.text)
        if pair is not None:
            pairs.append(pair)
        elif index > 0:  # the first line may be a heading
            raise TextError(_unexpected(line, _PAIR))
    if not pairs:
        raise TextError(f"{path} holds no word pairs; a line of them is {_PAIR}")
    name = "standard input" if path == STANDARD_INPUT else split_suffix(path)[0].stem
    return WordPairs(name, tuple(pairs))


def read_analogies(path: str | os.PathLike[str], **reading: Any) -> tuple[AnalogySection, ...]:
    """Read the sections of a file of analogy questions, as word2vec's ``questions-words.txt``.

    A line is ``: name``, which begins a section, or four words a, b, c, d: a is to b as c is to d;
    ``:name`` is a section too, unless it is the first of four words. Lines that begin with ``#``
    are comments.

    Args:
        path, reading: as for :func:`read_word_pairs`.

    Raises:
        TextError: the file cannot be read, or a line is of another form; the message names it.
    """
    sections: list[tuple[str, list[tuple[str, str, str, str]]]] = []
    for line in _lines(path, _NO_QUESTIONS, reading):
        words = line.text.split()
        if words[0] == ":" or (words[0].startswith(":") and len(words) != 4):
            sections.append((line.text[1:].strip(), []))
            continue
        if len(words) != 4 or not sections:
            _check_no_vector(line, _NO_QUESTIONS)
        if len(words) != 4:
            raise TextError(_unexpected(line, _QUESTION))
        if not sections:
            raise TextError(
                f"{line.source}, line {line.number}: a question stands before the first section; "
                "put a line such as ': capitals' before it"
            )
        a, b, c, d = words
        sections[-1][1].append((a, b, c, d))
    if not any(questions for _, questions in sections):
        raise TextError(f"{path} holds no questions; a line of it is {_QUESTION}")
    return tuple(AnalogySection(name, tuple(questions)) for name, questions in sections)


def _unexpected(line: Line, expected: str) -> str:
    return f"{line.source}, line {line.number}: expected {expected}, found {line.text[:60]!r}"


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


def _lines(path: str | os.PathLike[str], mistaken: str, reading: Any) -> Iterator[Line]:
    """The lines that are neither blank nor comments, stripped."""
    if not os.fspath(path) or os.path.isdir(path):
        raise TextError(f"cannot read {path}: {why_no_file(path)}")
    number, text = 0, open_text(os.fspath(path), **reading)
    try:
        for line, file, number in numbered_lines_of(text):
            if len(line) > _MAX_LINE:
                raise TextError(
                    f"{file}, line {number} is longer than {_MAX_LINE} characters: it is {mistaken}"
                )
            if (stripped := line.strip()) and not stripped.startswith("#"):
                yield Line(stripped, file, number)
    except TextError as error:
        if number:
            raise
        raise TextError(f"{error}; or it is {mistaken}") from error


def _check_no_vector(line: Line, mistaken: str) -> None:
    if _VECTOR_ROW.fullmatch(line.text):
        raise TextError(
            f"{line.source}, line {line.number} is a word with its vector: it is {mistaken}"
        )


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
