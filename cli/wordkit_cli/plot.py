"""wordkit plot: maps of words and learning curves."""

from __future__ import annotations

import click

from wordkit_cli.plot_neighbours import neighbours
from wordkit_cli.plot_training import training
from wordkit_cli.plot_vectors import vectors

__all__ = ["command"]


@click.group("plot", commands=[vectors, neighbours, training])
def command() -> None:
    """Draw maps of words and learning curves.

    Without -o the figure is made of characters, for the terminal. Figures are .png, .svg or .pdf
    files and need matplotlib (pip install 'wordkit[plot]'); a map can be a page too, .html, which
    needs nothing but a browser.

    \b
    Examples:
      wordkit plot vectors king queen man woman
      wordkit plot vectors vectors.safetensors -o map.html
      wordkit plot neighbours car -o car.png
      wordkit plot training w2v.jsonl -o curve.png
    """
