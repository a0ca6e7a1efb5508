"""Tokens → readable text, token by token, so that words can be shown as they are generated.

The rules are those of written English, and undo what :mod:`wordkit.text.tokenizers` do:

* no space before ``. , ; : ! ? %`` and closing brackets, after opening ones, or between
  ``$ £ € #`` and a number;
* ``"`` and ``'`` alone open and close a quotation in turn, within a line;
* what Penn Treebank splits is joined again: ``do n't`` → ``don't``, ``it 's`` → ``it's``, the
  quotation marks ``` `` ''``` → ``"``, and brackets written as ``-lrb-`` and the like;
* ``<eos>`` ends a line.
"""

from __future__ import annotations

from collections.abc import Iterable

from wordkit.text.vocabulary import EOS

__all__ = ["Detokenizer", "detokenize"]

_CLOSING = frozenset(".,;:!?%)]}…’”»")
_OPENING = frozenset("([{‘“«")
_UNITS = frozenset("$£€#")  # stand before a number
_ENDINGS = frozenset({"n't", "'s", "'re", "'ve", "'ll", "'d", "'m"})
_ENDINGS |= {ending.replace("'", "’") for ending in _ENDINGS}
_QUOTES = frozenset("\"'")
_WRITTEN = {
    "``": '"', "''": '"',
    "-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "-lcb-": "{", "-rcb-": "}",
}  # fmt: skip


class Detokenizer:
    """Joins tokens one by one; text that was returned never changes.

    ::

        joiner = Detokenizer()
        for token in tokens:
            print(joiner.add(token), end="", flush=True)
    """

    def __init__(self) -> None:
        self._sticks = True  # the next token follows without a space
        self._is_behind_unit = False
        self._open: set[str] = set()  # quotation marks that wait for their other half

    def add(self, token: str) -> str:
        """Return what a token adds to the text: white space where it belongs, and the token."""
        if token == EOS:
            self._sticks, self._is_behind_unit = True, False
            self._open.clear()
            return "\n"
        token = _WRITTEN.get(token.lower(), token)
        closes = token in _CLOSING or token.lower() in _ENDINGS
        opens = token in _OPENING
        if token in _QUOTES:
            closes, opens = token in self._open, token not in self._open
            self._open ^= {token}
        closes = closes or (self._is_behind_unit and (token == "N" or token[:1].isdigit()))
        before = "" if closes or self._sticks else " "
        self._sticks, self._is_behind_unit = opens, token in _UNITS
        return before + token


def detokenize(tokens: Iterable[str]) -> str:
    """Return the text of tokens."""
    joiner = Detokenizer()
    return "".join(map(joiner.add, tokens))
