"""Words of evaluation sets, found among those of vectors with or without regard to case."""

from __future__ import annotations

from collections.abc import Iterable

from wordkit.config import check_number
from wordkit.embeddings import Embeddings
from wordkit.text.normalization import normalized

__all__ = ["WordMatcher"]


class WordMatcher:
    """Finds words in any equal spelling, with or without regard to case, as gensim does.

    Without regard to case, words are compared in upper case, and of several forms of a word the
    first (in vectors sorted by count: the most frequent) represents all.

    Args:
        embeddings: the vectors.
        restrict_vocab: number of words to look among; None: all.
        case_insensitive: ignore case.

    Raises:
        ConfigError: ``restrict_vocab`` is no whole number from 1 up.
    """

    def __init__(
        self, embeddings: Embeddings, *, restrict_vocab: int | None, case_insensitive: bool
    ) -> None:
        if restrict_vocab is not None:
            check_number("restrict_vocab", restrict_vocab)
        self._embeddings = embeddings
        self._upper = case_insensitive
        self.rows = min(restrict_vocab or len(embeddings), len(embeddings))
        """Number of words that can be found."""

    def form(self, word: str) -> str:
        """Return the form that a word is compared by."""
        word = normalized(word, "nfc")
        return word.upper() if self._upper else word

    def forms(self, words: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Return for each form of ``words`` that is found the ids of all its words, in order.

        A word whose vector is zero has no direction, and is not found.
        """
        wanted = {self.form(word) for word in words}
        found: dict[str, list[int]] = {}
        for i, word in enumerate(self._embeddings.words[: self.rows]):
            form = self.form(word)
            if form in wanted:
                found.setdefault(form, []).append(i)
        norms = self._embeddings.norms
        return {form: tuple(ids) for form, ids in found.items() if norms[ids[0]] != 0}
