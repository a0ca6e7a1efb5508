"""Byte-pair encoding: pieces of words, learnt from a text; no text is unknown to them.

Sennrich, Haddow and Birch (2016), on bytes as in GPT-2 (Radford et al. 2019): a text is cut before
words, numbers and runs of symbols, each with the space before it; then the bytes of each part are
merged, pair by pair, in the order in which the pairs were learnt. All 256 bytes are pieces. A piece
is written with a visible character for each byte: ``Ġthe`` is `` the``. The work is done by the
package tokenizers; what is kept of it is the list of merges alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, FormatError, VersionError
from wordkit.text.segmenters import not_installed

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["BytePairEncoding", "byte_numbers", "not_learnt"]

_FORMAT_VERSION = 1
_MIN_FREQUENCY = 2  # of a pair that is merged


class BytePairEncoding:
    """The pieces that were learnt from a text.

    Args:
        merges: the pairs of pieces that are merged, in the order in which they were learnt.
    """

    def __init__(self, merges: Iterable[Sequence[str]]) -> None:
        self.merges = tuple((first, second) for first, second in merges)

    @classmethod
    def learn(cls, lines: Iterable[str], size: int) -> BytePairEncoding:
        """Learn pieces from the lines of a text.

        Args:
            lines: read once.
            size: of the vocabulary of pieces, at least 256: so many bytes there are. There are
                fewer where no pair is left that occurs twice.

        Raises:
            ConfigError: the package tokenizers is not installed.
        """
        package = _package()
        model = package.Tokenizer(package.models.BPE())
        model.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = package.trainers.BpeTrainer(
            vocab_size=size, min_frequency=_MIN_FREQUENCY, initial_alphabet=[*byte_numbers()],
            show_progress=False,
        )  # fmt: skip
        model.train_from_iterator(lines, trainer)
        merges = json.loads(model.to_str())["model"]["merges"]
        return cls(pair if isinstance(pair, list) else pair.split(" ") for pair in merges)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The bytes, and what the merges make; the index is the number of the piece."""
        made = (first + second for first, second in self.merges)  # two may make the same
        return tuple(dict.fromkeys(chain(sorted(byte_numbers()), made)))

    def tokens(self, line: str) -> list[str]:
        """Return the pieces of a line."""
        found: list[str] = self._tokenizer.encode(line, add_special_tokens=False).tokens
        return found

    def encode_batch(
        self, lines: Sequence[str]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return the numbers of the pieces of lines, and how many each line has."""
        found = self._tokenizer.encode_batch_fast(lines, add_special_tokens=False)
        rows = [encoding.ids for encoding in found]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        ids = np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum()))
        return ids, lengths

    @cached_property
    def _tokenizer(self) -> Any:
        package = _package()
        numbers = {piece: number for number, piece in enumerate(self.pieces)}
        model = package.Tokenizer(package.models.BPE(vocab=numbers, merges=[*self.merges]))
        model.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        return model

    def record(self) -> dict[str, Any]:
        """Return the merges, in values that JSON can hold."""
        merges = [f"{first} {second}" for first, second in self.merges]
        return {"format_version": _FORMAT_VERSION, "merges": merges}

    @classmethod
    def from_record(cls, record: object) -> BytePairEncoding:
        """Restore what :meth:`record` gave.

        Raises:
            VersionError: it is of a newer version.
            FormatError: it is corrupted.
        """
        version = record.get("format_version") if isinstance(record, Mapping) else None
        if isinstance(version, int) and version > _FORMAT_VERSION:
            raise VersionError(
                f"the pieces of bpe are of format {version}, and this wordkit reads "
                f"{_FORMAT_VERSION}; update wordkit"
            )
        merges = record.get("merges") if isinstance(record, Mapping) else None
        if version != _FORMAT_VERSION or not isinstance(merges, list):
            raise FormatError("the pieces of bpe are missing or corrupted; learn them again")
        known, pairs = set(byte_numbers()), []
        for number, merge in enumerate(merges, 1):
            first, _, second = merge.partition(" ") if isinstance(merge, str) else ("", "", "")
            if first not in known or second not in known:
                raise FormatError(
                    f"the pieces of bpe are corrupted: merge {number} cannot be {merge!r:.50}; "
                    "learn them again"
                )
            known.add(first + second)
            pairs.append((first, second))
        return cls(pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BytePairEncoding) and self.merges == other.merges

    def __hash__(self) -> int:
        return hash(self.merges)

    def __repr__(self) -> str:
        return f"BytePairEncoding({len(self.pieces):,} pieces)"


@cache
def byte_numbers() -> dict[str, int]:
    """Return the bytes by the characters that they are written with."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(b): b for b in visible} | {chr(256 + n): b for n, b in enumerate(others)}


def _package() -> ModuleType:
    try:
        import tokenizers
    except ImportError as error:
        raise not_installed("bpe", "tokenizers", "bpe") from error
    return tokenizers


def not_learnt() -> ConfigError:
    """Return the error that ``bpe`` is asked for pieces before there are any."""
    return ConfigError(
        "the tokenizer bpe learns its pieces from a text: prepare one with it, or train on it"
    )
