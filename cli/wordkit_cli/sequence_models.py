"""Common parts of the commands of sequence-to-sequence models: options, pairs, decoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from wordkit.seq2seq.config import DecodingConfig
from wordkit.storage import check_outputs
from wordkit_cli.models import load_vectors
from wordkit_cli.options import encoding_values
from wordkit_cli.output import counted
from wordkit_cli.progress import short
from wordkit_cli.sections import option
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import begin_training, finish_training, is_first_process

if TYPE_CHECKING:
    from wordkit.seq2seq import Pair
    from wordkit.seq2seq.dialogue import Dialogue
    from wordkit.seq2seq.examples import ExampleKind
    from wordkit_corpora.plaintext import PlainText

__all__ = [
    "decoding_config", "read_dialogue_files", "read_pair_files", "samples_option",
    "separator_option", "sequence_model_option", "train",
]  # fmt: skip


def _separator(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A separator; a tab may be written as \\t."""
    if not value:
        raise click.BadParameter("it is empty; name what stands between the two texts")
    return value.replace("\\t", "\t")


separator_option = option(
    "--separator", default="\\t", show_default=True, callback=_separator, metavar="TEXT",
    help="Separator of the two texts of a line.", section="Text", main=True,
)  # fmt: skip

sequence_model_option = option(
    "-m", "--model", metavar="FILE",
    help="The sequence model to ask. Default: $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors.",
)  # fmt: skip

samples_option = click.option(
    "--samples", default=10, show_default=True, type=click.IntRange(1, 10_000), metavar="K",
    help="Draws of a latent variable, for the bound of the perplexity.",
)  # fmt: skip


def read_pair_files(
    paths: Sequence[str], options: Mapping[str, Any], outputs: Sequence[str | None] = (),
    *, autoencode: bool = False,
) -> list[Pair]:  # fmt: skip
    """Read the pairs of files, or the texts for an autoencoder; no file may be an output."""
    from wordkit.seq2seq import read_pairs, read_texts

    text = _opened(paths, options, outputs)
    return list(read_texts(text) if autoencode else read_pairs(text, options["separator"]))


def read_dialogue_files(
    paths: Sequence[str], options: Mapping[str, Any], outputs: Sequence[str | None] = (),
    *, autoencode: bool = False,
) -> list[Dialogue]:  # fmt: skip
    """Read the dialogues of files; none of the files may be an output."""
    from wordkit.seq2seq.dialogue import read_dialogues

    return read_dialogues(_opened(paths, options, outputs))


def _opened(
    paths: Sequence[str], options: Mapping[str, Any], outputs: Sequence[str | None]
) -> PlainText:
    from wordkit_corpora.plaintext import open_text

    text = open_text(paths, **encoding_values(options))
    check_outputs(outputs, [*paths, *text.files])
    return text


def train(
    kind: ExampleKind,
    read: Callable[..., list[Any]],
    paths: Sequence[str],
    output: str,
    options: Mapping[str, Any],
    settings: SettingOptions,
    facts: Callable[[Any, Mapping[str, float]], list[str]],
    embeddings: Sequence[str],
) -> None:
    """Train a sequence model on files, and save it.

    Args:
        kind: of what the files hold.
        read: reads them.
        paths, output, options: of the command.
        settings: those of model and training among the options.
        facts: returns what to say of a model and the figures of its validation.
        embeddings: the options that name vectors to start from.
    """
    from wordkit.seq2seq.training import iter_train_texts

    outputs = (output, options["checkpoint"], options["log"])
    starts = [options[name] for name in ("init", *embeddings)]
    with begin_training(
        output, options, starts, kind.read_checkpoint, kind.task.checkpoint_kind
    ) as (progress, writing, resume):
        model, training = settings.given(options)
        init, valid = options["init"], options["valid"]
        run = iter_train_texts(
            kind, lambda files, autoencode: read(files, options, outputs, autoencode=autoencode),
            paths, model, training, valid=None if valid is None else [valid],
            hold_out=options["hold_out"], preset=options["preset"],
            init=None if init is None else kind.model.load(init),
            embeddings=[  # the weights of a checkpoint hold them already
                None if options[name] is None or resume is not None else load_vectors(options[name])
                for name in embeddings
            ],
            device=options["device"], threads=options["threads"], checkpoint=writing,
            resume=resume, update=changed, say=progress.say,
        )  # fmt: skip
        save = kind.model.save if is_first_process() else None
        made = finish_training(run, output, save, progress, options["checkpoint"])
        for start, text in (
            ("init", "{words} of the model stay, {new_words:,} join them"),
            ("embeddings", "{known:,} of {words} have vectors to start from"),
        ):
            found = made.metadata.get(start, {})
            for side, words in ({"": found} if "words" in found else found).items():
                line = text.format_map({**words, "words": counted(words["words"], "unit")})
                progress.say(f"{side}s: {line}" if side else line)
        epochs = counted(float(made.metadata["training"]["epochs"]), "epoch")
        told = [made.config.summary, epochs, *facts(made, run.figures)]
        told += [f"{short(run.rate)} {kind.task.unit}/s"] if run.rate else []
        progress.say(f"{output}: {', '.join(told)}")


def decoding_config(group: SettingOptions, values: Mapping[str, Any]) -> DecodingConfig:
    """Return the settings of decoding of the command line.

    Args:
        group: the options of the command.
        values: of all its options.
    """
    (given,) = group.given(values)
    if not given.get("sample") and given.get("beam", 1) >= 1:  # else it is refused as it is
        given["beam"] = max(given.get("beam", 1), given.get("alternatives", 1))
    return changed(DecodingConfig(), **given)
