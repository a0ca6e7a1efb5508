"""The corpus on a device, as blocks of centres and contexts: what the torch engine trains on.

n is the number of tokens of a chunk that are kept, G of blocks, T of centres in a block, W the
window, J = T + 2·W of contexts in a block, C the number of words of the corpus.

A block is a run of T tokens, the centres, with all the tokens that may lie in their windows, the
contexts. So neighbouring centres share the rows of their contexts, and what is multiplied in a
block are matrices. The blocks of a chunk are put in random order, so that a batch of them holds
words from all over the chunk, and hardly one word much more often than the text does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.sampling import keep_probabilities
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Chunk

__all__ = ["BlockMaker", "Blocks", "generator_for"]


@dataclass(frozen=True)
class Blocks:
    """G blocks, their words as rows of the matrices."""

    centres: Tensor
    """Shape (G, T), int64."""

    contexts: Tensor
    """Shape (G, J), int64."""

    links: Tensor
    """Shape (G, J, T), bool: whether context j is in the window of centre t. What fills up the
    last block and the ends of the contexts is linked to nothing."""

    def __len__(self) -> int:
        """G."""
        return len(self.centres)

    def __getitem__(self, part: slice) -> Blocks:
        """Some of the blocks."""
        return Blocks(self.centres[part], self.contexts[part], self.links[part])


class BlockMaker:
    """Cuts chunks of a corpus into blocks, on the device.

    Args:
        corpus: only the chunk's part of it is read, and copied to the device.
        start: which row each word has.
        config: the window and the subsampling.
        centres: T.
        device: a torch device.
    """

    def __init__(
        self,
        corpus: Corpus,
        start: StartingPoint,
        config: Word2VecConfig,
        *,
        centres: int,
        device: str,
    ) -> None:
        self._corpus, self._config, self._T, self._device = corpus, config, centres, device
        self._row_of = torch.from_numpy(start.rows.astype(np.int64)).to(device)
        trained = start.rows >= 0
        counts = np.where(trained, corpus.vocabulary.counts, 0)
        keep = np.where(trained, keep_probabilities(counts, config.sample), 0)
        self.expected_tokens = float(keep @ counts)
        """How many tokens of the corpus are kept, on average."""
        self._keep = torch.from_numpy(keep.astype(np.float32)).to(device)  # (C,)
        context = torch.arange(centres + 2 * config.window)[:, None] - config.window
        self._offset = (context - torch.arange(centres)).to(device)  # (J, T), from the centre

    def make(self, chunk: Chunk, random: torch.Generator) -> Blocks:
        """The blocks of a chunk: words are skipped, then windows laid, and cut at sentence ends."""
        T, W = self._T, self._config.window
        rows, before, after = self._kept(chunk, random)
        n = len(rows)
        G = -(-n // T)
        padded = rows.new_zeros(W + max(G, 1) * T + W)
        padded[W : W + n] = rows
        order = torch.randperm(G, generator=random, device=self._device)
        reach = self._reach(n, random)
        left = _in_blocks(torch.minimum(reach, before), G, T)[order]
        right = _in_blocks(torch.minimum(reach, after), G, T)[order]
        offset = self._offset
        links = (offset >= -left[:, None]) & (offset <= right[:, None]) & (offset != 0)
        centres = padded[W : W + G * T].view(G, T)
        contexts = padded.unfold(0, T + 2 * W, T)[:G]  # (G, J): a view, as neighbours overlap
        return Blocks(centres[order], contexts[order], links)

    def _kept(self, chunk: Chunk, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of the tokens that are kept, and how many of their sentence lie before and
        after each: three of shape (n,)."""
        piece = np.array(
            self._corpus.ids[chunk.start : chunk.stop]
        )  # torch wants a copy of its own
        ids = torch.from_numpy(piece).to(self._device).long()
        draws = torch.rand(len(ids), generator=random, device=self._device)
        kept = (draws < self._keep[ids]).nonzero().squeeze(1)
        # As many kept tokens as lie before the start of a sentence, so far it is along the kept.
        borders = torch.searchsorted(kept, self._sentence_starts(chunk))
        here = torch.arange(len(kept), device=self._device)
        sentence = torch.searchsorted(borders, here, right=True)
        return (
            self._row_of[ids[kept]],
            here - borders[sentence - 1],
            borders[sentence] - 1 - here,
        )

    def _sentence_starts(self, chunk: Chunk) -> Tensor:
        """Where sentences begin in a chunk, from its start: 0 first, and its length at the end."""
        offsets = self._corpus.offsets
        low = int(np.searchsorted(offsets, chunk.start, side="right"))
        high = int(np.searchsorted(offsets, chunk.stop, side="left"))
        starts = np.concatenate([[chunk.start], offsets[low:high], [chunk.stop]]) - chunk.start
        return torch.from_numpy(starts.astype(np.int64)).to(self._device)

    def _reach(self, n: int, random: torch.Generator) -> Tensor:
        """How many words on each side each window may hold, shape (n,)."""
        W = self._config.window
        if not self._config.dynamic_window:
            return torch.full((n,), W, device=self._device)
        return torch.randint(1, W + 1, (n,), generator=random, device=self._device)


def generator_for(config: Word2VecConfig, chunk: Chunk, device: str) -> torch.Generator:
    """The random numbers of a chunk: they depend on the seed, the epoch and its place alone."""
    sequence = np.random.SeedSequence((config.seed, chunk.epoch, chunk.start))
    seed = int(sequence.generate_state(1, np.uint64)[0]) >> 1  # 63 bits, which all devices take
    return torch.Generator(device).manual_seed(seed)


def _in_blocks(values: Tensor, G: int, T: int) -> Tensor:
    """The values, with zeros up to G·T, in the shape (G, T)."""
    filled = values.new_zeros(G * T)
    filled[: len(values)] = values
    return filled.view(G, T)
