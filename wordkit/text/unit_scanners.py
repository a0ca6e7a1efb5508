"""Scanners of the tokenizers ``char`` and ``bpe``: blocks of text → ids, nothing left out.

They have the methods of :class:`wordkit.text.scanner.Scanner`. Each line end is the token
``<eos>``, also that of a blank line.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from wordkit.text.blocks import Block, not_utf8
from wordkit.text.bpe import BytePairEncoding
from wordkit.text.graphemes import graphemes, split_at_clusters
from wordkit.text.scanner import BlockIds, Scanner, WordTable
from wordkit.text.segmenter_process import SegmenterProcess
from wordkit.text.tokenizers import Tokenizer
from wordkit.text.vocabulary import EOS

__all__ = ["CharacterScanner", "PieceScanner", "block_text", "make_scanner"]

_CODE_POINTS = 0x110000
_NEWLINE = ord("\n")

_Ids = npt.NDArray[np.int32]


def make_scanner(
    tokenizer: Tokenizer, *, eos: bool, process: SegmenterProcess | None = None
) -> Scanner | CharacterScanner | PieceScanner:
    """Return a scanner by the rules of a tokenizer; ``bpe`` has learnt its pieces.

    Args:
        tokenizer: any.
        eos: make each line end the token ``<eos>``; ``char`` and ``bpe`` always do.
        process: segments in the place of the tokenizer.
    """
    if tokenizer.unit == "char":
        return CharacterScanner(tokenizer)
    if tokenizer.bpe is not None:
        return PieceScanner(tokenizer, tokenizer.bpe)
    return Scanner(tokenizer, eos=eos, process=process)


def block_text(block: Block, tokenizer: Tokenizer) -> str:
    r"""Return the text of a block as a tokenizer gets it, its lines ended by ``\n``.

    Raises:
        TextError: the bytes are not UTF-8.
    """
    try:
        text = block.data.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(block, error.start) from error
    return tokenizer.prepared(text.replace("\r\n", "\n"))


class CharacterScanner:
    """Turns blocks into ids of characters.

    Args:
        tokenizer: ``char``, with a normal form and a case.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.table = WordTable()
        self._eos = int(_add_words(self.table, [EOS])[0])
        self._points = np.full(_CODE_POINTS, -1, dtype=np.int32)  # ids of single code points
        self._points[_NEWLINE] = self._eos
        self._clusters = {"\n": self._eos}

    def scan(self, block: Block, position: int) -> BlockIds:
        """Scan a block, as :meth:`wordkit.text.scanner.Scanner.scan` does."""
        parts = [
            self._cluster_ids(part) if has_clusters else self._point_ids(part)
            for part, has_clusters in split_at_clusters(block_text(block, self.tokenizer))
        ]
        ids = np.concatenate([np.zeros(0, np.int32), *parts])
        self.table.count(ids, position)
        ends = np.flatnonzero(ids == self._eos) + 1
        return BlockIds(ids, ends.astype(np.int32))

    def _point_ids(self, text: str) -> _Ids:
        """Return the ids of a text in which each code point is a character."""
        is_ascii = text.isascii()
        data = text.encode("ascii" if is_ascii else "utf-32-le")
        points = np.frombuffer(data, dtype=np.uint8 if is_ascii else "<u4")
        ids: _Ids = self._points[points]
        if len(ids) and ids.min() < 0:
            new = np.unique(points[ids < 0])
            self._points[new] = _add_words(self.table, map(chr, new.tolist()))
            ids = self._points[points]
        return ids

    def _cluster_ids(self, text: str) -> _Ids:
        found = graphemes(text)
        new = [name for name in dict.fromkeys(found) if name not in self._clusters]
        self._clusters.update(zip(new, _add_words(self.table, new).tolist(), strict=True))
        return np.fromiter(map(self._clusters.__getitem__, found), np.int32, len(found))


class PieceScanner:
    """Turns blocks into ids of pieces.

    Args:
        tokenizer: ``bpe``, with pieces, a normal form and a case.
        bpe: its pieces.
    """

    def __init__(self, tokenizer: Tokenizer, bpe: BytePairEncoding) -> None:
        self.tokenizer, self._bpe = tokenizer, bpe
        self.table = WordTable()
        self._eos = int(_add_words(self.table, [*bpe.pieces, EOS])[-1])

    def scan(self, block: Block, position: int) -> BlockIds:
        """Scan a block, as :meth:`wordkit.text.scanner.Scanner.scan` does."""
        lines = block_text(block, self.tokenizer).split("\n")
        pieces, lengths = self._bpe.encode_batch(lines)
        ends = np.cumsum(lengths[:-1] + 1)  # after the line end; the last line goes on, or is empty
        ids = np.full(len(pieces) + len(ends), self._eos, dtype=np.int32)
        is_piece = np.ones(len(ids), dtype=bool)
        is_piece[ends - 1] = False
        ids[is_piece] = pieces
        self.table.count(ids, position)
        return BlockIds(ids, ends.astype(np.int32))


def _add_words(table: WordTable, words: Iterable[str]) -> _Ids:
    """Return the numbers of words in a table, which they join uncounted."""
    lines = "".join(f"{word}\n" for word in words).encode()
    zeros = np.zeros(lines.count(b"\n"), dtype=np.int64)
    return table.add(lines, 0, zeros, zeros)
