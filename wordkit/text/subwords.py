"""Character n-grams of words, hashed to buckets as fastText does it.

N is the number of characters of several words, L of lengths of n-grams.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from wordkit.config import Settings, setting
from wordkit.errors import ConfigError

__all__ = ["MAX_BUCKETS", "MAX_NGRAM", "NGrams"]

MAX_NGRAM = 100
"""Maximum number of characters of an n-gram."""

MAX_BUCKETS = 2**31 - 1
"""fastText keeps the number of a bucket in 32 bits with a sign."""

_END_OF_LINE = "</s>"  # a word of fastText's files, without n-grams
_BLOCK_CHARACTERS = 1 << 20
_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)  # of FNV-1a


@dataclass(frozen=True)
class NGrams(Settings):
    """The n-grams of a word, of which subword vectors are kept (Bojanowski et al. 2017)."""

    min_n: int = setting(3, "Characters of the shortest n-grams.", at_least=1, at_most=MAX_NGRAM)
    max_n: int = setting(6, "Characters of the longest n-grams.", at_least=1, at_most=MAX_NGRAM)
    buckets: int = setting(
        2_000_000, "Buckets that n-grams are hashed to.", at_least=1, at_most=MAX_BUCKETS
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_n > self.max_n:
            raise ConfigError(
                f"n-grams of {self.min_n} to {self.max_n} characters: the shorter length comes "
                f"first, as in {self.max_n}-{self.min_n}"
            )

    @classmethod
    def parse(cls, lengths: str, buckets: int) -> NGrams:
        """Make n-grams of lengths as the command line has them: ``3-6``.

        Raises:
            ConfigError: it is no such range, or a number is out of its range.
        """
        found = re.fullmatch(r"(\d{1,9})-(\d{1,9})", lengths, re.ASCII)
        if found is None:
            raise ConfigError(
                "subwords must be the lengths of the shortest and the longest n-grams, as in 3-6, "
                f"not {lengths!r:.50}"
            )
        return cls(int(found[1]), int(found[2]), buckets)

    def buckets_of(
        self, words: Sequence[str]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return the bucket of each n-gram of words, in fastText's order.

        The n-grams are those of the word between ``<`` and ``>``, without these two themselves,
        each as often as it occurs. A bucket is the hash of an n-gram's UTF-8 bytes by FNV-1a
        (Fowler, Noll, Vo), in which bytes from 128 up count with their sign as 32 bits, modulo the
        number of buckets: the function of fastText's ``Dictionary::hash``. Its word ``</s>`` has no
        n-grams.

        Args:
            words: any words, of valid Unicode.

        Returns:
            The buckets of all words, and where those of each begin: the ones of word i are
            ``buckets[offsets[i]:offsets[i + 1]]``.
        """
        words = [words] if isinstance(words, str) else words
        parts, counts = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
        start, size = 0, 0
        for stop, word in enumerate(chain(words, [None])):
            if word is None or size > _BLOCK_CHARACTERS:
                found = self._block(words[start:stop])
                parts.append(found[0])
                counts.append(found[1])
                start, size = stop, 0
            size += len(word or "")
        return np.concatenate(parts), np.cumsum(np.concatenate(counts))

    def _block(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return the buckets of some words, and their number for each."""
        if not words:
            return np.zeros(0, np.int32), np.zeros(0, np.int64)
        text = "".join(f"<{word}>" for word in words)
        data = np.frombuffer(text.encode(errors="surrogatepass"), np.uint8)
        signed = data.view(np.int8).astype(np.int32).view(np.uint32)
        begins = np.flatnonzero(data & 0xC0 != 0x80)  # (N,): the first byte of each character
        sizes = np.diff(begins, append=len(data))
        lengths = np.array([len(word) + 2 for word in words])
        starts = np.cumsum(lengths) - lengths
        left = np.repeat(starts + lengths, lengths) - np.arange(len(begins))  # (N,): of the word
        left[np.repeat([word == _END_OF_LINE for word in words], lengths)] = 0
        is_bracket = np.zeros(len(begins), dtype=bool)
        is_bracket[starts] = is_bracket[starts + lengths - 1] = True
        longest = min(self.max_n, int(left.max()))
        table = np.full((len(begins), max(longest - self.min_n + 1, 0)), -1, np.int32)  # (N, L)
        hashes = np.full(len(begins), _BASIS)
        for n in range(1, longest + 1):
            firsts = np.flatnonzero(left >= n)
            lasts = firsts + n - 1
            for byte in range(int(sizes[lasts].max())):
                some = firsts[sizes[lasts] > byte]
                hashes[some] = (hashes[some] ^ signed[begins[some + n - 1] + byte]) * _PRIME
            if n >= self.min_n:
                kept = firsts[~is_bracket[firsts]] if n == 1 else firsts
                table[kept, n - self.min_n] = hashes[kept] % np.uint32(self.buckets)
        is_used = table >= 0
        return table[is_used], np.add.reduceat(np.count_nonzero(is_used, axis=1), starts)
