"""wordkit train-dialogue: train a model that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
from wordkit.storage import DIALOGUE_CHECKPOINT, check_outputs
from wordkit_cli.models import DIALOGUE, load_dialogue, load_vectors
from wordkit_cli.options import (
    checkpoint_options,
    encoding_options,
    model_device_option,
    output_option,
    progress_options,
    resume_option,
    threads_option,
)
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress, short
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.sequence_models import read_dialogue_files
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import (
    check_training,
    checkpoint_plan,
    finish_training,
    is_first_process,
)

if TYPE_CHECKING:
    from wordkit.seq2seq.dialogue import Dialogue, DialogueModel
    from wordkit.seq2seq.fitting import TrainingPlan
    from wordkit.seq2seq.presets import Preset

__all__ = ["command"]

_SETTINGS = SettingOptions(
    {"Model": DialogueConfig, "Training": DialogueTrainingConfig},
    hidden=("heads", "feed_forward", "autoencode"),  # of Transformers, and of single texts
    shows_defaults=False,  # they are fitted to the dialogues
)


@click.command("train-dialogue", cls=SectionedCommand)
@click.argument("dialogues", nargs=-1, required=True, metavar="DIALOGUES...")
@output_option(DIALOGUE.file, "FILE", "The model to write.")
@option(
    "--valid", metavar="FILE", section="Text", main=True,
    help="Validation dialogues; the model that is best on them is kept.",
)  # fmt: skip
@option(
    "--hold-out", type=click.FloatRange(0, 0.5), default=0.1, show_default=True, section="Text",
    help="Fraction of DIALOGUES to validate on without --valid.",
)  # fmt: skip
@option(
    "--preset", metavar="NAME", section="Model",
    help="Start from the settings of a preset of train-seq2seq: characters, words or bahdanau. "
    "Default: fitted to the dialogues.",
)  # fmt: skip
@option(
    "--init", metavar="FILE", section="Model",
    help="Fine-tune a model: start from its weights and units, which those of DIALOGUES join.",
)  # fmt: skip
@option(
    "--embeddings", metavar="FILE", section="Model",
    help="Initial embeddings: a file of vectors.",
)  # fmt: skip
@_SETTINGS
@checkpoint_options
@resume_option
@model_device_option
@threads_option
@encoding_options
@progress_options
def command(dialogues: tuple[str, ...], output: str, **options: Any) -> None:
    """Train a model on DIALOGUES that answers with all that was said before in mind.

    DIALOGUES is one or more files (also .gz, .bz2, .xz), folders, globs, or - for standard input: a
    turn a line, and a blank line between dialogues. Where lines are speaker, tab and text, lines of
    one speaker that follow each other are one turn. Dialogues of a single turn are left out.

    Settings that are not given are fitted to DIALOGUES, as those of train-seq2seq to pairs.

    \b
    Examples:
      wordkit train-dialogue dialogues.txt --max-minutes 10
      wordkit train-dialogue train.txt --valid valid.txt --attention-to both
      wordkit train-dialogue dialogues.txt --arch seq2seq -o last-turn.safetensors
      wordkit train-dialogue dialogues.txt --arch vhred
      wordkit train-dialogue dialogues.txt --unit bpe --context-turns 4
      wordkit train-dialogue mine.txt --init dialogue.safetensors -o my.model
    """
    from wordkit.seq2seq.dialogue import (
        iter_train_dialogue,
        read_dialogue_checkpoint,
        save_dialogue_model,
    )
    from wordkit.seq2seq.dialogue.dialogues import turn_pairs
    from wordkit.seq2seq.dialogue.training import plan_dialogue_training
    from wordkit.storage.checkpoints import resumed_checkpoint

    is_first, checkpoint = is_first_process(), options["checkpoint"]
    log = options["log"] if is_first else None
    check_training([output], options)
    check_outputs((output, checkpoint, log), [options["init"], options["embeddings"]])
    writing, quiet = checkpoint_plan(options), options["quiet"] or not is_first
    with Progress(quiet=quiet, log=log, append=options["resume"]) as progress:
        resume, note = resumed_checkpoint(
            writing, read_dialogue_checkpoint, kind=DIALOGUE_CHECKPOINT, resume=options["resume"]
        )
        progress.say(note)
        of_model, of_training = _SETTINGS.given(options)
        init = None if options["init"] is None else load_dialogue(options["init"], "cpu")
        vectors = None
        if options["embeddings"] is not None and resume is None:
            vectors = load_vectors(options["embeddings"])
        plan = plan_dialogue_training(
            of_model, of_training, preset=options["preset"], resume=resume, update=changed,
            init=None if init is None else init.config,
            embeddings=[] if vectors is None else [vectors],
        )  # fmt: skip
        train, valid = _read(dialogues, options, plan, progress, (output, checkpoint, log))
        chosen: Any = plan.fit(turn_pairs(train), options["device"])
        if plan.preset is None:
            progress.say(f"{chosen.description}: {_settings(chosen)}")
        run = iter_train_dialogue(
            train, chosen.model, chosen.training, valid=valid, init=init, embeddings=vectors,
            device=options["device"], threads=options["threads"], checkpoint=writing,
            resume=resume,
        )  # fmt: skip
        save = save_dialogue_model if is_first else None
        made = finish_training(run, output, save, progress, checkpoint, _figures)
        progress.say(_start(made.metadata))
        progress.say(f"{output}: {_described(made, run.rate, run.figures)}")


def _read(
    paths: tuple[str, ...],
    options: Mapping[str, Any],
    plan: TrainingPlan,
    progress: Progress,
    outputs: tuple[str | None, ...],
) -> tuple[list[Dialogue], list[Dialogue]]:
    """The dialogues to train on and those to validate on."""
    from wordkit.seq2seq.dialogue import split_dialogues
    from wordkit.seq2seq.dialogue.dialogues import normalized_dialogues

    def read(files: Sequence[str]) -> list[Dialogue]:
        found = read_dialogue_files(files, options, outputs)
        return normalized_dialogues(found, plan.normalize)

    valid = [] if options["valid"] is None else read([options["valid"]])
    train = read(paths)
    if options["valid"] is None and options["hold_out"]:
        train, valid = split_dialogues(train, options["hold_out"], plan.seed)
    turns = sum(map(len, train))
    progress.say(
        f"{counted(len(train), 'dialogue')} of {turns:,} turns to train on, {len(valid):,} to "
        "validate on"
    )
    return train, valid


def _settings(chosen: Preset) -> str:
    """The main settings in one line."""
    model, training = chosen.model, chosen.training
    facts = [_shape(model), f"dropout {model.dropout:g}"]
    size = training.batch_tokens
    facts.append(f"batch {training.batch}" if size is None else f"batches of {size:,} units")
    return ", ".join([*facts, f"lr {training.lr:g}"])


def _shape(model: Any) -> str:
    attention = "" if model.attention == "none" else f", {model.attention} attention"
    latent = "" if model.latent is None else f", latent {model.latent}"
    return f"{model.arch} of {model.shape}{attention}{latent}"


def _figures(known: Mapping[str, float]) -> str:
    """The figures of a training in short."""
    if "epoch" not in known:
        return ""
    shown = f"epoch {known['epoch']:.0f}"
    if known["loss"] == known["loss"]:
        shown += f"  loss {known['loss']:.3f}"
    if "valid_perplexity" in known:
        shown += f"  valid {known['valid_perplexity']:.1f}  right {known['valid_exact']:.1%}"
    return f"{shown}  KL {known['valid_kl']:.2f}" if "valid_kl" in known else shown


def _start(metadata: Mapping[str, Any]) -> str | None:
    """The initial weights in one line; None: they are random."""
    if "init" in metadata:
        words = metadata["init"]
        return f"{counted(words['words'], 'unit')} of the model stay, {words['new_words']:,} join"
    if "embeddings" in metadata:
        words = metadata["embeddings"]
        return f"{words['known']:,} of {counted(words['words'], 'unit')} have vectors to start from"
    return None


def _described(model: DialogueModel, rate: float | None, figures: Mapping[str, float]) -> str:
    """A model and its training in one line."""
    training = model.metadata["training"]
    facts = [_shape(model.config), counted(float(training["epochs"]), "epoch")]
    if training["valid_perplexity"] is not None:
        bound = "" if "valid_kl" not in figures else "at most "
        shown = f"perplexity of the validation turns {bound}{training['valid_perplexity']:.1f}"
        facts.append(shown + (f", KL {figures['valid_kl']:.2f} nats a turn" if bound else ""))
    if rate:
        facts.append(f"{short(rate)} turns/s")
    return ", ".join(facts)
