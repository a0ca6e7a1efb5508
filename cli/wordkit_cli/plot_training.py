"""wordkit plot training: losses and perplexities of trainings, over each other."""

from __future__ import annotations

import click

from wordkit_cli.plot_output import dark_option, picture_option, terminal_size, theme
from wordkit_cli.progress import say

__all__ = ["training"]

_ROWS = 12  # of a panel in the terminal


@click.command("training", short_help="Losses and perplexities of trainings, over each other.")
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@picture_option(".png, .svg or .pdf", "FILE")
@click.option(
    "--by", type=click.Choice(["epochs", "minutes", "seen"]), default="epochs", show_default=True,
    help="What goes along; seen: the words, tokens or pairs.",
)  # fmt: skip
@dark_option
def training(logs: tuple[str, ...], output: str | None, by: str, dark: bool) -> None:
    """Draw how trainings went, each by the LOG that --log of its command wrote.

    Shown are the training loss (a mean over the epoch so far), the perplexity on what it was
    validated on, and for sequence models the share of it that came out right: what the logs have
    of these. A training that still runs is shown as far as it is.

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
