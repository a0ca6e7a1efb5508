"""What train-lm trains and how: the settings of a preset, of a checkpoint, or fitted ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from wordkit.storage import check_readable
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress
from wordkit_cli.train_lm_options import SETTINGS

if TYPE_CHECKING:
    from wordkit.lm import ModelConfig, TrainingConfig
    from wordkit.lm.presets import Preset
    from wordkit.text import Corpus

__all__ = ["OPTIONS", "Plan", "check_settings", "make_plan", "shape"]

OPTIONS = {"start_embeddings": "embeddings"}
"""Options of fields that have another name."""

_MADE = ("counts", "random")  # word vectors to start from that no file holds


@dataclass(frozen=True)
class Plan:
    """What to train, and how."""

    model: ModelConfig
    training: TrainingConfig
    embeddings: str | None = None
    resume: Any = None

    def vectors(self) -> Any:
        """The word vectors to start from; None where no file is named."""
        from wordkit_cli.models import load_vectors

        return None if self.embeddings is None else load_vectors(self.embeddings)

    @staticmethod
    def checkpoints(path: str | None, every: float) -> Any:
        """Where checkpoints go."""
        from wordkit.checkpoints import CheckpointPlan

        return None if path is None else CheckpointPlan(path, every)


def check_settings(options: Mapping[str, Any]) -> None:
    """Find out before the texts are read what no training could begin with.

    Raises:
        ConfigError: a setting is out of its range, does not go with another, or there is no such
            preset.
        StorageError: the vectors to start from are no file.
    """
    from wordkit.lm import ModelConfig, TrainingConfig, get_preset

    model, training = ModelConfig(), TrainingConfig()
    if options["preset"] is not None:
        preset = get_preset(options["preset"])
        model, training = preset.model, preset.training
    embeddings = options["embeddings"]
    if embeddings is not None and embeddings not in _MADE:
        check_readable(embeddings)
        options = {**options, "embeddings": None}  # they may be large, and are loaded later
    if not options["resume"]:
        _changed(model, training, options)


def make_plan(options: Mapping[str, Any], train: Corpus, progress: Progress) -> Plan:
    """The settings: those of the checkpoint, the preset, or fitted ones, changed as said."""
    checkpoint = options["checkpoint"]
    if options["resume"]:
        if os.path.exists(checkpoint):
            return _resumed(options, progress)
        progress.say(f"there is no {checkpoint} yet: starting afresh")
    preset = _start(options, train, progress)
    plan = _changed(preset.model, preset.training, options)
    if options["preset"] is None:
        dropout = plan.model.dropout
        progress.say(f"{preset.description}: {shape(plan.model)}, dropout {dropout:g}")
    return plan


def _changed(model: ModelConfig, training: TrainingConfig, options: Mapping[str, Any]) -> Plan:
    """Settings with those of the command line in their place."""
    from wordkit.training.config import USUAL_RATES

    model_settings, training_settings = SETTINGS.given(options)
    embeddings = options["embeddings"]
    if embeddings in _MADE:
        model_settings["start_embeddings"], embeddings = embeddings, None
    if embeddings is not None and "dim" not in model_settings:
        from wordkit_cli.models import load_vectors

        model_settings["dim"] = load_vectors(embeddings).dim
    optimizer = training_settings.get("optimizer", training.optimizer)
    if optimizer != training.optimizer:  # the preset's rate is that of its own
        training_settings.setdefault("lr", USUAL_RATES[optimizer])
    if training_settings.get("softmax") == "adaptive":
        if model_settings.get("tied"):
            raise click.UsageError("--softmax adaptive has vectors of its own: leave out --tied")
        model_settings["tied"] = False
    return Plan(
        replace(model, **model_settings), replace(training, **training_settings), embeddings
    )


def _start(options: Mapping[str, Any], train: Corpus, progress: Progress) -> Preset:
    """The settings before those of the command line."""
    from wordkit.lm import fitted_preset, get_preset, words_to_model

    if options["preset"] is not None:
        return get_preset(options["preset"])
    vocabulary = words_to_model(
        train, min_count=options["min_count"], max_size=options["max_vocabulary"]
    )
    fitting = fitted_preset(
        train.tokens,
        len(vocabulary),
        minutes=options["max_minutes"],
        epochs=options["epochs"],
        hidden=options["hidden"],
        device=options["device"],
        threads=options["threads"],
    )
    return progress.finish(fitting)


def _resumed(options: Mapping[str, Any], progress: Progress) -> Plan:
    """The settings of the checkpoint; others that are given are refused when training begins."""
    from wordkit.lm import get_preset, read_checkpoint

    model, training = SETTINGS.given(options)
    checkpoint = read_checkpoint(options["checkpoint"])
    before, how = checkpoint.model, checkpoint.training
    if options["preset"] is not None:
        preset = get_preset(options["preset"])
        before, how = preset.model, preset.training
    if options["embeddings"] in _MADE:
        model["start_embeddings"] = options["embeddings"]
    elif options["embeddings"] is not None:  # its vectors are among the weights
        model.setdefault("dim", checkpoint.model.dim)
    progress.say(
        f"going on from {options['checkpoint']} after {counted(checkpoint.state.seen, 'token')}"
    )
    return Plan(replace(before, **model), replace(how, **training), resume=checkpoint)


def shape(config: ModelConfig) -> str:
    """The recurrent layers in two words: lstm 200, gru 2 x 650."""
    layers = f"{config.layers} x " if config.layers > 1 else ""
    return f"{config.cell} {layers}{config.hidden}"
