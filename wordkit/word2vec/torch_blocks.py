"""The corpus on a device, as blocks of centres and contexts: what the torch engine trains on.

n is the number of tokens of a chunk that are kept, G of blocks, T of centres in a block, W the
window, J = T + 2·W of contexts in a block, C the number of words of the corpus.

A block is a run of T tokens, the centres, with all the tokens that may lie in their windows, the
contexts. So neighbouring centres share the rows of their contexts, and the products of a block are
matrix products. The blocks of a chunk are shuffled, so that a batch of them holds words from all
over the chunk, and hardly any word much more often than the text does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engine import Chunk
from wordkit.word2vec.sampling import keep_probabilities

__all__ = ["BlockMaker", "Blocks", "generator_for"]


@dataclass(frozen=True)
class Blocks:
    """G blocks, their words as rows of the matrices."""

    centres: Tensor
    """Shape (G, T), int64."""

    contexts: Tensor
    """Shape (G, J), int64."""

    links: Tensor
    """Shape (G, J, T), bool: true if context j is in the window of centre t. Padding is linked to
    nothing."""

    def __len__(self) -> int:
        """G."""
        return len(self.centres)

    def __getitem__(self, part: slice) -> Blocks:
        """Select blocks."""
        return Blocks(self.centres[part], self.contexts[part], self.links[part])


class BlockMaker:
    """Cuts chunks of a corpus into blocks, on the device.

    Args:
        corpus: only the chunk's part of it is read, and copied to the device.
        rows: the row of each word of the corpus, shape (C,); −1 for words that are left out.
        config: the window and the subsampling.
        centres: T.
        device: a torch device.
    """

    def __init__(
        self,
        corpus: Corpus,
        rows: npt.NDArray[np.int32],
        config: Word2VecConfig,
        *,
        centres: int,
        device: str,
    ) -> None:
        self._corpus, self._config, self._T, self._device = corpus, config, centres, device
        self._rows = torch.from_numpy(rows.astype(np.int64)).to(device)
        counts = np.where(rows >= 0, corpus.vocabulary.counts, 0)
        keep = np.where(rows >= 0, keep_probabilities(counts, config.sample), 0)
        self.expected_tokens = float(keep @ counts)
        """Expected number of tokens of the corpus that subsampling keeps."""
        self._keep = torch.from_numpy(keep.astype(np.float32)).to(device)  # (C,)
        context = torch.arange(centres + 2 * config.window)[:, None] - config.window
        self._offset = (context - torch.arange(centres)).to(device)  # (J, T), from the centre

    def make(self, chunk: Chunk, random: torch.Generator) -> Blocks:
        """Make the blocks of a chunk: subsampling, then windows, which end at sentence ends."""
        T, W = self._T, self._config.window
        rows, before, after = self._kept(chunk, random)
        n = len(rows)
        G = -(-n // T)
        padded = rows.new_zeros(W + max(G, 1) * T + W)
        padded[W : W + n] = rows
        order = torch.randperm(G, generator=random, device=self._device)
        radii = self._radii(n, random)
        left = _in_blocks(torch.minimum(radii, before), G, T)[order]
        right = _in_blocks(torch.minimum(radii, after), G, T)[order]
        offset = self._offset
        links = (offset >= -left[:, None]) & (offset <= right[:, None]) & (offset != 0)
        centres = padded[W : W + G * T].view(G, T)
        contexts = padded.unfold(0, T + 2 * W, T)[:G]  # (G, J): a view, as neighbours overlap
        return Blocks(centres[order], contexts[order], links)

    def _kept(self, chunk: Chunk, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return the rows of kept tokens, and how many come before and after in their sentences."""
        piece = np.array(self._corpus.ids[chunk.start : chunk.stop])  # torch needs a copy
        ids = torch.from_numpy(piece).to(self._device).long()
        draws = torch.rand(len(ids), generator=random, device=self._device)
        kept = (draws < self._keep[ids]).nonzero().squeeze(1)
        # The number of kept tokens before each start of a sentence is its index among the kept.
        borders = torch.searchsorted(kept, self._sentence_starts(chunk))
        here = torch.arange(len(kept), device=self._device)
        sentence = torch.searchsorted(borders, here, right=True)
        before, after = here - borders[sentence - 1], borders[sentence] - 1 - here
        return self._rows[ids[kept]], before, after

    def _sentence_starts(self, chunk: Chunk) -> Tensor:
        """Starts of sentences within a chunk, 0 first, and its length at the end."""
        offsets = self._corpus.offsets
        low = int(np.searchsorted(offsets, chunk.start, side="right"))
        high = int(np.searchsorted(offsets, chunk.stop, side="left"))
        starts = np.concatenate([[chunk.start], offsets[low:high], [chunk.stop]]) - chunk.start
        return torch.from_numpy(starts.astype(np.int64)).to(self._device)

    def _radii(self, n: int, random: torch.Generator) -> Tensor:
        """Return the radius of each window, shape (n,)."""
        W = self._config.window
        if not self._config.dynamic_window:
            return torch.full((n,), W, device=self._device)
        return torch.randint(1, W + 1, (n,), generator=random, device=self._device)


def generator_for(config: Word2VecConfig, chunk: Chunk, device: str) -> torch.Generator:
    """Return the random generator of a chunk, by the seed, the epoch and its position alone."""
    sequence = np.random.SeedSequence((config.seed, chunk.epoch, chunk.start))
    seed = int(sequence.generate_state(1, np.uint64)[0]) >> 1  # 63 bits, which all devices take
    return torch.Generator(device).manual_seed(seed)


def _in_blocks(values: Tensor, G: int, T: int) -> Tensor:
    """Return the values in the shape (G, T), padded with zeros."""
    return F.pad(values, (0, G * T - len(values))).view(G, T)
