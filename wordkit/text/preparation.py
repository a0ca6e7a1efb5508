"""Prepare: text → corpus, in one pass over the text and memory that does not grow with it.

The scanners number words as they come. Their ids go to a spool file in the corpus folder; when
all text is read, the vocabulary is put in order and the spool is renumbered into the final file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.config import settings_of
from wordkit.errors import ConfigError, TextError
from wordkit.runtime import Report, Run, ordered_map, thread_count
from wordkit.text.blocks import Block, TextSource
from wordkit.text.bpe_training import TextSpool, learn_pieces
from wordkit.text.config import PHRASE_SETTINGS, TextConfig
from wordkit.text.corpus import Corpus, written_corpus
from wordkit.text.corpus_folder import CorpusWriter, SpoolFile
from wordkit.text.numbering import (
    corpus_settings,
    merge_tables,
    number_words,
    write_renumbered,
)
from wordkit.text.phrases import iter_join_phrases
from wordkit.text.scanner import BlockIds, Scanner
from wordkit.text.segmenter_process import SegmenterProcess
from wordkit.text.sizes import TextSizes, measure_text
from wordkit.text.tokenizers import get_tokenizer
from wordkit.text.unit_scanners import CharacterScanner, PieceScanner, make_scanner
from wordkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["iter_prepare"]

_MAX_THREADS = 64  # reading is not faster with more
_LARGE = 4 << 20  # bytes from which a tokenizer gets the processes that it needs


def iter_prepare(
    source: TextSource,
    folder: str | os.PathLike[str] | None = None,
    config: TextConfig | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    threads: int | None = None,
    client: Client | None = None,
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
        client: of a Dask cluster whose workers do it, and see the files and the folder; the corpus
            is the same. Beside it lies the folder ``FOLDER.parts`` while this runs; where it has
            not ended well, the next run reuses the parts in it that are finished.

    Returns:
        A run that reports the bytes read, and whose result is the corpus, memory-mapped.

    Raises (as it runs):
        TextError: the text cannot be read, or holds no token.
        VocabularyError: no word is left after the cut.
        StorageError: the folder cannot be written.
        ResourceError: the cluster has lost its workers.
    """
    config = config or TextConfig()
    if client is not None:
        if config.phrases > 1:
            raise ConfigError(
                "phrases are joined on one machine; prepare without the cluster, or join them "
                "afterwards by wordkit.text.iter_join_phrases"
            )
        from wordkit.text.cluster_preparation import prepare_on_cluster

        return Run(prepare_on_cluster(source, folder, config, vocabulary, client))
    return Run(_prepare(source, folder, config, vocabulary, thread_count(threads)))


def _prepare(
    source: TextSource,
    folder: str | os.PathLike[str] | None,
    config: TextConfig,
    given: Vocabulary | None,
    threads: int,
) -> Generator[Report, None, Corpus]:
    if config.phrases > 1:
        if given is not None:
            raise ConfigError("phrases shape a vocabulary, and one is given; leave one of them out")
        return (yield from _prepare_phrases(source, folder, config, threads))
    tokenizer = get_tokenizer(config.tokenizer, config.normalize, config.case)
    if tokenizer.is_exact:
        config = replace(config, eos=True)
    with CorpusWriter(folder) as writer, contextlib.ExitStack() as stack:
        learnt = 0  # blocks that bpe has learnt from, where it left some out
        if tokenizer.unit == "bpe" and tokenizer.bpe is None:
            source = text = stack.enter_context(TextSpool(source, writer))
            tokenizer, learnt = yield from learn_pieces(text, tokenizer, config, given)
        threads = min(threads, _MAX_THREADS)
        processes: list[SegmenterProcess | None] = [None] * threads
        if threads > 1 and (source.size or 0) > _LARGE and tokenizer.needs_processes:
            processes = [SegmenterProcess(tokenizer) for _ in range(threads)]
        for process in filter(None, processes):
            stack.callback(process.close)
        scanners = [make_scanner(tokenizer, eos=config.eos, process=each) for each in processes]
        spool, sizes, made = stack.enter_context(Spool(writer)), TextSizes(), dict[str, Any]()
        stage = "encoding" if learnt else "reading"
        yield Report(stage, 0, source.size, "bytes")
        for count, (block, number, found) in enumerate(_scan(source, scanners)):
            if learnt and count == learnt:
                made["learnt_tokens"] = spool.tokens
            spool.append(number, found.ids)
            sizes += found.sizes
            figures = {"tokens": spool.tokens}
            yield Report(stage, block.progress, source.size, "bytes", figures)
        if spool.tokens <= (spool.lines if config.eos else 0):
            raise TextError(f"{source.name} holds no token: it is empty, or all white space")
        yield Report("ordering the words", 0, 1)
        merged, maps = merge_tables([scanner.table for scanner in scanners])
        numbering = number_words(merged, config, given, tokenizer.unit)
        ids = [numbering.ids[numbers] for numbers in maps]
        yield Report("ordering the words", 1, 1)
        blocks = ((block, ids[number]) for number, block in spool)
        kept = yield from write_renumbered(writer, blocks, spool.tokens)
        tokens = spool.tokens, kept
        settings = corpus_settings(config, tokenizer, source.name, tokens, sizes, made)
        writer.finish(numbering.vocabulary, settings)
    return written_corpus(writer)


def _prepare_phrases(
    source: TextSource, folder: str | os.PathLike[str] | None, config: TextConfig, threads: int
) -> Generator[Report, None, Corpus]:
    """Read all words, join phrases, then leave out the rare ones."""
    cut: dict[str, Any] = {
        "min_count": config.min_count, "max_size": config.max_size, "unk": config.unk,
    }  # fmt: skip
    plain: dict[str, Any] = {
        name: settings_of(TextConfig)[name].default for name in (*cut, *PHRASE_SETTINGS)
    }
    words = yield from _prepare(source, None, replace(config, **plain), None, threads)
    join = iter_join_phrases(
        words, folder, config.phrase_config(), longest=config.phrases, settings=cut,
        threads=threads, **cut,
    )  # fmt: skip
    return (yield from join)


# --- scanning ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scanned:
    """The ids and the sizes of a block."""

    ids: BlockIds
    sizes: TextSizes


def _scan(
    source: TextSource, scanners: list[Scanner | CharacterScanner | PieceScanner]
) -> Iterator[tuple[Block, int, Scanned]]:
    """Scan the blocks on all threads; yield them in order, with the number of the scanner."""
    normalize = scanners[0].tokenizer.normalize
    free: SimpleQueue[int] = SimpleQueue()
    for number in range(len(scanners)):
        free.put(number)

    def scan(numbered: tuple[int, Block]) -> tuple[Block, int, Scanned]:
        index, block = numbered
        if source.replace_errors:
            block = replace(block, data=block.data.decode("utf-8", "replace").encode())
        scanner = free.get()
        try:
            # a block has fewer than 2**32 tokens, so positions rise from block to block
            ids = scanners[scanner].scan(block, index << 32)
            return block, scanner, Scanned(ids, measure_text(block.data, normalize))
        finally:
            free.put(scanner)

    with contextlib.closing(source.blocks()) as blocks:
        yield from ordered_map(scan, enumerate(blocks), len(scanners))


# --- the ids -----------------------------------------------------------------------------------


class Spool(SpoolFile):
    """A file of the blocks' ids, in the order of the text, until the vocabulary is known."""

    def __init__(self, writer: CorpusWriter) -> None:
        self.tokens = self.lines = 0
        super().__init__(writer, "ids")
        self._blocks: list[tuple[int, int, int]] = []  # scanner, tokens, lines

    def append(self, scanner: int, found: BlockIds) -> None:
        """Write the ids of a block, in the numbering of a scanner's word table."""
        try:
            self._file.write(found.ids.data)
            self._file.write(found.line_ends.data)
        except OSError as error:
            raise self._writer.failed(error) from error
        self._blocks.append((scanner, len(found.ids), len(found.line_ends)))
        self.tokens += len(found.ids)
        self.lines += len(found.line_ends)

    def __iter__(self) -> Iterator[tuple[int, BlockIds]]:
        """Yield the scanner and the ids of each block, once."""
        try:
            self._file.seek(0)
        except OSError as error:  # what was still to be written could not be
            raise self._writer.failed(error) from error
        for scanner, tokens, lines in self._blocks:
            yield scanner, BlockIds(self._read(tokens), self._read(lines))

    def _read(self, count: int) -> npt.NDArray[np.int32]:
        return np.frombuffer(self._file.read(4 * count), dtype=np.int32)
