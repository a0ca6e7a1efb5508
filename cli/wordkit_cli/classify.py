"""wordkit classify: the labels of lines."""

from __future__ import annotations

from typing import Any

import click

from wordkit.errors import TextError
from wordkit_cli.models import CLASSIFIER, find, model_and
from wordkit_cli.options import encoding_options, encoding_values, json_option, threads_option
from wordkit_cli.output import print_json

__all__ = ["command"]


@click.command("classify")
@click.argument("files", nargs=-1, metavar="[MODEL] [FILE|-]")
@click.option(
    "-k", "--number", default=1, show_default=True, type=click.IntRange(min=1),
    help="Labels of a line, at most.",
)  # fmt: skip
@click.option(
    "--threshold", default=0.0, show_default=True, type=click.FloatRange(0, 1),
    help="Least probability of a label.",
)  # fmt: skip
@threads_option
@encoding_options
@json_option
def command(
    files: tuple[str, ...],
    number: int,
    threshold: float,
    threads: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Print the label of each line of FILE by MODEL, and its probability.

    FILE is a text (also .gz, .bz2, .xz), or - for standard input, which is the default. Default of
    MODEL: $WORDKIT_CLASSIFIER, else ./classifier.safetensors. One line in, one line out: several
    labels stand in it, best first, with tabs between; none, where none reaches --threshold. Lines
    of a pipe are answered as they come. --json prints an object for each line.

    \b
    Examples:
      echo 'Who was Galileo ?' | wordkit classify classifier.safetensors -
      wordkit classify questions.txt -k 3 --threshold 0.1
      wordkit classify questions.txt --json
    """
    from wordkit.classification import Classifier
    from wordkit.text.blocks import line_groups_of
    from wordkit_corpora.plaintext import open_text

    path, file = _model_and_file(files)
    asked = Classifier.load(path)
    text = open_text([file], **encoding_values(reading), as_it_comes=True)
    some = False
    for lines in line_groups_of(text):
        some = True
        texts = [line.text for line in lines]
        answers = asked.predict(texts, number, threshold=threshold, threads=threads)
        if as_json:
            for line, found in zip(texts, answers, strict=True):
                print_json({"text": line.strip(), "labels": [[*each] for each in found]})
        else:
            shown = ["\t".join([f"{label}\t{p:.4f}" for label, p in found]) for found in answers]
            click.echo("\n".join(shown))
    if not some:
        raise TextError(f"{text.name} holds no line; give a text that does")


def _model_and_file(files: tuple[str, ...]) -> tuple[str, str]:
    """The classifier to ask, and the text; each may be left out."""
    from wordkit.storage import CLASSIFIER as KIND
    from wordkit.storage import kind_of

    model, file = model_and("FILE", files or ("-",))
    if model is None and kind_of(file) == KIND:
        return file, "-"
    return find(CLASSIFIER, model), file
