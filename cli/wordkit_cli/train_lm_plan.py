"""The settings of train-lm: those of a preset, of a checkpoint, or fitted ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from wordkit.errors import ConfigError
from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit_cli.progress import Progress
from wordkit_cli.setting_options import SettingOptions, changed

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.lm import Checkpoint
    from wordkit.lm.presets import Preset
    from wordkit.text import Corpus

__all__ = ["SETTINGS", "Plan", "begin_plan", "files_to_read", "make_plan", "shape"]

SETTINGS = SettingOptions(
    {"Model": ModelConfig, "Training": TrainingConfig},
    hidden=("start_embeddings", "adaptive"),  # set by --embeddings and --softmax
    shows_defaults=False,  # they are those of a preset, or fitted to the text
)

_MADE = ("counts", "random")  # word vectors to start from that no file holds


@dataclass(frozen=True)
class Plan:
    """The settings of a training, and its checkpoint to resume."""

    model: ModelConfig
    training: TrainingConfig
    embeddings: str | None = None
    resume: Checkpoint | None = None

    def vectors(self) -> Embeddings | None:
        """Load the word vectors to start from; None where no file is named."""
        from wordkit_cli.models import load_vectors

        return None if self.embeddings is None else load_vectors(self.embeddings)


def begin_plan(options: Mapping[str, Any], checkpoint: Checkpoint | None) -> Plan:
    """Return the settings that are known before the texts are read, checked.

    Args:
        options: of the command.
        checkpoint: the one to resume.

    Raises:
        ConfigError: a setting is out of its range, does not go with another or with the
            checkpoint, or there is no such preset.
        StorageError: the vectors to start from cannot be read.
        FormatError: they are corrupted, or of another kind.
        click.UsageError: a setting has no effect.
    """
    from wordkit.lm import get_preset

    if checkpoint is not None:
        return _resumed(options, checkpoint)
    model, training = ModelConfig(), TrainingConfig()
    if options["preset"] is not None:
        preset = get_preset(options["preset"])
        model, training = preset.model, preset.training
    return _changed(model, training, options)


def make_plan(begun: Plan, options: Mapping[str, Any], train: Corpus, progress: Progress) -> Plan:
    """Return the settings: of the checkpoint, the preset, or fitted, with those given."""
    if begun.resume is not None or options["preset"] is not None:
        return begun
    preset = _fitted(options, train, progress)
    plan = _changed(preset.model, preset.training, options)
    dropout = plan.model.dropout
    progress.say(f"{preset.description}: {shape(plan.model)}, dropout {dropout:g}")
    return plan


def files_to_read(options: Mapping[str, Any]) -> list[str]:
    """Return the files that a training starts from: vectors."""
    return [] if options["embeddings"] in (None, *_MADE) else [options["embeddings"]]


def _changed(model: ModelConfig, training: TrainingConfig, options: Mapping[str, Any]) -> Plan:
    """Settings updated by those of the command line."""
    from wordkit.lm.initialization import check_dimensions
    from wordkit.training.config import USUAL_RATES

    model_settings, training_settings = SETTINGS.given(options)
    embeddings = options["embeddings"]
    if embeddings in _MADE:
        model_settings["start_embeddings"], embeddings = embeddings, None
    vectors = None if embeddings is None else _first_vector(embeddings)
    if vectors is not None:
        model_settings.setdefault("dim", vectors.dim)
    optimizer = training_settings.get("optimizer", training.optimizer)
    if optimizer != training.optimizer:  # the preset's rate is that of its own
        training_settings.setdefault("lr", USUAL_RATES[optimizer])
    if training_settings.get("softmax") == "adaptive":
        if model_settings.get("tied"):
            raise click.UsageError("--softmax adaptive has vectors of its own: leave out --tied")
        model_settings.update(tied=False, adaptive=True)
    plan = Plan(
        changed(model, **model_settings), changed(training, **training_settings), embeddings
    )
    if vectors is not None:
        check_dimensions(vectors, plan.model.width_in)
    return plan


def _first_vector(embeddings: str) -> Embeddings:
    """The first of the vectors to start from; all of them may take long to read."""
    from wordkit_cli.models import load_vectors

    return load_vectors(embeddings, limit=1)


def _fitted(options: Mapping[str, Any], train: Corpus, progress: Progress) -> Preset:
    """The settings that are fitted to the text and the time."""
    from wordkit.lm import iter_fit_preset, words_to_model

    vocabulary = words_to_model(
        train, min_count=options["min_count"], max_size=options["max_vocabulary"]
    )
    fitting = iter_fit_preset(
        train.tokens,
        len(vocabulary),
        minutes=options["max_minutes"],
        epochs=options["epochs"],
        hidden=options["hidden"],
        device=options["device"],
        threads=options["threads"],
    )
    return progress.finish(fitting)


def _resumed(options: Mapping[str, Any], checkpoint: Checkpoint) -> Plan:
    """The settings of the checkpoint; others that are given are refused."""
    from wordkit.lm import get_preset
    from wordkit.training.checkpoint import check_resumption

    model, training = checkpoint.model, checkpoint.training
    if options["preset"] is not None:
        preset = get_preset(options["preset"])
        model, training = preset.model, preset.training
    if options["embeddings"] not in (None, *_MADE):  # its vectors are among the weights
        options = {**options, "embeddings": None, "dim": options["dim"] or checkpoint.model.dim}
    plan = replace(_changed(model, training, options), resume=checkpoint)
    try:
        check_resumption(checkpoint, plan.model, plan.training)
    except ConfigError as error:
        if options["preset"] is None:
            raise
        remedy = "or leave out --preset: the checkpoint has all settings"
        raise ConfigError(f"{error}; {remedy}") from error
    return plan


def shape(config: ModelConfig) -> str:
    """Describe the recurrent layers: lstm 200, gru 2 x 650."""
    layers = f"{config.layers} x " if config.layers > 1 else ""
    return f"{config.cell} {layers}{config.hidden}"
