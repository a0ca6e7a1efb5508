"""wordkit evaluate-classifier: accuracy and F1 of a classifier."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from wordkit_cli.labelled import labelled_options, read_labelled_files
from wordkit_cli.models import CLASSIFIER, find, model_and
from wordkit_cli.options import json_option, threads_option
from wordkit_cli.output import counted, print_json, print_table
from wordkit_cli.sections import SectionedCommand

if TYPE_CHECKING:
    from wordkit.classification import ClassificationScore

__all__ = ["command"]


@click.command("evaluate-classifier", cls=SectionedCommand)
@click.argument("files", nargs=-1, required=True, metavar="[MODEL] TEXTS")
@click.option(
    "--confusions", default=5, show_default=True, type=click.IntRange(min=0),
    help="Number of confusions to show: a label that was missed for another.",
)  # fmt: skip
@labelled_options
@threads_option
@json_option
def command(
    files: tuple[str, ...],
    confusions: int,
    threads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure how well MODEL finds the labels of TEXTS.

    TEXTS is as for train-classifier. Accuracy is the fraction of the texts whose labels are right;
    F1 the harmonic mean of precision and recall, macro: the mean over the labels, micro: of all
    labels together. Default of MODEL: $WORDKIT_CLASSIFIER, else ./classifier.safetensors.

    \b
    Examples:
      wordkit evaluate-classifier classifier.safetensors test.tsv
      wordkit evaluate-classifier test.csv --columns queue,message --json
    """
    from wordkit.classification import Classifier, score_classifier

    named, file = model_and("file of TEXTS", files)
    asked = Classifier.load(find(CLASSIFIER, named))
    score = score_classifier(asked, read_labelled_files([file], options), threads=threads)
    if as_json:
        print_json(
            {
                **{name: getattr(score, name) for name in ("accuracy", "macro_f1", "micro_f1")},
                "texts": score.texts,
                "labels": [asdict(each) for each in score.labels],
                "confusions": [asdict(each) for each in score.confusions],
            }
        )
    else:
        _print(score, confusions)


def _print(score: ClassificationScore, confusions: int) -> None:
    print_table(
        [
            ("accuracy", f"{score.accuracy:.2%}", f"of {counted(score.texts, 'text')}"),
            ("macro F1", f"{score.macro_f1:.2%}", ""),
            ("micro F1", f"{score.micro_f1:.2%}", ""),
        ],
        right=(1,),
    )
    click.echo()
    rows = [("label", "precision", "recall", "F1", "texts")]
    for each in score.labels:
        figures = (each.precision, each.recall, each.f1)
        p, r, f1 = (f"{value:.2%}" for value in figures)
        rows.append((each.label, p, r, f1, f"{each.count:,}"))
    print_table(rows, right=(1, 2, 3, 4))
    if confusions and score.confusions:
        click.echo("\ntaken for another")
        print_table(
            [
                (f"  {each.label}", f"{each.predicted}", f"{each.count:,}")
                for each in score.confusions[:confusions]
            ],
            right=(2,),
        )
