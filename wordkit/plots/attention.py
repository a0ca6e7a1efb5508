"""The attention weights of a decoder as a figure.

T units of the target, S units of the source.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.plots.figures import new_figure, printable, save_figure, set_fonts

__all__ = ["attention_map"]

_MAP_SIDE, _MAX_SIDE = 5.0, 40.0  # inches: of a map of medium size, and of the largest
_MIN_CELL, _MAX_CELL = 0.18, 0.4  # inches
_GAP, _BAR = 0.18, 0.12  # inches, beside the map
_MAX_VECTOR_CELLS = 20_000  # that are drawn as shapes; more become an image in the figure


def attention_map(
    weights: npt.NDArray[np.floating],
    source: Sequence[str],
    target: Sequence[str],
    path: str | os.PathLike[str],
) -> None:
    """Draw how much each unit of the target attends to each unit of the source.

    Bahdanau, Cho and Bengio (2015), figure 3. Spaces are shown as ␣, and a unit that cannot be
    seen by its code.

    Args:
        weights: shape (T, S); the colours go from white, 0, to the largest.
        source: the S units that were read, such as words, or a string of characters.
        target: the T units that were generated.
        path: the file; its suffix, .png, .svg or .pdf, determines the format.

    Raises:
        ConfigError: the shapes do not fit, a weight is not finite, or the suffix is another.
        ResourceError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    _check_weights(weights, (len(target), len(source)))
    T, S = weights.shape
    cell = min(max(_MAP_SIDE / max(T, S), _MIN_CELL), _MAX_CELL, _MAX_SIDE / max(T, S))
    width, height = S * cell + _GAP + _BAR, T * cell
    figure = new_figure(path, (width, height))
    axes = figure.add_axes((0, 0, S * cell / width, 1))
    low, high = min(0.0, float(weights.min())), float(weights.max())
    mesh = axes.pcolormesh(
        weights, cmap="Blues", vmin=low, vmax=high if high > low else low + 1,
        edgecolors="0.9", linewidth=0.4, rasterized=weights.size > _MAX_VECTOR_CELLS,
    )  # fmt: skip
    axes.invert_yaxis()  # the first unit on top, as one reads
    font_size = min(10.0, 72 * cell * 0.72)  # points
    axes.set_xticks(np.arange(S) + 0.5, [printable(unit) for unit in source], fontsize=font_size)
    axes.set_yticks(np.arange(T) + 0.5, [printable(unit) for unit in target], fontsize=font_size)
    axes.tick_params(length=0, pad=3, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source", fontsize=9, color="0.35", labelpad=6)
    axes.set_ylabel("target", fontsize=9, color="0.35", labelpad=6)
    axes.spines[:].set_linewidth(0.5)
    columns = axes.get_xticklabels()
    are_words = np.median([len(unit) for unit in source]) > 2
    for label in columns:
        label.set_rotation(90 if are_words or len(label.get_text()) > 2 else 0)
    set_fonts([*columns, *axes.get_yticklabels()], path)
    bar_height = min(height, 2.0)
    side = figure.add_axes(
        (1 - _BAR / width, 1 - bar_height / height, _BAR / width, bar_height / height)
    )
    figure.colorbar(mesh, cax=side)
    side.locator_params(nbins=max(1, round(bar_height / 0.4)))
    side.tick_params(labelsize=8, width=0.5, length=2)
    side.spines[:].set_linewidth(0.5)
    save_figure(figure, path)


def _check_weights(weights: npt.NDArray[np.floating], shape: tuple[int, int]) -> None:
    if weights.shape != shape:
        raise ConfigError(
            f"weights has shape {weights.shape}; expected {shape}, a row for each unit of target "
            "and a column for each of source"
        )
    if not weights.size:
        raise ConfigError(f"weights has shape {shape}; expected one row and one column at least")
    if not np.isfinite(weights).all():
        row, column = np.argwhere(~np.isfinite(weights))[0]
        raise ConfigError(f"weights[{row}, {column}] is {weights[row, column]}; expected a number")
