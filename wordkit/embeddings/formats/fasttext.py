"""fastText's model files (.bin), which are only read: words, n-grams, quantized or not.

After ``FastText::saveModel`` and what it calls, of fastText's public source. All numbers are little
endian and follow each other without gaps:

- the magic number and the version, the settings of ``Args``, twelve int32 and a double;
- the dictionary: the numbers of entries, words and labels as int32, of tokens and of pruned n-grams
  (−1: none were pruned) as int64; each entry as bytes, a zero, its count and its type; each pruned
  n-gram's bucket and the row that it has after those of the words;
- a flag whether the input matrix is quantized, then the matrix; the same of the output matrix.

A matrix is the numbers of its rows and columns as int64, then float32. A quantized one has a flag
whether norms are, the sizes, the number of codes, the codes, a product quantizer, and with norms
their codes and quantizer (Jégou, Douze and Schmid 2011).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.composition import Subwords
from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.format import DECODING, Format, ReadOptions, collect
from wordkit.embeddings.formats.source import Source
from wordkit.errors import ConfigError, FormatError
from wordkit.runtime import require_memory
from wordkit.text.subwords import MAX_NGRAM, NGrams

__all__ = ["FASTTEXT_BINARY"]

_MAGIC, _VERSIONS = 793712314, (11, 12)
_SETTINGS = ("dim", "ws", "epoch", "minCount", "neg", "wordNgrams", "loss", "model", "bucket",
             "minn", "maxn", "lrUpdateRate")  # fmt: skip
_SUPERVISED = 3  # of the setting "model"
_COUNT = struct.Struct("<qB")  # of an entry of the dictionary, and its type
_CENTROIDS = 256  # of a product quantizer: a code is a byte
_MIN_ENTRY_BYTES = 10
_ROWS = 1 << 14  # of codes that are decoded at a time


@dataclass(frozen=True)
class _Quantizer:
    """A product quantizer: the columns in groups, and 256 centroids for each."""

    groups: list[npt.NDArray[np.float32]]  # of shape (256, columns of the group)

    def decode(self, codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the rows of codes of shape (·, groups)."""
        return np.hstack([group[codes[:, i]] for i, group in enumerate(self.groups)])


@dataclass(frozen=True)
class _Quantized:
    """A quantized matrix."""

    codes: npt.NDArray[np.uint8]
    quantizer: _Quantizer
    norm_codes: npt.NDArray[np.uint8] | None
    norms: _Quantizer | None

    def dense(self) -> npt.NDArray[np.float32]:
        """Return the matrix as float32."""
        columns = sum(group.shape[1] for group in self.quantizer.groups)
        require_memory(
            f"{len(self.codes):,} quantized vectors need", 4 * len(self.codes) * columns,
            "take a larger machine, or a model with fewer of them",
        )  # fmt: skip
        matrix = np.empty((len(self.codes), columns), dtype=np.float32)
        for start in range(0, len(matrix), _ROWS):
            part = slice(start, start + _ROWS)
            matrix[part] = self.quantizer.decode(self.codes[part])
            if self.norms is not None and self.norm_codes is not None:
                with np.errstate(over="ignore", invalid="ignore"):  # found with the vectors' check
                    matrix[part] *= self.norms.decode(self.norm_codes[part][:, np.newaxis])
        return matrix


class _Reader:
    """Takes numbers from a file, each checked against what is left of it."""

    def __init__(self, source: Source) -> None:
        self._path = source.path
        self._pos = 0
        self._buffer: bytes | mmap.mmap
        if source.compression is None:
            with open(source.path, "rb") as file:
                self._buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        else:
            self._buffer = b"".join(iter(lambda: source.read(1 << 24), b""))

    def error(self, fault: str) -> FormatError:
        return FormatError(f"{self._path}: {fault}; copy or make the file again")

    def array(self, dtype: str, count: int, what: str) -> npt.NDArray[Any]:
        """Return the next numbers, as a view of the file."""
        size, left = count * np.dtype(dtype).itemsize, len(self._buffer) - self._pos
        if count < 0 or size > left:
            raise self.error(
                f"it is truncated, or corrupted: {what} at byte {self._pos} should be {count} "
                f"numbers of {np.dtype(dtype).itemsize} bytes, and {left} bytes follow"
            )
        values = (
            np.frombuffer(self._buffer, dtype, count, self._pos) if size else np.zeros(0, dtype)
        )
        self._pos += size
        return values

    def number(self, dtype: str, what: str) -> int:
        return int(self.array(dtype, 1, what)[0])

    def flag(self, what: str) -> bool:
        value = self.number("u1", what)
        if value > 1:
            raise self.error(f"it is corrupted: {what} at byte {self._pos - 1} is {value}, no flag")
        return bool(value)

    def entry(self) -> tuple[bytes, int, int]:
        """Return the next entry of the dictionary: its word, its count and its type."""
        end = self._buffer.find(b"\0", self._pos) + 1
        if not 0 < end <= len(self._buffer) - _COUNT.size:
            raise self.error(f"it is truncated: the entry at byte {self._pos} is not whole")
        word = self._buffer[self._pos : end - 1]
        self._pos = end + _COUNT.size
        return word, *_COUNT.unpack_from(self._buffer, end)

    def expect_entries(self, count: int, size: int, what: str) -> None:
        left = len(self._buffer) - self._pos
        if not 0 <= count * size <= left:
            raise self.error(
                f"it is truncated, or corrupted: {count} {what} are announced at byte "
                f"{self._pos}, and {left} bytes follow"
            )

    def expect_end(self) -> None:
        left = len(self._buffer) - self._pos
        if left:
            raise self.error(f"{left} bytes follow the end of the model at byte {self._pos}")


def _read(source: Source, options: ReadOptions) -> Embeddings:
    if options.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        raise ConfigError(
            f"encoding must be utf-8 for fastText's .bin, not {options.encoding!r}: n-grams are "
            "those of UTF-8"
        )
    reader = _Reader(source)
    settings = _read_settings(reader)
    words, counts, pruned = _read_dictionary(reader, options)
    D = int(settings["dim"])
    matrix = _read_matrix(reader, "the input matrix")
    rows = len(matrix.codes) if isinstance(matrix, _Quantized) else len(matrix)
    ngrams = _ngrams(reader, settings, rows - len(words), pruned)
    _read_matrix(reader, "the output matrix", may_be_quantized=isinstance(matrix, _Quantized))
    reader.expect_end()
    dense = matrix.dense() if isinstance(matrix, _Quantized) else matrix
    if dense.shape[1] != D:
        raise reader.error(f"it is corrupted: dim is {D}, and the vectors have {dense.shape[1]}")
    V = len(words) if options.limit is None else min(options.limit, len(words))
    subwords = None if ngrams is None else _subwords(ngrams, dense[len(words) :], pruned)
    texts = [_decoded(reader, word, options) for word in words[:V]]
    own = np.asarray(dense[:V], dtype=np.float32)
    vectors = np.array(own) if subwords is None else subwords.compose(texts, own)
    metadata = {"made_by": "fastText", "settings": settings}
    return collect(source, texts, vectors, counts=counts[:V], metadata=metadata, subwords=subwords)


def _read_settings(reader: _Reader) -> dict[str, int | float]:
    if reader.number("<i4", "the magic number") != _MAGIC:
        raise reader.error("it is no model of fastText, which begins with the number 793712314")
    version = reader.number("<i4", "the version")
    if version not in _VERSIONS:
        raise reader.error(
            f"it is of version {version} of fastText's format, and 11 and 12 can be read"
        )
    values = reader.array("<i4", len(_SETTINGS), "the settings").tolist()
    settings: dict[str, int | float] = dict(zip(_SETTINGS, values, strict=True))
    settings["t"] = float(reader.array("<f8", 1, "the settings")[0])
    if version == 11 and settings["model"] == _SUPERVISED:
        settings["maxn"] = 0  # such models had no n-grams of characters
    if settings["dim"] < 1:
        raise reader.error(f"it is corrupted: dim is {settings['dim']}")
    if not np.isfinite(settings["t"]):
        raise reader.error(f"it is corrupted: t is {settings['t']}")
    return settings


def _read_dictionary(
    reader: _Reader, options: ReadOptions
) -> tuple[list[bytes], npt.NDArray[np.int64], npt.NDArray[np.int32] | None]:
    """Return the words, their counts, and the bucket and row of each pruned n-gram that is left."""
    entries, words, labels = reader.array("<i4", 3, "the sizes of the dictionary").tolist()
    _, pruned = reader.array("<i8", 2, "the sizes of the dictionary").tolist()
    if words < 1 or labels < 0 or words + labels != entries:
        raise reader.error(
            f"it is corrupted, or has no words: of {entries} entries {words} are words and "
            f"{labels} labels"
        )
    reader.expect_entries(entries, _MIN_ENTRY_BYTES, "entries of the dictionary")
    found: list[bytes] = []
    counts = np.zeros(entries, dtype=np.int64)
    for i in range(entries):
        word, counts[i], kind = reader.entry()
        if kind != (i >= words):
            raise reader.error(f"it is corrupted: entry {i} of its dictionary is of another type")
        found.append(word)
    if counts.min() < 0:
        raise reader.error(f"it is corrupted: the count of a word is {counts.min()}")
    if pruned < 0:
        return found[:words], counts[:words], None
    reader.expect_entries(pruned, 8, "n-grams")
    pairs = reader.array("<i4", 2 * pruned, "the n-grams").reshape(-1, 2)
    return found[:words], counts[:words], pairs


def _read_matrix(
    reader: _Reader, what: str, *, may_be_quantized: bool = True
) -> npt.NDArray[np.float32] | _Quantized:
    is_quantized = reader.flag(what) and may_be_quantized
    has_norms = is_quantized and reader.flag(what)
    rows, columns = reader.array("<i8", 2, f"the size of {what}").tolist()
    if rows < 0 or columns < 1:
        raise reader.error(f"it is corrupted: {what} is of size {rows} x {columns}")
    if not is_quantized:
        reader.expect_entries(rows, 4 * columns, f"rows of {what}")
        matrix: npt.NDArray[np.float32] = reader.array("<f4", rows * columns, what)
        return matrix.reshape(rows, columns)
    size = reader.number("<i4", f"the codes of {what}")
    codes = reader.array("u1", size, f"the codes of {what}")
    quantizer = _read_quantizer(reader, what, columns)
    if size != rows * len(quantizer.groups):
        raise reader.error(f"it is corrupted: {what} has {size} codes for {rows} rows")
    codes = codes.reshape(rows, len(quantizer.groups))
    if not has_norms:
        return _Quantized(codes, quantizer, None, None)
    norm_codes = reader.array("u1", rows, f"the norms of {what}")
    return _Quantized(codes, quantizer, norm_codes, _read_quantizer(reader, what, 1))


def _read_quantizer(reader: _Reader, what: str, columns: int) -> _Quantizer:
    dim, groups, each, last = reader.array("<i4", 4, f"the quantizer of {what}").tolist()
    if dim != columns or min(groups, each, last) < 1 or (groups - 1) * each + last != dim:
        raise reader.error(
            f"it is corrupted: the quantizer of {what} has {groups} groups of {each} and {last} "
            f"columns for {columns}"
        )
    values = reader.array("<f4", _CENTROIDS * dim, f"the centroids of {what}")
    split = np.split(values, [_CENTROIDS * each * i for i in range(1, groups)])
    return _Quantizer([group.reshape(_CENTROIDS, -1) for group in split])


def _ngrams(
    reader: _Reader,
    settings: dict[str, int | float],
    rows: int,
    pruned: npt.NDArray[np.int32] | None,
) -> NGrams | None:
    """Return the n-grams of characters that have ``rows`` rows; None: there are none."""
    shortest, longest, buckets = (int(settings[name]) for name in ("minn", "maxn", "bucket"))
    expected = buckets if pruned is None else len(pruned)
    if rows != expected:
        raise reader.error(
            f"it is corrupted: {rows} rows follow those of the words, and there are {expected} "
            "buckets"
        )
    if pruned is not None and not (
        np.array_equal(np.sort(pruned[:, 1]), np.arange(rows))
        and len(np.unique(pruned[:, 0])) == rows
        and pruned[:, 0].min(initial=0) >= 0
        and pruned[:, 0].max(initial=0) < max(buckets, 1)
    ):
        raise reader.error("it is corrupted: two n-grams have the same row, or one has none")
    if longest < 1 or longest < shortest or not rows:
        return None
    if longest > MAX_NGRAM:
        raise reader.error(f"it is corrupted: its n-grams have up to {longest} characters")
    return NGrams(max(shortest, 1), longest, buckets)


def _subwords(
    ngrams: NGrams, matrix: npt.NDArray[np.float32], pruned: npt.NDArray[np.int32] | None
) -> Subwords:
    if pruned is None:
        return Subwords(ngrams, matrix)
    order = np.argsort(pruned[:, 0])
    return Subwords(ngrams, matrix[pruned[order, 1]], pruned[order, 0])


def _decoded(reader: _Reader, word: bytes, options: ReadOptions) -> str:
    try:
        return word.decode("utf-8", options.errors)
    except UnicodeError as error:
        raise reader.error(f"the word {word[:30]!r} is not utf-8; {DECODING}") from error


FASTTEXT_BINARY = Format(
    name="fasttext-binary",
    description="fastText's .bin: a model with its n-grams, quantized or not (read only)",
    suffixes=(),
    recognize=lambda head, _: head.startswith(_MAGIC.to_bytes(4, "little")),
    read=_read,
    write=None,
    check=lambda embeddings: None,
)
