"""Prepare: text → corpus, in one pass over the text and memory that does not grow with it.

The scanners number words as they come. Their ids go to a spool file in the corpus folder; when
all text is read, the vocabulary is put in order and the spool is renumbered into the final file.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import weakref
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from wordkit.config import Settings, setting, settings_of
from wordkit.errors import ConfigError, TextError
from wordkit.runtime import Report, Run, ordered_map, thread_count
from wordkit.storage import TemporaryFolder
from wordkit.text.blocks import Block, TextSource
from wordkit.text.bpe_training import PIECES, TextSpool, learn_pieces
from wordkit.text.corpus import Corpus
from wordkit.text.corpus_folder import CorpusWriter, SpoolFile
from wordkit.text.normalization import Case, Normalization
from wordkit.text.numbering import (
    corpus_settings,
    merge_tables,
    number_words,
    write_renumbered,
)
from wordkit.text.phrases import PhraseConfig, PhraseScore, iter_join_phrases
from wordkit.text.scanner import BlockIds, Scanner
from wordkit.text.segmenter_process import SegmenterProcess
from wordkit.text.sizes import TextSizes, measure_text
from wordkit.text.tokenizers import TokenizeFunction, Tokenizer, get_tokenizer
from wordkit.text.unit_scanners import CharacterScanner, PieceScanner, make_scanner
from wordkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["TextConfig", "iter_prepare"]

_OF_PHRASES = ("phrases", "phrase_score", "phrase_threshold", "phrase_min_count")
_MAX_THREADS = 64  # reading is not faster with more
_LARGE = 4 << 20  # bytes from which a tokenizer gets the processes that it needs
_MIN_PIECES = 258  # all bytes, <unk> and <eos>


@dataclass(frozen=True)
class TextConfig(Settings):
    """Settings of tokenizer and vocabulary."""

    tokenizer: str | Tokenizer | TokenizeFunction = setting(
        "basic",
        "Tokenizer: a name that wordkit tokenizers lists, or a callable from a line to its tokens.",
    )
    numbers: Literal["keep", "N"] = setting(
        "keep", "Keep numbers, or write each as N, as the Penn Treebank of LM papers does."
    )
    min_count: int = setting(1, "Leave out words that occur less often.", at_least=1)
    max_size: int | None = setting(
        None,
        "Size limit of the vocabulary: the most frequent words; with bpe the number of pieces.",
        none="no limit, 8000 with bpe",
        at_least=1,
    )
    unk: bool = setting(
        False, "Write words outside the vocabulary as <unk>; otherwise they are dropped."
    )
    eos: bool = setting(
        False,
        "Put the token <eos> at the end of each line, as language models need it. char and bpe "
        "always do.",
    )
    normalize: Normalization = setting(
        "nfc",
        "Unicode normal form of the text: nfc, canonically equal spellings are one; nfkc, "
        "compatible ones too; none, as it is.",
    )
    case: Case | None = setting(
        None,
        "Case of the letters: keep, or lower.",
        none="lower with basic and words, else keep",
    )
    phrases: int = setting(
        1,
        "Words that a phrase has at most. Neighbours that occur together more often than by chance "
        "are joined to one word (new_york), before rare words are left out; 1: none are.",
        at_least=1,
        at_most=3,
    )
    phrase_score: PhraseScore = setting(
        "word2vec", "Score of two words, see PhraseConfig.", only_with={"phrases": (2, 3)}
    )
    phrase_threshold: float | None = setting(
        None,
        "Score above which two words are joined.",
        none="100, with npmi 0.5",
        at_least=0,
        only_with={"phrases": (2, 3)},
    )
    phrase_min_count: int = setting(
        5,
        "Least count of a phrase; word2vec's score subtracts it.",
        at_least=1,
        only_with={"phrases": (2, 3)},
    )
    learnt_fraction: float = setting(
        1.0,
        "Fraction of the text, its beginning, that bpe learns its pieces from.",
        above=0,
        at_most=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        tokenizer = get_tokenizer(self.tokenizer, self.normalize, self.case)
        self.phrase_config()  # checks the threshold
        if tokenizer.unit != "word" and self.phrases > 1:
            raise ConfigError(f"phrases has no effect with the tokenizer {tokenizer.name}")
        if tokenizer.is_exact and self.numbers != "keep":
            raise ConfigError(f"numbers N has no effect with the tokenizer {tokenizer.name}")
        if tokenizer.unit == "bpe" and self.min_count > 1:
            raise ConfigError("min_count has no effect with bpe; limit the number of pieces")
        if tokenizer.unit == "bpe" and (self.max_size or PIECES) < _MIN_PIECES:
            raise ConfigError(
                f"bpe needs a vocabulary of at least {_MIN_PIECES}: 256 bytes, <unk> and <eos>, "
                f"not {self.max_size}"
            )

    def phrase_config(self) -> PhraseConfig:
        """Return the settings of phrases alone."""
        return PhraseConfig(self.phrase_score, self.phrase_threshold, self.phrase_min_count)


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
    remedy = "free some space or choose another folder"
    temporary = None
    if folder is None:
        temporary = TemporaryFolder(tempfile.gettempdir(), "wordkit-corpus-")
        folder = temporary.name
        remedy = "free some space there, or name another folder for temporary files with TMPDIR"
    tokenizer = get_tokenizer(config.tokenizer, config.normalize, config.case)
    if tokenizer.is_exact:
        config = replace(config, eos=True)
    with CorpusWriter(folder, remedy) as writer, contextlib.ExitStack() as stack:
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
    corpus = Corpus.open(folder)
    if temporary is not None:  # whose own finalizer would warn
        weakref.finalize(corpus, temporary.cleanup)
    return corpus


def _prepare_phrases(
    source: TextSource, folder: str | os.PathLike[str] | None, config: TextConfig, threads: int
) -> Generator[Report, None, Corpus]:
    """Read all words, join phrases, then leave out the rare ones."""
    cut: dict[str, Any] = {
        "min_count": config.min_count, "max_size": config.max_size, "unk": config.unk,
    }  # fmt: skip
    plain: dict[str, Any] = {
        name: settings_of(TextConfig)[name].default for name in (*cut, *_OF_PHRASES)
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
        """The scanner and the ids of each block, once."""
        try:
            self._file.seek(0)
        except OSError as error:  # what was still to be written could not be
            raise self._writer.failed(error) from error
        for scanner, tokens, lines in self._blocks:
            yield scanner, BlockIds(self._read(tokens), self._read(lines))

    def _read(self, count: int) -> npt.NDArray[np.int32]:
        return np.frombuffer(self._file.read(4 * count), dtype=np.int32)
