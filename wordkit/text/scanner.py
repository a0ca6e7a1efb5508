"""The scanner: blocks of text → word ids, with the words counted on the way.

Each thread keeps a word table of its own and scans the blocks that come to it; at the end the
tables are merged and the ids, which are spooled to the disk, are renumbered. A line that the
kernel cannot do exactly (its lower case depends on the context, as for the Greek Σ) is handed to
the tokenizer's Python twin, and so is everything when the tokenizer is not one of the scanned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import VocabularyError
from wordkit.text import kernels
from wordkit.text.blocks import Block, not_utf8
from wordkit.text.characters import (
    FOLDED,
    JOINERS,
    POINTS,
    decimal_digits,
    hard_characters,
    invisible_characters,
    lower_case,
    word_characters,
)
from wordkit.text.tokenizers import Tokenizer
from wordkit.text.vocabulary import EOS

__all__ = ["BlockIds", "Scanner", "WordTable"]

_NONE = np.zeros(0, dtype=np.int64)


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
        self._rows = np.zeros((1 << 15, kernels.COLUMNS), dtype=np.int64)
        self._hashes = np.zeros(1 << 15, dtype=np.uint64)
        self._slots = np.zeros(1 << 16, dtype=np.uint64)
        self._blob = np.zeros(1 << 20, dtype=np.uint8)
        self.size = 0
        self._used = 0

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
        needed = self._used + 2 * text_size + 8  # lower case takes at most twice the bytes
        if needed > len(self._blob):
            self._blob = _grown(self._blob, max(needed, 2 * len(self._blob)))
        state = np.zeros(kernels.CELLS, dtype=np.int64)
        state[kernels.WORDS], state[kernels.BLOB] = self.size, self._used
        return state

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """The arrays as the kernels take them."""
        return self._slots, self._rows, self._hashes, self._blob

    def update(self, state: npt.NDArray[np.int64]) -> int:
        """Take over what a kernel added; grow where it asked for that; return its status."""
        self.size, self._used = int(state[kernels.WORDS]), int(state[kernels.BLOB])
        if state[kernels.STATUS] == kernels.FULL:
            capacity = 2 * len(self._hashes)
            self._rows = _grown(self._rows, capacity)
            self._hashes = _grown(self._hashes, capacity)
            self._slots = np.zeros(2 * capacity, dtype=np.uint64)
            kernels.fill_slots(self._slots, self._hashes, self.size)
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

    def lines(self, order: npt.NDArray[np.int64]) -> bytes:
        """Return the words in this order, each ended by a line feed."""
        out = np.empty(self._used + len(order), dtype=np.uint8)
        end = kernels.gather_words(self._rows, self._blob, order, out)
        return out[:end].tobytes()


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    bigger = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    bigger[: len(array)] = array
    return bigger


class Scanner:
    """Turns blocks into ids by the rules of one tokenizer.

    Args:
        tokenizer: one of the scanned tokenizers, or any other.
        eos: make each line end the token ``<eos>``.
    """

    def __init__(self, tokenizer: Tokenizer, *, eos: bool = False) -> None:
        self.tokenizer = tokenizer
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
        if not self.tokenizer.scanned:
            return self._scan_in_python(block, position)
        data = np.frombuffer(block.data, dtype=np.uint8)
        if len(self._ids) <= len(data):
            self._ids = np.empty(len(data) + 1, dtype=np.int32)
        line_ends = np.empty(block.data.count(b"\n"), dtype=np.int32)
        chars = character_table(self.tokenizer.name)
        symbols = self.tokenizer.name != "words"
        state = self.table.start(len(data))
        while True:
            out, table = (self._ids, line_ends), self.table.arrays
            kernels.scan(data, chars, symbols, self._eos, position, table, out, state)
            status = self.table.update(state)
            if status == kernels.DONE:
                break
            if status == kernels.INVALID:
                raise not_utf8(block, int(state[kernels.POSITION]))
            if status == kernels.HARD_LINE:
                state = self._scan_hard_line(block, position, state)
        tokens, lines = int(state[kernels.TOKENS]), int(state[kernels.LINES])
        return BlockIds(self._ids[:tokens].copy(), line_ends[:lines])

    def _scan_hard_line(
        self, block: Block, position: int, state: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Scan the line at LINE_START in Python; return the state after it."""
        start, tokens = int(state[kernels.LINE_START]), int(state[kernels.LINE_TOKEN])
        end = block.data.find(b"\n", start)
        end = len(block.data) if end < 0 else end
        try:
            line = block.data[start:end].decode()
        except UnicodeDecodeError as error:
            raise not_utf8(block, start + error.start) from error
        found = self._add_tokens(self.tokenizer(line), block, position + tokens)
        missing = tokens + len(found) + len(block.data) - end + 1 - len(self._ids)
        if missing > 0:
            self._ids = np.concatenate([self._ids, np.empty(missing, dtype=np.int32)])
        self._ids[tokens : tokens + len(found)] = found
        after = self.table.start(len(block.data) - end)
        after[kernels.TOKENS] = after[kernels.LINE_TOKEN] = tokens + len(found)
        after[kernels.LINES] = state[kernels.LINES]
        after[kernels.POSITION] = after[kernels.LINE_START] = end  # the line feed, if any
        return after

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
        try:
            text = block.data.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(block, error.start) from error
        lines = text.split("\n")
        tokens: list[str] = []
        ends: list[int] = []
        for number, line in enumerate(lines):
            tokens.extend(token for token in self.tokenizer(line.removesuffix("\r")) if token)
            if number < len(lines) - 1:
                if self._eos >= 0:
                    tokens.append(EOS)
                ends.append(len(tokens))
        return BlockIds(self._add_tokens(tokens, block, position), np.array(ends, dtype=np.int32))


@cache
def character_table(name: str) -> npt.NDArray[np.int32]:
    """Return the table of characters of the scan kernel, by the rules of one tokenizer.

    Returns:
        (0x110000,) int32: lower case << 3 | class.
    """
    if name == "whitespace":
        table = np.arange(0x110000, dtype=np.int32) << 3 | kernels.WORD
        for blank in " \t\r\v\f":
            table[ord(blank)] = kernels.SPACE
    else:
        classes = np.full(0x110000, kernels.SYMBOL, dtype=np.int32)
        classes[invisible_characters()] = kernels.SPACE
        classes[word_characters()] = kernels.WORD
        classes[decimal_digits()] = kernels.DIGIT
        classes[hard_characters()] = kernels.HARD
        table = lower_case() << 3 | classes
        for character in POINTS:
            table[ord(character)] = ord(character) << 3 | kernels.POINT
        for character, written in {**{c: c for c in JOINERS}, **FOLDED}.items():
            table[ord(character)] = ord(written) << 3 | kernels.JOINER
    table[ord("\n")] = kernels.NEWLINE
    table.flags.writeable = False
    return table
