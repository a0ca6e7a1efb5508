"""wordkit plot: words on maps, neighbours of words, curves of trainings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit.errors import ConfigError
from wordkit.storage import check_outputs
from wordkit_cli.models import VECTORS, find, load_vectors
from wordkit_cli.options import Refused, model_option
from wordkit_cli.output import counted
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.plots import Theme, WordMap

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])

_TOP, _TOP_OF_A_PAGE, _TOP_OF_A_TERMINAL = 200, 1000, 80
_NEIGHBOURS = 10  # of a word on a page
_SLOW_WORDS = 1000  # from which on t-SNE takes long enough for a note
_NAMES = {"pca": "PCA", "tsne": "t-SNE"}
_MAX_NAMED = 5  # of the words that found no room
_MIN_COLUMNS = 40
_ROWS = 12  # of a panel in the terminal


def figure_option(kinds: str, metavar: str) -> Callable[[F], F]:
    """Return the option -o of a figure."""
    return click.option(
        "-o", "--output", metavar=metavar,
        help=f"The file to draw: {kinds}. Default: draw in the terminal.",
    )  # fmt: skip


dark_option = click.option("--dark", is_flag=True, help="Draw the file on a dark background.")


def theme(dark: bool, output: str | None) -> Theme:
    """Return the colours of a figure."""
    from wordkit.plots import DARK, LIGHT

    if dark and output is None:
        raise Refused("--dark applies to figures in files: name one with -o")
    if dark and output is not None and is_page(output):
        raise Refused("--dark applies to figures: a page is dark where the browser is")
    return DARK if dark else LIGHT


def is_page(path: str) -> bool:
    """Return whether a file is a page for a browser, by its suffix."""
    from wordkit.plots.map_page import SUFFIXES

    return Path(path).suffix.lower() in SUFFIXES


def terminal_size() -> tuple[int, int]:
    """Return columns and rows for a figure in the terminal; the prompt has room below it."""
    columns, rows = shutil.get_terminal_size((80, 24))
    return max(columns - 1, _MIN_COLUMNS), max(rows - 4, 12)


def say_lost(lost: Sequence[str]) -> None:
    """Print on standard error which words are not shown for lack of room."""
    if lost:
        more = f" and {len(lost) - _MAX_NAMED:,} more" if len(lost) > _MAX_NAMED else ""
        say(f"no room for {counted(len(lost), 'word')}: {', '.join(lost[:_MAX_NAMED])}{more}")


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
    model: str | None,
    dark: bool,
    **options: Any,
) -> None:
    """Draw a map of words, on which similar words are near.

    FILE holds vectors, of any format. Without it, or --model, it is the file that a query would
    ask. The first argument is a FILE where there is one of this name, or where it has a slash or a
    suffix such as .txt; else it is a WORD, as all are after --model.

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
    check_outputs([output], [file])
    embeddings = load_vectors(file)
    if options["top"] is None:
        options["top"] = 0 if words else _default_top(output)
    number = len(set(words)) + max(min(options["top"], len(embeddings) - options["skip"]), 0)
    if number >= _SLOW_WORDS and options["method"] != "pca":
        say(f"placing {number:,} words by t-SNE: this takes a while")
    drawn = map_words(embeddings, words, **options)
    if options["method"] == "tsne" != drawn.method:
        say(f"too few words for t-SNE: {len(drawn.words)}")
    _draw(embeddings, drawn, output, colours, Path(file).name)


def _file_and_words(arguments: tuple[str, ...], model: str | None) -> tuple[str, tuple[str, ...]]:
    """The file of the vectors, and the words that are named."""
    if model is None and arguments and _is_file(arguments[0]):
        return arguments[0], arguments[1:]
    return find(VECTORS, model), arguments


def _is_file(argument: str) -> bool:
    """Return whether the first argument names a file, existing or not, rather than a word."""
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
    """Raise before the work if the file cannot be written."""
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
    """Draw a map to its file or the terminal, and report what it shows."""
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
    neighbours are adjacent. In the terminal a bar shows each cosine.

    \b
    Examples:
      wordkit plot neighbours car
      wordkit plot neighbours car river -n 30 -o neighbours.png
    """
    from wordkit.plots import check_figure, draw_neighbourhoods, find_neighbourhoods

    colours = theme(dark, output)
    if output is not None:
        check_figure(output)
    file = find(VECTORS, model)
    check_outputs([output], [file])
    found = find_neighbourhoods(load_vectors(file), list(dict.fromkeys(words)), number)
    if output is None:
        from wordkit.plots.terminal import bars_as_text

        columns, _ = terminal_size()
        click.echo("\n\n".join(bars_as_text(neighbourhood, columns) for neighbourhood in found))
    else:
        lost = draw_neighbourhoods(found, output, theme=colours)
        say(f"{output}: the neighbours of {', '.join(each.word for each in found)}")
        say_lost(lost)


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
    validated on, and for sequence models the fraction of exact matches, as far as the logs
    have them. A training that still runs is shown up to its last report.

    \b
    Examples:
      wordkit train-lm corpus.txt --log lstm.jsonl
      wordkit plot training lstm.jsonl
      wordkit plot training lstm.jsonl gru.jsonl -o curve.png
    """
    from wordkit.plots import check_figure, curve_panels, read_training_log, training_panels
    from wordkit.plots.training_log import named_logs

    colours = theme(dark, output)
    if output is not None:
        check_figure(output)
    check_outputs([output], logs)
    named = named_logs([read_training_log(log) for log in dict.fromkeys(logs)])
    panels, x = training_panels(named, by)
    if output is None:
        from wordkit.plots.terminal import curves_as_text

        columns, _ = terminal_size()
        click.echo("\n\n".join(curves_as_text(panel, columns, _ROWS, x=x) for panel in panels))
    else:
        curve_panels(panels, output, x=x, theme=colours)
        say(f"{output}: {', '.join(panel.y for panel in panels)}")


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
