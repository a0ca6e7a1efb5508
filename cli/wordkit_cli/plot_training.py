"""wordkit plot training: learning curves, losses and perplexities, of several trainings."""

from __future__ import annotations

import click

from wordkit_cli.plot_output import dark_option, figure_option, terminal_size, theme
from wordkit_cli.progress import say

__all__ = ["training"]

_ROWS = 12  # of a panel in the terminal


@click.command("training", short_help="Learning curves of trainings: losses and perplexities.")
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@figure_option(".png, .svg or .pdf", "FILE")
@click.option(
    "--by", type=click.Choice(["epochs", "minutes", "seen"]), default="epochs", show_default=True,
    help="The horizontal axis; seen: the words, tokens or pairs.",
)  # fmt: skip
@dark_option
def training(logs: tuple[str, ...], output: str | None, by: str, dark: bool) -> None:
    """Draw the learning curves of trainings from each LOG that --log of a training command wrote.

    Shown are the training loss (a mean over the epoch so far), the perplexity on what it was
    validated on, and for sequence models the fraction of it that came out right, as far as the logs
    have them. A training that still runs is shown up to its last report.

    \b
    Examples:
      wordkit train-lm corpus.txt --log lstm.jsonl
      wordkit plot training lstm.jsonl
      wordkit plot training lstm.jsonl gru.jsonl -o curve.png
    """
    from wordkit.plots import (
        check_figure,
        curve_panels,
        read_training_log,
        training_panels,
    )
    from wordkit.plots.training_log import named_logs

    colours = theme(dark, output)
    if output is not None:
        check_figure(output)
    named = named_logs([read_training_log(log) for log in dict.fromkeys(logs)])
    panels, x = training_panels(named, by)
    if output is None:
        from wordkit.plots.terminal import curves_as_text

        columns, _ = terminal_size()
        click.echo("\n\n".join(curves_as_text(panel, columns, _ROWS, x=x) for panel in panels))
    else:
        curve_panels(panels, output, x=x, theme=colours)
        say(f"{output}: {', '.join(panel.y for panel in panels)}")
