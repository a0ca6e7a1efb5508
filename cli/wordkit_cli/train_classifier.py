"""wordkit train-classifier: train a text classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import click

from wordkit.classification.config import ClassifierConfig
from wordkit.storage import check_outputs, check_writable
from wordkit.storage.quantization import PRECISIONS
from wordkit.text.normalization import Case, Normalization
from wordkit_cli.labelled import labelled_options, read_labelled_files
from wordkit_cli.models import CLASSIFIER, load_vectors
from wordkit_cli.options import Refused, output_option, progress_options, threads_option
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress, short
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import finish_training

if TYPE_CHECKING:
    from wordkit.classification import Classifier
    from wordkit.classification.features import LabelledWords
    from wordkit.classification.search import Choice
    from wordkit.embeddings import Embeddings

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
    "--normalize", type=click.Choice(get_args(Normalization)), section="Text",
    help="Unicode normal form: equal spellings are one; nfkc: compatible too; none: as is. "
    "Default: nfc.",
)  # fmt: skip
@option(
    "--case", type=click.Choice(get_args(Case)), section="Text",
    help="Case of letters. Default: lower with basic and words, else keep.",
)  # fmt: skip
@option(
    "--embeddings", metavar="FILE", section="Model", main=True,
    help="Initial vectors of words: a file of any format.",
)  # fmt: skip
@option(
    "--max-minutes", type=click.FloatRange(min=0, min_open=True), section="Training", main=True,
    help="Search for the settings that are not given, on held-out texts, and train with the best.",
)  # fmt: skip
@option(
    "--valid", metavar="FILE", section="Text",
    help="Texts to compare settings on, with --max-minutes. Default: parts of TEXTS.",
)  # fmt: skip
@_SETTINGS
@option(
    "--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True,
    section="Running", help="Precision of the numbers in the file; int8 takes a quarter of them.",
)  # fmt: skip
@option(
    "--max-ngrams", type=click.IntRange(min=1), section="Running",
    help="Number of n-grams in the file, at most: those whose vectors have the largest norms.",
)  # fmt: skip
@threads_option
@progress_options
def command(texts: tuple[str, ...], **options: Any) -> None:
    """Train a classifier on labelled TEXTS.

    TEXTS is one or more files (also .gz, .bz2, .xz), folders, globs, or - for standard input. Each
    line holds a label, a tab and a text; or, as fastText has it, a text in which each word that
    begins with __label__ is a label, of which there may be several. The first line tells which.

    With --max-minutes settings that are not given are searched for; those that were chosen are said
    as options, which train such a classifier again. On Ctrl-C the classifier so far is kept.

    \b
    Examples:
      wordkit train-classifier train.tsv
      wordkit train-classifier train.tsv --max-minutes 2
      wordkit train-classifier train.txt --subwords 3-5 --epochs 10
      wordkit train-classifier tickets.csv --columns queue,message
      wordkit train-classifier train.tsv --embeddings vectors.safetensors
    """
    from wordkit.classification import ClassifierRun
    from wordkit.classification.features import tokenized

    output, log, threads = options["output"], options["log"], options["threads"]
    if options["valid"] is not None and options["max_minutes"] is None:
        raise Refused("--valid has no effect without --max-minutes; give both")
    check_writable(output)
    check_outputs([output, log], [options["embeddings"]])
    vectors = None if options["embeddings"] is None else load_vectors(options["embeddings"])
    (given,) = _SETTINGS.given(options)
    config = changed(ClassifierConfig(dim=100 if vectors is None else vectors.dim), **given)
    names = ("tokenizer", "normalize", "case")
    text = {name: options[name] for name in names if options[name] is not None}
    with Progress(quiet=options["quiet"], log=log) as progress, progress.announcing_compilation():
        data = tokenized(read_labelled_files(texts, options, (output, log)), text)
        progress.say(counted(len(data), "text"))
        found = None
        if options["max_minutes"] is not None:
            found = _search(data, given, vectors, text, options, progress)
            config, vectors = found.config, vectors if found.uses_embeddings else None
        run = ClassifierRun(
            data, config, text, embeddings=vectors, threads=threads,
            search=None if found is None else found.record,
        )  # fmt: skip

        def figures(known: Mapping[str, float]) -> str:
            loss = "" if math.isnan(known["loss"]) else f"  loss {known['loss']:.3f}"
            return f"epoch {known['epoch']:.0f}/{config.epochs}{loss}"

        def kept(made: Classifier) -> Classifier:
            most = options["max_ngrams"]
            return made if most is None else made.pruned(most)

        def save(made: Classifier, path: str) -> None:
            kept(made).save(path, precision=options["precision"])

        made = finish_training(run, output, save, progress, figures=figures)
        progress.say(f"{output}: {_described(kept(made), progress.rate)}")


def _search(
    data: LabelledWords,
    given: Mapping[str, Any],
    vectors: Embeddings | None,
    text: Mapping[str, Any],
    options: Mapping[str, Any],
    progress: Progress,
) -> Choice:
    """Search for settings, and say which were chosen, as options."""
    from wordkit.classification.features import tokenized
    from wordkit.classification.search import iter_search_settings

    valid = None
    if options["valid"] is not None:
        read = read_labelled_files([options["valid"]], options, (options["output"], options["log"]))
        valid = tokenized(read, text, data.table)
    run = iter_search_settings(
        data, given, minutes=options["max_minutes"], embeddings=vectors, valid=valid,
        threads=options["threads"],
    )  # fmt: skip
    found = progress.finish(
        run, figures=lambda known: f"{known['trials']:.0f} tried  best {known['accuracy']:.1%}"
    )
    chosen = {**found.settings}
    if found.uses_embeddings:
        chosen = {"embeddings": options["embeddings"], **chosen}
    named = (f"--{name.replace('_', '-')} {value}" for name, value in chosen.items())
    progress.say(
        f"{found.accuracy:.2%} of {counted(found.held_out, 'held-out text')} right, the best of "
        f"{counted(found.trials, 'trial')}; chosen: {' '.join(named) or 'the defaults'}"
    )
    return found


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
