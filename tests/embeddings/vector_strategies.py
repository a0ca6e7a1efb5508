"""Embeddings for hypothesis: odd words, odd numbers, small shapes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wordkit.embeddings import Embeddings
from wordkit.text import Vocabulary

WORD_CHARACTERS = st.one_of(
    st.sampled_from(list("ab0159.-+eEn \t\r\u00a0\u0085\u2028\ufeff\x1c\x00é语")),
    st.characters(exclude_categories=["Cs"], exclude_characters="\n"),
)
WORDS = st.text(WORD_CHARACTERS, min_size=1, max_size=8)


VALUES = st.floats(min_value=-(2.0**123), max_value=2.0**123, width=32)


@st.composite
def embeddings_of(draw: st.DrawFn, words: st.SearchStrategy[str] = WORDS) -> Embeddings:
    names = draw(st.lists(words, min_size=1, max_size=6, unique=True))
    dim = draw(st.integers(1, 5))
    vectors = draw(hnp.arrays(np.float32, (len(names), dim), elements=VALUES))
    counts = draw(
        st.none()
        | st.lists(st.integers(0, 2**62), min_size=len(names), max_size=len(names)).map(
            lambda counts: sorted(counts, reverse=True)
        )
    )
    matrices = hnp.arrays(
        np.float32, st.tuples(st.integers(0, 3), st.integers(0, 3)), elements=VALUES
    )
    weights = draw(st.just({}) | st.dictionaries(st.text(max_size=4), matrices, max_size=2))
    return Embeddings(Vocabulary(names, counts), vectors, weights=weights)


def weights_in(embeddings: Embeddings) -> dict[str, tuple[tuple[int, ...], bytes]]:
    """What the trainer needs beside the vectors, comparable bit by bit."""
    return {name: (m.shape, m.tobytes()) for name, m in embeddings.weights.items()}


def same(a: Embeddings, b: Embeddings) -> bool:
    """Whether words and vectors are equal, bit by bit."""
    return a.words == b.words and a.vectors.tobytes() == b.vectors.tobytes()
