"""The text in parallel tracks, and the windows that training goes through.

T steps, B tracks, N tokens. A stream of N tokens is cut into B tracks that lie side by side; their
lengths differ by one at most, so that every token is predicted once in an epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wordkit.errors import ConfigError, TextError, counted
from wordkit.lm.stream import TokenStream

__all__ = ["NO_TARGET", "Tracks", "Window"]

NO_TARGET = -1
"""The target where there is none: behind the end of a shorter track."""


@dataclass(frozen=True)
class Window:
    """Words, and those that follow them."""

    inputs: Tensor
    """Shape (T, B), int64."""

    targets: Tensor
    """Shape (T, B), int64; ``NO_TARGET`` where there is none."""

    tokens: int
    """Targets in all tracks, also those of other processes."""


class Tracks:
    """A stream laid out in tracks.

    Args:
        stream: the text.
        batch: B, over all processes.
        steps: T; the text must fill one window at least.
        rank, processes: which of so many processes this is; it has an equal part of the tracks.

    Raises:
        TextError: the text is shorter than a window.
        ConfigError: the processes cannot share the tracks evenly.
    """

    def __init__(
        self, stream: TokenStream, batch: int, steps: int, *, rank: int = 0, processes: int = 1
    ) -> None:
        N = stream.tokens
        if batch * steps > N:
            raise TextError(
                f"the text has {counted(N, 'token')}, and a window of {counted(batch, 'track')} "
                f"and {counted(steps, 'step')} takes {batch * steps:,}; give more text, "
                "or lower batch or steps"
            )
        if batch % processes:
            raise ConfigError(
                f"batch must be a multiple of {processes}, the same for each process, not {batch}"
            )
        self._stream = stream
        long, longer = divmod(N, batch)
        self.lengths = np.full(batch, long, dtype=np.int64)
        self.lengths[:longer] += 1
        starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        own = slice(rank * (batch // processes), (rank + 1) * (batch // processes))
        self._starts: npt.NDArray[np.int64] = starts[own]
        self._ends: npt.NDArray[np.int64] = (starts + self.lengths)[own]

    @property
    def length(self) -> int:
        """Steps of the longest track."""
        return int(self.lengths[0])

    @property
    def tracks(self) -> int:
        """Tracks of this process."""
        return len(self._starts)

    def window(self, start: int, steps: int) -> Window:
        """The window of up to so many steps from a step on."""
        steps = min(steps, self.length - start)
        places = self._starts + start + np.arange(steps)[:, None]  # (T, B)
        inside = places < self._ends
        places = np.minimum(places, self._stream.tokens - 1)
        targets = np.where(inside, self._stream.take(places), NO_TARGET)
        tokens = int(np.clip(self.lengths - start, 0, steps).sum())
        inputs = self._stream.take(places - 1)
        return Window(torch.from_numpy(inputs), torch.from_numpy(targets), tokens)
