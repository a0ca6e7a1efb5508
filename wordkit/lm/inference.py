"""What a model expects to come next, from the state that holds what was read.

T steps, B tracks, V words.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from wordkit.lm.model import RecurrentModel
from wordkit.recurrent.answering import answering
from wordkit.recurrent.layer import Carried

__all__ = ["Continuation", "Ids"]

Ids = npt.NDArray[np.int64]

_STEPS = 256  # read at a time, so that memory does not grow with what is read


class Continuation:
    """What a model expects to come next in texts that grow side by side, word by word.

    What was read is held in the state of the recurrent layers alone, so a word costs the same
    wherever it stands. It starts with one track, at the start of a sentence.

    Args:
        module: the network.
        start: the id of the word that a text begins after: ``<eos>``.
    """

    def __init__(self, module: RecurrentModel, start: int) -> None:
        self._module = module
        self._state: Carried = module.start_state(1)
        self.log_p: npt.NDArray[np.float64]
        """log p of every word as the next one, natural, shape (B, V)."""
        self.read(np.array([[start]]))

    def read(self, ids: Ids) -> None:
        """Let the texts grow by words.

        Args:
            ids: shape (T, B), T from 1 up.
        """
        module = self._module
        with answering(module):
            for start in range(0, len(ids), _STEPS):
                words = torch.from_numpy(ids[start : start + _STEPS]).to(module.device)
                features = module(words, self._state)
                self._state = features.state
            log_p = module.log_probabilities(features.top[-1:])
        self.log_p = log_p.cpu().numpy().astype(np.float64)

    def take(self, tracks: Ids) -> None:
        """Go on with these tracks in the place of the present ones; one may be taken twice.

        Args:
            tracks: their numbers, shape (B,); B may be another than before.
        """
        chosen = torch.from_numpy(tracks).to(self._module.device)
        self._state = tuple(
            tuple(part.index_select(0, chosen) for part in layer) for layer in self._state
        )
        self.log_p = self.log_p[tracks]
