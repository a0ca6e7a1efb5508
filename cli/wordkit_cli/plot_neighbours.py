"""wordkit plot neighbours: words and their nearest words."""

from __future__ import annotations

import click

from wordkit_cli.models import load_vectors
from wordkit_cli.options import model_option
from wordkit_cli.plot_output import dark_option, figure_option, say_lost, terminal_size, theme
from wordkit_cli.progress import say

__all__ = ["neighbours"]


@click.command("neighbours", short_help="Words amid their nearest words.")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.option(
    "-n", "--number", default=20, show_default=True, type=click.IntRange(min=1, max=200),
    help="Number of neighbours.",
)  # fmt: skip
@figure_option(".png, .svg or .pdf", "FILE")
@model_option
@dark_option
def neighbours(
    words: tuple[str, ...], number: int, output: str | None, model: str | None, dark: bool
) -> None:
    """Draw each WORD amid the words nearest to it by cosine.

    The rings of the figure are cosines: the nearer to the middle, the more similar. Similar
    neighbours lie side by side. In the terminal a bar shows each cosine.

    \b
    Examples:
      wordkit plot neighbours car
      wordkit plot neighbours car river -n 30 -o neighbours.png
    """
    from wordkit.plots import (
        check_figure,
        draw_neighbourhoods,
        find_neighbourhoods,
    )

    colours = theme(dark, output)
    if output is not None:
        check_figure(output)
    found = find_neighbourhoods(load_vectors(model), list(dict.fromkeys(words)), number)
    if output is None:
        from wordkit.plots.terminal import bars_as_text

        columns, _ = terminal_size()
        click.echo("\n\n".join(bars_as_text(neighbourhood, columns) for neighbourhood in found))
    else:
        lost = draw_neighbourhoods(found, output, theme=colours)
        say(f"{output}: the neighbours of {', '.join(each.word for each in found)}")
        say_lost(lost)
