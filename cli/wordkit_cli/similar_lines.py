"""wordkit similar-lines: the lines of a text nearest to a sentence."""

from __future__ import annotations

from typing import Any

import click

from wordkit.errors import TextError
from wordkit_cli.models import VECTORS, find
from wordkit_cli.options import document_options, json_option, model_option, number_option
from wordkit_cli.output import print_json
from wordkit_cli.progress import Progress

__all__ = ["command"]

_MIN_LINES = 20  # fewer share no direction that could be told from their own


@click.command("similar-lines")
@click.argument("sentence")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@number_option
@document_options(None, f"sif; mean for fewer than {_MIN_LINES} lines")
@model_option
@json_option
def command(
    sentence: str,
    files: tuple[str, ...],
    number: int,
    weighting: str | None,
    tokenizer: str | None,
    model: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Find the lines of FILE nearest to SENTENCE by the cosine of their vectors, best first.

    FILE is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, or - for
    standard input. The vector of a line is the weighted mean of the vectors of its words.

    Prints a row for each answer: the cosine, a tab, and the line. With --json an object for each.

    \b
    Examples:
      wordkit similar-lines "how to open a file" questions.txt -n 5
      wordkit similar-lines "a cat sleeps" captions.txt.gz --json
      cut -f2 data.tsv | wordkit similar-lines "the market fell" -
    """
    from wordkit.documents import DocumentVectors, similar_lines
    from wordkit.text.blocks import lines_of
    from wordkit_corpora.named import iter_open_source

    path = find(VECTORS, model)
    with Progress() as progress, progress.announcing_compilation():
        opened = progress.finish(iter_open_source(files, **reading))
        if opened.note is not None:
            progress.say(opened.note)
        lines = list(lines_of(opened.source))
        if not lines:
            raise TextError(f"{opened.source.name} holds no line; give a text that does")
        usual = "sif" if len(lines) >= _MIN_LINES else "mean"
        vectors = DocumentVectors(path, weighting or usual, tokenizer)
        answers = similar_lines(vectors, sentence, lines, number)
    for answer in answers:
        if as_json:
            print_json(answer._asdict())
        else:
            text = answer.text.strip().replace("\t", " ")
            click.echo(f"{answer.score:.4f}\t{text}")
