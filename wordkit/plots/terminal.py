"""Figures made of characters, for a terminal.

Rows are counted from the top, columns from the left.
"""

from __future__ import annotations

import math
import unicodedata

import numpy as np
import numpy.typing as npt

from wordkit.plots.curves import Panel
from wordkit.plots.figures import printable
from wordkit.plots.neighbourhood import Neighbourhood
from wordkit.plots.word_map import WordMap

__all__ = ["bars_as_text", "curves_as_text", "map_as_text", "text_width"]

_BRAILLE = 0x2800  # the empty character; each of its 4 × 2 dots is a bit
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_EIGHTHS = " ▏▎▍▌▋▊▉█"  # of a bar's last cell
_MAX_NAME = 18  # columns for the name of a curve
_ASPECT = 2.0  # of a cell: its height to its width


def text_width(text: str) -> int:
    """Return the columns of a text: two for a character of East Asia, none for an accent."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    none = sum(unicodedata.category(char) in ("Mn", "Me", "Cf") for char in text)
    return len(text) + wide - none


def map_as_text(drawn: WordMap, columns: int, rows: int) -> tuple[str, list[str]]:
    """Return a map of words in the given columns and rows, and the words without room.

    Each word is written at its point, or as near as others allow.

    Args:
        drawn: the words with their coordinates.
        columns: 10 at least.
        rows: 2 at least; fewer are taken where the map is flat.
    """
    extent = np.ptp(drawn.points, axis=0)
    across, up = np.where(extent > 0, extent, 1.0)
    aspect = extent[1] / across if extent[0] else 1.0
    rows = max(2, min(rows, math.ceil(columns / _ASPECT * aspect)))
    fractions = (drawn.points - drawn.points.min(axis=0)) / [across, up]
    screen = _Screen(columns, rows)
    lost = []
    for word, (x, y) in zip(drawn.words, fractions.tolist(), strict=True):
        text = printable(word)
        start = round(x * (columns - 1) - text_width(text) / 2)
        if not screen.write_near(text, round((1 - y) * (rows - 1)), start):
            lost.append(word)
    return screen.text(), lost


def bars_as_text(found: Neighbourhood, columns: int) -> str:
    """Return the nearest words of a word, one a line, with bars as long as the cosines."""
    words = [printable(word) for word, _ in found.neighbours]
    widest = max(map(text_width, words))
    room = max(2, columns - widest - len("  0.0000  ") - 2)
    lines = [printable(found.word)]
    for word, (_, cosine) in zip(words, found.neighbours, strict=True):
        padding = " " * (widest - text_width(word))
        eighths = round(max(cosine, 0.0) * room * 8)
        bar = _EIGHTHS[-1] * (eighths // 8) + _EIGHTHS[eighths % 8]
        lines.append(f"  {word}{padding}  {cosine:.4f}  {bar}".rstrip())
    return "\n".join(lines)


def curves_as_text(panel: Panel, columns: int, rows: int, *, x: str) -> str:
    """Return curves in the given columns and rows, with scales and names at their ends.

    Args:
        panel: the curves.
        columns: 40 at least.
        rows: for the curves, 4 at least; three more are taken by title and scale.
        x: the name of the horizontal axis, with its unit.
    """
    curves = {}
    for name, (xs, ys) in panel.arrays().items():
        points = np.stack([xs, np.log10(ys) if panel.log else ys], axis=1)
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            curves[_shorten(printable(name).replace("␣", " ")), name] = points
    every = np.concatenate(list(curves.values()))
    (left, low), (right, high) = every.min(axis=0), every.max(axis=0)
    low, high = panel.limits or (low, high)
    marks = [f"{10**value if panel.log else value:.4g}" for value in (low, high)]
    ticks = {rows - 1: marks[0]} | ({0: marks[1]} if high > low else {})
    margin = max(map(len, ticks.values()))
    width = columns - margin - 3 - max(text_width(name) for name, _ in curves)
    canvas = np.zeros((4 * rows, 2 * width), dtype=bool)
    scale = [(2 * width - 1) / ((right - left) or 1.0), (4 * rows - 1) / ((high - low) or 1.0)]
    ends = []
    for (name, _), points in curves.items():
        dots = (points - [left, low]) * scale
        _draw_line(canvas, dots)
        ends.append((rows - 1 - int(dots[-1, 1]) // 4, name))
    screen = _Screen(columns, rows)
    bits = (canvas.reshape(rows, 4, width, 2) * _DOTS[:, None]).sum(axis=(1, 3))
    for row in range(rows):
        line = "".join(chr(_BRAILLE + bit) if bit else " " for bit in bits[row].tolist())
        screen.write(f"{ticks.get(row, ''):>{margin}} {'┤' if row in ticks else '│'}{line}", row, 0)
    for row, name in sorted(ends, key=lambda end: end[0]):
        screen.write_near(name, row, margin + width + 3, sideways=False)
    first, last = f"{left:.4g}" if right > left else "", f"{right:.4g} {x}"
    indent = " " * (margin + 2)
    foot = indent + first + last.rjust(max(width - len(first), len(last) + 1))
    return "\n".join([indent + panel.y, screen.text(), indent[1:] + "└" + "─" * width, foot])


def _shorten(name: str) -> str:
    return name if text_width(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"


def _draw_line(canvas: npt.NDArray[np.bool_], points: npt.NDArray[np.float64]) -> None:
    """Set the dots of a canvas, shape (up, across), on lines from point (across, up) to point."""
    for start, end in zip(points, points[min(1, len(points) - 1) :], strict=False):
        steps = np.linspace(0, 1, max(1, math.ceil(np.abs(end - start).max())) + 1)[:, None]
        across, up = np.rint(start + steps * (end - start)).astype(int).T
        canvas[len(canvas) - 1 - up, across] = True


class _Screen:
    """Cells that are written to."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]

    def text(self) -> str:
        """Return all rows."""
        return "\n".join("".join(row).rstrip() for row in self._cells)

    def write_near(self, text: str, row: int, column: int, *, sideways: bool = True) -> bool:
        """Write a text to the free cells nearest to here; return whether there are any."""
        room = self.columns - text_width(text)
        rows = range(-3, 4) if sideways else range(-self.rows, self.rows)
        columns = range(-12, 13) if sideways else (0,)
        moves = sorted((_ASPECT * abs(d) + abs(a) / 2, d, a) for d in rows for a in columns)
        for _, down, across in moves:
            line, start = row + down, min(max(column, 0), room) + across
            if 0 <= line < self.rows and 0 <= start <= room:
                around = self._cells[line][max(start - 1, 0) : start + text_width(text) + 1]
                if all(cell == " " for cell in around):
                    self.write(text, line, start)
                    return True
        return False

    def write(self, text: str, row: int, column: int) -> None:
        """Write a text here, over other cells."""
        cells = self._cells[row]
        for char in text:
            width = text_width(char)
            if width == 0:  # it joins the character before it
                cells[max(column - 1, 0)] += char
            else:
                cells[column : column + width] = [char, *[""] * (width - 1)]
            column += width
