"""wordkit embed: the lines of a text as vectors."""

from __future__ import annotations

from typing import Any

import click

from wordkit.storage import check_outputs
from wordkit_cli.models import VECTORS, find
from wordkit_cli.options import document_options, model_option, output_option, progress_options
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress

__all__ = ["command"]


@click.command("embed")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@output_option("vectors.npy", "FILE", "The file to write: .npy, .tsv or .safetensors.")
@document_options("mean")
@model_option
@progress_options
def command(
    files: tuple[str, ...],
    output: str,
    weighting: str,
    tokenizer: str | None,
    model: str | None,
    quiet: bool,
    log: str | None,
    **reading: Any,
) -> None:
    """Write a vector for each line of FILE: the weighted mean of the vectors of its words.

    FILE is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, or - for
    standard input. Line 1 gives row 1; a line without a known word, a row of zeros. The weighting
    sif also removes the direction that all lines have in common; it is better at telling how
    similar lines are, and mean better for a classifier to learn from.

    \b
    Read the file with:
      .npy           numpy.load("vectors.npy")
      .safetensors   safetensors.numpy.load_file("vectors.safetensors")["vectors"]
      .tsv           any program: numbers separated by tabs

    \b
    Examples:
      wordkit embed texts.txt
      wordkit embed texts.txt.gz -o texts.tsv --weighting sif
      cut -f2 data.tsv | wordkit embed - -o data.npy -m news.safetensors
    """
    from wordkit.documents import DocumentVectors, iter_embed_lines
    from wordkit_corpora.named import iter_open_source

    path = find(VECTORS, model)
    check_outputs([log], [path])
    with Progress(quiet=quiet, log=log) as progress:
        opened = progress.finish(iter_open_source(files, **reading))
        if opened.note is not None:
            progress.say(opened.note)
        check_outputs([output, log], [*files, *getattr(opened.source, "files", ())])
        vectors = DocumentVectors(path, weighting, tokenizer)
        known_words = progress.finish(iter_embed_lines(vectors, opened.source, output))
    lines, zeros = len(known_words), int((known_words == 0).sum())
    progress.say(
        f"{output}: {counted(lines, 'line')}, {counted(vectors.vectors_.dim, 'dimension')}"
    )
    if zeros:
        progress.say(f"{counted(zeros, 'line')} without a known word: rows of zeros")
