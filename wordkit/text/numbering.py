"""The numbers of words in a vocabulary, once all words of a text are counted.

W is the number of words of a table.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.runtime import Report
from wordkit.text.corpus_folder import CorpusWriter
from wordkit.text.detokenizer import Unit
from wordkit.text.scanner import BlockIds, WordTable
from wordkit.text.sizes import TextSizes
from wordkit.text.tokenizers import Tokenizer, is_number
from wordkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordkit.text.config import TextConfig

__all__ = [
    "Numbering",
    "corpus_settings",
    "merge_tables",
    "number_words",
    "write_renumbered",
]


@dataclass(frozen=True)
class Numbering:
    """A vocabulary, and the ids in it of the words of a table."""

    vocabulary: Vocabulary

    ids: npt.NDArray[np.int32]
    """(W,), −1 where a word is dropped."""

    missing: int
    """The id of words that the vocabulary lacks: that of ``<unk>``, or −1."""


def merge_tables(tables: list[WordTable]) -> tuple[WordTable, list[npt.NDArray[np.int32]]]:
    """Return one table of all words, and each table's words as words of it."""
    merged = tables[0]
    maps = [np.arange(merged.size, dtype=np.int32)]
    for table in tables[1:]:
        lines = table.lines(np.arange(table.size))
        maps.append(merged.add(lines, 0, table.counts.copy(), table.firsts.copy()))
    return merged, maps


def number_words(
    table: WordTable, config: TextConfig, given: Vocabulary | None, unit: Unit
) -> Numbering:
    """Return the vocabulary of a text, and the ids of its words in it.

    Args:
        table: all words of the text.
        config: how it is cut.
        given: the vocabulary to use instead.
        unit: of the tokenizer.
    """
    size = table.size
    order = np.lexsort((table.firsts, -table.counts))
    if unit != "bpe":  # all of whose pieces stay, so that it can write any text
        order = order[table.counts[order] > 0]
    lines = np.frombuffer(table.lines(order)[:-1], dtype=np.uint8)
    vocabulary = Vocabulary.from_arrays(lines, table.counts[order], "the text")
    targets: Sequence[str] = vocabulary.words
    if config.numbers == "N":
        targets = ["N" if is_number(word) else word for word in targets]
        vocabulary = Vocabulary(*_merged_counts(targets, vocabulary.counts, table.firsts[order]))
    if given is not None:
        vocabulary = given
    elif unit != "bpe":
        cut = {"min_count": config.min_count, "max_size": config.max_size}
        vocabulary = vocabulary.cut(**cut, unk=config.unk)  # type: ignore[arg-type]
    final = np.full(size, -1, dtype=np.int32)
    unk = vocabulary.unk_id if config.unk or given is not None else None
    missing = -1 if unk is None else unk
    if given is None and not config.unk and not config.eos and config.numbers != "N":
        final[order[: len(vocabulary)]] = np.arange(len(vocabulary), dtype=np.int32)
    else:
        ids = vocabulary.ids(targets)
        final[order] = np.where(ids < 0, missing, ids)
    return Numbering(vocabulary, final, missing)


def _merged_counts(
    targets: Sequence[str], counts: npt.NDArray[np.int64], firsts: npt.NDArray[np.int64]
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return words, some of them now equal, as distinct words in the order of a vocabulary."""
    total: dict[str, int] = {}
    first: dict[str, int] = {}
    for word, count, position in zip(targets, counts.tolist(), firsts.tolist(), strict=True):
        total[word] = total.get(word, 0) + count
        first[word] = min(first.get(word, position), position)
    words = sorted(total, key=lambda word: (-total[word], first[word]))
    return words, np.array([total[word] for word in words], dtype=np.int64)


def _renumbered(
    block: BlockIds, words: npt.NDArray[np.int32], before: int, last: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return the final ids of a block, and the ends of the sentences that end in it.

    Args:
        block: in the numbers of its table.
        words: the final id of each of these, −1 where it is dropped.
        before: the final ids of the text before the block.
        last: where the last sentence before has ended among them.
    """
    ids, ends = words[block.ids], block.line_ends.astype(np.int64)
    stays = ids >= 0
    if not stays.all():
        ids, ends = ids[stays], np.concatenate([[0], np.cumsum(stays)])[ends]
    ends = before + ends
    # a line without a token is no sentence
    return ids, ends[np.diff(ends, prepend=last) > 0]


def write_renumbered(
    writer: CorpusWriter, blocks: Iterable[tuple[BlockIds, npt.NDArray[np.int32]]], tokens: int
) -> Generator[Report, None, int]:
    """Write ids and sentence ends of blocks into a corpus; return the number of tokens kept.

    Args:
        writer: of the corpus.
        blocks: in the order of the text, each with the final ids of its numbers.
        tokens: of all blocks, for the reports.
    """
    done = 0
    with writer.part("ids") as ids_file, writer.part("offsets") as offsets_file:
        last = 0
        offsets_file.append(np.zeros(1, dtype=np.int64))
        for block, words in blocks:
            ids, offsets = _renumbered(block, words, ids_file.size, last)
            ids_file.append(ids)
            offsets_file.append(offsets)
            last = int(offsets[-1]) if len(offsets) else last
            done += len(block.ids)
            yield Report("numbering", done, tokens, "tokens")
        if ids_file.size > last:  # the last line extends to the end
            offsets_file.append(np.array([ids_file.size]))
        return ids_file.size


def corpus_settings(
    config: TextConfig,
    tokenizer: Tokenizer,
    source: str,
    tokens: tuple[int, int],
    sizes: TextSizes,
    made: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a corpus tells of how it was made.

    Args:
        config: the settings given.
        tokenizer: the tokenizer in use.
        source: the name of the text.
        tokens: of the text, and of those the ones that are in the corpus.
        sizes: of the text.
        made: further entries.
    """
    settings = {field.name: getattr(config, field.name) for field in fields(config)}
    settings |= {
        "tokenizer": tokenizer.name,
        "source": source,
        "text_tokens": tokens[0],
        "oov": tokens[0] - tokens[1],
        **sizes.settings(),
        **made,
    }
    if tokenizer.bpe is not None:
        settings["bpe"] = tokenizer.bpe.record()
    return settings
