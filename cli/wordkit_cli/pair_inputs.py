"""Pairs of texts, as commands read them from files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit_cli.inputs import refuse_overwriting

if TYPE_CHECKING:
    from wordkit.seq2seq import Pair

__all__ = ["read_pair_files", "separator_option"]

F = TypeVar("F", bound=Callable[..., Any])


def _separator(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A separator; a tab may be written as \\t."""
    if not value:
        raise click.BadParameter("it is empty; name what stands between the two texts")
    return value.replace("\\t", "\t")


separator_option = click.option(
    "--separator", default="\\t", show_default=True, callback=_separator, metavar="TEXT",
    help="What stands between the two texts of a line.",
)  # fmt: skip


def read_pair_files(
    paths: Sequence[str],
    separator: str,
    *,
    outputs: Sequence[str | None] = (),
    **reading: Any,
) -> list[Pair]:
    """The pairs of files.

    Args:
        paths: files, folders, globs, or ``-``.
        separator: between source and target.
        outputs: files that the command is going to write; none may be one of those read.
        reading: the values of :data:`wordkit_cli.options.encoding_options`.
    """
    from wordkit.seq2seq import read_pairs
    from wordkit_corpora.plaintext import open_text

    text = open_text(paths, **reading)
    refuse_overwriting([*paths, *text.files], outputs)
    return list(read_pairs(text, separator))
