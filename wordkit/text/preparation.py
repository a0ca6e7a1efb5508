"""Prepare: text → corpus, in one pass over the text and memory that does not grow with it.

The scanners number words as they come. Their ids go to a spool file in the corpus folder; when
all text is read, the vocabulary is put in order and the spool is renumbered into the final file.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, StorageError, TextError
from wordkit.runtime import Report, Run, thread_count
from wordkit.text.blocks import Block, TextSource
from wordkit.text.corpus import Corpus, CorpusWriter
from wordkit.text.scanner import BlockIds, Scanner, WordTable
from wordkit.text.tokenizers import TokenizeFunction, Tokenizer, get_tokenizer, is_number
from wordkit.text.vocabulary import Vocabulary

__all__ = ["TextConfig", "prepare"]


@dataclass(frozen=True)
class TextConfig:
    """How text becomes ids."""

    tokenizer: str | Tokenizer | TokenizeFunction = "basic"
    """A name that ``wordkit tokenizers`` lists, or a callable from a line to its tokens."""

    numbers: str = "keep"
    """"keep", or "N" to write every number as ``N``, as the Penn Treebank of LM papers does."""

    min_count: int = 1
    """Words seen less often are left out of the vocabulary, ≥ 1."""

    max_size: int | None = None
    """At most so many words, the most frequent; None: all."""

    unk: bool = False
    """Write words outside the vocabulary as ``<unk>``; otherwise they are dropped."""

    eos: bool = False
    """Put the token ``<eos>`` at each line end, as language models want it."""

    def __post_init__(self) -> None:
        get_tokenizer(self.tokenizer)
        if self.numbers not in ("keep", "N"):
            raise ConfigError(f"numbers must be keep or N, not {self.numbers!r}")
        if self.min_count < 1:
            raise ConfigError(f"min_count must be at least 1, not {self.min_count}")
        if self.max_size is not None and self.max_size < 1:
            raise ConfigError(f"max_size must be at least 1, not {self.max_size}")


@dataclass(frozen=True)
class _Spooled:
    """A block's ids in the spool, and which word table numbers them."""

    table: int
    tokens: int
    lines: int


def prepare(
    source: TextSource,
    folder: str | Path | None = None,
    config: TextConfig | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    threads: int | None = None,
) -> Run[Corpus]:
    """Read text into a corpus.

    Args:
        source: the text; read once.
        folder: where to keep the corpus; None: a temporary folder that goes with the corpus.
        config: tokenizer and vocabulary settings.
        vocabulary: the words to use instead of those of this text, as for a validation set. The
            words outside it become ``<unk>`` where it has that, else they are dropped; their
            number is in the corpus' settings as ``oov``.
        threads: the number of threads; None: all cores.

    Returns:
        A run that reports the bytes read, and whose result is the corpus, memory-mapped.

    Raises (as it runs):
        TextError: the text cannot be read, or holds no token.
        VocabularyError: no word is left after the cut.
        StorageError: the folder cannot be written.
    """
    config = config or TextConfig()
    return Run(_prepare(source, folder, config, vocabulary, thread_count(threads)))


def _prepare(
    source: TextSource,
    folder: str | Path | None,
    config: TextConfig,
    given: Vocabulary | None,
    threads: int,
) -> Generator[Report, None, Corpus]:
    temporary = None
    if folder is None:
        temporary = tempfile.TemporaryDirectory(prefix="wordkit-corpus-")
        folder = temporary.name
    tokenizer = get_tokenizer(config.tokenizer)
    scanners = [Scanner(tokenizer, eos=config.eos) for _ in range(threads)]
    with CorpusWriter(folder) as writer:
        with (
            open_spool(writer.path("ids-spool")) as ids_spool,
            open_spool(writer.path("ends-spool")) as ends_spool,
        ):
            spooled: list[_Spooled] = []
            tokens = 0
            for block, number, found in _scan(source, scanners):
                ids_spool.write(found.ids.data)
                ends_spool.write(found.line_ends.data)
                spooled.append(_Spooled(number, len(found.ids), len(found.line_ends)))
                tokens += len(found.ids)
                yield Report("reading", block.progress, source.size, "bytes", {"tokens": tokens})
            if not tokens:
                raise TextError(f"{source.name} holds no token: it is empty, or all white space")
            yield Report("ordering the words", 0, 1)
            merged, maps = _merge([scanner.table for scanner in scanners])
            vocabulary, final = _vocabulary(merged, config, given)
            maps = [final[numbers] for numbers in maps]
            offsets, oov = _write_ids(writer, ids_spool, ends_spool, spooled, maps)
        writer.write("offsets", [offsets], np.int64, len(offsets))
        settings = {
            **{k: v for k, v in asdict(config).items() if k != "tokenizer"},
            "tokenizer": tokenizer.name,
            "source": source.name,
            "text_tokens": tokens,
            "oov": oov,
        }
        writer.finish(vocabulary, settings)
    yield Report("ordering the words", 1, 1)
    corpus = Corpus.open(folder)
    corpus.keep_alive = temporary
    return corpus


# --- scanning ----------------------------------------------------------------------------------


def _scan(source: TextSource, scanners: list[Scanner]) -> Iterator[tuple[Block, int, BlockIds]]:
    """Scan the blocks on all threads; yield them in order, with the number of the scanner."""
    free: SimpleQueue[int] = SimpleQueue()
    for number in range(len(scanners)):
        free.put(number)

    def job(block: Block, place: int) -> tuple[Block, int, BlockIds]:
        number = free.get()
        try:
            return block, number, scanners[number].scan(block, place)
        finally:
            free.put(number)

    waiting: deque[Future[tuple[Block, int, BlockIds]]] = deque()
    pool = ThreadPoolExecutor(len(scanners), thread_name_prefix="wordkit-scan")
    try:
        with contextlib.closing(_stream(source)) as blocks:
            for index, block in enumerate(blocks):
                # a block has fewer than 2**32 tokens, so places rise from block to block
                waiting.append(pool.submit(job, block, index << 32))
                if len(waiting) > 2 * len(scanners):
                    yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _stream(source: TextSource) -> Generator[Block, None, None]:
    """The blocks of the source; a replaced byte is replaced here, before the scanner sees it."""
    for block in source.blocks():
        if source.replace_errors:
            data = block.data.decode("utf-8", "replace").encode()
            yield Block(data, block.source, block.line, block.offset, block.progress)
        else:
            yield block


# --- the vocabulary ----------------------------------------------------------------------------


def _merge(tables: list[WordTable]) -> tuple[WordTable, list[npt.NDArray[np.int32]]]:
    """One table of all words, and each table's words as words of it."""
    merged = tables[0]
    maps = [np.arange(merged.size, dtype=np.int32)]
    for table in tables[1:]:
        lines = table.lines(np.arange(table.size))
        maps.append(merged.add(lines, 0, table.counts.copy(), table.firsts.copy()))
    return merged, maps


def _vocabulary(
    table: WordTable, config: TextConfig, given: Vocabulary | None
) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """The vocabulary, and for each word of the table its id in it, −1 where it is dropped."""
    size = table.size
    order = np.lexsort((table.firsts, -table.counts))
    order = order[table.counts[order] > 0]
    words = table.lines(order).decode().split("\n")[:-1]
    counts = table.counts[order]
    targets = words
    if config.numbers == "N":
        targets = ["N" if is_number(word) else word for word in words]
        words, counts = _merged_counts(targets, counts, table.firsts[order])
    vocabulary = given
    if vocabulary is None:
        full = Vocabulary(words, counts)
        cut = {"min_count": config.min_count, "max_size": config.max_size}
        vocabulary = full.cut(**cut, unk=config.unk)  # type: ignore[arg-type]
    final = np.full(size, -1, dtype=np.int32)
    if given is None and not config.unk and targets is words:
        final[order[: len(vocabulary)]] = np.arange(len(vocabulary), dtype=np.int32)
    else:
        missing = -1 if vocabulary.unk_id is None else vocabulary.unk_id
        found = (vocabulary.get(word) for word in targets)
        final[order] = [missing if i is None else i for i in found]
    return vocabulary, final


def _merged_counts(
    targets: list[str], counts: npt.NDArray[np.int64], firsts: npt.NDArray[np.int64]
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Words, some of them now equal, as distinct words in the order of a vocabulary."""
    total: dict[str, int] = {}
    first: dict[str, int] = {}
    for word, count, place in zip(targets, counts.tolist(), firsts.tolist(), strict=True):
        total[word] = total.get(word, 0) + count
        first[word] = min(first.get(word, place), place)
    words = sorted(total, key=lambda word: (-total[word], first[word]))
    return words, np.array([total[word] for word in words], dtype=np.int64)


# --- the ids -----------------------------------------------------------------------------------


@contextlib.contextmanager
def open_spool(path: Path) -> Iterator[IO[bytes]]:
    """A file for numbers that are read once more and then deleted."""
    try:
        with open(path, "w+b") as file:
            try:
                yield file
            finally:
                path.unlink(missing_ok=True)
    except OSError as error:  # as it is opened, written, or closed with bytes still to write
        raise StorageError(
            f"cannot write {path.parent}: {error.strerror or error}; free some space or choose "
            "another place with -o"
        ) from error


def _write_ids(
    writer: CorpusWriter,
    ids_spool: IO[bytes],
    ends_spool: IO[bytes],
    spooled: list[_Spooled],
    maps: list[npt.NDArray[np.int32]],
) -> tuple[npt.NDArray[np.int64], int]:
    """Renumber the spooled ids into the corpus; return its offsets and the tokens dropped."""
    offsets = [np.zeros(1, dtype=np.int64)]
    kept = sum(_count_kept(_read(ids_spool, spooled), spooled, maps))
    position = 0

    def pieces() -> Iterator[npt.NDArray[Any]]:
        nonlocal position
        ends_spool.seek(0)
        for ids, block in zip(_read(ids_spool, spooled), spooled, strict=True):
            final = maps[block.table][ids]
            ends = np.frombuffer(ends_spool.read(4 * block.lines), dtype=np.int32)
            stays = final >= 0
            if not stays.all():
                before = np.concatenate([[0], np.cumsum(stays)])
                final, ends = final[stays], before[ends]
            offsets.append(position + ends.astype(np.int64))
            position += len(final)
            yield final

    writer.write("ids", pieces(), np.int32, kept)
    ends = np.concatenate([*offsets, [kept]])
    distinct = np.concatenate([[True], ends[1:] != ends[:-1]])  # lines without a token are none
    return ends[distinct], sum(block.tokens for block in spooled) - kept


def _read(spool: IO[bytes], spooled: Iterable[_Spooled]) -> Iterator[npt.NDArray[np.int32]]:
    spool.seek(0)
    for block in spooled:
        yield np.frombuffer(spool.read(4 * block.tokens), dtype=np.int32)


def _count_kept(
    blocks: Iterator[npt.NDArray[np.int32]],
    spooled: list[_Spooled],
    maps: list[npt.NDArray[np.int32]],
) -> Iterator[int]:
    """How many tokens of each block stay."""
    for ids, block in zip(blocks, spooled, strict=True):
        if maps[block.table].min(initial=0) >= 0:
            yield len(ids)
        else:
            yield int(np.count_nonzero(maps[block.table][ids] >= 0))
