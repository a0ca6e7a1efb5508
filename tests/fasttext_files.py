"""fastText's model files, written by hand after its source, and what a word's vector should be."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Model", "buckets_of", "fnv"]

Floats = npt.NDArray[np.float32]


def fnv(data: bytes) -> int:
    """FNV-1a, but for bytes from 128 up, whose sign fills the upper 24 bits."""
    h = 2166136261
    for byte in data:
        h = (h ^ (byte | 0xFFFFFF00 if byte > 127 else byte)) * 16777619 % 2**32
    return h


def buckets_of(word: str, min_n: int, max_n: int, buckets: int) -> list[int]:
    """The buckets of a word's n-grams, character by character."""
    if word == "</s>":
        return []
    marked = f"<{word}>"
    spans = [
        (i, i + n)
        for i in range(len(marked))
        for n in range(max(min_n, 1), max_n + 1)
        if i + n <= len(marked) and not (n == 1 and i in (0, len(marked) - 1))
    ]
    return [fnv(marked[i:j].encode()) % buckets for i, j in spans]


@dataclass
class Model:
    """A model with random vectors."""

    words: Sequence[str] = ("</s>", "the", "naïve", "日本語", "then")
    labels: Sequence[str] = ()
    dim: int = 5
    lengths: tuple[int, int] = (2, 4)
    buckets: int = 50
    version: int = 12
    pruned: Mapping[int, int] | None = None
    """Which row each bucket that is left has."""

    quantized: tuple[int, bool] | None = None
    """Columns of a group of the product quantizer, and whether norms are quantized too."""

    quantized_output: bool = False
    settings: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(5)
        ngrams = self.buckets if self.pruned is None else len(self.pruned)
        rows = len(self.words) + ngrams
        self.output = random.normal(size=(len(self.labels or self.words), self.dim))
        if self.quantized is None:
            self.input = random.normal(size=(rows, self.dim)).astype(np.float32)
            self._input_bytes = _dense(self.input)
        else:
            self._input_bytes, self.input = _quantized(random, rows, self.dim, *self.quantized)

    def vector(self, word: str) -> Floats | None:
        """The mean of a word's rows; None: it has none."""
        V = len(self.words)
        found = buckets_of(word, *self.lengths, self.buckets)
        if self.pruned is not None:
            found = [self.pruned[bucket] for bucket in found if bucket in self.pruned]
        own = [self.words.index(word)] if word in self.words else []
        rows = own + [V + bucket for bucket in found]
        return self.input[rows].astype(np.float64).mean(axis=0) if rows else None

    def to_bytes(self) -> bytes:
        """The file."""
        known = {
            "dim": self.dim, "ws": 5, "epoch": 5, "minCount": 1, "neg": 5, "wordNgrams": 1,
            "loss": 3 if self.labels else 2, "model": 3 if self.labels else 2,
            "bucket": self.buckets, "minn": self.lengths[0], "maxn": self.lengths[1],
            "lrUpdateRate": 100, **self.settings,
        }  # fmt: skip
        V, L = len(self.words), len(self.labels)
        parts = [struct.pack("<2i", 793712314, self.version)]
        parts.append(struct.pack("<12id", *known.values(), 1e-4))
        parts.append(struct.pack("<3i", V + L, V, L))
        parts.append(struct.pack("<2q", 1000, -1 if self.pruned is None else len(self.pruned)))
        for i, word in enumerate([*self.words, *self.labels]):
            parts.append(word.encode() + b"\0" + struct.pack("<qb", 100 - i, i >= V))
        parts += [struct.pack("<2i", *pair) for pair in (self.pruned or {}).items()]
        parts.append(struct.pack("?", self.quantized is not None) + self._input_bytes)
        parts.append(struct.pack("?", self.quantized_output))
        if self.quantized_output and self.quantized is not None:
            random = np.random.default_rng(6)
            parts.append(_quantized(random, len(self.output), self.dim, 2, False)[0])
        else:
            parts.append(_dense(self.output))
        return b"".join(parts)


def _dense(matrix: npt.NDArray[np.floating]) -> bytes:
    return struct.pack("<2q", *matrix.shape) + matrix.astype("<f4").tobytes()


def _quantizer(random: np.random.Generator, dim: int, width: int) -> tuple[bytes, list[Floats]]:
    widths = [width] * (dim // width) + ([dim % width] if dim % width else [])
    groups = [random.normal(size=(256, w)).astype(np.float32) for w in widths]
    head = struct.pack("<4i", dim, len(widths), width, widths[-1])
    return head + b"".join(group.tobytes() for group in groups), groups


def _quantized(
    random: np.random.Generator, rows: int, dim: int, width: int, norms: bool
) -> tuple[bytes, Floats]:
    """The bytes of a quantized matrix, and the matrix."""
    quantizer, groups = _quantizer(random, dim, width)
    codes = random.integers(0, 256, (rows, len(groups)), dtype=np.uint8)
    matrix = np.empty((rows, dim), dtype=np.float32)
    for i, row in enumerate(codes):
        matrix[i] = np.concatenate([group[code] for group, code in zip(groups, row, strict=True)])
    data = struct.pack("<?2qi", norms, rows, dim, codes.size) + codes.tobytes() + quantizer
    if norms:
        quantizer, ((lengths),) = _quantizer(random, 1, 1)
        norm_codes = random.integers(0, 256, rows, dtype=np.uint8)
        matrix *= lengths[norm_codes]
        data += norm_codes.tobytes() + quantizer
    return data, matrix
