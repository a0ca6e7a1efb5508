"""The settings of a training on pairs: given, of a preset or checkpoint, or fitted to the pairs.

Characters of short texts and words of sentences need other models; how often the training sees the
pairs decides the dropout. Characters are never sorted by length: among formats, such as those of
dates, a length gives the format away, and a batch of one format teaches less (after two epochs on
the textbook's dates 95 % were right, of 99.7 % without sorting). What is chosen depends on the
pairs, the minutes and the kind of device alone, so all processes of a training choose the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from wordkit.config import change
from wordkit.embeddings import Embeddings
from wordkit.errors import counted
from wordkit.nn.config import Architecture
from wordkit.nn.initialization import check_dimensions
from wordkit.runtime import choose_device
from wordkit.seq2seq.batches import Ids
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.pairs import Pair, check_unit, units_of
from wordkit.seq2seq.presets import PRESETS, Preset, get_preset
from wordkit.text.detokenizer import Unit
from wordkit.text.normalization import Normalization
from wordkit.training.checkpoint import TrainingCheckpoint
from wordkit.training.finetuning import check_shape, fine_tuned, with_shape_of
from wordkit.training.presets import SettingsPlan

__all__ = ["TrainingPlan", "fit_preset", "plan_training"]

_UNITS_PER_SECOND = 15_000.0
"""Words of both sides that a model of the preset ``words`` is trained on, on two cores."""

_DEVICE_SPEEDUP = 20.0  # of a GPU
_SINGLE_FRACTION = 0.05  # of the words, up to which those that occur once become <unk>
_PADDED_RATIO = 1.25  # units with padding to units without, from which lengths are spread
_LATENT = 32  # dimensions of an autoencoder
_MAX_BUCKET, _MIN_BUCKETS = 100, 4  # batches that are sorted together; runs of them in an epoch
_SAMPLE_SEED = 1


@dataclass(frozen=True)
class TrainingPlan(SettingsPlan):
    """The settings of a training, as far as they are known before its pairs are read."""

    preset: Preset | None
    seed: int = 1
    normalize: Normalization = "nfc"
    autoencode: bool = False
    """True if texts are read, not pairs."""

    config: type[Seq2SeqConfig] = Seq2SeqConfig
    """The class of the settings of the model."""

    def fit(self, pairs: Sequence[Pair], device: str = "auto") -> Preset:
        """Return all settings, fitted to the training pairs where no preset has them."""
        if self.preset is not None:
            return self.preset
        model, given, init = self.model, self.training, self.init
        shape = model if init is None else asdict(init)
        fitted = self.config.convert(fit_preset(
            pairs, shape["unit"], epochs=given.get("epochs"), minutes=given.get("max_minutes"),
            batch=given.get("batch"), device=device, arch=shape.get("arch", "recurrent"),
        ))  # fmt: skip
        if init is not None:
            fitted = fine_tuned(fitted, init)
        elif fitted.model.unit != "char" and model.get("attention") == "additive":
            # half of what the decoder has, which takes half of the time
            model = {"attention_width": model.get("hidden", fitted.model.hidden), **model}
        return fitted.change(model, given, self.update)


def plan_training(
    model: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    preset: str | None = None,
    resume: TrainingCheckpoint[Any, Any] | None = None,
    init: Seq2SeqConfig | None = None,
    embeddings: Sequence[Embeddings] = (),
    update: Callable[..., Any] = change,
    config: type[Seq2SeqConfig] = Seq2SeqConfig,
) -> TrainingPlan:
    """Check the settings of a training before its pairs are read.

    Args:
        model, training: the settings that are given.
        preset: a name of :data:`wordkit.seq2seq.PRESETS`; None: fitted settings.
        resume: the checkpoint to resume, which has all settings that are not given.
        init: the shape of the model to start from, which is that of the new one.
        embeddings: the vectors to start from, or the first of each.
        update: updates settings by those given, as :func:`wordkit.config.change` does.
        config: the class of the settings of the model.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect; or there is no such
            preset.
    """
    if model.get("autoencode") and resume is None and init is None:
        model = {"latent": _LATENT, "attention": "none", **model}
        if preset is None:
            model = {"unit": "word", **model}
            training = {"label_smoothing": 0.0, **training}
    if preset is None and resume is None and init is None:
        model = {"unit": config.unit, **model}
    if training.get("max_minutes") is not None and (resume is None or preset is not None):
        training = {"epochs": None, **training}
    if embeddings:
        model = {"dim": embeddings[0].dim, **model}
    if init is not None:
        check_shape(init, model)
    if preset is not None:
        start = get_preset(preset, config)
        if init is not None:
            start = replace(start, model=with_shape_of(init, start.model))
        known = start.change(model, training, update)
    elif resume is not None:
        known = Preset(
            "resumed", update(resume.model, **model), update(resume.training, **training)
        )
    else:
        shape = model if init is None else asdict(init)
        start = config.convert(_start(shape["unit"], shape.get("arch", "recurrent")))
        if init is not None:
            start = replace(start, model=init)
        known = start.change(model, training, update)
    for vectors in embeddings:
        check_dimensions(vectors, known.model.dim)
    is_fitted = preset is None and resume is None
    return TrainingPlan(
        model, training, None if is_fitted else known, init, update, known.training.seed,
        known.model.normalize, known.model.autoencode, config,
    )  # fmt: skip


def fit_preset(
    pairs: Sequence[Pair],
    unit: Unit = "char",
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    device: str = "auto",
    arch: Architecture = "recurrent",
) -> Preset:
    """Choose the settings of a training by its pairs.

    Args:
        pairs: to train on.
        unit: of the texts.
        epochs: times to go through the pairs; None: 10, or as often as the minutes allow.
        minutes: that the training may take; None: no limit.
        batch: pairs of a batch, where they are chosen already.
        device: as for :func:`wordkit.seq2seq.iter_train_seq2seq`.
        arch: recurrent or transformer.

    Raises:
        ConfigError: there is no such unit.
    """
    check_unit(unit)
    sides = [pair.source for pair in pairs], [pair.target for pair in pairs]
    counted_unit: Unit = "word" if unit == "bpe" else unit  # the pieces are not learnt yet
    lengths = [np.array([len(units_of(text, counted_unit)) for text in texts]) for texts in sides]
    means = " and ".join(f"{each.mean():.0f}" for each in lengths) if pairs else "no"
    kind = "characters" if unit == "char" else "words"
    description = f"fitted to {counted(len(pairs), 'pair')} of {means} {kind}"
    if epochs is None and minutes is None:
        epochs = Seq2SeqTrainingConfig.epochs
    start = _start(unit, arch)
    model: dict[str, Any] = {"unit": unit}
    training: dict[str, Any] = {"epochs": epochs, "max_minutes": minutes}
    if unit != "char":
        training["bucket"] = _bucket(lengths, batch or start.training.batch)
        speed = _UNITS_PER_SECOND * (1 if choose_device(device) == "cpu" else _DEVICE_SPEEDUP)
        seen = 60 * (minutes or math.inf) * speed / max(sum(map(np.sum, lengths)), 1)
        seen = min(seen, math.inf if epochs is None else epochs)
        model["dropout"] = _dropout(float(seen), arch)
        has_few_single = unit == "word" and all(map(_has_few_single, sides))
        training["min_count"] = 2 if has_few_single else 1
        description += f" for about {seen:.1f} epochs"
    return Preset(description, change(start.model, **model), change(start.training, **training))


def _start(unit: str, arch: str) -> Preset:
    """Return the preset that is fitted to the pairs."""
    kind = "words" if unit in ("word", "bpe") else "characters"
    return PRESETS[f"transformer-{kind}" if arch == "transformer" else kind]


def _dropout(epochs: float, arch: str) -> float:
    """Return the dropout probability, the higher the more often the pairs are seen.

    A Transformer takes half: 0.48 was too much for it in 15 epochs of Multi30k by pieces.
    """
    recurrent = min(max(0.3 + 0.1 * math.log2(max(epochs, 0.1) / 7), 0.2), 0.5)
    return round(recurrent / 2 if arch == "transformer" else recurrent, 2)


def _has_few_single(texts: Iterable[str]) -> bool:
    """Return whether few of the words of texts occur but once."""
    counts = Counter(word for text in texts for word in text.split())
    return sum(n == 1 for n in counts.values()) <= _SINGLE_FRACTION * counts.total()


def _bucket(lengths: Sequence[Ids], batch: int) -> int:
    """Return how many batches to sort together, 1 where lengths are so alike that it saves little.

    Whole epochs are not sorted together: their batches would be the same ones each time.
    """
    bucket = min(len(lengths[0]) // (batch * _MIN_BUCKETS), _MAX_BUCKET)
    order = np.random.default_rng(_SAMPLE_SEED).permutation(len(lengths[0]))
    starts = np.arange(0, len(order), batch)
    padded = sum(
        int((np.maximum.reduceat(each[order], starts) * np.diff([*starts, len(order)])).sum())
        for each in lengths if len(order)
    )  # fmt: skip
    return max(bucket, 1) if padded > _PADDED_RATIO * sum(map(np.sum, lengths)) else 1
