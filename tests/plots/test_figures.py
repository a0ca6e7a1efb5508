"""Figures: what is in the file, what is refused, and what a failure leaves behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plots.words import numbered, texts_of

from wordkit.errors import ConfigError, ResourceError, StorageError, WordkitWarning
from wordkit.plots import (
    attention_map,
    curve_panels,
    draw_map,
    draw_neighbourhoods,
    find_neighbourhoods,
    learning_curves,
    map_words,
)

STARTS = {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}
SOURCE, TARGET = "may 7, 1994", "1994-05-07"

needs_matplotlib = pytest.mark.usefixtures("_matplotlib")


@pytest.fixture
def _matplotlib() -> None:
    pytest.importorskip("matplotlib")


def weights(T: int = len(TARGET), S: int = len(SOURCE)) -> np.ndarray:
    """Weights (T, S) whose rows are distributions."""
    drawn = np.random.default_rng(0).random((T, S), dtype=np.float32)
    return drawn / drawn.sum(1, keepdims=True)


def draw_attention(path: Path) -> None:
    attention_map(weights(), SOURCE, TARGET, path)


def draw_curves(path: Path) -> None:
    curves = {"tanh": ([0, 1, 2], [3.0, 2.0, 1.0]), "relu": ([0, 1], [3.0, 1e9])}
    learning_curves(curves, path, x="epoch", y="loss", log=True, title="Adding")


def draw_words(path: Path) -> None:
    draw_map(map_words(numbered(60), top=60), path)


def draw_neighbours(path: Path) -> None:
    draw_neighbourhoods(find_neighbourhoods(numbered(60), ["w1", "w2"], 10), path)


Draw = Callable[[Path], None]
DRAWINGS = pytest.mark.parametrize(
    "draw", [draw_attention, draw_curves, draw_words, draw_neighbours]
)


@needs_matplotlib
@pytest.mark.parametrize(
    ("draw", "suffix"),
    [
        (draw_attention, ".png"), (draw_attention, ".svg"), (draw_attention, ".pdf"),
        (draw_curves, ".png"), (draw_words, ".svg"), (draw_neighbours, ".svg"),
    ],
)  # fmt: skip
def test_what_is_drawn_twice_is_the_same_file(tmp_path: Path, draw: Draw, suffix: str) -> None:
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix.upper()}"
    draw(one)
    draw(other)
    assert one.read_bytes().startswith(STARTS[suffix])
    assert one.read_bytes() == other.read_bytes()
    assert sorted(tmp_path.iterdir()) == [one, other]


@DRAWINGS
@pytest.mark.parametrize("name", ["figure.jpg", "figure", ".png", "figure.png.txt"])
def test_another_suffix_is_refused(tmp_path: Path, draw: Draw, name: str) -> None:
    with pytest.raises(ConfigError, match=r"end its name in \.png, \.svg or \.pdf"):
        draw(tmp_path / name)
    assert not list(tmp_path.iterdir())


@needs_matplotlib
def test_a_failure_leaves_the_old_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    def fail(self: Figure, path: Path, **options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match="No space left on device"):
        draw_attention(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StorageError, match="there is no folder"):
        draw_attention(tmp_path / "none" / "figure.png")


@DRAWINGS
def test_without_matplotlib(tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ResourceError, match=r"needs matplotlib; pip install 'wordkit\[plot\]'"):
        draw(tmp_path / "figure.png")
    assert not list(tmp_path.iterdir())


@needs_matplotlib
def test_nothing_is_left_in_matplotlib(tmp_path: Path) -> None:
    code = (
        "import matplotlib, sys, warnings\n"
        "from pathlib import Path\n"
        "from wordkit.plots import attention_map\n"
        "import numpy\n"
        f"path = Path({str(tmp_path)!r}) / 'map.svg'\n"
        "attention_map(numpy.ones((1, 1)), 'a', 'b', path)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "before, filters = dict(matplotlib.rcParams), list(warnings.filters)\n"
        "attention_map(numpy.ones((1, 1)), 'a', 'b', path)\n"
        "assert dict(matplotlib.rcParams) == before\n"
        "assert warnings.filters == filters\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- characters ----------------------------------------------------------------------------------


@needs_matplotlib
def test_any_unit_can_be_seen(tmp_path: Path) -> None:
    shown = {
        " ": "␣", "\t": "⇥", "\n": "↵", "\u3000": "␣", "new york": "new␣york", "$x$": "$x$",
        "a_{b}^2 \\frac": "a_{b}^2␣\\frac", "<eos> & co": "<eos>␣&␣co", "\x00": "U+0000",
        "\ud800": "U+D800", "\u200b": "U+200B", "\u0301": "◌\u0301", "день": "день", "日": "日",
        "क": "क", "م": "م",
    }  # fmt: skip
    attention_map(np.ones((1, len(shown) + 1)), [*shown, ""], ["x"], tmp_path / "map.svg")
    assert texts_of(tmp_path / "map.svg")[: len(shown)] == list(shown.values())


@needs_matplotlib
def test_a_font_that_has_the_character_is_found(tmp_path: Path, recwarn: Any) -> None:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    def characters(family: str | None) -> set[int]:
        return set(get_font(findfont(FontProperties(family=family))).get_charmap())

    lacking = sorted(characters("STIXGeneral") - characters(None))  # which matplotlib brings along
    attention_map(np.ones((1, 1)), [chr(lacking[0])], ["x"], tmp_path / "map.png")
    assert not recwarn.list


@needs_matplotlib
@pytest.mark.parametrize(
    "draw",
    [
        lambda path: attention_map(np.ones((1, 1)), ["\U0010fffd"], ["x"], path),
        lambda path: learning_curves({"\U0010fffd": ([0], [1])}, path, x="x", y="y"),
    ],
)
def test_a_character_that_no_font_has_is_named(tmp_path: Path, draw: Draw) -> None:
    with pytest.warns(WordkitWarning, match="no font of this machine has \U0010fffd") as caught:
        draw(tmp_path / "map.png")
    assert [warning.filename for warning in caught] == [__file__]
    assert (tmp_path / "map.png").exists()


# --- attention -----------------------------------------------------------------------------------


@needs_matplotlib
def test_units_stand_along_the_map_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "map.svg"
    draw_attention(path)
    texts = texts_of(path)
    columns, rows = texts[: len(SOURCE)], texts[len(SOURCE) + 1 :][: len(TARGET)]
    assert columns == list("may␣7,␣1994")
    assert rows == list(TARGET)


@needs_matplotlib
def test_each_weight_is_a_cell_and_more_of_it_is_darker(tmp_path: Path) -> None:
    from matplotlib.image import imread

    path = tmp_path / "map.png"
    attention_map(np.array([[0.0, 0.5, 1.0]]), "abc", "x", path)
    pixels = imread(path)[..., :3].mean(2)
    line = pixels[int(pixels.shape[0] * 0.8)]  # through the cells, then the scale
    runs = np.split(line, np.flatnonzero(np.abs(np.diff(line)) > 0.02) + 1)
    cells = [run.mean() for run in runs if len(run) > 40][-5:]
    first, second, third = cells[1:4] if len(cells) == 5 else cells[:3]
    assert first > second > third


@needs_matplotlib
@pytest.mark.parametrize(("T", "S"), [(1, 1), (40, 60), (2, 250)])
def test_maps_of_many_sizes(tmp_path: Path, T: int, S: int) -> None:
    from matplotlib.image import imread

    path = tmp_path / "map.png"
    attention_map(weights(T, S), "s" * S, "t" * T, path)
    height, width = imread(path).shape[:2]
    assert width > 20 * S
    assert height > 20 * T
    assert max(width, height) < 10_000


@needs_matplotlib
def test_many_cells_become_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for largest, images in ((200, 1), (100, 2)):  # the scale is one, too
        monkeypatch.setattr("wordkit.plots.attention._MAX_VECTOR_CELLS", largest)
        draw_attention(tmp_path / "map.svg")
        assert (tmp_path / "map.svg").read_text().count("<image") == images


@pytest.mark.parametrize(
    ("array", "source", "target", "message"),
    [
        (np.ones((2, 3)), "ab", "xyz", r"weights has shape \(2, 3\); expected \(3, 2\)"),
        (np.ones(3), "abc", "x", r"weights has shape \(3,\); expected \(1, 3\)"),
        (np.ones((0, 3)), "abc", "", "expected one row and one column at least"),
        (np.array([[1, 2], [3, np.nan]]), "ab", "xy", r"weights\[1, 1\] is nan"),
        (np.array([[1, -np.inf]]), "ab", "x", r"weights\[0, 1\] is -inf"),
    ],
)
def test_bad_weights(
    tmp_path: Path, array: np.ndarray, source: str, target: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        attention_map(array, source, target, tmp_path / "map.png")
    assert not list(tmp_path.iterdir())


# --- curves --------------------------------------------------------------------------------------


@needs_matplotlib
def test_curves_with_their_names(tmp_path: Path) -> None:
    curves = {f"_cell {n} $x$": ([0, 1], [n + 1.0, n + 2.0]) for n in range(9)}
    learning_curves(curves, tmp_path / "c.svg", x="epoch $", y="loss $ a", title="$ a $")
    texts = texts_of(tmp_path / "c.svg")
    assert texts[-9:] == list(curves)
    assert {"epoch $", "loss $ a", "$ a $"} <= set(texts)


@needs_matplotlib
@pytest.mark.parametrize(
    ("ys", "ticks"), [([100, 450], {"200", "300"}), ([5.0, 400], {"5", "50", "200"})]
)
def test_ticks_of_a_logarithmic_scale(tmp_path: Path, ys: list[float], ticks: set[str]) -> None:
    learning_curves({"a": ([0, 1], ys)}, tmp_path / "c.svg", x="x", y="y", log=True)
    assert ticks <= set(texts_of(tmp_path / "c.svg"))


@needs_matplotlib
@pytest.mark.filterwarnings("error", "ignore::DeprecationWarning")  # such as Matplotlib's own
@pytest.mark.parametrize("log", [False, True])
def test_what_is_not_finite_is_a_gap(tmp_path: Path, log: bool) -> None:
    curves = {
        "diverges": ([0, 1, 2, 3], [1.0, 9e149, np.inf, np.nan]),
        "falls to nothing": ([0, 1, 2, 3], [1.0, 0.5, 0.0, 0.0]),
        "to the last": ([0, 1], [-1.7e308, 1.7e308]),
        "one point": ([2], [1.0]),
        "none": ([0, 1], [np.nan, np.nan]),
    }
    learning_curves(curves, tmp_path / "c.png", x="epoch", y="loss", log=log)


@pytest.mark.parametrize(
    ("curves", "log", "message"),
    [
        ({}, False, "no finite value"),
        ({"a": ([1], [np.nan])}, False, "no finite value"),
        ({"a": ([1], [0.0])}, True, "no finite value above 0"),
        ({"a": ([1, 2], [1.0])}, False, r"curve 'a' has x of shape \(2,\) and y of shape \(1,\)"),
        ({"a": ([[1]], [[1.0]])}, False, "expected equally many numbers in a row"),
    ],
)
def test_bad_curves(tmp_path: Path, curves: Any, log: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        learning_curves(curves, tmp_path / "c.png", x="epoch", y="loss", log=log)
    with pytest.raises(ConfigError, match="panels is empty"):
        curve_panels([], tmp_path / "c.png", x="epoch")
    assert not list(tmp_path.iterdir())
