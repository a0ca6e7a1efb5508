"""Figures made of characters: how wide they are, and what stands where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plots.words import HOSTILE, embeddings_of, numbered

from wordkit.plots import Panel, WordMap, find_neighbourhoods, map_words
from wordkit.plots.figures import printable
from wordkit.plots.terminal import bars_as_text, curves_as_text, map_as_text, text_width


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("", 0), ("日本", 4), ("e\u0301", 1), ("ﾊ", 1), ("Ａ", 2)]
)
def test_columns_of_a_text(text: str, width: int) -> None:
    assert text_width(text) == width


@given(st.integers(2, 60), st.integers(10, 100), st.integers(2, 40))
def test_a_map_keeps_to_its_size_and_loses_no_word_in_silence(
    N: int, columns: int, rows: int
) -> None:
    drawn = map_words(numbered(N), top=N, method="pca")
    text, lost = map_as_text(drawn, columns, rows)
    lines = text.split("\n")
    assert 2 <= len(lines) <= rows
    assert max(map(len, lines)) <= columns
    assert sorted(text.split() + lost) == sorted(drawn.words)


def test_words_stand_where_they_are() -> None:
    places = np.array([[0, 0], [10, 0], [0, 10], [10, 10], [5, 5]], dtype=float)
    words = ("sw", "se", "nw", "ne", "mid")
    text, lost = map_as_text(WordMap(words, places, "pca"), 41, 99)
    lines = text.split("\n")
    assert not lost
    assert lines[0].split() == ["nw", "ne"]
    assert lines[-1].split() == ["sw", "se"]
    assert lines[len(lines) // 2].split() == ["mid"]
    assert abs(lines[len(lines) // 2].index("mid") - 19) <= 1


def test_wide_characters_keep_the_columns() -> None:
    drawn = map_words(embeddings_of(HOSTILE), top=99)
    text, lost = map_as_text(drawn, 100, 40)
    assert not lost
    assert all(text_width(line) <= 100 for line in text.split("\n"))
    assert all(printable(word) in text for word in HOSTILE)


def test_a_bar_is_as_long_as_the_cosine() -> None:
    vectors = numbered(50)
    (found,) = find_neighbourhoods(vectors, ["w3"], 5)
    head, *lines = bars_as_text(found, 80).split("\n")
    assert head == "w3"
    assert [line.split()[0] for line in lines] == [word for word, _ in found.neighbours]
    full = [line.count("█") / float(line.split()[1]) for line in lines]
    assert max(full) - min(full) < 2.5, "the same number of cells for each, but for the last one"
    assert all(len(line) <= 80 for line in lines)


def test_a_curve_goes_from_corner_to_corner() -> None:
    text = curves_as_text(Panel("loss", {"run": ([0, 1], [3.0, 1.0])}), 60, 8, x="epochs")
    title, first, *_, last, axis, foot = text.split("\n")
    assert title.strip() == "loss"
    assert first.startswith("3 ┤⠉") and last.startswith("1 ┤")
    assert last.endswith(" run") and "run" not in first
    assert set(axis.strip()) == set("└─")
    assert foot.split() == ["0", "1", "epochs"]
    cells = [line[3:] for line in text.split("\n")[1:9]]
    starts = [len(cell) - len(cell.lstrip()) for cell in cells]
    assert starts == sorted(starts), "it falls"


@given(
    st.lists(
        st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=9).filter(
            lambda ys: bool((np.abs(np.array(ys)) < 1e150).any())
        ),
        min_size=1,
        max_size=9,
    ),
    st.integers(40, 120),
    st.booleans(),
)
def test_curves_keep_to_their_size(values: list[list[float]], columns: int, log: bool) -> None:
    values = [[*ys, 2.0] for ys in values]
    curves = {f"a run of no. {n}": (range(len(ys)), ys) for n, ys in enumerate(values)}
    lines = curves_as_text(Panel("y", curves, log), columns, 12, x="x").split("\n")
    assert len(lines) == 15
    assert max(map(len, lines)) <= columns
    assert all(f"no. {n}" in "\n".join(lines) for n in range(len(values)))


def test_equal_curves_have_their_names_in_different_rows() -> None:
    curves = {name: ([0, 1], [2.0, 1.0]) for name in ("one", "two", "three")}
    lines = curves_as_text(Panel("y", curves), 60, 8, x="x").split("\n")
    for name in curves:
        assert sum(line.endswith(name) for line in lines) == 1
