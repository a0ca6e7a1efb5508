"""Fine-tuning: a model is trained on with another text, whose words join its own.

A word that the model does not know was ``<unk>`` to it: the new word starts with the weights of
``<unk>``, and takes its part of the probability.

V words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from wordkit.config import Settings, settings_of
from wordkit.errors import ConfigError
from wordkit.nn.config import NetworkConfig
from wordkit.text import Vocabulary
from wordkit.text.vocabulary import UNK
from wordkit.training.presets import P

__all__ = [
    "check_shape", "copy_weights", "fine_tuned", "join_vocabularies", "share_unk_bias",
    "with_shape_of",
]  # fmt: skip

S = TypeVar("S", bound=Settings)


_FREE_GROUP = "Regularization"  # of the settings that may be others than those of the model


def _shape_fields(kind: type[Settings]) -> list[str]:
    return [name for name, declared in settings_of(kind).items() if declared.group != _FREE_GROUP]


def check_shape(known: Settings, given: Mapping[str, Any]) -> None:
    """Check that settings that are given are those of the model to start from, but for dropout.

    Raises:
        ConfigError: one is another.
    """
    for name in _shape_fields(type(known)):
        value = getattr(known, name)
        if name in given and given[name] != value:
            raise ConfigError(
                f"{name} must be that of the model to start from, {value}, not {given[name]}; "
                "leave it out"
            )


def with_shape_of(known: S, other: S) -> S:
    """Return the settings of a model to start from, with the regularization of others."""
    shape = {name: getattr(known, name) for name in _shape_fields(type(known))}
    return replace(other, **shape)  # type: ignore[type-var]


def fine_tuned(preset: P, init: NetworkConfig) -> P:
    """Return fitted settings for a model to start from: its shape, with the fitted dropout."""
    return replace(preset, model=replace(init, dropout=preset.model.dropout))


def join_vocabularies(
    known: Vocabulary, found: Vocabulary, *, min_count: int = 1, max_size: int | None = None
) -> Vocabulary:
    """Return the words of a model and of a new text, with the sums of their counts.

    Args:
        known: words of the model, all of which stay; ``<unk>`` is one of them.
        found: all words of the text, most frequent first.
        min_count: words of the text that occur less often do not join.
        max_size: size from which on no further word joins; None: there is no limit.
    """
    counts = dict(zip(known.words, known.counts.tolist(), strict=True))
    of_text = dict(zip(found.words, found.counts.tolist(), strict=True))
    room = None if max_size is None else max(max_size - len(known), 0)
    new = [word for word, n in of_text.items() if word not in counts and n >= min_count][:room]
    kept = {*counts, *new}
    for word, count in of_text.items():
        name = word if word in kept else UNK
        counts[name] = counts.get(name, 0) + count
    return Vocabulary.from_counts(counts)


@torch.no_grad()
def copy_weights(
    network: nn.Module, start: nn.Module, vocabularies: Mapping[str, tuple[Vocabulary, Vocabulary]]
) -> None:
    """Copy the weights of a network to one with more words.

    Args:
        network: whose weights are set.
        start: a network of the same shape but for its words.
        vocabularies: the vocabulary of ``start`` and that of ``network`` for each parameter that
            has a row for each word, by its name.
    """
    weights = dict(start.named_parameters())
    for name, parameter in network.named_parameters():
        source: Tensor = weights[name]
        if name in vocabularies:
            known, joined = vocabularies[name]
            unk = known.id(UNK)
            found = (known.get(word) for word in joined)
            source = source[[unk if i is None else i for i in found]]
        parameter.copy_(source)


@torch.no_grad()
def share_unk_bias(bias: Tensor, known: Vocabulary, joined: Vocabulary, found: Vocabulary) -> None:
    """Divide the probability of ``<unk>`` among new words by their counts.

    Args:
        bias: of the output layer, (V,), where new words have that of ``<unk>``.
        known, joined, found: words of the model, of both, and all of the new text.
    """
    counts = dict(zip(found.words, found.counts.tolist(), strict=True))
    new = [word for word in found if joined.get(word) is not None and known.get(word) is None]
    unknown = sum(n for word, n in counts.items() if joined.get(word) is None or word == UNK)
    if new:
        parts = np.maximum([*(counts[word] for word in new), unknown], 0.5)
        rows = [joined.id(word) for word in (*new, UNK)]
        bias[rows] += torch.from_numpy(np.log(parts / parts.sum())).to(bias)
