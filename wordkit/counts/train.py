"""Word vectors by counting: co-occurrence, PPMI, truncated SVD.

V is the number of words, D of dimensions. After Levy, Goldberg and Dagan, "Improving
Distributional Similarity with Lessons Learned from Word Embeddings" (TACL 2015), whose tricks are
the fields of :class:`~wordkit.counts.CountsConfig`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.counts.config import CountsConfig
from wordkit.counts.cooccurrence import iter_count_cooccurrences
from wordkit.counts.csr import bytes_in_memory
from wordkit.counts.ppmi import ppmi
from wordkit.counts.svd import iter_truncated_svd
from wordkit.embeddings import Embeddings
from wordkit.embeddings.config import VectorsConfig
from wordkit.errors import ConfigError, TextError
from wordkit.runtime import Report, Run, versions
from wordkit.text import Corpus, Vocabulary

if TYPE_CHECKING:
    from distributed import Client
    from scipy.sparse import csr_array

__all__ = ["check_counts", "check_weights", "iter_train_counts", "metadata_of"]

Floats = npt.NDArray[np.float32]

_CHUNK = 1 << 16  # values to square at a time


def iter_train_counts(
    corpus: Corpus,
    config: CountsConfig | None = None,
    *,
    threads: int | None = None,
    memory: int | None = None,
    client: Client | None = None,
) -> Run[Embeddings]:
    """Train vectors of the words of a corpus by counting what they occur with.

    The same corpus, settings and seed give the same vectors, for any number of threads and any
    amount of memory.

    Args:
        corpus: in memory or memory-mapped.
        config: None: the defaults.
        threads: None: all cores.
        memory: bytes that counts, their PPMI and its transpose (where the sides differ or
            contexts are smoothed) may take at any moment; None: half of what is available. What
            does not fit goes to temporary files. The singular vectors and the space they are
            sought in come on top: about 35·V·D bytes, whatever the size of the corpus. With a
            cluster these are here, and the memory is that of each worker.
        client: of a Dask cluster whose workers see the folder of the corpus, and count. Counts are
            the same; singular values are equal but for rounding. Parts lie in
            ``FOLDER.DIGEST.parts``, and stay for the next attempt if this one does not end well.

    Returns:
        A run that reports the stages ``counting`` (and ``merging``, where the memory is small),
        ``weighting`` and ``decomposing``. The metadata of its embeddings hold the settings, the
        fingerprint of the corpus, versions, and the fraction of the matrix that is kept.

    Raises:
        VocabularyError: no word is frequent enough.
        ConfigError: ``config.dim`` is not less than the number of words left, or (in the run)
            ``config.shift`` leaves nothing.
        TextError: no two words of the corpus occur together (in the run).
        ResourceError: there is too little memory (in the run).
        StorageError: a temporary file cannot be written (in the run).
    """
    config = config or CountsConfig()
    vocabulary = config.cut(corpus.vocabulary)
    if config.dim >= len(vocabulary):
        raise ConfigError(
            f"dim must be less than the {len(vocabulary)} words left, not {config.dim}; "
            "lower dim, lower the minimum count or give more text"
        )
    if client is not None:
        from wordkit.counts.cluster_training import check_config

        check_config(config)
    return Run(_train(corpus, vocabulary, config, threads, memory, client))


def _train(
    corpus: Corpus,
    vocabulary: Vocabulary,
    config: CountsConfig,
    threads: int | None,
    memory: int | None,
    client: Client | None,
) -> Generator[Report, None, Embeddings]:
    if client is None:
        matrix = yield from _weighted_counts(corpus, config, len(vocabulary), threads, memory)
        squares = _sum_of_squares(matrix.data)
        U, s, Vt = yield from iter_truncated_svd(
            matrix,
            config.dim,
            method=config.method,
            seed=config.seed,
            threads=threads,
            memory=_remaining_memory(memory, matrix),
        )
    else:
        from wordkit.counts.cluster_training import decompose_on_cluster

        (U, s, Vt), squares = yield from decompose_on_cluster(
            corpus, config, len(vocabulary), memory, client
        )
    vectors = U * s**config.exponent
    if config.context_vectors:
        vectors += Vt.T * s**config.exponent
    kept = float(np.square(s, dtype=np.float64).sum())
    singular_values = {
        "largest": float(s[0]),
        "smallest": float(s[-1]),
        "share_of_squares": round(kept / squares, 6),
    }
    metadata = metadata_of("train-counts", corpus, config, singular_values=singular_values)
    return Embeddings(vocabulary, vectors, metadata=metadata)


def _weighted_counts(
    corpus: Corpus, config: CountsConfig, words: int, threads: int | None, memory: int | None
) -> Generator[Report, None, csr_array]:
    """Return the PPMI matrix of the corpus."""
    counts = yield from iter_count_cooccurrences(
        corpus, config.cooccurrence(), vocabulary_size=words, memory=memory, threads=threads
    )
    check_counts(counts.nnz)
    yield Report("weighting", 0, words, "rows")
    matrix = ppmi(
        counts,
        shift=config.shift,
        smoothing=config.smoothing,
        memory=_remaining_memory(memory, counts),
        threads=threads,
    )
    yield Report("weighting", words, words, "rows")
    check_weights(matrix.nnz, config.shift)
    return matrix


def check_counts(entries: int) -> None:
    """Raise a TextError if there are no counts."""
    if not entries:
        raise TextError(
            "no two words occur together: each line holds at most one word that is frequent "
            "enough; give text with longer lines, or lower the minimum count"
        )


def check_weights(entries: float, shift: float) -> None:
    """Raise a ConfigError if a shift leaves nothing."""
    if not entries:
        raise ConfigError(
            f"no two words occur together more often than by chance with shift {shift}; "
            "lower it or give more text"
        )


def _remaining_memory(memory: int | None, matrix: csr_array) -> int | None:
    """Return the memory that may be taken beside a matrix."""
    return None if memory is None else max(memory - bytes_in_memory(matrix), 1)


def _sum_of_squares(values: Floats) -> float:
    """Sum in double precision, without a second array of that size."""
    return sum(
        float(np.square(values[start : start + _CHUNK], dtype=np.float64).sum())
        for start in range(0, len(values), _CHUNK)
    )


def metadata_of(command: str, corpus: Corpus, config: VectorsConfig, **more: Any) -> dict[str, Any]:
    """Return how vectors were made, the same for equal runs: no times."""
    return {
        "made_by": f"wordkit {command}",
        "settings": asdict(config),
        "corpus": corpus.record,
        **more,
        "versions": versions("numpy", "scipy", "numba"),
    }
