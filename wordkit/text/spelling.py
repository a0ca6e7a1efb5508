"""Near spellings: what to suggest for a word that a vocabulary does not hold."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping

__all__ = ["near_spellings"]

_SHORTEST, _LONGEST = 3, 40  # letters of the words whose edits are tried
_CUTOFF = 0.7  # difflib's ratio below which two words are not called near
_MOST_CANDIDATES = 5000  # that difflib compares; the most frequent ones


def near_spellings(word: str, ids: Mapping[str, int], n: int = 3) -> list[str]:
    """Up to ``n`` words spelt nearly like ``word``, best first.

    First the same word in other capitals, then the words one edit away (a letter left out, put
    in, replaced, or swapped with its neighbour) with the most frequent first, then the nearest
    by difflib's ratio among those of about this length that share its first or last letters.

    Args:
        word: the word that was asked for.
        ids: the words of the vocabulary, in order, with their ids.
        n: the most words to return.
    """
    folded = word.casefold()
    found = [form for form in (folded, *_capitals(folded)) if form in ids]
    if _SHORTEST <= len(folded) <= _LONGEST:
        edited = {form for edit in _edits(folded) for form in (edit, *_capitals(edit))}
        found += sorted((form for form in edited if form in ids), key=lambda form: ids[form])
    found = [form for form in dict.fromkeys(found) if form != word]
    if len(found) < n:
        found += [form for form in _similar(folded, ids, n) if form not in found and form != word]
    return found[:n]


def _capitals(folded: str) -> tuple[str, str]:
    return folded.capitalize(), folded.upper()


def _edits(word: str) -> Iterator[str]:
    """All strings one edit away; letters are put in from a to z and from the word itself."""
    letters = sorted(set(string.ascii_lowercase) | set(word))
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in letters)


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
                if len(candidates) == _MOST_CANDIDATES:
                    break
    close = difflib.get_close_matches(folded, candidates, n=n, cutoff=_CUTOFF)
    return [candidates[form] for form in close]
