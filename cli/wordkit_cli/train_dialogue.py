"""wordkit train-dialogue: train a model that answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
from wordkit_cli.models import DIALOGUE
from wordkit_cli.options import (
    encoding_options,
    init_option,
    network_options,
    output_option,
    progress_options,
    validation_options,
)
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.sequence_models import read_dialogue_files, train
from wordkit_cli.setting_options import SettingOptions
from wordkit_cli.training import show_preset_option

if TYPE_CHECKING:
    from wordkit.seq2seq.dialogue import DialogueModel

__all__ = ["command"]

_SETTINGS = SettingOptions(
    {"Model": DialogueConfig, "Training": DialogueTrainingConfig},
    hidden=("heads", "feed_forward", "autoencode"),  # of Transformers, and of single texts
    shows_defaults=False,  # they are fitted to the dialogues
)


@click.command("train-dialogue", cls=SectionedCommand)
@click.argument("dialogues", nargs=-1, required=True, metavar="DIALOGUES...")
@output_option(DIALOGUE.file, "FILE", "The model to write.")
@validation_options("dialogues", 0.1, "DIALOGUES")
@option(
    "--preset", metavar="NAME", section="Model",
    help="Start from the settings of a preset of train-seq2seq: characters, words or bahdanau. "
    "Default: fitted to the dialogues.",
)  # fmt: skip
@show_preset_option(
    "wordkit.seq2seq.dialogue.training", "Show the settings of a preset for dialogues and exit."
)
@init_option("a model", "units", "DIALOGUES")
@option(
    "--embeddings", metavar="FILE", section="Model",
    help="Initial embeddings: a file of vectors.",
)  # fmt: skip
@_SETTINGS
@network_options
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
      wordkit train-dialogue train.txt --valid valid.txt --attention-to turns
      wordkit train-dialogue dialogues.txt --arch seq2seq -o last-turn.safetensors
      wordkit train-dialogue dialogues.txt --arch vhred
      wordkit train-dialogue dialogues.txt --unit bpe --context-turns 4
      wordkit train-dialogue mine.txt --init dialogue.safetensors -o my.model
    """
    from wordkit.seq2seq.dialogue.training import DIALOGUES

    train(
        DIALOGUES, read_dialogue_files, dialogues, output, options, _SETTINGS, _facts,
        ["embeddings"],
    )  # fmt: skip


def _facts(model: DialogueModel, figures: Mapping[str, float]) -> list[str]:
    """The validation figures of a model, for the closing line."""
    perplexity, kl = model.metadata["training"]["valid_perplexity"], figures.get("valid_kl")
    if perplexity is None:
        return []
    bound = "" if kl is None else "at most "
    facts = [f"perplexity of the validation turns {bound}{perplexity:.1f}"]
    return facts if kl is None else [*facts, f"KL {kl:.2f} nats a turn"]
