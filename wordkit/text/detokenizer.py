"""Tokens → readable text, token by token, so that words can be shown as they are generated.

The rules are those of written English, and undo what :mod:`wordkit.text.tokenizers` do:

* no space before ``. , ; : ! ? %`` and closing brackets, after opening ones, or between
  ``$ £ € #`` and a number;
* ``"`` and ``'`` alone open and close a quotation in turn, within a line;
* what Penn Treebank splits is joined again: ``do n't`` → ``don't``, ``it 's`` → ``it's``, the
  quotation marks ``` `` ''``` → ``"``, and brackets written as ``-lrb-`` and the like;
* ``<eos>`` ends a line.

Characters and pieces of words need no rules: put together, they are the text.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from typing import Literal, Protocol, TypeAlias

from wordkit.text.bpe import byte_numbers
from wordkit.text.vocabulary import EOS

__all__ = [
    "UNIT_NOUNS",
    "CharacterDetokenizer",
    "Detokenizer",
    "PieceDetokenizer",
    "TokenJoiner",
    "Unit",
    "detokenize",
    "detokenizer",
    "piece_text",
    "token_texts",
]

Unit: TypeAlias = Literal["char", "word", "bpe"]
"""``char``: characters as a reader sees them; ``word``: words; ``bpe``: pieces of words, learnt by
byte-pair encoding."""

UNIT_NOUNS: Mapping[Unit, str] = {"char": "character", "word": "word", "bpe": "piece"}
"""The noun for one token, by unit."""

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


class TokenJoiner(Protocol):
    """Joins tokens to text, one by one."""

    def add(self, token: str) -> str:
        """Return what a token adds to the text."""

    def end(self) -> str:
        """Return what is still to come after the last token."""


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

    def end(self) -> str:
        """Return nothing: each token is added at once."""
        return ""


class CharacterDetokenizer:
    """Joins the characters of the tokenizer ``char``."""

    def add(self, token: str) -> str:
        """Return the character; a line feed for ``<eos>``."""
        return "\n" if token == EOS else token

    def end(self) -> str:
        """Return nothing: each character is added at once."""
        return ""


class PieceDetokenizer:
    """Joins the pieces of the tokenizer ``bpe``, a character when its last byte has come."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token: str) -> str:
        """Return the characters that end in a piece; a line feed for ``<eos>``."""
        if token == EOS:
            return self.end() + "\n"
        return self._decoder.decode(_bytes(token))

    def end(self) -> str:
        """Return U+FFFD where the bytes of a character are not complete."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest


def detokenizer(unit: Unit) -> TokenJoiner:
    """Return what joins tokens of a unit."""
    if unit == "word":
        return Detokenizer()
    return CharacterDetokenizer() if unit == "char" else PieceDetokenizer()


def detokenize(tokens: Iterable[str], unit: Unit = "word") -> str:
    """Return the text of tokens; that of characters and pieces is the very text they came from."""
    joiner = detokenizer(unit)
    return "".join(map(joiner.add, tokens)) + joiner.end()


def token_texts(tokens: Iterable[str], unit: Unit) -> list[str]:
    """Return the text that each token adds; words and ``<eos>`` as they are.

    A character whose bytes are in several pieces is that of the last of them.
    """
    if unit != "bpe":
        return list(tokens)
    joiner = PieceDetokenizer()
    return [joiner.end() + EOS if token == EOS else joiner.add(token) for token in tokens]


def piece_text(piece: str) -> str:
    r"""Return the text of a piece alone; bytes of an incomplete character as ``\xe4``."""
    return piece if piece == EOS else _bytes(piece).decode(errors="backslashreplace")


def _bytes(piece: str) -> bytes:
    numbers = byte_numbers()
    return b"".join(bytes([numbers[c]]) if c in numbers else c.encode() for c in piece)
