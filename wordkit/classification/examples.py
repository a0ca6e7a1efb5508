"""Labelled texts: what a classifier learns from, and is measured on."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

from wordkit.errors import ConfigError, TextError, WordkitWarning, counted, missing_hint
from wordkit.text.blocks import Line, TextSource, numbered_lines_of
from wordkit.text.lookup import Document

__all__ = ["LabelledText", "labelled_texts", "read_labelled_texts"]

_LABEL = re.compile(r"(?<!\S)__label__(\S*)")  # as fastText marks labels
_MARK = "__label__"
_SHOWN = 40  # characters of a line in a message
_MAX_FIELD = 1 << 24  # characters of a field of a table


class LabelledText(NamedTuple):
    """A text and what it is about."""

    labels: tuple[str, ...]
    """One or several."""

    text: Document
    """A string, or the list of its tokens."""


def read_labelled_texts(
    source: TextSource, *, separator: str | None = None, columns: Sequence[str | int] | None = None
) -> Iterator[LabelledText]:
    """Yield the labelled texts of a source; an error names the file and line.

    A line holds a label, a tab and a text; or, as fastText has it, a text in which each word that
    begins with ``__label__`` is a label. The first line tells which. Blank lines are skipped.

    Args:
        source: read once, as the texts are asked for.
        separator: what stands between label and text, or between columns; None: a tab, a comma
            with ``columns``.
        columns: the columns of the label and of the text in a table (CSV, whose fields may be
            quoted): names of its first line, or numbers from 1, with which there is no such line.

    Raises:
        ConfigError: the separator is of no use, or there are not two columns.
        TextError: during iteration: the source cannot be read, a line has no label or no text, or
            no line has one.
    """
    separator = ("\t" if columns is None else ",") if separator is None else separator
    if not separator or "\n" in separator or "\r" in separator:
        raise ConfigError(f"separator must be text without a line break, not {separator!r}")
    lines = numbered_lines_of(source)
    if columns is None:
        return _of_lines(lines, source.name, separator)
    if isinstance(columns, str) or len(columns) != 2:
        raise ConfigError(
            f"columns must be that of the label and that of the text, not {columns!r:.50}"
        )
    names = [str(column).strip() for column in columns]
    if all(name.isdecimal() for name in names) and min(map(int, names)) < 1:
        raise ConfigError(f"columns have numbers from 1 up, not {', '.join(names)}")
    if len(separator) != 1:
        raise ConfigError(f"the separator of columns must be one character, not {separator!r}")
    return _of_columns(lines, source.name, separator, names)


def labelled_texts(
    texts: Iterable[Document], labels: Iterable[str | Iterable[str]]
) -> list[LabelledText]:
    """Return texts with their labels.

    Args:
        texts: strings, or lists of tokens.
        labels: of each text a string, or several strings.

    Raises:
        ConfigError: there are not as many labels as texts, or one is no string.
    """
    listed = [texts] if isinstance(texts, str) else list(texts)
    several = [labels] if isinstance(labels, str) else labels
    known = [_labels(n, given) for n, given in enumerate(several, 1)]
    if len(listed) != len(known):
        raise ConfigError(f"{len(listed)} texts need as many labels, not {len(known)}")
    return [LabelledText(*pair) for pair in zip(known, listed, strict=True)]


def _labels(number: int, given: str | Iterable[str]) -> tuple[str, ...]:
    several = isinstance(given, Iterable) and not isinstance(given, str | bytes)
    labels = tuple(given) if several else (given,)
    if not labels or not all(isinstance(label, str) and label.strip() for label in labels):
        raise ConfigError(
            f"the label of text {number} must be a string, or several, not {given!r:.50}"
            f"{missing_hint(*labels)}"
        )
    return tuple(dict.fromkeys(" ".join(str(label).split()) for label in labels))


def _of_lines(
    lines: Generator[Line, None, None], name: str, separator: str
) -> Iterator[LabelledText]:
    marked: bool | None = None
    for line in lines:
        if not line.text.strip():
            continue
        if marked is None:
            marked = _MARK in line.text
        label, found, text = line.text.partition(separator)
        labels = tuple(dict.fromkeys(_LABEL.findall(line.text) if marked else [label.strip()]))
        if not all(labels) or not labels or not (marked or found):
            between = "a tab" if separator == "\t" else repr(separator)
            expected = f"a word {_MARK}…" if marked else f"a label, {between} and a text"
            raise _error(line, f"it has no label: expected {expected}", line.text)
        yield LabelledText(labels, _LABEL.sub("", line.text).strip() if marked else text.strip())
    if marked is None:
        raise TextError(f"{name} holds no text; give one with a label and a text in each line")


def _of_columns(
    lines: Generator[Line, None, None], name: str, separator: str, columns: Sequence[str]
) -> Iterator[LabelledText]:
    last = [Line("", name, 0)]

    def read() -> Iterator[str]:
        for line in lines:
            last[0] = line
            yield line.text + "\n"

    csv.field_size_limit(max(csv.field_size_limit(), _MAX_FIELD))  # of the process
    rows = csv.reader(read(), delimiter=separator, strict=True)
    numbered = all(column.isdecimal() for column in columns)
    places = [int(column) - 1 for column in columns] if numbered else []
    some = False
    try:
        for row in rows:
            if not any(field.strip() for field in row):
                continue
            if not places:
                places = [_place(column, row, last[0]) for column in columns]
                continue
            if max(places) >= len(row):
                fault = f"it has {counted(len(row), 'column')}, not {max(places) + 1}"
                raise _error(last[0], fault, separator.join(row))
            label, text = (row[place].strip() for place in places)
            if not label:
                raise _error(last[0], "its label is empty", separator.join(row))
            some = True
            yield LabelledText((" ".join(label.split()),), " ".join(text.split()))
    except csv.Error as error:
        raise _error(last[0], f"it is no CSV ({error})", last[0].text) from error
    if not some:
        below = "" if numbered else " below its first line"
        raise TextError(f"{name} holds no text{below}; give some")


def _place(column: str, header: Sequence[str], line: Line) -> int:
    names = [name.strip() for name in header]
    if column not in names:
        raise _error(line, f"it names no column {column!r}", ", ".join(names))
    return names.index(column)


def _error(line: Line, fault: str, text: str) -> TextError:
    shown = repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
    return TextError(
        f"{line.source}: line {line.number}: {fault}, found {shown}; mend or remove the line"
    )


def without_empty(texts: Iterable[LabelledText]) -> list[LabelledText]:
    """Return the texts that hold a character; a warning tells how many do not.

    Raises:
        TextError: none does.
    """
    listed = list(texts)
    kept = [each for each in listed if not _is_empty(each.text)]
    if not kept:
        raise TextError(f"all {len(listed):,} texts are empty; give some with words")
    if len(kept) < len(listed):
        empty = len(listed) - len(kept)
        number = "1 text is" if empty == 1 else f"{empty:,} texts are"
        warnings.warn(f"{number} empty, and left out", WordkitWarning, stacklevel=2)
    return kept


def _is_empty(text: Document) -> bool:
    return not text.strip() if isinstance(text, str) else isinstance(text, list) and not text
