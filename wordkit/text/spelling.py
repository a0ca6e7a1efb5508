"""Suggestions for a word that a vocabulary does not hold."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from wordkit.errors import UnknownWordError
from wordkit.text.normalization import normalized

__all__ = ["near_spellings", "unknown_word"]

_MIN_LENGTH, _MAX_LENGTH = 3, 40  # characters of the words whose edits are tried
_CUTOFF = 0.7  # difflib's ratio below which two words are not called near
_MAX_CANDIDATES = 5000  # that difflib compares; the most frequent ones
_EMOJI_STYLE = "\ufe0f"  # the variation selector
_LATIN_LOOKS = str.maketrans(
    "аеорсухіјѕһԁԛԝАВЕКМНОРСТХУІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "aeopcyxijshdqwABEKMHOPCTXYIJSABEZHIKMNOPTYXo"
)  # of Cyrillic and Greek letters


def unknown_word(
    word: str, suggestions: Iterable[str], place: str = "the vocabulary"
) -> UnknownWordError:
    """Return the error for an unknown word; suggestions that look the same are told apart."""
    suggestions = tuple(suggestions)
    look = _appearance(word)
    alike = [near for near in suggestions if _appearance(near) == look]
    return UnknownWordError(word, suggestions, place, alike)


def _appearance(word: str) -> str:
    """Return one spelling for all words that look the same."""
    if word.isascii():
        return word
    text = normalized(word, "nfkc").translate(_LATIN_LOOKS)
    invisible = [
        char for char in set(text)
        if unicodedata.category(char) == "Cf" or "VARIATION SEL" in unicodedata.name(char, "")
    ]  # fmt: skip
    return text.translate(dict.fromkeys(map(ord, invisible)))


def near_spellings(word: str, ids: Mapping[str, int], n: int = 3) -> list[str]:
    """Return up to ``n`` words of a spelling similar to ``word``, best first.

    First words that look the same, then the same word in other capitals, then the words one edit
    away (a character deleted, inserted, replaced, or swapped with its neighbour), the most frequent
    first, then the nearest by difflib's ratio among those of about this length that share its
    first or last characters.

    Args:
        word: the word that was asked for.
        ids: the words of the vocabulary, in order, with their ids.
        n: maximum number of words to return.
    """
    folded = word.casefold()
    look = _appearance(word)
    forms = (look, word + _EMOJI_STYLE, look + _EMOJI_STYLE, folded, *_capitals(folded))
    found = [form for form in forms if form in ids]
    if _MIN_LENGTH <= len(folded) <= _MAX_LENGTH:
        edited = {form for edit in _edits(folded) for form in (edit, *_capitals(edit))}
        found += sorted((form for form in edited if form in ids), key=lambda form: ids[form])
    found = [form for form in dict.fromkeys(found) if form != word]
    if len(found) < n:
        found += [form for form in _similar(folded, ids, n) if form not in found and form != word]
    return found[:n]


def _capitals(folded: str) -> tuple[str, str]:
    return folded.capitalize(), folded.upper()


def _edits(word: str) -> Iterator[str]:
    """Yield all strings one edit away; a to z and the word's own characters are inserted."""
    characters = sorted(set(string.ascii_lowercase) | set(word))
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
            yield from (head + character + tail[1:] for character in characters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + character + tail for character in characters)


def _similar(folded: str, ids: Mapping[str, int], n: int) -> list[str]:
    import difflib  # here, as most queries never get so far

    head, tail = folded[:2], folded[-2:]
    shortest, longest = len(folded) - 2, len(folded) + 2
    candidates: dict[str, str] = {}
    for word in ids:
        if shortest <= len(word) <= longest:
            form = word.casefold()
            if form[:2] == head or form[-2:] == tail:
                candidates.setdefault(form, word)
                if len(candidates) == _MAX_CANDIDATES:
                    break
    close = difflib.get_close_matches(folded, candidates, n=n, cutoff=_CUTOFF)
    return [candidates[form] for form in close]
