"""Where a decoder looks while it writes.

Letters: T units that came out, S units that went in.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.plots.fonts import families, set_plainly, visible
from wordkit.plots.picture_file import check_suffix, figure_class, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["attention_map"]

_LARGEST_MAP, _LARGEST_CELL, _SMALLEST_CELL, _LONGEST_SIDE = 5.0, 0.4, 0.18, 40.0  # inches
_MOST_CELLS = 20_000  # that are drawn as shapes; more become an image in the picture


def attention_map(
    weights: npt.NDArray[Any],
    source: Sequence[str],
    target: Sequence[str],
    path: str | os.PathLike[str],
) -> None:
    """Draw how much each unit that came out looked at each unit that went in.

    Bahdanau, Cho and Bengio (2015), figure 3. Spaces are shown as ␣, and a unit that cannot be
    seen by its code.

    Args:
        weights: shape (T, S); the picture goes from white, 0, to the largest.
        source: the S units that went in, such as words, or a string of characters.
        target: the T units that came out.
        path: the file; its suffix, .png, .svg or .pdf, says of which kind.

    Raises:
        ConfigError: if the shapes do not fit, a weight is not finite, or the suffix is another.
        ResourceError: if matplotlib is not installed.
        StorageError: if the file cannot be written.
    """
    check_suffix(path)
    _check_weights(weights, source, target)
    Figure = figure_class()
    (T, S), cell = weights.shape, _cell_size(*weights.shape)
    height, gap, bar = T * cell, 0.18, 0.12  # inches
    width = S * cell + gap + bar
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, S * cell / width, 1))
    columns, rows = [visible(unit) for unit in source], [visible(unit) for unit in target]
    fonts = families("".join([*columns, *rows]), path)
    _draw_map(axes, weights, columns, rows, fonts)
    tall = min(height, 2.0)
    side = figure.add_axes((1 - bar / width, 1 - tall / height, bar / width, tall / height))
    figure.colorbar(axes.collections[0], cax=side)
    side.locator_params(nbins=max(1, round(tall / 0.4)))
    side.tick_params(labelsize=8, width=0.5, length=2)
    side.spines[:].set_linewidth(0.5)
    save_figure(figure, path)


def _check_weights(weights: npt.NDArray[Any], source: Sequence[str], target: Sequence[str]) -> None:
    shape = len(target), len(source)
    if weights.shape != shape:
        raise ConfigError(
            f"weights has shape {weights.shape}; expected {shape}, a row for each unit of target "
            "and a column for each of source"
        )
    if not weights.size:
        raise ConfigError(f"weights has shape {shape}; expected one row and one column at least")
    finite = np.isfinite(weights)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ConfigError(f"weights[{row}, {column}] is {weights[row, column]}; expected a number")


def _cell_size(T: int, S: int) -> float:
    """The side of a cell in inches: small maps are not tiny, and large ones can still be drawn."""
    side = min(max(_LARGEST_MAP / max(T, S), _SMALLEST_CELL), _LARGEST_CELL)
    return min(side, _LONGEST_SIDE / max(T, S))


def _draw_map(
    axes: Axes,
    weights: npt.NDArray[Any],
    source: Sequence[str],
    target: Sequence[str],
    fonts: Sequence[str],
) -> None:
    T, S = weights.shape
    least, largest = min(0.0, float(weights.min())), float(weights.max())
    axes.pcolormesh(
        weights, cmap="Blues", vmin=least, vmax=largest if largest > least else least + 1,
        edgecolors="0.9", linewidth=0.4, rasterized=weights.size > _MOST_CELLS,
    )  # fmt: skip
    axes.invert_yaxis()  # the first unit on top, as one reads
    size = min(10.0, 72 * _cell_size(T, S) * 0.72)  # points
    axes.set_xticks(np.arange(S) + 0.5, source, fontsize=size)
    axes.set_yticks(np.arange(T) + 0.5, target, fontsize=size)
    axes.tick_params(length=0, pad=3, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source", fontsize=9, color="0.35", labelpad=6)
    axes.set_ylabel("target", fontsize=9, color="0.35", labelpad=6)
    axes.spines[:].set_linewidth(0.5)
    words = np.median([len(unit) for unit in source]) > 2  # and no characters
    for label in axes.get_xticklabels():
        if words or len(label.get_text()) > 2:
            label.set_rotation(90)
    set_plainly([*axes.get_xticklabels(), *axes.get_yticklabels()], fonts)
