"""Maps of words and neighbourhoods: which words are on them, and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plots.words import HOSTILE, embeddings_of, numbered, texts_of

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, EmbeddingsError, UnknownWordError
from wordkit.plots import (
    DARK,
    WordMap,
    draw_map,
    draw_neighbourhoods,
    find_neighbourhoods,
    map_words,
)

pytest.importorskip("matplotlib")


def test_the_words_of_a_map() -> None:
    vectors = numbered(10)
    assert map_words(vectors, top=4).words == ("w0", "w1", "w2", "w3")
    assert map_words(vectors, top=3, skip=5).words == ("w5", "w6", "w7")
    assert map_words(vectors, ["w7", "w1", "w7"]).words == ("w7", "w1")
    both = map_words(vectors, ["w7", "w1"], top=2)
    assert both.words == ("w7", "w1", "w0")
    assert both.named == {"w7", "w1"}
    assert both.counts == (3000, 9000, 10000)
    assert not map_words(vectors, ["w7", "w1"]).named
    assert len(map_words(vectors, top=99).words) == 10


def test_words_without_a_direction() -> None:
    rows = np.eye(4, dtype=np.float32)
    rows[1] = 0
    vectors = Embeddings(["a", "zero", "b", "c"], rows)
    assert map_words(vectors, top=3).words == ("a", "b", "c")
    with pytest.raises(EmbeddingsError, match="'zero' is zero"):
        map_words(vectors, ["a", "zero"])


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["w1"], {}, "two words at least, not 1"),
        ([], {"top": 5, "skip": 9}, "two words at least, not 1"),
        ([], {"top": -1}, "at least 0"),
        (["w1", "w2"], {"method": "umap"}, "method must be one of"),
        (["w1", "w77"], {}, "'w77' is not in the vocabulary; did you mean"),
    ],
)
def test_words_that_make_no_map(words: list[str], options: dict, message: str) -> None:
    with pytest.raises((ConfigError, UnknownWordError), match=message):
        map_words(numbered(10), words, **options)


def test_each_word_is_written_once(tmp_path: Path) -> None:
    drawn = map_words(numbered(200), top=200)
    assert draw_map(drawn, tmp_path / "map.svg") == []
    assert sorted(texts_of(tmp_path / "map.svg")) == sorted(drawn.words)


def test_words_that_find_no_room_are_returned(tmp_path: Path) -> None:
    words = tuple(f"{'x' * 60}{number}" for number in range(99))
    lost = draw_map(WordMap(words, np.zeros((99, 2)), "pca"), tmp_path / "map.svg")
    assert 0 < len(lost) < 99
    assert sorted([*lost, *texts_of(tmp_path / "map.svg")]) == sorted(words)


@pytest.mark.filterwarnings("ignore:no font")
def test_words_of_any_kind(tmp_path: Path) -> None:
    drawn = map_words(embeddings_of(HOSTILE), top=99)
    draw_map(drawn, tmp_path / "map.png")
    draw_map(drawn, tmp_path / "map.svg")
    texts = texts_of(tmp_path / "map.svg")
    assert {"new␣york", "U+0001", "U+200B", "$x^2$", "a␣b", HOSTILE[0]} <= set(texts)


def test_the_background(tmp_path: Path) -> None:
    from matplotlib.image import imread

    drawn = map_words(numbered(5), top=5)
    draw_map(drawn, tmp_path / "light.png")
    draw_map(drawn, tmp_path / "dark.png", theme=DARK)
    assert imread(tmp_path / "light.png")[0, 0, :3].min() == 1
    assert imread(tmp_path / "dark.png")[0, 0, :3].max() < 0.2


def test_similar_neighbours_lie_side_by_side() -> None:
    """Two groups around a word: going round, one changes from group to group but twice."""
    drawn = np.random.default_rng(3)
    groups = np.repeat([[0, 1.0, 0], [0, -1.0, 0]], 6, axis=0) + drawn.normal(size=(12, 3)) * 0.1
    vectors = np.concatenate([[[4.0, 0, 0]], groups + np.array([4, 0, 0])]).astype(np.float32)
    words = ["middle", *(f"up{n}" for n in range(6)), *(f"down{n}" for n in range(6))]
    (found,) = find_neighbourhoods(Embeddings(words, vectors), ["middle"], 12)
    around = [found.neighbours[place][0][:2] for place in np.argsort(found.angles)]
    changes = sum(a != b for a, b in zip(around, [*around[1:], around[0]], strict=True))
    assert changes == 2


def test_the_neighbours_are_those_of_similar() -> None:
    vectors = numbered(50)
    (found,) = find_neighbourhoods(vectors, ["w3"], 7)
    assert list(found.neighbours) == vectors.most_similar("w3", n=7)


@pytest.mark.parametrize("cosines", [[1.0], [0.5, 0.5], [0.999, 0.998], [0.9, -0.9], [-0.1, -0.2]])
def test_ring_cosines_enclose_all_cosines(cosines: list[float]) -> None:
    from wordkit.plots.neighbourhood import _ring_cosines

    rings = _ring_cosines(np.array(cosines))
    assert 2 <= len(rings) <= 6
    assert rings == sorted(set(rings), reverse=True)
    assert rings[0] >= max(cosines) and rings[-1] <= min(cosines)


def test_neighbours_all_of_one_place(tmp_path: Path) -> None:
    vectors = Embeddings([f"w{n}" for n in range(9)], np.ones((9, 3), np.float32))
    found = find_neighbourhoods(vectors, ["w0"], 5)
    assert draw_neighbourhoods(found, tmp_path / "n.svg") == []
    assert "1" in texts_of(tmp_path / "n.svg")


def test_no_neighbour() -> None:
    with pytest.raises(ConfigError, match="has no neighbour"):
        find_neighbourhoods(Embeddings(["a"], np.ones((1, 3), np.float32)), ["a"], 5)
    with pytest.raises(ConfigError, match="words is empty"):
        find_neighbourhoods(numbered(3), [], 5)
