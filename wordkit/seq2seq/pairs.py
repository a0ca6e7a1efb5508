"""Pairs of texts: a source, and the target that is to be written from it.

A text is read as units: its letters, or its words. A word of a text that is written ``<eos>`` is
not the mark that ends a text: were it taken for that, targets would end where their texts go on.
It counts as an unknown word. One that is written ``<unk>`` is what it says, an unknown word that
whoever prepared the text left out. No letter can be taken for a mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from wordkit.errors import ConfigError, TextError, VocabularyError
from wordkit.text.blocks import TextSource, numbered_lines_of
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = [
    "Pair",
    "Unit",
    "check_unit",
    "hold_out",
    "joined",
    "pairs_of",
    "read_pairs",
    "units_of",
    "vocabulary_of",
]

Unit = Literal["char", "word"]
"""What a text is cut into."""

_SHOWN = 40  # letters of a line in a message


class Pair(NamedTuple):
    """Two texts that belong together."""

    source: str
    """What is given."""

    target: str
    """What is to be written from it."""


# --- reading ------------------------------------------------------------------------------------


def read_pairs(source: TextSource, separator: str = "\t") -> Iterator[Pair]:
    """The pairs of a text, one a line; an error names the file that its line stands in.

    Args:
        source: the text; read once, as the pairs are asked for.
        separator: what stands between source and target.

    Raises:
        ConfigError: the separator is empty, or holds a line break.
        TextError: as it goes on: the text cannot be read, a line is no pair, or none is.
    """
    _check_separator(separator)
    return _pairs(numbered_lines_of(source), source.name, separator)


def pairs_of(lines: Iterable[str], name: str, separator: str = "\t") -> Iterator[Pair]:
    """The pairs in lines that follow each other from the first of a text on.

    White space around a text is no part of it; lines of white space alone are passed over.

    Args:
        lines: all lines, blank ones too, so that they can be numbered from 1.
        name: of the text, for messages.
        separator: what stands between source and target.

    Raises:
        ConfigError: the separator is empty, or holds a line break.
        TextError: as it goes on: a line has no separator, has several, or has nothing on one
            side of it; at the end: there was no pair.
    """
    _check_separator(separator)
    return _pairs(((line, name, n) for n, line in enumerate(lines, 1)), name, separator)


def _check_separator(separator: str) -> None:
    if not separator or "\n" in separator or "\r" in separator:
        raise ConfigError(f"separator must be text without a line break, not {separator!r}")


def _pairs(lines: Iterable[tuple[str, str, int]], name: str, separator: str) -> Iterator[Pair]:
    """The pairs in lines, each with its file and number."""
    some = False
    for line, file, number in lines:
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split(separator)]
        if len(parts) != 2 or not all(parts):
            raise TextError(f"{file}: line {number}: {_fault(line, parts, separator)}")
        some = True
        yield Pair(*parts)
    if not some:
        raise TextError(f"{name} holds no pair; give a text with two texts in each line")


def _fault(line: str, parts: Sequence[str], separator: str) -> str:
    """What is wrong with a line that is no pair."""
    between = "a tab" if separator == "\t" else repr(separator)
    found = repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "…")
    expected = f"expected two texts with {between} between"
    if len(parts) == 1:
        return f"{expected}, found {found}; name the separator with --separator"
    if len(parts) > 2:
        return (
            f"{expected}, found {len(parts)} in {found}; "
            "name another separator with --separator, or take it out of the texts"
        )
    empty = "the first" if not parts[0] else "the second"
    return f"{expected}, but {empty} is empty in {found}; fill it in, or remove the line"


def hold_out(pairs: Iterable[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on and pairs to validate on, drawn at random; both keep their order.

    Sources are drawn, each with all its pairs: none that is validated on is trained on.

    Args:
        pairs: with at least 2 different sources.
        share: of the sources to validate on, above 0 and up to 0.5; one at least.
        seed: at least 0.

    Raises:
        ConfigError: the share or the seed is out of its range.
        TextError: there are fewer than 2 sources.
    """
    if not 0 < share <= 0.5:
        raise ConfigError(f"the share to hold out must be above 0 and up to 0.5, not {share}")
    if seed < 0:
        raise ConfigError(f"seed must be at least 0, not {seed}")
    pairs = list(pairs)
    sources = list(dict.fromkeys(pair.source for pair in pairs))
    N = len(sources)
    if N < 2:
        raise TextError(
            f"the text has pairs of {N} {'source' if N == 1 else 'sources'}, and those of one must "
            "be held out to validate on; give more pairs, or a text to validate on"
        )
    drawn = np.random.default_rng(seed).permutation(N)[: min(max(round(N * share), 1), N // 2)]
    held_out = {sources[n] for n in drawn.tolist()}
    sides: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in pairs:
        sides[pair.source in held_out].append(pair)
    return sides


# --- units --------------------------------------------------------------------------------------


def units_of(text: str, unit: Unit) -> list[str]:
    """The letters of a text (its code points, spaces too), or its words between white space.

    Raises:
        ConfigError: there is no such unit.
    """
    check_unit(unit)
    return list(text) if unit == "char" else text.split()


def joined(units: Iterable[str], unit: Unit) -> str:
    """The text of units: letters side by side, words with a space between.

    Raises:
        ConfigError: there is no such unit.
    """
    check_unit(unit)
    return ("" if unit == "char" else " ").join(units)


def check_unit(unit: str) -> None:
    """Check that there is such a unit.

    Raises:
        ConfigError: there is not.
    """
    if unit not in get_args(Unit):
        raise ConfigError(f"unit must be one of {', '.join(get_args(Unit))}, not {unit!r}")


def vocabulary_of(
    texts: Iterable[str], unit: Unit, *, min_count: int = 1, max_size: int | None = None
) -> Vocabulary:
    """The units of texts, most frequent first, with ``<unk>`` and with ``<eos>``, which ends each.

    Args:
        texts: of the training pairs alone, all sources or all targets.
        unit: what they are cut into.
        min_count: units seen less often count as ``<unk>``.
        max_size: at most so many units, ``<unk>`` and ``<eos>`` among them.

    Raises:
        ConfigError: there is no such unit, or a limit is too low.
        VocabularyError: no unit is left, or one is no valid Unicode.
    """
    check_unit(unit)
    counts: Counter[str] = Counter()
    ends = 0
    for text in texts:
        counts.update(text if unit == "char" else text.split())
        ends += 1
    if EOS in counts:  # a word of the text, not the mark
        counts[UNK] += counts.pop(EOS)
    most = max((n for name, n in counts.items() if name != UNK), default=0)
    if most < min_count:
        raise VocabularyError(
            f"no {'letter' if unit == 'char' else 'word'} is left: none is seen {min_count} times "
            f"(the most frequent: {most}); lower the minimum count or give more text"
        )
    counts[EOS] = ends
    return Vocabulary.from_counts(counts, min_count=min_count, max_size=max_size, unk=True)
