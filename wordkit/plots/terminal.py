"""Pictures made of characters, in whatever colours the terminal has.

Rows are counted from the top, columns from the left.
"""

from __future__ import annotations

import math
import unicodedata

import numpy as np
import numpy.typing as npt

from wordkit.plots.curves import Panel, checked_curves
from wordkit.plots.fonts import visible
from wordkit.plots.neighbourhood import Neighbourhood
from wordkit.plots.word_map import WordMap

__all__ = ["bars_in_text", "curves_in_text", "map_in_text", "width_of"]

Floats = npt.NDArray[np.float64]

_BRAILLE = 0x2800  # the empty sign; each of its 2 × 4 dots is a bit
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_PARTS = " ▏▎▍▌▋▊▉█"  # of a bar's last cell
_LARGEST_NAME = 18  # columns for the name of a curve
_HIGH = 2.0  # how much higher than wide a cell is


def width_of(text: str) -> int:
    """How many columns a text takes: those of East Asia two for a sign, accents none."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    none = sum(unicodedata.category(sign) in ("Mn", "Me", "Cf") for sign in text)
    return len(text) + wide - none


def map_in_text(drawn: WordMap, columns: int, rows: int) -> tuple[str, list[str]]:
    """A map of words in so many columns and rows, and the words that found no room.

    Each word stands where it is on the map, or as near as others let it.

    Args:
        drawn: the words with their places.
        columns: 10 at least.
        rows: 2 at least; fewer are taken where the map is flat.
    """
    across, up = np.ptp(drawn.places, axis=0)
    rows = max(2, min(rows, math.ceil(columns / _HIGH * (up / across if across else 1))))
    shares = (drawn.places - drawn.places.min(axis=0)) / [across or 1.0, up or 1.0]
    screen = _Screen(columns, rows)
    lost = []
    for word, (x, y) in zip(drawn.words, shares.tolist(), strict=True):
        text = visible(word)
        start, row = x * (columns - 1) - width_of(text) / 2, (1 - y) * (rows - 1)
        if not screen.write_near(text, round(row), round(start)):
            lost.append(word)
    return screen.text(), lost


def bars_in_text(found: Neighbourhood, columns: int) -> str:
    """The nearest words of a word, a line each with a bar as long as the cosine."""
    shown = [(visible(word), cosine) for word, cosine in found.neighbours]
    widest = max(width_of(word) for word, _ in shown)
    room = max(4, columns - widest - len("  0.0000  "))
    lines = [visible(found.word)]
    for word, cosine in shown:
        padded = word + " " * (widest - width_of(word))
        lines.append(f"  {padded}  {cosine:.4f}  {_bar(max(cosine, 0.0) * (room - 2))}".rstrip())
    return "\n".join(lines)


def _bar(cells: float) -> str:
    """A bar of so many cells; the last one shows eighths."""
    eighths = round(cells * 8)
    return _PARTS[-1] * (eighths // 8) + _PARTS[eighths % 8].strip()


def curves_in_text(panel: Panel, columns: int, rows: int, *, x: str) -> str:
    """Curves in so many columns and rows, with scales; each has its name at its end.

    Args:
        panel: the curves.
        columns: 40 at least.
        rows: for the curves, 4 at least; two more are taken by what stands above and below.
        x: what goes along, with its unit.
    """
    drawn = checked_curves(panel.curves, panel.log)
    names = {name: _shortened(visible(name).replace("␣", " ")) for name in drawn}
    points = {name: _finite(xs, ys, panel.log) for name, (xs, ys) in drawn.items()}
    points = {name: found for name, found in points.items() if len(found)}
    every = np.concatenate(list(points.values()))
    (least, low), (most, high) = every.min(axis=0), every.max(axis=0)
    low, high = panel.limits or (low, high)
    ticks = {0: _number(high, panel.log)} if high > low else {}
    ticks[rows - 1] = _number(low, panel.log)
    margin = max(map(len, ticks.values()))
    wide = columns - margin - 2 - max(map(width_of, names.values())) - 1
    screen, ends = _Screen(columns, rows), {}
    dots = np.array([2 * wide - 1, 4 * rows - 1])
    extent = np.where([most > least, high > low], [most - least, high - low], 1.0)
    for name, found in points.items():
        along = (found - [least, low]) / extent * dots
        screen.draw_line(along, margin + 2, rows)
        ends[name] = rows - 1 - int(along[-1, 1]) // 4
    for name, row in sorted(ends.items(), key=lambda end: end[1]):
        screen.write_near(names[name], row, margin + 2 + wide + 1, sideways=False)
    for row in range(rows):
        screen.write(f"{ticks.get(row, ''):>{margin}} {'┤' if row in ticks else '│'}", row, 0)
    first, last = f"{least:.4g}" if most > least else "", f"{most:.4g} {x}"
    axis = " " * margin + " └" + "─" * wide
    foot = " " * (margin + 2) + first + last.rjust(max(wide - len(first), len(last) + 1))
    return "\n".join([" " * (margin + 2) + panel.y, screen.text(), axis, foot])


def _finite(xs: Floats, ys: Floats, log: bool) -> Floats:
    """The points of a curve that can be drawn, in their order along, shape (points, 2)."""
    if log:
        ys = np.log10(np.where(ys > 0, ys, np.nan))
    points = np.stack([xs, ys], axis=1)
    return points[np.isfinite(points).all(axis=1)]


def _number(value: float, log: bool) -> str:
    return f"{10**value if log else value:.4g}"


def _shortened(name: str) -> str:
    return name if width_of(name) <= _LARGEST_NAME else name[: _LARGEST_NAME - 1] + "…"


class _Screen:
    """Cells that are written to; a cell is written once."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]

    def text(self) -> str:
        """All rows."""
        return "\n".join("".join(row).rstrip() for row in self._cells)

    def write_near(self, text: str, row: int, column: int, *, sideways: bool = True) -> bool:
        """Write a text here, or as near as there is room for it; whether there is."""
        room = self.columns - width_of(text)
        if room < 0:
            return False
        steps = range(-12, 13) if sideways else (0,)
        reach = range(-3, 4) if sideways else range(-self.rows, self.rows)
        moves = sorted((_HIGH * abs(d) + abs(a) / 2, d, a) for d in reach for a in steps)
        for _, down, across in moves:
            line = row + down
            start = min(max(column, 0), room) + across
            if 0 <= line < self.rows and 0 <= start <= room and self._is_free(text, line, start):
                self.write(text, line, start)
                return True
        return False

    def _is_free(self, text: str, row: int, column: int) -> bool:
        """Whether nothing is there, nor right beside it."""
        around = self._cells[row][max(column - 1, 0) : column + width_of(text) + 1]
        return all(cell == " " for cell in around)

    def write(self, text: str, row: int, column: int) -> None:
        """Write a text here, over what is there."""
        cells = self._cells[row]
        for sign in text:
            width = width_of(sign)
            if width == 0:  # it joins the sign before it
                cells[max(column - 1, 0)] += sign
            else:
                cells[column : column + width] = [sign, *[""] * (width - 1)]
            column += width

    def draw_line(self, points: Floats, column: int, rows: int) -> None:
        """Draw lines from point to point.

        Args:
            points: across and up in dots, of which a cell has 2 × 4, shape (points, 2).
            column: where they begin.
            rows: how many they take.
        """
        for start, end in zip(points, points[1:] if len(points) > 1 else points, strict=False):
            steps = max(1, math.ceil(np.abs(end - start).max()))
            for across, up in np.rint(
                start + np.linspace(0, 1, steps + 1)[:, None] * (end - start)
            ):
                down = 4 * rows - 1 - int(up)
                self._add_dot(
                    down // 4, column + int(across) // 2, _DOTS[down % 4][int(across) % 2]
                )

    def _add_dot(self, row: int, column: int, dot: int) -> None:
        before = self._cells[row][column]
        bits = ord(before) - _BRAILLE if before != " " else 0
        self._cells[row][column] = chr(_BRAILLE + (bits | dot))
