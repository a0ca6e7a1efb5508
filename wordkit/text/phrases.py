"""Phrases: neighbours that occur together more often than by chance, found and joined to words.

N is the number of tokens, V of words, P of phrases, n(a b) the count of neighbours a and b. The
scores are those of Mikolov et al., "Distributed Representations of Words and Phrases and their
Compositionality" (2013), equation 6, times N as in word2phrase.c, and of Bouma, "Normalized
(Pointwise) Mutual Information in Collocation Extraction" (2009).
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.runtime import Report, Run, ThreadPool, balanced_ranges
from wordkit.text.config import PhraseConfig
from wordkit.text.corpus import Corpus, written_corpus
from wordkit.text.corpus_folder import CorpusWriter
from wordkit.text.vocabulary import EOS, PHRASE_MARK, UNK, Vocabulary

__all__ = ["Phrase", "iter_find_phrases", "iter_join_phrases"]

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

_MAX_PAIRS = 1 << 26  # held at a time by all threads: half a GiB
_JOINED_TOKENS = 1 << 20  # of a task


@dataclass(frozen=True)
class Phrase:
    """Two words that are a phrase."""

    phrase: str
    """The words, joined by an underscore."""

    count: int
    score: float


class _Table(NamedTuple):
    """The phrases of a corpus, in the order of their first words and of their second."""

    firsts: Longs
    seconds: Longs
    counts: Longs
    scores: npt.NDArray[np.float64]

    def name(self, words: tuple[str, ...], p: int) -> str:
        """Return phrase p as a word."""
        return f"{words[self.firsts[p]]}{PHRASE_MARK}{words[self.seconds[p]]}"


def iter_find_phrases(
    corpus: Corpus, config: PhraseConfig | None = None, *, threads: int | None = None
) -> Run[list[Phrase]]:
    """Find the pairs of neighbours that are phrases; ``<unk>`` and ``<eos>`` are in none.

    Args:
        corpus: in memory or memory-mapped.
        config: None: the defaults.
        threads: None: all cores.

    Returns:
        A run that reports the stage ``phrases``; its value are the phrases, those with the highest
        scores first, ties in the order of their words.

    Raises:
        ConfigError: ``threads`` is less than 1.
    """
    return Run(_find(corpus, config or PhraseConfig(), ThreadPool(threads)))


def _find(
    corpus: Corpus, config: PhraseConfig, pool: ThreadPool
) -> Generator[Report, None, list[Phrase]]:
    with pool:
        table = yield from _phrases(corpus, config, _lengths(corpus.vocabulary), 2, pool)
    words, order = corpus.vocabulary.words, np.argsort(-table.scores, kind="stable").tolist()
    counts, scores = table.counts.tolist(), table.scores.tolist()
    return [Phrase(table.name(words, p), counts[p], scores[p]) for p in order]


def _lengths(vocabulary: Vocabulary) -> npt.NDArray[np.int8]:
    """Return the number of words in each word: 1, and 0 in the special ones."""
    lengths = np.ones(len(vocabulary), dtype=np.int8)
    lengths[[i for i in map(vocabulary.get, (UNK, EOS)) if i is not None]] = 0
    return lengths


def _phrases(
    corpus: Corpus,
    config: PhraseConfig,
    lengths: npt.NDArray[np.int8],
    longest: int,
    pool: ThreadPool,
) -> Generator[Report, None, _Table]:
    """Find the phrases of at most ``longest`` words."""
    from wordkit.text import phrase_kernels as kernels

    N, ids, offsets = corpus.tokens, np.asarray(corpus.ids), np.asarray(corpus.offsets)
    counts = np.zeros(len(lengths), dtype=np.int64)
    for start in range(0, N, _JOINED_TOKENS):
        counts += np.bincount(ids[start : start + _JOINED_TOKENS], minlength=len(counts))
    usable = np.where(counts >= config.min_count, lengths, np.int8(0))
    ends = np.concatenate([[0], np.cumsum(np.where(usable > 0, counts, 0))])
    total = int(ends[-1])
    at_once = max(min(total // (2 * pool.threads), _MAX_PAIRS // pool.threads), 1 << 12)

    def count(firsts: tuple[int, int]) -> tuple[int, Longs, Longs]:
        pairs = np.empty(int(ends[firsts[1]] - ends[firsts[0]]) + 1, dtype=np.int64)
        pairs = pairs[: kernels.gather_pairs(ids, offsets, usable, firsts, pairs)]
        pairs.sort()
        found = np.empty(len(pairs) // config.min_count, dtype=np.int64)
        n = kernels.count_runs(pairs, config.min_count, found)
        return int(ends[firsts[1]]), pairs[:n].copy(), found[:n].copy()

    yield Report("phrases", 0, total, "tokens")
    parts = []
    for done, pairs, found in pool.map(count, balanced_ranges(ends, at_once)):
        parts.append(_above_threshold(pairs, found, counts, N, config, usable, longest))
        yield Report("phrases", done, total, "tokens")
    columns: Any = zip(*parts, strict=True)
    return _Table(*map(np.concatenate, columns))


def _above_threshold(
    pairs: Longs,
    found: Longs,
    counts: Longs,
    N: int,
    config: PhraseConfig,
    lengths: npt.NDArray[np.int8],
    longest: int,
) -> _Table:
    a, b = pairs >> 32, pairs & 0xFFFFFFFF
    n = found.astype(np.float64)
    if config.score == "word2vec":
        scores = (n - config.min_count) / counts[a] / counts[b] * N
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.log(n / N / (counts[a] / N * (counts[b] / N))) / -np.log(n / N)
        scores = np.minimum(scores, 1.0)  # rounding
    kept = (scores > config.least_score) & (lengths[a].astype(int) + lengths[b] <= longest)
    return _Table(a[kept], b[kept], found[kept], scores[kept])


# --- joining -------------------------------------------------------------------------------------


def iter_join_phrases(
    corpus: Corpus,
    folder: str | os.PathLike[str] | None = None,
    config: PhraseConfig | None = None,
    *,
    longest: int = 2,
    settings: Mapping[str, Any] | None = None,
    threads: int | None = None,
    **cut: Any,
) -> Run[Corpus]:
    """Join the phrases of a corpus to words, from left to right.

    Args:
        corpus: whose rare words have not been left out, as what they separate is no phrase.
        folder: where to keep the new corpus; None: a temporary folder that goes with it.
        config: None: the defaults.
        longest: the number of words that a phrase has at most: 2, or 3, for which what has been
            joined is counted and joined once more.
        settings: how the new corpus was made, beside the settings of the old one.
        threads: None: all cores.
        cut: ``min_count``, ``max_size`` and ``unk`` of the vocabulary, as for
            :meth:`wordkit.text.Vocabulary.cut`.

    Returns:
        A run that reports the stages ``phrases`` and ``joining``, and whose value is the new
        corpus, memory-mapped.

    Raises:
        ConfigError: ``longest`` is neither 2 nor 3, or ``threads`` less than 1.
        VocabularyError: no word is left (in the run).
        StorageError: the folder cannot be written (in the run).
    """
    if longest not in (2, 3):
        raise ConfigError(f"phrases must have at most 2 or 3 words, not {longest!r:.50}")
    config = config or PhraseConfig()
    known = {
        "phrases": longest, "phrase_score": config.score, "phrase_threshold": config.least_score,
        "phrase_min_count": config.min_count,
    }  # fmt: skip
    made = {**corpus.settings, **(settings or {}), **known}
    return Run(_join(corpus, folder, config, longest, made, ThreadPool(threads), cut))


def _join(
    corpus: Corpus,
    folder: str | os.PathLike[str] | None,
    config: PhraseConfig,
    longest: int,
    settings: dict[str, Any],
    pool: ThreadPool,
    cut: Mapping[str, Any],
) -> Generator[Report, None, Corpus]:
    lengths = _lengths(corpus.vocabulary)
    with pool:
        for _ in range(longest - 2):
            table = yield from _phrases(corpus, config, lengths, 2, pool)
            once = yield from _joined(corpus, table, None, corpus.settings, pool, {})
            two = {table.name(corpus.vocabulary.words, p) for p in range(len(table.firsts))}
            corpus, lengths = once, _lengths(once.vocabulary)
            lengths[[i for i in map(once.vocabulary.get, two) if i is not None]] = 2
        table = yield from _phrases(corpus, config, lengths, longest, pool)
        return (yield from _joined(corpus, table, folder, settings, pool, cut))


def _joined(
    corpus: Corpus,
    table: _Table,
    folder: str | os.PathLike[str] | None,
    settings: Mapping[str, Any],
    pool: ThreadPool,
    cut: Mapping[str, Any],
) -> Generator[Report, None, Corpus]:
    """Write a corpus with its phrases joined."""
    from wordkit.text.numbering import write_renumbered
    from wordkit.text.phrase_kernels import tally
    from wordkit.text.scanner import BlockIds

    words, V = corpus.vocabulary.words, len(corpus.vocabulary)
    words += tuple(table.name(words, p) for p in range(len(table.firsts)))
    counts, firsts = np.zeros((2, len(words)), dtype=np.int64)
    position = 0
    for ids, _ in _joined_blocks(corpus, table, pool):
        tally(ids, position, counts, firsts)
        position += len(ids)
        yield Report("joining", position, corpus.tokens, "tokens")
    yield Report("joining", corpus.tokens, corpus.tokens, "tokens")
    vocabulary, final = _vocabulary(words, counts, firsts, V, cut)
    with CorpusWriter(folder) as writer:
        blocks = ((BlockIds(*block), final) for block in _joined_blocks(corpus, table, pool))
        kept = yield from write_renumbered(writer, blocks, position)
        made = {**settings, "oov": int(settings.get("oov", 0)) + position - kept}
        writer.finish(vocabulary, made)
    return written_corpus(writer)


def _joined_blocks(corpus: Corpus, table: _Table, pool: ThreadPool) -> Iterator[tuple[Ints, Ints]]:
    """Yield the ids of ranges of sentences, V + p for phrase p, and where each sentence ends."""
    from wordkit.text import phrase_kernels as kernels

    ids, offsets = np.asarray(corpus.ids), np.asarray(corpus.offsets)
    starts = np.searchsorted(table.firsts, np.arange(len(corpus.vocabulary) + 1))
    phrases = starts.astype(np.int64), table.seconds.astype(np.int32)

    def join(sentences: tuple[int, int]) -> tuple[Ints, Ints]:
        first, last = sentences
        out = np.empty(int(offsets[last] - offsets[first]), dtype=np.int32)
        ends = np.empty(last - first, dtype=np.int32)
        return out[: kernels.join_sentences(ids, offsets, sentences, phrases, out, ends)], ends

    return pool.map(join, balanced_ranges(offsets, _JOINED_TOKENS))


def _vocabulary(
    words: tuple[str, ...], counts: Longs, firsts: Longs, V: int, cut: Mapping[str, Any]
) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """Return the vocabulary, and for each word its id in it, −1 where it is dropped.

    Args:
        words: the first V are distinct; phrases follow, which may be spelt as others.
        counts, firsts: of each, where it comes first.
        V: see above.
        cut: of the vocabulary.
    """
    home = np.arange(len(words))
    numbers = dict(zip(words[:V], range(V), strict=True))
    for p in range(V, len(words)):
        home[p] = same = numbers.setdefault(words[p], p)
        if same != p and counts[p]:
            earlier = [int(firsts[i]) for i in (same, p) if counts[i]]
            firsts[same], counts[same] = min(earlier), counts[same] + counts[p]
    counts = np.where(home == np.arange(len(words)), counts, 0)
    order = np.lexsort((firsts, -counts))
    order = order[counts[order] > 0]
    ordered = [words[i] for i in order]
    vocabulary = Vocabulary(ordered, counts[order]).cut(**cut)
    ids = vocabulary.ids(ordered)
    missing = vocabulary.unk_id if cut.get("unk") else None
    final = np.full(len(words), -1, dtype=np.int32)
    final[order] = np.where(ids < 0, -1 if missing is None else missing, ids)
    return vocabulary, final[home]
