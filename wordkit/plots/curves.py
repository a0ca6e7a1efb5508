"""Curves such as learning curves, in one panel or several."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError
from wordkit.plots.figures import LIGHT, LINE_STYLES, Theme, new_figure, save_figure, set_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["Curve", "Panel", "curve_panels", "learning_curves"]

Floats = npt.NDArray[np.float64]

Curve: TypeAlias = "tuple[Sequence[float], Sequence[float]]"
"""The x and the y of its points, equally many."""

_MAX_VALUE = 1e150  # of a curve: the scale beside it goes further, and must not overflow
_MAX_INSIDE = 4  # names in a legend that lies over the curves; more are listed beside them


@dataclass(frozen=True)
class Panel:
    """Curves that share a scale."""

    y: str
    """The name of the vertical axis, with its unit."""

    curves: Mapping[str, Curve]
    """The curves by name."""

    log: bool = False
    """True for a logarithmic vertical scale."""

    limits: tuple[float, float] | None = None
    """The ends of the vertical scale; None: those of the curves."""

    def arrays(self) -> dict[str, tuple[Floats, Floats]]:
        """Return the curves as arrays, with NaN for what cannot be drawn.

        Raises:
            ConfigError: lengths do not fit, or there is nothing to draw.
        """
        arrays = {}
        for name, (xs, ys) in self.curves.items():
            x, y = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
            if x.ndim != 1 or x.shape != y.shape:
                raise ConfigError(
                    f"curve {name!r} has x of shape {x.shape} and y of shape {y.shape}; expected "
                    "equally many numbers in a row"
                )
            drawable = (np.abs(y) < _MAX_VALUE) & ((y > 0) | (not self.log))
            arrays[name] = x, np.where(drawable, y, np.nan)
        if not any(np.isfinite(y).any() for _, y in arrays.values()):
            above = " above 0" if self.log else ""
            raise ConfigError(f"curves has no finite value{above}; expected one at least")
        return arrays


def learning_curves(
    curves: Mapping[str, Curve],
    path: str | os.PathLike[str],
    *,
    x: str,
    y: str,
    log: bool = False,
    title: str | None = None,
) -> None:
    """Draw curves in one panel, such as a loss by epochs.

    A curve has a gap where a value is not finite or beyond 1e150, and on a logarithmic scale
    where it is not above 0.

    Args:
        curves: x and y of each, equally many, by the name in the legend.
        path: the file; its suffix, .png, .svg or .pdf, determines the format.
        x: the name of the horizontal axis, with its unit.
        y: the name of the vertical axis, with its unit.
        log: whether the vertical scale is logarithmic.
        title: above the panels.

    Raises:
        ConfigError: there is nothing to draw, lengths do not fit, or the suffix is another.
        ResourceError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    _draw([Panel(y, curves, log)], path, x, title or "", LIGHT)


def curve_panels(
    panels: Sequence[Panel], path: str | os.PathLike[str], *, x: str, theme: Theme = LIGHT
) -> None:
    """Draw panels of curves next to each other; a curve looks the same in each that has its name.

    Args:
        panels: from left to right, each as :func:`learning_curves` draws one.
        path: the file; its suffix, .png, .svg or .pdf, determines the format.
        x: the name of the horizontal axis of all, with its unit.
        theme: the colours.

    Raises:
        As :func:`learning_curves`.
    """
    if not panels:
        raise ConfigError("panels is empty; expected one at least")
    _draw(panels, path, x, "", theme)


def _draw(
    panels: Sequence[Panel], path: str | os.PathLike[str], x: str, title: str, theme: Theme
) -> None:
    names = list(dict.fromkeys(name for panel in panels for name in panel.arrays()))
    figure = new_figure(path, (6.4 if len(panels) == 1 else 5.2 * len(panels), 4.0))
    if len(panels) > 1:
        figure.set_layout_engine("constrained")
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    lines: dict[str, Line2D] = {}
    for axes, panel in zip(row, panels, strict=True):
        lines |= _draw_panel(axes, panel, names, theme)
        axes.set_xlabel(x, color=theme.foreground)
        axes.set_ylabel(panel.y, color=theme.foreground)
    row[0].set_title(title, fontsize=11, color=theme.foreground)
    beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
    legend = row[-1].legend(
        [lines[name] for name in names],
        [""] * len(names),  # Matplotlib 3.8 leaves out a name that starts with "_"
        framealpha=0.9,
        facecolor=theme.background,
        edgecolor="none",
        labelcolor=theme.foreground,
        **(beside if len(names) > _MAX_INSIDE or len(panels) > 1 else {}),
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
    labels = [label for axes in row for label in (axes.xaxis.label, axes.yaxis.label)]
    set_fonts([row[0].title, *labels, *legend.get_texts()], path, depth=4)
    save_figure(figure, path, theme)


def _draw_panel(axes: Axes, panel: Panel, names: Sequence[str], theme: Theme) -> dict[str, Line2D]:
    """Draw the curves of a panel, and return their lines by name."""
    arrays = panel.arrays()
    if panel.log:
        axes.set_yscale("log", nonpositive="mask")
        _set_plain_ticks(axes, np.concatenate([y for _, y in arrays.values()]))
    lines = {}
    for name, (xs, ys) in arrays.items():
        number = names.index(name)
        (lines[name],) = axes.plot(
            xs, ys, linewidth=1.6,
            color=theme.colors[number % len(theme.colors)],
            linestyle=LINE_STYLES[number % len(LINE_STYLES)],
            marker="o" if np.isfinite(ys).sum() == 1 else "",
        )  # fmt: skip
    if panel.limits is not None:
        low, high = panel.limits
        axes.set_ylim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    axes.grid(color=theme.grid, linewidth=0.6)
    axes.set_facecolor(theme.background)
    axes.set_axisbelow(True)
    axes.spines[:].set_color(theme.foreground)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", colors=theme.foreground)
    return lines


def _set_plain_ticks(axes: Axes, values: Floats) -> None:
    """Write 100 and 200, not powers of ten, on a logarithmic scale of up to three decades."""
    low, high = np.nanmin(values), np.nanmax(values)
    if high > 1e3 * low or not 1e-3 < low <= high < 1e6:
        return
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    narrow = MaxNLocator(6, steps=[1, 2, 5, 10])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 20 * low else narrow)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
