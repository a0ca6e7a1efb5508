"""The scanner: blocks of text → word ids, with the words counted on the way.

Each thread keeps a word table of its own and scans the blocks that come to it; at the end the
tables are merged and the ids, which are spooled to the disk, are renumbered. A line that the
kernel cannot do exactly (its lower case depends on the context, as for the Greek Σ) is handed to
the tokenizer's Python twin, and so is everything when the tokenizer is not one of the scanned. At
the first character that normalization may change, the rest of the block is normalized.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.errors import VocabularyError
from wordkit.kernels.aligned import aligned
from wordkit.text import kernels
from wordkit.text.blocks import Block, not_utf8
from wordkit.text.characters import (
    BYTE_ORDER_MARK,
    FOLDED,
    JOINERS,
    POINTS,
    decimal_digits,
    hard_characters,
    invisible_characters,
    lower_case,
    marks,
    unsettled_characters,
    word_characters,
)
from wordkit.text.normalization import Normalization
from wordkit.text.segmenter_process import SegmenterProcess
from wordkit.text.tokenizers import Tokenizer, get_tokenizer
from wordkit.text.vocabulary import EOS

__all__ = ["BlockIds", "Scanner", "WordTable"]

_NONE = np.zeros(0, dtype=np.int64)

_Ids: TypeAlias = npt.NDArray[np.int32]
_State: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BlockIds:
    """The ids of one block, in the numbering of the word table that scanned it."""

    ids: npt.NDArray[np.int32]
    """(n,) the tokens' words."""

    line_ends: npt.NDArray[np.int32]
    """(lines,) the number of tokens before each line end."""


class WordTable:
    """Words in a hash table, with counts and first appearances; see :mod:`wordkit.text.kernels`."""

    def __init__(self) -> None:
        self._rows = _rows(1 << 15)
        self._slots = np.zeros(1 << 16, dtype=np.uint64)
        self._blob = np.zeros(1 << 20, dtype=np.uint8)
        self.size = 0

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Occurrences of each word."""
        return self._rows[: self.size, kernels.COUNT]

    @property
    def firsts(self) -> npt.NDArray[np.int64]:
        """Position of each word's first occurrence."""
        return self._rows[: self.size, kernels.FIRST]

    def start(self, text_size: int) -> npt.NDArray[np.int64]:
        """Return a state for the kernels, with room for the words of ``text_size`` bytes."""
        used = self._rows[self.size, kernels.START]
        needed = used + 2 * text_size + 8  # lower case takes at most twice the bytes
        if needed > len(self._blob):
            before, self._blob = self._blob, np.zeros(max(needed, 2 * len(self._blob)), np.uint8)
            self._blob[: len(before)] = before
        state = np.zeros(kernels.CELLS, dtype=np.int64)
        state[kernels.WORDS] = self.size
        return state

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """The arrays as the kernels take them."""
        return self._slots, self._rows, self._blob

    def update(self, state: npt.NDArray[np.int64]) -> int:
        """Take over what a kernel added; grow where it asked for that; return its status."""
        self.size = int(state[kernels.WORDS])
        if state[kernels.STATUS] == kernels.FULL:
            before, self._rows = self._rows, _rows(2 * len(self._rows))
            self._rows[: len(before)] = before
            self._slots = np.zeros(2 * len(self._rows), dtype=np.uint64)
            kernels.fill_slots(self._slots, self._rows, self.size)
        return int(state[kernels.STATUS])

    def add(
        self,
        lines: bytes,
        position: int,
        counts: npt.NDArray[np.int64] = _NONE,
        firsts: npt.NDArray[np.int64] = _NONE,
    ) -> npt.NDArray[np.int32]:
        """Count ready-made words.

        Args:
            lines: valid UTF-8, each word ended by a line feed.
            position: the position of the first word in all text.
            counts, firsts: by word, where they are not 1 and the position of the word.

        Returns:
            The word's number in this table for each line.
        """
        data = np.frombuffer(lines, dtype=np.uint8)
        ids = np.empty(lines.count(b"\n"), dtype=np.int32)
        state = self.start(len(data))
        while True:
            kernels.add_words(data, counts, firsts, position, self.arrays, ids, state)
            if self.update(state) == kernels.DONE:
                return ids

    def count(self, ids: npt.NDArray[np.int32], position: int) -> None:
        """Count words that are in the table, by their numbers, the first one at a position."""
        seen = np.bincount(ids, minlength=self.size)
        words = np.flatnonzero(seen)
        first = np.zeros(self.size, dtype=np.int64)
        first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1)  # the last one written holds
        before, now = self.firsts[words], position + first[words]
        is_first = (self.counts[words] == 0) | (now < before)
        self.firsts[words] = np.where(is_first, now, before)
        self.counts[words] += seen[words]

    def lines(self, order: npt.NDArray[np.int64]) -> bytes:
        """Return the words in this order, each ended by a line feed."""
        out = np.empty(self._rows[self.size, kernels.START] + len(order), dtype=np.uint8)
        end = kernels.gather_words(self._rows, self._blob, order, out)
        return out[:end].tobytes()


def _rows(count: int) -> npt.NDArray[np.int64]:
    """Return rows of zeros of which none spans two cache lines."""
    return aligned(np.zeros, count, 2 * kernels.COLUMNS).view(np.int64)


class Scanner:
    """Turns blocks into ids by the rules of one tokenizer.

    Args:
        tokenizer: one of the scanned tokenizers, or any other.
        eos: make each line end the token ``<eos>``.
        process: segments in the place of the tokenizer.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, eos: bool = False, process: SegmenterProcess | None = None
    ) -> None:
        self.tokenizer, self._process = tokenizer, process
        # a segmented text is normalized already, and in its case
        basic = replace(get_tokenizer("basic", "none"), lowercase=False)
        self._rules = tokenizer if tokenizer.segment is None else basic
        if self._rules.scanned:
            character_table(self._rules, is_settled=False)  # before several threads want it
        self.table = WordTable()
        self._eos = -1
        if eos:
            self._eos = int(self.table.add(f"{EOS}\n".encode(), 0)[0])
            self.table.counts[self._eos] = 0
        self._ids = np.empty(0, dtype=np.int32)  # kept from block to block

    def scan(self, block: Block, position: int) -> BlockIds:
        """Scan a block, and return its ids.

        Args:
            block: the text.
            position: a number that rises from block to block by more than their tokens.

        Raises:
            TextError: the bytes are not UTF-8.
        """
        if self.tokenizer.segment is not None:
            block = self._segmented(block, self.tokenizer.segment)
        elif not self.tokenizer.scanned:
            return self._scan_in_python(block, position)
        line_ends = np.empty(block.data.count(b"\n"), dtype=np.int32)
        state = self._scan_lines(block, position, line_ends, self._start(block, 0))
        tokens, lines = int(state[kernels.TOKENS]), int(state[kernels.LINES])
        return BlockIds(self._ids[:tokens].copy(), line_ends[:lines])

    def _scan_lines(
        self, block: Block, position: int, line_ends: _Ids, state: _State, is_settled: bool = False
    ) -> _State:
        """Scan a block to its end, and return the state; its tokens lie in ``self._ids``.

        Args:
            block, position: as for :meth:`scan`.
            line_ends: takes the line ends of the block.
            state: that at the start.
            is_settled: whether the text is normalized already.
        """
        data = np.frombuffer(block.data, dtype=np.uint8)
        chars = character_table(self._rules, is_settled)
        symbols = self._rules.name != "words"
        size = settled_end = 0  # of the lines that were normalized last
        while True:
            out, table = (self._ids, line_ends), self.table.arrays
            kernels.scan(data, chars, symbols, self._eos, position, table, out, state)
            status = self.table.update(state)
            if status == kernels.DONE:
                return state
            if status == kernels.INVALID:
                raise not_utf8(block, int(state[kernels.POSITION]))
            if status == kernels.FULL:
                continue
            start = int(state[kernels.LINE_START])
            if status == kernels.HARD_LINE:
                end = _line_end(block.data, start)
                state = self._scan_hard_line(block, start, end, position, state)
            else:  # a line, or twice as much as last time where they lie close together
                size = 2 * size if start - settled_end <= size else 0
                end = settled_end = _line_end(block.data, start + size) + 1
                size = end - start
                text = self.tokenizer.prepared(_decoded(block, start, end))
                rest = replace(block, data=text.encode())
                state = self._scan_lines(
                    rest, position, line_ends, self._start(rest, 0, state), is_settled=True
                )
                state[kernels.LINE_TOKEN] = state[kernels.TOKENS]
            state = self._start(block, min(end, len(data)), state)

    def _start(self, block: Block, start: int, before: _State | None = None) -> _State:
        """Return the state for a scan of a block from a line's start on, with room for its ids."""
        state = self.table.start(len(block.data) - start)
        state[kernels.POSITION] = state[kernels.LINE_START] = start
        if before is not None:
            state[kernels.LINES] = before[kernels.LINES]
            state[kernels.TOKENS] = state[kernels.LINE_TOKEN] = before[kernels.LINE_TOKEN]
        missing = int(state[kernels.TOKENS]) + len(block.data) - start + 1 - len(self._ids)
        if missing > 0:
            self._ids = np.concatenate([self._ids, np.empty(missing, dtype=np.int32)])
        return state

    def _scan_hard_line(
        self, block: Block, start: int, end: int, position: int, state: _State
    ) -> _State:
        """Scan a line, without its line end, in Python; return the state after it."""
        tokens = int(state[kernels.LINE_TOKEN])
        found = self._add_tokens(self._rules(_decoded(block, start, end)), block, position + tokens)
        missing = tokens + len(found) - len(self._ids)
        if missing > 0:
            self._ids = np.concatenate([self._ids, np.empty(missing, dtype=np.int32)])
        self._ids[tokens : tokens + len(found)] = found
        state[kernels.LINE_TOKEN] = tokens + len(found)
        return state

    def _add_tokens(self, tokens: Any, block: Block, position: int) -> npt.NDArray[np.int32]:
        """Count the tokens that a Python tokenizer gave."""
        words = [token for token in tokens if token]
        if not words:
            return np.zeros(0, dtype=np.int32)
        joined = "\n".join(words) + "\n"
        if joined.count("\n") != len(words):
            raise VocabularyError(
                f"the tokenizer {self.tokenizer.name} made a token with a line break in "
                f"{block.source} near line {block.line}; tokens must lie within a line"
            )
        try:
            return self.table.add(joined.encode(), position)
        except UnicodeEncodeError as error:
            raise VocabularyError(
                f"the tokenizer {self.tokenizer.name} made a token that is not valid Unicode in "
                f"{block.source} near line {block.line}"
            ) from error

    def _scan_in_python(self, block: Block, position: int) -> BlockIds:
        lines = _decoded(block, 0, len(block.data)).split("\n")
        tokens: list[str] = []
        ends: list[int] = []
        for number, line in enumerate(lines):
            tokens.extend(token for token in self.tokenizer(line.removesuffix("\r")) if token)
            if number < len(lines) - 1:
                if self._eos >= 0:
                    tokens.append(EOS)
                ends.append(len(tokens))
        return BlockIds(self._add_tokens(tokens, block, position), np.array(ends, dtype=np.int32))

    def _segmented(self, block: Block, segment: Callable[[str], str]) -> Block:
        """Return a block with spaces between its words."""
        text = self.tokenizer.prepared(_decoded(block, 0, len(block.data)))
        found = None if self._process is None else self._process(text)
        return replace(block, data=(segment(text) if found is None else found).encode())


def _line_end(data: bytes, start: int) -> int:
    """Return the index of the first line feed from ``start`` on, else the size of the data."""
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end


def _decoded(block: Block, start: int, end: int) -> str:
    try:
        return block.data[start:end].decode()
    except UnicodeDecodeError as error:
        raise not_utf8(block, start + error.start) from error


def character_table(tokenizer: Tokenizer, is_settled: bool) -> npt.NDArray[np.int32]:
    """Return the table of characters of the scan kernel, by the rules of one tokenizer.

    Args:
        tokenizer: one of the scanned.
        is_settled: whether the text is normalized already.

    Returns:
        (0x110000,) int32: lower case << ``kernels.CLASS_BITS`` | class.
    """
    normalize = "none" if is_settled else tokenizer.normalize
    return _table(tokenizer.name != "whitespace", tokenizer.lowercase, normalize)


@cache
def _table(has_rules: bool, lowercase: bool, normalize: Normalization) -> npt.NDArray[np.int32]:
    classes = np.full(0x110000, kernels.WORD, dtype=np.uint8)
    lower = lower_case() if lowercase else np.arange(0x110000, dtype=np.int32)
    table = lower << kernels.CLASS_BITS
    if has_rules:
        classes[:] = kernels.SYMBOL
        np.putmask(classes, invisible_characters(), kernels.SPACE)
        np.putmask(classes, word_characters(), kernels.WORD)
        np.putmask(classes, decimal_digits(), kernels.DIGIT)
        np.putmask(classes, marks(), kernels.MARK)
        classes[list(map(ord, POINTS))] = kernels.POINT
        for character, written in {**{c: c for c in JOINERS}, **FOLDED}.items():
            classes[ord(character)] = kernels.JOINER
            table[ord(character)] = ord(written) << kernels.CLASS_BITS
    else:
        classes[list(map(ord, " \t\r\v\f"))] = kernels.SPACE
        classes[ord(BYTE_ORDER_MARK)] = kernels.HARD
    if has_rules or lowercase:
        np.putmask(classes, hard_characters(), kernels.HARD)
    np.putmask(classes, unsettled_characters(normalize), kernels.UNSETTLED)
    classes[ord("\n")] = kernels.NEWLINE
    table |= classes
    table.flags.writeable = False
    return table
