"""The neighbours of a word by several methods: thesaurus, counting, GloVe, word2vec, subwords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from wordkit.config import check_number
from wordkit.errors import UnknownWordError
from wordkit.text.spelling import unknown_word
from wordkit.thesaurus.thesaurus import Thesaurus

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings

__all__ = ["Comparison", "compare"]


class Comparison(NamedTuple):
    """The answers of each method for a word; empty where it does not know it."""

    thesaurus: Sequence[str] | None
    """Synonyms, sense by sense; None where there was no thesaurus to ask."""

    counting: Sequence[tuple[str, float]]
    """The nearest words by vectors that were counted, with their cosines."""

    inference: Sequence[tuple[str, float]]
    """The nearest words by vectors that were learnt by prediction, with their cosines."""

    glove: Sequence[tuple[str, float]] | None = None
    """The same by GloVe; None where there were no such vectors to ask."""

    subwords: Sequence[tuple[str, float]] | None = None
    """The same by vectors with character n-grams; None where there were none."""


def compare(
    word: str,
    n: int = 10,
    *,
    thesaurus: Thesaurus | None,
    counted: Embeddings,
    inferred: Embeddings,
    glove: Embeddings | None = None,
    subwords: Embeddings | None = None,
) -> Comparison:
    """Return the neighbours of a word by each method.

    Args:
        word: as the vectors know it; the thesaurus finds its forms by itself.
        n: how many words of each way, at most.
        thesaurus: None: leave it out.
        counted: such as :func:`wordkit.counts.iter_train_counts` makes.
        inferred: such as :func:`wordkit.word2vec.iter_train_word2vec` makes.
        glove: such as :func:`wordkit.counts.iter_train_glove` makes; None: leave it out.
        subwords: of word2vec with ``subwords``; None: leave it out.

    Raises:
        ConfigError: ``n`` is no whole number from 1 up.
        UnknownWordError: none of them knows the word.
    """
    check_number("n", n)
    found = Comparison(
        None if thesaurus is None else _synonyms(thesaurus, word, n),
        _nearest(counted, word, n),
        _nearest(inferred, word, n),
        None if glove is None else _nearest(glove, word, n),
        None if subwords is None else _nearest(subwords, word, n),
    )
    if not any(found) and (thesaurus is None or not thesaurus.lemmas(word)):
        place = "the vectors" if thesaurus is None else "WordNet, nor in the vectors"
        raise unknown_word(word, inferred.vocabulary.near(word), place)
    return found


def _synonyms(thesaurus: Thesaurus, word: str, n: int) -> list[str]:
    try:
        senses = thesaurus.synonyms(word).values()
    except UnknownWordError:
        return []
    return list(dict.fromkeys(other for others in senses for other in others))[:n]


def _nearest(vectors: Embeddings, word: str, n: int) -> list[tuple[str, float]]:
    return [*vectors.most_similar(word, n=n)] if word in vectors or vectors.composes(word) else []
