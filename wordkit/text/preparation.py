"""Prepare: text → corpus, in one pass over the text and memory that does not grow with it.

The scanners number words as they come. Their ids go to a spool file in the corpus folder; when
all text is read, the vocabulary is put in order and the spool is renumbered into the final file.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, TextError
from wordkit.runtime import Report, Run, thread_count
from wordkit.text.blocks import Block, TextSource
from wordkit.text.corpus import Corpus
from wordkit.text.corpus_writer import CorpusWriter
from wordkit.text.scanner import BlockIds, Scanner, WordTable
from wordkit.text.tokenizers import TokenizeFunction, Tokenizer, get_tokenizer, is_number
from wordkit.text.vocabulary import Vocabulary

__all__ = ["TextConfig", "prepare"]


_MOST_THREADS = 64  # reading is not faster with more


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
    remedy = "free some space or choose another place with -o"
    temporary = None
    if folder is None:
        temporary = tempfile.TemporaryDirectory(prefix="wordkit-corpus-")
        folder = temporary.name
        remedy = "free some space there, or name another folder for temporary files with TMPDIR"
    tokenizer = get_tokenizer(config.tokenizer)
    threads = min(threads, _MOST_THREADS)
    scanners = [Scanner(tokenizer, eos=config.eos) for _ in range(threads)]
    with CorpusWriter(folder, remedy) as writer:
        with (
            Spool(writer, "ids") as ids_spool,
            Spool(writer, "offsets") as ends_spool,
        ):
            spooled: list[_Spooled] = []
            tokens = lines = 0
            yield Report("reading", 0, source.size, "bytes")
            for block, number, found in _scan(source, scanners):
                ids_spool.write(found.ids)
                ends_spool.write(found.line_ends)
                spooled.append(_Spooled(number, len(found.ids), len(found.line_ends)))
                tokens += len(found.ids)
                lines += len(found.line_ends)
                yield Report("reading", block.progress, source.size, "bytes", {"tokens": tokens})
            if tokens <= (lines if config.eos else 0):
                raise TextError(f"{source.name} holds no token: it is empty, or all white space")
            yield Report("ordering the words", 0, 1)
            merged, maps = _merge([scanner.table for scanner in scanners])
            vocabulary, final = _vocabulary(merged, config, given)
            maps = [final[numbers] for numbers in maps]
            kept = _renumber(writer, ids_spool, ends_spool, spooled, maps)
        settings = {field.name: getattr(config, field.name) for field in fields(config)}
        settings |= {
            "tokenizer": tokenizer.name,
            "source": source.name,
            "text_tokens": tokens,
            "oov": tokens - kept,
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
    if given is None and not config.unk and not config.eos and targets is words:
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


class Spool:
    """A file of int32 that is written, read once from its start, and deleted."""

    def __init__(self, writer: CorpusWriter, part: str) -> None:
        self._writer = writer
        self._path = writer.path(part).with_suffix(".spool")

    def __enter__(self) -> Spool:
        try:
            self._file = open(self._path, "w+b")
        except OSError as error:
            raise self._writer.failed(error) from error
        return self

    def __exit__(self, *exception: object) -> None:
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # bytes that nobody will read need not be written
            self._file.close()

    def write(self, values: npt.NDArray[np.int32]) -> None:
        """Append values."""
        try:
            self._file.write(np.ascontiguousarray(values).data)
        except OSError as error:
            raise self._writer.failed(error) from error

    def rewind(self) -> None:
        """Go back to the start, to read."""
        try:
            self._file.seek(0)
        except OSError as error:  # what was still to be written could not be
            raise self._writer.failed(error) from error

    def read(self, count: int) -> npt.NDArray[np.int32]:
        """The next values."""
        return np.frombuffer(self._file.read(4 * count), dtype=np.int32)


def _renumber(
    writer: CorpusWriter,
    ids_spool: Spool,
    ends_spool: Spool,
    spooled: list[_Spooled],
    maps: list[npt.NDArray[np.int32]],
) -> int:
    """Write the spooled ids and line ends into the corpus; return the tokens kept."""
    ids_spool.rewind()
    ends_spool.rewind()
    with writer.part("ids") as ids_file, writer.part("offsets") as offsets_file:
        last = 0
        offsets_file.append(np.zeros(1, dtype=np.int64))
        for block in spooled:
            ids = maps[block.table][ids_spool.read(block.tokens)]
            ends = ends_spool.read(block.lines)
            stays = ids >= 0
            if not stays.all():
                before = np.concatenate([[0], np.cumsum(stays)])
                ids, ends = ids[stays], before[ends]
            offsets = ids_file.size + ends.astype(np.int64)
            ids_file.append(ids)
            # a line without a token is no sentence
            offsets = offsets[np.diff(offsets, prepend=last) > 0]
            offsets_file.append(offsets)
            last = int(offsets[-1]) if len(offsets) else last
        if ids_file.size > last:  # the last line goes on to the end
            offsets_file.append(np.array([ids_file.size]))
        return ids_file.size
