"""Common parts of the commands of classifiers: the options and the lines of labelled texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from wordkit.storage import check_outputs
from wordkit_cli.options import encoding_options, encoding_values, together
from wordkit_cli.sections import option

if TYPE_CHECKING:
    from wordkit.classification import LabelledText

__all__ = ["labelled_options", "read_labelled_files"]


def _separator(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A separator; a tab may be written as \\t."""
    if value == "":
        raise click.BadParameter("it is empty; name what stands between label and text")
    return None if value is None else value.replace("\\t", "\t")


labelled_options = together(
    option(
        "--separator", callback=_separator, metavar="TEXT", section="Text",
        help="Separator of label and text. Default: a tab; with --columns a comma.",
    ),
    option(
        "--columns", metavar="LABEL,TEXT", section="Text", main=True,
        help="Read a table (CSV): the columns of label and text, names in its first line, or "
        "numbers from 1.",
    ),
    encoding_options,
)  # fmt: skip


def read_labelled_files(
    paths: Sequence[str], options: Mapping[str, Any], outputs: Sequence[str | None] = ()
) -> list[LabelledText]:
    """Read the labelled texts of files; none of the files may be an output."""
    from wordkit.classification import read_labelled_texts
    from wordkit_corpora.plaintext import open_text

    text = open_text(paths, **encoding_values(options))
    check_outputs(outputs, [*paths, *text.files])
    columns = None if options["columns"] is None else options["columns"].split(",")
    return list(read_labelled_texts(text, separator=options["separator"], columns=columns))
