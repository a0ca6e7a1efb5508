"""The encoder: reads the sources, one way or both ways.

Letters: S places of the source, B pairs, V characters or words, E length of a vector, H width of a
layer in one direction, D width of what leaves a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from wordkit.nn.config import full_name
from wordkit.recurrent.dropout import dropped
from wordkit.recurrent.layer import Carried, RecurrentLayer
from wordkit.seq2seq.config import Seq2SeqConfig

__all__ = ["Encoded", "Encoder", "looks_up", "masked"]

_SPANS, _STEPS = 3, 10  # that a batch is parted into, at most, and the steps of one, at least


@dataclass(frozen=True)
class Encoded:
    """What was read."""

    outputs: Tensor
    """Of the last layer, shape (S, B, D); 0 where there is no source."""

    padding: Tensor | None
    """Shape (S, B), true where there is no source; None: nowhere."""

    state: Carried
    """Of each layer after the last place, the directions joined: tensors of shape (B, D)."""


class Encoder(nn.Module):
    """Recurrent layers over the vectors of the source.

    Args:
        config: the shape.
        words: V.
    """

    def __init__(self, config: Seq2SeqConfig, words: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(words, config.dim))
        cell = full_name(config.cell, config.activation)
        widths = [config.dim, *[config.width] * (config.layers - 1)]

        def stack() -> nn.ModuleList:
            return nn.ModuleList(RecurrentLayer(cell, width, config.hidden) for width in widths)

        self.layers = stack()
        self.backward_layers = None if config.directions == "one" else stack()

    def forward(
        self, sources: Tensor, precision: str, generator: torch.Generator | None
    ) -> Encoded:
        """What the layers make of sources.

        Args:
            sources: shape (S, B), int64, in the order that they are read in; −1 in front of those
                that are shorter.
            precision: ``fp32`` or ``bf16``.
            generator: of the random numbers for dropout.
        """
        missing = sources < 0
        padding = missing if bool(missing.any()) else None
        turned = None if self.backward_layers is None else _turned(missing)
        spans = _spans(missing)
        x: Tensor | None = None  # looked up in a table of what the first layer makes of it
        adds = self.config.residual and self.config.dim == self.config.width
        if adds or not looks_up(self, sources):
            x = masked(self, F.embedding(sources.clamp(min=0), self.embedding), generator)
        after = []
        for number in range(self.config.layers):
            places = sources if x is None else x
            raw, state = self._layer(number, places, spans, padding, turned, precision)
            if self.config.residual and x is not None and raw.shape == x.shape:
                raw = raw + x
            after.append(state)
            if number < self.config.layers - 1:
                x = masked(self, raw, generator)
        if padding is not None and self.config.residual:
            raw = raw.masked_fill(padding.unsqueeze(-1), 0)
        return Encoded(raw, padding, tuple(after))

    def _layer(
        self,
        number: int,
        x: Tensor,
        spans: list[_Span],
        padding: Tensor | None,
        turned: Tensor | None,
        precision: str,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What leaves a layer, (S, B, D), and its state after the last place.

        What goes in is x, (S, B, ·), or, for the first layer, ids (S, B).
        """

        def run(layer: RecurrentLayer, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            table = layer.table(self.embedding, precision) if x.ndim == 2 else None
            return _run(layer, x, table, spans, padding, precision)

        forward = run(self.layers[number], x)  # type: ignore[arg-type]
        if self.backward_layers is None or turned is None:
            return forward
        pairs = torch.arange(x.shape[1], device=x.device)
        back: RecurrentLayer = self.backward_layers[number]  # type: ignore[assignment]
        outputs, state = run(back, x[turned, pairs])
        outputs = outputs[turned, pairs]  # turned twice is as it was
        return (
            self._joined(forward[0], outputs),
            tuple(self._joined(*parts) for parts in zip(forward[1], state, strict=True)),
        )

    def _joined(self, forward: Tensor, backward: Tensor) -> Tensor:
        if self.config.directions == "sum":
            return forward + backward
        return torch.cat([forward, backward], -1)


def masked(module: nn.Module, x: Tensor, generator: torch.Generator | None) -> Tensor:
    """x, in training with a share of it dropped, as the configuration of the module says."""
    share: float = module.config.dropout  # type: ignore[union-attr, assignment]
    return dropped(x, share, generator) if module.training and share else x


def looks_up(module: nn.Module, ids: Tensor) -> bool:
    """Whether the first layer takes what it makes of each id from a table.

    It does where that saves products, and where no value of a vector is dropped.
    """
    embedding, share = module.embedding, module.config.dropout  # type: ignore[union-attr]
    is_dropped = module.training and bool(share)
    return (
        ids.device.type == "cpu"
        and len(embedding) <= ids.numel()  # type: ignore[arg-type]
        and not is_dropped
    )


class _Span(NamedTuple):
    """Some steps, and the pairs that are gone through in them."""

    start: int
    stop: int
    pairs: int
    """The first so many; the sources of the others begin later."""

    has_padding: bool


def _spans(missing: Tensor) -> list[_Span]:
    """The steps of a batch in a few spans, each with the pairs that have begun by its end.

    So most of the padding costs nothing where the longest sources come first. Where they do not,
    or on a device, which goes through all pairs at once, there is one span.

    Args:
        missing: true where there is no source, shape (S, B).
    """
    S, B = missing.shape
    if missing.device.type != "cpu" or B == 1:
        return [_Span(0, S, B, bool(missing[0].any()))]
    begun = np.logical_not(missing.numpy())
    counts = begun.sum(1)
    if (np.diff(begun.sum(0)) > 0).any():
        return [_Span(0, S, B, True)]
    parts = min(_SPANS, 1 + S // _STEPS)
    levels = [-(-B * part // parts) for part in range(1, parts)]
    # a span ends before the first step that has more pairs than its level
    stops = np.unique([*np.searchsorted(counts, levels, side="right"), S])
    starts = [0, *stops[:-1]]
    return [
        _Span(int(a), int(b), int(counts[b - 1]), bool(counts[a] < counts[b - 1]))
        for a, b in zip(starts, stops, strict=True)
        if b > a
    ]


def _run(
    layer: RecurrentLayer,
    x: Tensor,
    table: Tensor | None,
    spans: list[_Span],
    padding: Tensor | None,
    precision: str,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A layer over all steps, from a state of zeros: what leaves it, and the state at the end."""
    B = x.shape[1]
    nothing = layer.bias.new_zeros(0, layer.hidden)
    state: tuple[Tensor, ...] = (nothing,) * layer.cell.states
    outputs = []
    for start, stop, pairs, has_padding in spans:
        new = pairs - len(state[0])
        state = tuple(F.pad(part, (0, 0, 0, new)) for part in state)  # of those that begin now
        part = x[start:stop, :pairs]
        if table is not None:
            made, state = layer.from_table(part, table, state, precision)
        else:
            missing = padding[start:stop, :pairs] if has_padding and padding is not None else None
            made, state = layer(part, state, layer.weight_hidden, precision, padding=missing)
        outputs.append(F.pad(made, (0, 0, 0, B - pairs)) if pairs < B else made)
    return (torch.cat(outputs) if len(outputs) > 1 else outputs[0]), state


def _turned(missing: Tensor) -> Tensor:
    """For each place the one that is there when each source is read from its other end, (S, B)."""
    S = len(missing)
    places = torch.arange(S, device=missing.device).unsqueeze(1)
    first = missing.sum(0)  # of each source, behind its padding
    return torch.where(missing, places, first + S - 1 - places)
