"""Pairs of texts: a source, and the target that is to be written from it.

A text is read as units: its characters, its words, or pieces of words by byte-pair encoding, of
which none is unknown. A word of a text that is spelt ``<eos>`` is not the end mark, which would cut
targets short: it counts as unknown. One that is spelt ``<unk>`` is an unknown word that whoever
prepared the text left out. No character can be taken for a mark.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar, get_args

import numpy as np

from wordkit.config import check_number
from wordkit.errors import ConfigError, TextError, VocabularyError, WordkitWarning, counted
from wordkit.text.blocks import TextSource, numbered_lines_of
from wordkit.text.bpe import BytePairEncoding, not_learnt
from wordkit.text.detokenizer import Unit, detokenize
from wordkit.text.normalization import Normalization, normalized
from wordkit.text.vocabulary import EOS, UNK, Vocabulary

__all__ = [
    "Pair", "Unit", "check_unit", "fingerprint", "joined", "learn_pieces", "normalized_pairs",
    "read_pairs", "read_texts", "split_groups", "split_pairs", "units_of", "vocabulary_of",
]  # fmt: skip

T = TypeVar("T")

_PIECES, _MIN_PIECES = 8000, 258  # of bpe by default; at least: 256 bytes, <unk> and <eos>
_SHOWN = 40  # characters of a line in a message


class Pair(NamedTuple):
    """Two texts that belong together."""

    source: str
    """The input text."""

    target: str
    """The text to be written from it."""


# --- reading ------------------------------------------------------------------------------------


def read_pairs(source: TextSource, separator: str = "\t") -> Iterator[Pair]:
    """Yield the pairs of a text, one a line; an error names the file and line.

    White space around a text is stripped, and blank lines are skipped. Of columns separated by tabs
    the first two are read; how many lines have more is a warning.

    Args:
        source: the text; read once, as the pairs are asked for.
        separator: the text between source and target.

    Raises:
        ConfigError: the separator is empty, or holds a line break.
        TextError: during iteration: the text cannot be read, a line is no pair, or none is.
    """
    if not separator or "\n" in separator or "\r" in separator:
        raise ConfigError(f"separator must be text without a line break, not {separator!r}")
    return _pairs(source, separator)


def read_texts(source: TextSource) -> Iterator[Pair]:
    """Yield each line of a text as source and target, for autoencoders; blank ones are skipped.

    Raises:
        TextError: during iteration: the text cannot be read, or all of its lines are blank.
    """
    some = False
    for line, _, _ in numbered_lines_of(source):
        if text := line.strip():
            some = True
            yield Pair(text, text)
    if not some:
        raise TextError(f"{source.name} holds no text; give one with a text in each line")


def _pairs(source: TextSource, separator: str) -> Iterator[Pair]:
    some, longer = False, 0
    for line, file, number in numbered_lines_of(source):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split(separator)]
        if separator == "\t" and len(parts) > 2 and all(parts[:2]):  # as a source or licence
            parts, longer = parts[:2], longer + 1
        if len(parts) != 2 or not all(parts):
            raise TextError(f"{file}: line {number}: {_fault(line, parts, separator)}")
        some = True
        yield Pair(*parts)
    if not some:
        raise TextError(f"{source.name} holds no pair; give a text with two texts in each line")
    if longer:
        lines_have = "1 line has" if longer == 1 else f"{longer:,} lines have"
        fault = f"{lines_have} more than two columns; the further ones are left out"
        warnings.warn(f"{source.name}: {fault}", WordkitWarning, stacklevel=2)


def _fault(line: str, parts: Sequence[str], separator: str) -> str:
    between = "a tab" if separator == "\t" else repr(separator)
    found = repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "…")
    expected = f"expected two texts with {between} between"
    if len(parts) == 1:
        return f"{expected}, found {found}; name the separator that the lines have"
    if len(parts) > 2:
        return (
            f"{expected}, found {len(parts)} in {found}; "
            "name another separator, or take it out of the texts"
        )
    empty = "the first" if not parts[0] else "the second"
    return f"{expected}, but {empty} is empty in {found}; fill it in, or remove the line"


def normalized_pairs(pairs: Iterable[tuple[str, str]], form: Normalization) -> list[Pair]:
    """Return pairs with their texts in a normal form."""
    return [Pair(normalized(source, form), normalized(target, form)) for source, target in pairs]


def split_pairs(pairs: Iterable[Pair], fraction: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Return pairs to train on and pairs to validate on, drawn at random; both keep their order.

    Sources are drawn, each with all its pairs: none that is validated on is trained on.

    Args:
        pairs: with at least 2 different sources.
        fraction: of the sources to validate on, above 0 and at most 0.5; one at least.
        seed: at least 0.

    Raises:
        ConfigError: the fraction or the seed is out of range.
        TextError: there are fewer than 2 sources.
    """
    return split_groups(
        pairs, lambda pair: pair.source, fraction, seed, "source", "give more pairs"
    )


def split_groups(
    examples: Iterable[T], group: Callable[[T], str | tuple[str, ...]], fraction: float, seed: int,
    noun: str, remedy: str,
) -> tuple[list[T], list[T]]:  # fmt: skip
    """Return examples to train on and to validate on; those of a group are on one side.

    Args:
        examples: of two groups at least.
        group: returns the group of an example.
        fraction, seed: as for :func:`split_pairs`.
        noun: what a group is.
        remedy: what to do where there are too few.
    """
    check_number("hold_out", fraction, float, above=0, at_most=0.5)
    check_number("seed", seed, at_least=0)
    examples = list(examples)
    groups = list(dict.fromkeys(map(group, examples)))
    N = len(groups)
    if N < 2:
        raise TextError(
            f"the text has {counted(N, f'different {noun}')}, and one must be held out to validate "
            f"on; {remedy}, or give a text to validate on"
        )
    drawn = np.random.default_rng(seed).permutation(N)[: min(max(round(N * fraction), 1), N // 2)]
    held_out = {groups[n] for n in drawn.tolist()}
    sides: tuple[list[T], list[T]] = ([], [])
    for example in examples:
        sides[group(example) in held_out].append(example)
    return sides


# --- units --------------------------------------------------------------------------------------


def learn_pieces(texts: Iterable[Iterable[str]], max_size: int | None = None) -> BytePairEncoding:
    """Return pieces of words that are learnt from both sides of the training pairs together.

    Args:
        texts: the pairs, or dialogues, to train on.
        max_size: of each vocabulary, ``<unk>`` and ``<eos>`` among them; None: 8000.

    Raises:
        ConfigError: the size is too small, or the package tokenizers is not installed.
    """
    size = _PIECES if max_size is None else max_size
    if size < _MIN_PIECES:
        raise ConfigError(
            f"max_vocabulary must be at least {_MIN_PIECES} with the unit bpe: 256 bytes, {UNK} "
            f"and {EOS}, not {size}"
        )
    return BytePairEncoding.learn((text for group in texts for text in group), size - 2)


def units_of(text: str, unit: Unit, bpe: BytePairEncoding | None = None) -> list[str]:
    """Return the characters of a text (code points, spaces too), its words, or its pieces.

    Raises:
        ConfigError: there is no such unit.
    """
    check_unit(unit)
    if unit == "bpe":
        if bpe is None:
            raise not_learnt()
        return bpe.tokens(text)
    return list(text) if unit == "char" else text.split()


def joined(units: Iterable[str], unit: Unit) -> str:
    """Join units to a text: words with a space between, characters and pieces as they are.

    Raises:
        ConfigError: there is no such unit.
    """
    check_unit(unit)
    if unit == "bpe":
        return detokenize(units, unit)
    return ("" if unit == "char" else " ").join(units)


def check_unit(unit: str) -> None:
    """Raise a ConfigError if there is no such unit."""
    if unit not in get_args(Unit):
        raise ConfigError(f"unit must be one of {', '.join(get_args(Unit))}, not {unit!r}")


def vocabulary_of(
    texts: Iterable[str],
    unit: Unit,
    *,
    min_count: int = 1,
    max_size: int | None = None,
    bpe: BytePairEncoding | None = None,
) -> Vocabulary:
    """Return the units of texts, most frequent first, with ``<unk>`` and ``<eos>``.

    Args:
        texts: of the training pairs alone, all sources or all targets.
        unit: what they are cut into.
        min_count: units seen less often count as ``<unk>``.
        max_size: maximum number of units, ``<unk>`` and ``<eos>`` among them.
        bpe: the pieces of the unit ``bpe``, all of which are in the vocabulary.

    Raises:
        ConfigError: there is no such unit, or a limit is too low or has no effect.
        VocabularyError: no unit is left, or one is no valid Unicode.
    """
    check_unit(unit)
    counts: Counter[str] = Counter()
    ends = 0
    for text in texts:
        counts.update(text if unit == "char" else units_of(text, unit, bpe))
        ends += 1
    if bpe is not None:
        if min_count > 1:
            raise ConfigError("min_count has no effect with the unit bpe; leave it out")
        pieces = {piece: counts[piece] for piece in bpe.pieces}
        return Vocabulary.from_counts({EOS: ends, **pieces, UNK: 0})
    if EOS in counts:  # a word of the text, not the mark
        counts[UNK] += counts.pop(EOS)
    highest = max((n for name, n in counts.items() if name != UNK), default=0)
    if highest < min_count:
        raise VocabularyError(
            f"no {'character' if unit == 'char' else 'word'} is left: none is seen {min_count} "
            f"times (the most frequent: {highest}); lower the minimum count or give more text"
        )
    counts[EOS] = ends
    return Vocabulary.from_counts(counts, min_count=min_count, max_size=max_size, unk=True)


def fingerprint(pairs: Iterable[tuple[str, ...]]) -> str:
    """Return a digest of all texts, in hexadecimal digits."""
    digest = hashlib.sha256()
    for pair in pairs:  # as JSON, so that it is plain where each text ends
        digest.update(json.dumps(pair).encode())
    return digest.hexdigest()
