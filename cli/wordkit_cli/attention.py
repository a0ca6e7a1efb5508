"""wordkit attention: the attention weights of a sequence-to-sequence model."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import click

from wordkit.errors import TextError
from wordkit.storage import check_outputs
from wordkit_cli.models import SEQ2SEQ, find, load_seq2seq_model, model_and
from wordkit_cli.options import json_option, model_device_option
from wordkit_cli.output import print_json
from wordkit_cli.progress import say
from wordkit_cli.sequence_models import sequence_model_option

if TYPE_CHECKING:
    from wordkit.seq2seq.transformation import Alignment

__all__ = ["command"]

_SHADES = " ░▒▓█"


@click.command("attention")
@click.argument("model_and_text", nargs=-1, required=True, metavar="[MODEL] TEXT")
@click.option(
    "-o", "--output", metavar="FILE",
    help="Draw a heat map into FILE: a .png, .svg or .pdf.",
)  # fmt: skip
@click.option(
    "--head", type=click.IntRange(min=1), metavar="N",
    help="Show a head of a Transformer's last layer. Default: the mean of all.",
)  # fmt: skip
@sequence_model_option
@model_device_option
@json_option
def command(
    model_and_text: tuple[str, ...],
    model: str | None,
    output: str | None,
    head: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Show the attention weights of MODEL on TEXT: a row for each character (or word) it writes.

    The darker a cell, the higher the weight; each row sums to 1. Default of MODEL:
    $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors.

    \b
    Examples:
      wordkit attention "september 27, 1994"
      wordkit attention seq2seq.safetensors "september 27, 1994" -o map.png
    """
    from wordkit.seq2seq import align

    quote = "; put the text in quotation marks"
    named, text = model_and("TEXT", model_and_text, option=model, found="arguments", remedy=quote)
    if output is not None:
        from wordkit.plots import check_figure

        check_figure(output)
    path = find(SEQ2SEQ, named or model)
    check_outputs([output], [path])
    asked = load_seq2seq_model(path, device)
    alignment = align(asked, text, head)
    if output is not None:
        from wordkit.plots import attention_map

        if not alignment.written:
            raise TextError(f"the model writes nothing for {text!r}, so there is no map to draw")
        attention_map(alignment.weights, alignment.source, alignment.written, output)
        say(f"{output}: {''.join(alignment.written)}" if asked.config.unit != "word" else output)
    if as_json:
        weights = [[round(float(w), 6) for w in row] for row in alignment.weights]
        print_json({"source": alignment.source, "written": alignment.written, "weights": weights})
    elif output is None:
        _print_cells(alignment)


def _print_cells(alignment: Alignment) -> None:
    """Print a table of shaded cells; those of characters touch, those of words are as wide."""
    from rich.cells import cell_len

    gap = 0 if all(len(unit) == 1 for unit in alignment.source) else 1
    widths = [max(cell_len(_shown(unit)), 2) for unit in alignment.source]
    margin = max((cell_len(_shown(unit)) for unit in alignment.written), default=0)
    between = " " * gap
    heads = [_filled(unit, width) for unit, width in zip(alignment.source, widths, strict=True)]
    click.echo(f"{'':{margin}}  {between.join(heads)}".rstrip())
    for unit, row in zip(alignment.written, alignment.weights, strict=True):
        cells = [_shade(float(w)) * width for w, width in zip(row, widths, strict=True)]
        click.echo(f"{_filled(unit, margin)}  {between.join(cells)}".rstrip())


def _filled(unit: str, width: int) -> str:
    """A unit padded with spaces to a number of columns."""
    from rich.cells import cell_len

    return _shown(unit) + " " * (width - cell_len(_shown(unit)))


def _shown(unit: str) -> str:
    """A unit that can be seen: a space as a sign, a combining mark on a circle."""
    if unit == " ":
        return "␣"
    return f"◌{unit}" if unicodedata.combining(unit[0]) else unit


def _shade(weight: float) -> str:
    """A character for a weight from 0 to 1."""
    return _SHADES[min(round(weight * (len(_SHADES) - 1) + 0.1), len(_SHADES) - 1)]
