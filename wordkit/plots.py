"""Pictures: where a decoder looks, and how a training goes.

Drawn by matplotlib without a display and saved as one file. What is drawn twice alike is the same
file, byte for byte.

Letters: T units that came out, S units that went in.
"""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, ResourceError, WordkitWarning
from wordkit.storage import atomic_write, check_writable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

__all__ = ["FORMATS", "attention_map", "check_picture", "learning_curves"]

FORMATS: Mapping[str, Mapping[str, str | None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""The suffixes that a picture may have, with what its file says of itself: not when it was made."""

_DOTS_PER_INCH = 200

_LARGEST_MAP, _LARGEST_CELL, _SMALLEST_CELL, _LONGEST_SIDE = 5.0, 0.4, 0.18, 40.0  # inches
_MOST_CELLS = 20_000  # that are drawn as shapes; more become an image in the picture

# Told apart on paper without colours too: the hues differ in lightness, and the strokes differ.
_HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")
_STROKES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))

_LARGEST_VALUE = 1e150  # of a curve: the scale beside it goes further, and must not overflow

_SIGNS_OF_SPACE = {" ": "␣", "\t": "⇥", "\n": "↵"}


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
    _check_suffix(path)
    _check_weights(weights, source, target)
    Figure = _figure_class()
    (T, S), cell = weights.shape, _cell_size(*weights.shape)
    height, gap, bar = T * cell, 0.18, 0.12  # inches
    width = S * cell + gap + bar
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, S * cell / width, 1))
    columns, rows = [_visible(unit) for unit in source], [_visible(unit) for unit in target]
    fonts = _families("".join([*columns, *rows]), path)
    _draw_map(axes, weights, columns, rows, fonts)
    tall = min(height, 2.0)
    side = figure.add_axes((1 - bar / width, 1 - tall / height, bar / width, tall / height))
    figure.colorbar(axes.collections[0], cax=side)
    side.locator_params(nbins=max(1, round(tall / 0.4)))
    side.tick_params(labelsize=8, width=0.5, length=2)
    side.spines[:].set_linewidth(0.5)
    _save(figure, path)


def learning_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
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
    _check_suffix(path)
    drawn = _checked_curves(curves, log)
    figure = _figure_class()(figsize=(6.4, 4.0))
    axes = figure.add_subplot()
    if log:
        axes.set_yscale("log", nonpositive="mask")
    lines = []
    for number, (xs, ys) in enumerate(drawn.values()):
        hue, stroke = _HUES[number % len(_HUES)], _STROKES[number % len(_STROKES)]
        marker = "o" if np.isfinite(ys).sum() == 1 else ""
        lines += axes.plot(xs, ys, color=hue, linestyle=stroke, linewidth=1.6, marker=marker)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title or "", fontsize=11)
    axes.grid(color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
    legend = axes.legend(
        lines, list(drawn), framealpha=0.9, edgecolor="none", **(beside if len(drawn) > 4 else {})
    )
    fonts = _families("".join([x, y, title or "", *drawn]), path)
    _set_plainly([axes.xaxis.label, axes.yaxis.label, axes.title, *legend.get_texts()], fonts)
    _save(figure, path)


def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ResourceError("a picture needs matplotlib; pip install 'wordkit[plot]'") from error
    return Figure


def check_picture(path: str | os.PathLike[str]) -> None:
    """Find out before the work whether a picture can be drawn and written here.

    Raises:
        ConfigError: its suffix is none of :data:`FORMATS`.
        ResourceError: matplotlib is missing.
        StorageError: nothing can be written there.
    """
    _check_suffix(path)
    _figure_class()
    check_writable(path)


def _check_suffix(path: str | os.PathLike[str]) -> None:
    suffix = Path(path).suffix
    if suffix.lower() not in FORMATS:
        raise ConfigError(f"path ends in {suffix!r}; expected {', '.join(FORMATS)}: {path}")


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


def _checked_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], log: bool
) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """The curves as arrays."""
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
    _set_plainly([*axes.get_xticklabels(), *axes.get_yticklabels()], fonts)


def _visible(unit: str) -> str:
    """A unit as it is written beside the map."""
    if unit and all(unicodedata.category(sign) == "Cf" for sign in unit):
        return " ".join(f"U+{ord(sign):04X}" for sign in unit)
    signs = []
    for sign in unit:
        if sign.isspace():
            signs.append(_SIGNS_OF_SPACE.get(sign, "␣"))
        elif unicodedata.category(sign) in ("Cc", "Cs", "Cn"):  # which no SVG may hold
            signs.append(f"U+{ord(sign):04X}")
        else:
            signs.append(sign)
    alone = unit[:1] and unicodedata.category(unit[0]).startswith("M")
    return ("◌" if alone else "") + "".join(signs)  # an accent has to stand on something


def _families(text: str, path: str | os.PathLike[str]) -> list[str]:
    """Names of fonts that have the signs of a text: the usual one, then others where it lacks any.

    Matplotlib itself takes what it lacks from no font but those that are named. An SVG holds the
    text alone, and whoever shows it finds a font.
    """
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    usual = FontProperties()
    lacking = set(map(ord, text)) - get_font(findfont(usual)).get_charmap().keys()
    families = list(usual.get_family())
    for entry in fontManager.ttflist if lacking else ():
        if entry.style != "normal" or entry.name.startswith("Last Resort"):  # has boxes for all
            continue
        had = lacking & get_font(entry.fname).get_charmap().keys()
        if had and findfont(FontProperties(family=entry.name)) == entry.fname:
            families.append(entry.name)
            lacking -= had
    if lacking and Path(path).suffix.lower() != ".svg":
        signs = " ".join(map(chr, sorted(lacking)))
        warnings.warn(
            f"no font of this machine has {signs}; install one that does, such as Noto, or save "
            "an .svg, for which a browser finds its own",
            WordkitWarning,
            stacklevel=3,
        )
    return families


def _set_plainly(texts: Sequence[Text], fonts: Sequence[str]) -> None:
    """Let texts be what they say, dollar signs and all, and no formulas."""
    for text in texts:
        text.set_fontfamily(fonts)
        text.set_parse_math(False)
        text.set_usetex(False)


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    from matplotlib import rc_context

    suffix = Path(path).suffix.lower()
    # letters stay letters that can be sought and copied; the names of an SVG's parts are fixed
    saving = rc_context({"svg.fonttype": "none", "svg.hashsalt": "wordkit", "pdf.fonttype": 42})
    with saving, warnings.catch_warnings(), atomic_write(path) as temporary:
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")  # we have said so
        figure.savefig(
            temporary,
            format=suffix[1:],
            dpi=_DOTS_PER_INCH,
            bbox_inches="tight",
            pad_inches=0.08,
            facecolor="white",
            metadata=dict(FORMATS[suffix]),
        )
