"""wordkit plot: words on maps, and how trainings go."""

from __future__ import annotations

import click

from wordkit_cli.plot_neighbours import neighbours
from wordkit_cli.plot_training import training
from wordkit_cli.plot_vectors import vectors

__all__ = ["command"]


@click.group("plot", commands=[vectors, neighbours, training])
def command() -> None:
    """Draw words on maps, and how trainings go.

    Without -o the picture is made of characters, for the terminal. Pictures are .png, .svg or .pdf
    files and need matplotlib (pip install 'wordkit[plot]'); a map can be a page too, .html, which
    needs nothing but a browser.

    \b
    Examples:
      wordkit plot vectors king queen man woman
      wordkit plot vectors vectors.safetensors -o map.html
      wordkit plot neighbours car -o car.png
      wordkit plot training w2v.jsonl -o curve.png
    """
