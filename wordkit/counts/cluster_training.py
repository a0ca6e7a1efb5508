"""Counting on a cluster, from a corpus to the singular vectors of its PPMI matrix."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from wordkit.counts.cluster_counts import Counting, count_blocks, weigh_blocks
from wordkit.counts.cluster_svd import decompose_blocks
from wordkit.counts.config import CountsConfig
from wordkit.counts.csr import memory_limit
from wordkit.counts.stored_rows import read_block
from wordkit.counts.svd import SingularTriplets
from wordkit.counts.train import check_counts, check_weights
from wordkit.errors import ConfigError
from wordkit.runtime import Report
from wordkit.runtime.cluster import Cluster
from wordkit.storage import TemporaryFolder
from wordkit.storage.parts import PartFolder, fingerprint
from wordkit.text import Corpus

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_config", "decompose_on_cluster"]


def check_config(config: CountsConfig) -> None:
    """Raise a ConfigError if a setting is for one machine alone."""
    if config.method != "randomized":
        raise ConfigError(f"method {config.method} is for one machine; a cluster takes randomized")


def decompose_on_cluster(
    corpus: Corpus, config: CountsConfig, words: int, memory: int | None, client: Client
) -> Generator[Report, None, tuple[SingularTriplets, float]]:
    """Count a corpus on the workers of a Dask cluster, and decompose its PPMI matrix.

    Args:
        corpus: its folder is seen by the workers; one in memory or a store is written to a
            temporary folder.
        config: the settings.
        words: V, the words that are counted.
        memory: bytes that a task may take; None: half of what is available on a worker's machine,
            divided among the tasks that run there at a time, the least of all.
        client: of the cluster.

    Returns:
        The singular triplets, and the sum of the squares of all singular values.

    Raises:
        TextError: no two words of the corpus occur together.
        ConfigError: the shift leaves nothing, or a worker runs another version.
        ResourceError: there is too little memory, or the cluster has lost its workers.
        StorageError: a part cannot be written, or a worker cannot see the folder.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(corpus.folder, Path):
            folder = os.path.abspath(corpus.folder)
        else:
            temporary = TemporaryFolder(tempfile.gettempdir(), "wordkit-corpus-")
            stack.callback(temporary.cleanup)
            corpus.save(folder := os.path.join(temporary.name, "corpus.ids"))
        # trainings of other windows may run at the same time
        name = fingerprint(words, config.cooccurrence())[:8]
        parts = stack.enter_context(PartFolder(f"{folder}.{name}.parts"))
        cluster = Cluster(client, parts.path)
        memory = cluster.memory if memory is None else memory_limit(memory)
        counting = Counting(folder, corpus.fingerprint, words, config.cooccurrence(), memory)
        blocks = yield from count_blocks(counting, corpus.tokens, cluster, parts)
        check_counts(sum(len(read_block(block).data) for block in blocks))
        blocks, total = yield from weigh_blocks(blocks, config, cluster, parts)
        check_weights(total["entries"], config.shift)
        triplets = yield from decompose_blocks(
            blocks, total["largest"], config.dim, config.seed, cluster, parts
        )
        return triplets, total["squares"]
