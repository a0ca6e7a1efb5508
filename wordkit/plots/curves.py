"""Curves over each other, such as how trainings go."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.plots.fonts import families, set_plainly
from wordkit.plots.picture_file import check_suffix, figure_class, save_figure
from wordkit.plots.themes import LIGHT, STROKES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curve", "Panel", "checked_curves", "curve_panels", "learning_curves"]

Curve: TypeAlias = "tuple[Sequence[float], Sequence[float]]"
"""Places along, and as many values."""

Arrays: TypeAlias = "dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]"

_LARGEST_VALUE = 1e150  # of a curve: the scale beside it goes further, and must not overflow
_MOST_INSIDE = 4  # names in a legend that lies over the curves; more stand beside them


@dataclass(frozen=True)
class Panel:
    """Curves that share a scale."""

    y: str
    """What goes up, with its unit."""

    curves: Mapping[str, Curve]
    """The curves by name."""

    log: bool = False
    """Whether the scale that goes up is logarithmic."""

    limits: tuple[float, float] | None = None
    """From where to where the scale goes; None: as far as the curves."""


def learning_curves(
    curves: Mapping[str, Curve],
    path: str | os.PathLike[str],
    *,
    x: str,
    y: str,
    log: bool = False,
    title: str | None = None,
) -> None:
    """Draw curves over each other, such as a loss by epochs.

    A curve has a gap where a value is not finite or beyond 1e150, and on a logarithmic scale
    where it is not above 0.

    Args:
        curves: places along and values, equally many, by the name in the legend.
        path: the file; its suffix, .png, .svg or .pdf, says of which kind.
        x: what goes along, with its unit.
        y: what goes up, with its unit.
        log: whether the scale that goes up is logarithmic.
        title: what stands above.

    Raises:
        ConfigError: if there is nothing to draw, lengths do not fit, or the suffix is another.
        ResourceError: if matplotlib is not installed.
        StorageError: if the file cannot be written.
    """
    _draw([Panel(y, curves, log)], path, x, title or "", LIGHT)


def curve_panels(
    panels: Sequence[Panel], path: str | os.PathLike[str], *, x: str, theme: Theme = LIGHT
) -> None:
    """Draw panels of curves side by side; a curve looks the same in each that has its name.

    Args:
        panels: from left to right, each as :func:`learning_curves` draws one.
        path: the file; its suffix, .png, .svg or .pdf, says of which kind.
        x: what goes along in all of them, with its unit.
        theme: the colours.

    Raises:
        ConfigError: if there is nothing to draw in one, lengths do not fit, or the suffix is
            another.
        ResourceError: if matplotlib is not installed.
        StorageError: if the file cannot be written.
    """
    if not panels:
        raise ConfigError("panels is empty; expected one at least")
    _draw(panels, path, x, "", theme)


def checked_curves(curves: Mapping[str, Curve], log: bool) -> Arrays:
    """The curves as arrays; what cannot be drawn in them is NaN.

    Raises:
        ConfigError: lengths do not fit, or there is nothing to draw.
    """
    arrays = {}
    for label, (xs, ys) in curves.items():
        across, up = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
        if across.ndim != 1 or across.shape != up.shape:
            raise ConfigError(
                f"curve {label!r} has {across.shape} places and {up.shape} values; "
                "expected equally many in a row"
            )
        arrays[label] = across, np.where(np.abs(up) < _LARGEST_VALUE, up, np.nan)
    values = [up[up > 0] if log else up for _, up in arrays.values()]
    if not any(np.isfinite(up).any() for up in values):
        above = " above 0" if log else ""
        raise ConfigError(f"curves has no finite value{above}; expected one at least")
    return arrays


def _draw(
    panels: Sequence[Panel], path: str | os.PathLike[str], x: str, title: str, theme: Theme
) -> None:
    check_suffix(path)
    checked = [checked_curves(panel.curves, panel.log) for panel in panels]
    names = list(dict.fromkeys(name for drawn in checked for name in drawn))
    width = 6.4 if len(panels) == 1 else 5.2 * len(panels)
    figure = figure_class()(figsize=(width, 4.0), layout="constrained" if panels[1:] else None)
    everywhere = figure.subplots(1, len(panels), squeeze=False)[0]
    lines: dict[str, Any] = {}
    texts = []
    for axes, panel, drawn in zip(everywhere, panels, checked, strict=True):
        lines |= _draw_panel(axes, panel, drawn, names, theme)
        axes.set_xlabel(x)
        texts += [axes.xaxis.label, axes.yaxis.label]
    everywhere[0].set_title(title, fontsize=11)
    beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
    last = everywhere[-1]
    legend = last.legend(
        [lines[name] for name in names],
        [""] * len(names),  # Matplotlib 3.8 leaves out a name that starts with "_"
        framealpha=0.9,
        facecolor=theme.ground,
        edgecolor="none",
        labelcolor=theme.ink,
        **(beside if len(names) > _MOST_INSIDE or panels[1:] else {}),
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
    fonts = families("".join([x, title, *names, *(panel.y for panel in panels)]), path, depth=4)
    set_plainly([everywhere[0].title, *texts, *legend.get_texts()], fonts)
    save_figure(figure, path, theme.ground)


def _draw_panel(
    axes: Axes, panel: Panel, drawn: Arrays, names: Sequence[str], theme: Theme
) -> dict[str, Any]:
    """The lines of a panel by name."""
    if panel.log:
        axes.set_yscale("log", nonpositive="mask")
        _write_out(axes, [up for _, up in drawn.values()])
    lines = {}
    for name, (xs, ys) in drawn.items():
        number = names.index(name)
        hue, stroke = theme.hues[number % len(theme.hues)], STROKES[number % len(STROKES)]
        marker = "o" if np.isfinite(ys).sum() == 1 else ""
        (lines[name],) = axes.plot(
            xs, ys, color=hue, linestyle=stroke, linewidth=1.6, marker=marker
        )
    if panel.limits is not None:
        room = 0.03 * (panel.limits[1] - panel.limits[0])
        axes.set_ylim(panel.limits[0] - room, panel.limits[1] + room)
    axes.set_ylabel(panel.y)
    axes.grid(color=theme.grid, linewidth=0.6)
    axes.set_facecolor(theme.ground)
    axes.set_axisbelow(True)
    axes.spines[:].set_color(theme.ink)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", colors=theme.ink)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(theme.ink)
    return lines


def _write_out(axes: Axes, values: Iterable[npt.NDArray[np.float64]]) -> None:
    """Name ticks on a logarithmic scale as 100 and 200, where it spans no more than a thousand."""
    every = np.concatenate(list(values))
    every = every[np.isfinite(every) & (every > 0)]
    if every.max() > 1e3 * every.min() or not 1e-3 < every.min() <= every.max() < 1e6:
        return
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    is_wide = every.max() > 20 * every.min()
    axes.yaxis.set_major_locator(
        LogLocator(subs=(1, 2, 5)) if is_wide else MaxNLocator(6, steps=[1, 2, 5, 10])
    )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
