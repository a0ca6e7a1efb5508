"""wordkit train-classifier: train a text classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import click

from wordkit.classification.config import ClassifierConfig
from wordkit.storage import check_outputs, check_writable
from wordkit.text.normalization import Case
from wordkit_cli.labelled import labelled_options, read_labelled_files
from wordkit_cli.models import CLASSIFIER, load_vectors
from wordkit_cli.options import output_option, progress_options, threads_option
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress, short
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import finish_training

if TYPE_CHECKING:
    from wordkit.classification import Classifier

__all__ = ["command"]

_SETTINGS = SettingOptions({"Model": ClassifierConfig})


@click.command("train-classifier", cls=SectionedCommand)
@click.argument("texts", nargs=-1, required=True, metavar="TEXTS...")
@output_option(CLASSIFIER.file, "FILE", "The classifier to write.")
@labelled_options
@option(
    "-t", "--tokenizer", default="basic", show_default=True, metavar="NAME", section="Text",
    help="Tokenizer, see wordkit tokenizers.",
)  # fmt: skip
@option(
    "--case", type=click.Choice(get_args(Case)), section="Text",
    help="Case of letters. Default: lower with basic and words, else keep.",
)  # fmt: skip
@option(
    "--embeddings", metavar="FILE", section="Model", main=True,
    help="Initial vectors of words: a file of any format.",
)  # fmt: skip
@_SETTINGS
@threads_option
@progress_options
def command(texts: tuple[str, ...], output: str, **options: Any) -> None:
    """Train a classifier on labelled TEXTS.

    TEXTS is one or more files (also .gz, .bz2, .xz), folders, globs, or - for standard input. Each
    line holds a label, a tab and a text; or, as fastText has it, a text in which each word that
    begins with __label__ is a label, of which there may be several. The first line tells which.

    On Ctrl-C the classifier so far is kept.

    \b
    Examples:
      wordkit train-classifier train.tsv
      wordkit train-classifier train.txt --subwords 3-5 --epochs 10
      wordkit train-classifier tickets.csv --columns queue,message
      wordkit train-classifier train.tsv --embeddings vectors.safetensors
    """
    from wordkit.classification import Classifier, iter_train_classifier

    log = options["log"]
    check_writable(output)
    check_outputs([output, log], [options["embeddings"]])
    vectors = None if options["embeddings"] is None else load_vectors(options["embeddings"])
    (given,) = _SETTINGS.given(options)
    default = ClassifierConfig() if vectors is None else ClassifierConfig(dim=vectors.dim)
    config = changed(default, **given)
    text = {name: options[name] for name in ("tokenizer", "case") if options[name] is not None}
    with Progress(quiet=options["quiet"], log=log) as progress:
        labelled = read_labelled_files(texts, options, (output, log))
        progress.say(counted(len(labelled), "text"))
        with progress.announcing_compilation():
            run = iter_train_classifier(
                labelled, config, embeddings=vectors, text=text, threads=options["threads"]
            )

            def figures(known: Mapping[str, float]) -> str:
                loss = "" if math.isnan(known["loss"]) else f"  loss {known['loss']:.3f}"
                return f"epoch {known['epoch']:.0f}/{config.epochs}{loss}"

            made = finish_training(run, output, Classifier.save, progress, figures=figures)
        progress.say(f"{output}: {_described(made, progress.rate)}")


def _described(made: Classifier, rate: float | None) -> str:
    """A classifier and its training in one line."""
    features, loss = made.features, made.metadata["training"]["loss"]
    facts = [counted(len(made.labels), "label"), counted(len(features.vocabulary), "word")]
    facts.append(counted(len(features.buckets), "n-gram"))
    if loss is not None:
        facts.append(f"loss {loss:.3f}")
    if rate:
        facts.append(f"{short(rate)} words/s")
    return ", ".join(facts)
