"""The output of the plot commands: a file, by its suffix, or the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit_cli.output import counted
from wordkit_cli.progress import say

__all__ = ["dark_option", "figure_option", "is_page", "say_lost", "terminal_size", "theme"]

if TYPE_CHECKING:
    from wordkit.plots import Theme

F = TypeVar("F", bound=Callable[..., Any])

_MAX_NAMED = 5  # of the words that found no room
_MIN_COLUMNS = 40


def figure_option(kinds: str, metavar: str) -> Callable[[F], F]:
    """The option -o of a figure."""
    return click.option(
        "-o", "--output", metavar=metavar,
        help=f"The file to draw: {kinds}. Default: draw in the terminal.",
    )  # fmt: skip


dark_option = click.option("--dark", is_flag=True, help="Draw the file on a dark background.")


def theme(dark: bool, output: str | None) -> Theme:
    """The colours of a figure.

    Args:
        dark: whether --dark is given.
        output: the file that is drawn, or None for the terminal.

    Raises:
        UsageError: --dark is given where no figure is drawn.
    """
    from wordkit.plots import DARK, LIGHT

    if dark and output is None:
        raise click.UsageError("--dark applies to figures in files: name one with -o")
    if dark and output is not None and is_page(output):
        raise click.UsageError("--dark applies to figures: a page is dark where the browser is")
    return DARK if dark else LIGHT


def is_page(path: str) -> bool:
    """Whether a file is to be a page for a browser."""
    from wordkit.plots.map_page import SUFFIXES

    return Path(path).suffix.lower() in SUFFIXES


def terminal_size() -> tuple[int, int]:
    """Columns and rows for a figure in the terminal; the prompt has room below it."""
    columns, rows = shutil.get_terminal_size((80, 24))
    return max(columns - 1, _MIN_COLUMNS), max(rows - 4, 12)


def say_lost(lost: Sequence[str]) -> None:
    """Print on standard error which words are not shown for lack of room."""
    if lost:
        more = f" and {len(lost) - _MAX_NAMED:,} more" if len(lost) > _MAX_NAMED else ""
        say(f"no room for {counted(len(lost), 'word')}: {', '.join(lost[:_MAX_NAMED])}{more}")
