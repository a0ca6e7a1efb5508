"""wordkit train-seq2seq: train a sequence-to-sequence model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit_cli.models import SEQ2SEQ
from wordkit_cli.options import (
    encoding_options,
    init_option,
    network_options,
    output_option,
    progress_options,
    validation_options,
)
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.sequence_models import read_pair_files, separator_option, train
from wordkit_cli.setting_options import SettingOptions
from wordkit_cli.training import show_preset_option

if TYPE_CHECKING:
    from wordkit.seq2seq import Seq2SeqModel

__all__ = ["command"]

_SETTINGS = SettingOptions(
    {"Model": Seq2SeqConfig, "Training": Seq2SeqTrainingConfig},
    shows_defaults=False,  # they are fitted to the pairs, or those of a preset
)


@click.command("train-seq2seq", cls=SectionedCommand)
@click.argument("pairs", nargs=-1, required=True, metavar="PAIRS...")
@output_option(SEQ2SEQ.file, "FILE", "The model to write.")
@separator_option
@validation_options("pairs", 0.1, "the sources in PAIRS")
@option(
    "--preset", metavar="NAME", section="Model",
    help="Start from the settings of a preset: characters, words, bahdanau, "
    "transformer-characters or transformer-words. Default: fitted to the pairs.",
)  # fmt: skip
@show_preset_option("wordkit.seq2seq.presets", "Show the settings of a preset and exit.")
@init_option("a model", "units", "PAIRS")
@option(
    "--source-embeddings", metavar="FILE", section="Model",
    help="Initial embeddings of the sources: a file of vectors.",
)  # fmt: skip
@option(
    "--target-embeddings", metavar="FILE", section="Model",
    help="Initial embeddings of the targets: a file of vectors.",
)  # fmt: skip
@_SETTINGS
@network_options
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
    from wordkit.seq2seq.examples import PAIRS

    train(
        PAIRS, read_pair_files, pairs, output, options, _SETTINGS, _facts,
        ["source_embeddings", "target_embeddings"],
    )  # fmt: skip


def _facts(model: Seq2SeqModel, figures: Mapping[str, float]) -> list[str]:
    """The validation figures of a model, for the closing line."""
    facts = []
    if "valid_exact" in figures:
        # 100 % is shown only where all are right
        shown = math.floor(figures["valid_exact"] * 1e4) / 1e4
        facts.append(f"{shown:.2%} of the validation pairs right")
    if "valid_kl" in figures:
        bound = model.metadata["training"]["valid_perplexity"]
        facts.append(f"perplexity at most {bound:.4g}")
        facts.append(f"negative ELBO {-figures['valid_elbo']:.2f} nats a pair")
        facts.append(f"KL {figures['valid_kl']:.2f}")
    return facts
