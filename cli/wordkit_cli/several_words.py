"""Questions about several words, of which some may have no answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from wordkit.errors import VocabularyError

__all__ = ["ask_each"]

T = TypeVar("T")


def ask_each(
    words: Iterable[str], ask: Callable[[str], T]
) -> tuple[dict[str, T], VocabularyError | None]:
    """The answers for the words that have one, and what to raise when they are printed.

    Args:
        words: each is asked about once.
        ask: raises VocabularyError for a word without an answer.
    """
    found: dict[str, T] = {}
    refused: list[VocabularyError] = []
    for word in dict.fromkeys(words):
        try:
            found[word] = ask(word)
        except VocabularyError as error:
            refused.append(error)
    if len(refused) > 1:
        return found, VocabularyError("; ".join(map(str, refused)))
    return found, refused[0] if refused else None
