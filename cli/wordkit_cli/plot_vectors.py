"""wordkit plot vectors: a map of words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wordkit.errors import ConfigError
from wordkit_cli.models import find_vectors, load_vectors
from wordkit_cli.options import model_option
from wordkit_cli.output import counted
from wordkit_cli.plot_output import (
    dark_option,
    figure_option,
    is_page,
    say_lost,
    terminal_size,
    theme,
)
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.plots import Theme, WordMap

__all__ = ["vectors"]

_TOP, _TOP_OF_A_PAGE, _TOP_OF_A_TERMINAL = 200, 1000, 80
_NEIGHBOURS = 10  # of a word on a page
_MANY = 1000  # words, from which on it takes so long that one wants to know
_NAMES = {"pca": "PCA", "tsne": "t-SNE"}


@click.command("vectors", short_help="A map of words; similar words are near.")
@click.argument("file_and_words", nargs=-1, metavar="[FILE] [WORD]...")
@figure_option(".png, .svg, .pdf, or .html, a page with search and zoom", "FILE")
@click.option(
    "--top", type=click.IntRange(min=1), metavar="N",
    help="The first N words of the file, beside those named. "
    f"Default: {_TOP}, {_TOP_OF_A_PAGE:,} of a page, {_TOP_OF_A_TERMINAL} in the terminal.",
)  # fmt: skip
@click.option(
    "--skip", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
    help="But not the first N of all, such as the and of.",
)  # fmt: skip
@click.option(
    "--method", type=click.Choice(["pca", "tsne"]),
    help="PCA keeps large distances, t-SNE neighbourhoods. Default: PCA up to 50 words.",
)  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, 2**32 - 1),
              help="Seed of the random numbers of t-SNE.")  # fmt: skip
@model_option
@dark_option
def vectors(
    file_and_words: tuple[str, ...],
    output: str | None,
    top: int | None,
    skip: int,
    method: str | None,
    seed: int,
    model: str | None,
    dark: bool,
) -> None:
    """Draw a map of words, on which similar words are near.

    FILE holds vectors, of any format. Without it, or --model, it is the file that a query would
    ask. The first argument is a FILE where there is one of this name, or where it has a slash or a
    suffix such as .txt; else it is a WORD, as all are behind --model.

    Each WORD is on it, or else the first ones of the file, which in most files are the most
    frequent; --skip passes over the words that all texts have. Where --top adds others to those
    that are named, the named ones are highlighted.

    \b
    Examples:
      wordkit plot vectors
      wordkit plot vectors king queen man woman -o royal.png
      wordkit plot vectors glove.txt paris france rome italy -o capitals.svg
      wordkit plot vectors vectors.safetensors --skip 100 --top 5000 -o map.html
    """
    from wordkit.plots import map_words

    colours = theme(dark, output)
    if output is not None:
        _check(output)
    file, words = _file_and_words(file_and_words, model)
    embeddings = load_vectors(file)
    if top is None and not words:
        top = _default_top(output)
    number = len(set(words)) + max(min(top or 0, len(embeddings) - skip), 0)
    if number >= _MANY and method != "pca":
        say(f"placing {number:,} words by t-SNE: this takes a while")
    drawn = map_words(embeddings, words, top=top or 0, skip=skip, method=method, seed=seed)
    if method == "tsne" != drawn.method:
        say(f"too few words for t-SNE: {len(drawn.words)}")
    _draw(embeddings, drawn, output, colours, Path(file).name)


def _file_and_words(arguments: tuple[str, ...], model: str | None) -> tuple[str, tuple[str, ...]]:
    """The file of the vectors, and the words that are named."""
    if model is None and arguments and _is_file(arguments[0]):
        return arguments[0], arguments[1:]
    return find_vectors(model), arguments


def _is_file(argument: str) -> bool:
    """Whether the first argument is a file, there or not, rather than a word."""
    from wordkit.embeddings.formats import format_by_suffix

    if os.path.isfile(argument) or "/" in argument:
        return True
    try:
        format_by_suffix(argument)
    except ConfigError:
        return False
    return True


def _default_top(output: str | None) -> int:
    if output is None:
        return _TOP_OF_A_TERMINAL
    return _TOP_OF_A_PAGE if is_page(output) else _TOP


def _check(output: str) -> None:
    """Find out before the work whether the file can be written."""
    from wordkit.plots import FORMATS, check_figure
    from wordkit.storage import check_writable

    if is_page(output):
        check_writable(output)
    elif Path(output).suffix.lower() not in FORMATS:
        kinds = f"{', '.join(FORMATS)} or .html"
        raise ConfigError(f"cannot draw {output}: end its name in {kinds}")
    else:
        check_figure(output)


def _draw(
    embeddings: Embeddings, drawn: WordMap, output: str | None, colours: Theme, name: str
) -> None:
    """Draw a map to where it is to go, and say what it shows."""
    from wordkit.plots import draw_map, neighbours_of, write_page

    shown = counted(len(drawn.words), "word")
    if output is None:
        from wordkit.plots.terminal import map_as_text

        text, lost = map_as_text(drawn, *terminal_size())
        click.echo(text)
    elif is_page(output):
        lost = []
        near = neighbours_of(embeddings, drawn.words, _NEIGHBOURS)
        write_page(drawn, output, neighbours=near, title=f"{shown} of {name}")
    else:
        lost = draw_map(drawn, output, theme=colours)
    say(f"{output or name}: {shown}, {_NAMES[drawn.method]}")
    say_lost(lost)
