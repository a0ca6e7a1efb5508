"""wordkit train-seq2seq: train a sequence-to-sequence model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.storage import SEQ2SEQ_CHECKPOINT, check_outputs
from wordkit_cli.models import SEQ2SEQ, load_seq2seq_model, load_vectors
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
from wordkit_cli.sequence_models import read_pair_files, separator_option
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import (
    check_training,
    checkpoint_plan,
    finish_training,
    is_first_process,
    print_preset,
)

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.seq2seq import Pair, Seq2SeqModel
    from wordkit.seq2seq.fitting import TrainingPlan
    from wordkit.seq2seq.presets import Preset
    from wordkit.seq2seq.task import Seq2SeqCheckpoint

__all__ = ["command"]

_SETTINGS = SettingOptions(
    {"Model": Seq2SeqConfig, "Training": Seq2SeqTrainingConfig},
    shows_defaults=False,  # they are fitted to the pairs, or those of a preset
)


_EMBEDDINGS = ("source_embeddings", "target_embeddings")


def _show_preset(context: click.Context, _: click.Parameter, name: str | None) -> None:
    """Print a preset, and exit."""
    if name is not None:
        from wordkit.seq2seq.presets import get_preset

        preset = get_preset(name)
        print_preset(name, preset.description, preset.model, preset.training)
        context.exit()


@click.command("train-seq2seq", cls=SectionedCommand)
@click.argument("pairs", nargs=-1, required=True, metavar="PAIRS...")
@output_option(SEQ2SEQ.file, "FILE", "The model to write.")
@separator_option
@option(
    "--valid", metavar="FILE", section="Text", main=True,
    help="Validation pairs; the model that is best on them is kept.",
)  # fmt: skip
@option(
    "--hold-out", type=click.FloatRange(0, 0.5), default=0.1, show_default=True, section="Text",
    help="Fraction of the sources in PAIRS to validate on without --valid.",
)  # fmt: skip
@option(
    "--preset", metavar="NAME", section="Model",
    help="Start from the settings of a preset: characters, words, bahdanau, "
    "transformer-characters or transformer-words. Default: fitted to the pairs.",
)  # fmt: skip
@option(
    "--show-preset", metavar="NAME", callback=_show_preset, expose_value=False, is_eager=True,
    section="Model", help="Show the settings of a preset and exit.",
)  # fmt: skip
@option(
    "--init", metavar="FILE", section="Model",
    help="Fine-tune a model: start from its weights and units, which those of PAIRS join.",
)  # fmt: skip
@option(
    "--source-embeddings", metavar="FILE", section="Model",
    help="Initial embeddings of the sources: a file of vectors.",
)  # fmt: skip
@option(
    "--target-embeddings", metavar="FILE", section="Model",
    help="Initial embeddings of the targets: a file of vectors.",
)  # fmt: skip
@_SETTINGS
@checkpoint_options
@resume_option
@model_device_option
@threads_option
@encoding_options
@progress_options
def command(pairs: tuple[str, ...], output: str, **options: Any) -> None:
    """Train a sequence-to-sequence model on PAIRS of texts.

    PAIRS is one or more files (also .gz, .bz2, .xz), folders, globs, or - for standard input. Each
    line holds a source and a target, separated by a tab or by --separator; white space around them
    is removed. With --autoencode each line is a text that the model learns to write from a vector:
    a variational autoencoder of sentences, by word and with 32 dimensions unless said otherwise.

    Settings that are not given are fitted to PAIRS: to their unit and lengths, and to how often the
    training sees them.

    \b
    Examples:
      wordkit train-seq2seq date.txt --separator _ --epochs 3
      wordkit train-seq2seq addition.txt --separator _ --reverse --attention none
      wordkit train-seq2seq eng-fra.tsv --unit word --max-minutes 20
      wordkit train-seq2seq deu-eng.tsv --unit bpe --max-minutes 20
      wordkit train-seq2seq eng-fra.tsv --unit word --arch transformer
      wordkit train-seq2seq replies.tsv --unit word --latent 32
      wordkit train-seq2seq --autoencode sentences.txt --max-minutes 10
      wordkit train-seq2seq mine.tsv --init seq2seq.safetensors -o my.safetensors
    """
    from wordkit.seq2seq import iter_train_seq2seq, read_checkpoint, save_seq2seq
    from wordkit.seq2seq.fitting import plan_training
    from wordkit.storage.checkpoints import resumed_checkpoint

    is_first, checkpoint = is_first_process(), options["checkpoint"]
    log = options["log"] if is_first else None
    check_training([output], options)
    start = [options[name] for name in ("init", *_EMBEDDINGS)]
    check_outputs((output, checkpoint, log), start)
    writing, quiet = checkpoint_plan(options), options["quiet"] or not is_first
    with Progress(quiet=quiet, log=log, append=options["resume"]) as progress:
        resume, note = resumed_checkpoint(
            writing, read_checkpoint, kind=SEQ2SEQ_CHECKPOINT, resume=options["resume"]
        )
        progress.say(note)
        of_model, of_training = _SETTINGS.given(options)
        init = None if options["init"] is None else load_seq2seq_model(options["init"], "cpu")
        plan = plan_training(
            of_model, of_training, preset=options["preset"], resume=resume, update=changed,
            init=None if init is None else init.config,
            embeddings=[*_vectors(options, resume, limit=1).values()],
        )  # fmt: skip
        train, valid = _read(pairs, options, plan, progress, (output, checkpoint, log))
        chosen = plan.fit(train, options["device"])
        if plan.preset is None:
            progress.say(f"{chosen.description}: {_settings(chosen)}")
        run = iter_train_seq2seq(
            train,
            chosen.model,
            chosen.training,
            valid=valid,
            init=init,
            **_vectors(options, resume),
            device=options["device"],
            threads=options["threads"],
            checkpoint=writing,
            resume=resume,
        )
        save = save_seq2seq if is_first else None
        made = finish_training(run, output, save, progress, checkpoint)
        for kind, tell in (("init", _joined), ("embeddings", _known)):
            for side, words in made.metadata.get(kind, {}).items():
                progress.say(f"{side}s: {tell(words)}")
        progress.say(f"{output}: {_described(made, run.rate, run.figures)}")


def _vectors(
    options: Mapping[str, Any], resume: Seq2SeqCheckpoint | None, **limit: int
) -> dict[str, Embeddings]:
    """Load the vectors to start from, by option; a checkpoint has its weights already."""
    if resume is not None:
        return {}
    return {name: load_vectors(options[name], **limit) for name in _EMBEDDINGS if options[name]}


def _joined(words: Mapping[str, int]) -> str:
    return f"{counted(words['words'], 'unit')} of the model stay, {words['new_words']:,} join them"


def _known(words: Mapping[str, int]) -> str:
    return f"{words['known']:,} of {counted(words['words'], 'unit')} have vectors to start from"


def _read(
    paths: tuple[str, ...],
    options: Mapping[str, Any],
    plan: TrainingPlan,
    progress: Progress,
    outputs: tuple[str | None, ...],
) -> tuple[list[Pair], list[Pair]]:
    """The pairs to train on and those to validate on."""
    from wordkit.seq2seq import split_pairs
    from wordkit.seq2seq.pairs import normalized_pairs

    def read(files: Sequence[str]) -> list[Pair]:
        found = read_pair_files(files, options, outputs, autoencode=plan.autoencode)
        return normalized_pairs(found, plan.normalize)

    valid = [] if options["valid"] is None else read([options["valid"]])
    train = read(paths)
    if options["valid"] is None and options["hold_out"]:
        train, valid = split_pairs(train, options["hold_out"], plan.seed)
    progress.say(f"{counted(len(train), 'pair')} to train on, {len(valid):,} to validate on")
    return train, valid


def _settings(chosen: Preset) -> str:
    """The main settings in one line."""
    model, training = chosen.model, chosen.training
    facts = [_shape(model), f"dropout {model.dropout:g}", f"bucket {training.bucket}"]
    size = training.batch_tokens
    facts.append(f"batch {training.batch}" if size is None else f"batches of {size:,} units")
    return ", ".join([*facts, f"lr {training.lr:g}"])


def _shape(model: Seq2SeqConfig) -> str:
    if model.arch == "transformer":
        return f"{model.shape}, {model.heads} heads"
    parts = [model.shape, "" if model.attention == "none" else f"{model.attention} attention"]
    parts.append("" if model.latent is None else f"latent {model.latent}")
    return ", ".join(filter(None, parts))


def _described(model: Seq2SeqModel, rate: float | None, figures: Mapping[str, float]) -> str:
    """A model and its training in one line."""
    epochs = float(model.metadata["training"]["epochs"])
    facts = [_shape(model.config), counted(epochs, "epoch")]
    if "valid_exact" in figures:
        # 100 % is shown only where all are right
        shown = math.floor(figures["valid_exact"] * 1e4) / 1e4
        facts.append(f"{shown:.2%} of the validation pairs right")
    if "valid_kl" in figures:
        bound = model.metadata["training"]["valid_perplexity"]
        facts.append(f"perplexity at most {bound:.4g}")
        facts.append(f"negative ELBO {-figures['valid_elbo']:.2f} nats a pair")
        facts.append(f"KL {figures['valid_kl']:.2f}")
    if rate:
        facts.append(f"{short(rate)} pairs/s")
    return ", ".join(facts)
