"""Tokenizers: one line of text → its tokens.

``basic``, ``words`` and ``whitespace`` are exact twins of the fast scanner
(:mod:`wordkit.text.scanner`), which reads whole files by the same rules; the others are NLTK's.
Any callable from a line to a list of tokens serves as well.

The rules of ``basic``:

* text is lower-cased (:meth:`str.lower`); soft hyphens vanish;
* a word is a run of letters, marks, digits and underscores of any script, with apostrophes and
  hyphens inside it, and with full stops and commas between two digits (``3.14``, ``10,000``);
* typographic apostrophes and hyphens (’ ‐ ‑) are written as ``'`` and ``-``;
* every other visible character is a token of its own;
* white space and invisible characters (controls, formats, unassigned) separate tokens.

Scripts that do not put spaces between words (Chinese, Japanese, Thai) need a segmenter first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from wordkit.errors import ConfigError
from wordkit.text.characters import (
    FOLDED,
    JOINERS,
    POINTS,
    SOFT_HYPHEN,
    as_ranges,
    invisible_characters,
    word_characters,
)

__all__ = ["TokenizeFunction", "Tokenizer", "get_tokenizer", "named_tokenizers"]

TokenizeFunction = Callable[[str], Sequence[str]]

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Tokenizer:
    """A named tokenizer."""

    name: str
    """Its name on the command line."""

    description: str
    """One line on what it does."""

    function: TokenizeFunction
    """One line of text → its tokens."""

    scanned: bool = False
    """True if the fast scanner reads files by the same rules."""

    def __call__(self, line: str) -> Sequence[str]:
        """The tokens of a line."""
        return self.function(line)


def named_tokenizers() -> dict[str, Tokenizer]:
    """Return all named tokenizers, by name."""
    return {tokenizer.name: tokenizer for tokenizer in _TOKENIZERS}


def get_tokenizer(tokenizer: str | Tokenizer | TokenizeFunction) -> Tokenizer:
    """Return the tokenizer of this name, or the callable as a tokenizer.

    Raises:
        ConfigError: there is no such name.
    """
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    if callable(tokenizer):
        name = getattr(tokenizer, "__qualname__", type(tokenizer).__qualname__)
        return Tokenizer(name, "a function of the caller's", tokenizer)
    known = named_tokenizers()
    if tokenizer not in known:
        raise ConfigError(f"tokenizer must be one of {', '.join(known)}, not {tokenizer!r}")
    return known[tokenizer]


def is_number(word: str) -> bool:
    """Return True if a token is a number: digits, with full stops or commas between them."""
    return _NUMBER.fullmatch(word) is not None


def _pattern(word: str, other: str) -> str:
    """The expression for tokens, given classes for a character of words and for any other one."""
    inside = rf"[{JOINERS}](?={word})|(?<=\d)[{POINTS}](?=\d)"
    return rf"{word}+(?:(?:{inside}){word}+)*" + (f"|{other}" if other else "")


@cache
def _finder(symbols: bool, ascii_only: bool) -> Callable[[str], list[str]]:
    """The search for the tokens of a line; lines of ASCII have a shorter, faster expression."""
    if ascii_only:
        word, other = r"\w", r"[^\w\x00-\x20\x7f]"
    else:
        words = word_characters()
        word = rf"[\w{as_ranges(words)}]"  # re finds \w quickly; the ranges add the marks
        other = f"[^{as_ranges(words | invisible_characters())}]"
    flags = re.ASCII if ascii_only else 0
    return re.compile(_pattern(word, other if symbols else ""), flags).findall


_FOLD = str.maketrans({**FOLDED, SOFT_HYPHEN: None})


def _tokens(line: str, symbols: bool) -> list[str]:
    line = line.lower()
    if line.isascii():
        return _finder(symbols, True)(line)
    return _finder(symbols, False)(line.translate(_FOLD))


def _basic(line: str) -> list[str]:
    return _tokens(line, True)


def _words(line: str) -> list[str]:
    return _tokens(line, False)


_BLANK = re.compile(r"[^ \t\r\n\v\f]+")


def _whitespace(line: str) -> list[str]:
    return _BLANK.findall(line)


@cache
def _nltk(name: str) -> TokenizeFunction:
    """The tokenize method of one of NLTK's rule-based tokenizers, which need no data."""
    if name == "treebank":
        from nltk.tokenize.treebank import TreebankWordTokenizer as Chosen
    elif name == "tweet":
        from nltk.tokenize.casual import TweetTokenizer as Chosen
    else:
        from nltk.tokenize.toktok import ToktokTokenizer as Chosen
    function: TokenizeFunction = Chosen().tokenize
    return function


def _nltk_tokenizer(name: str, description: str) -> Tokenizer:
    return Tokenizer(name, description, lambda line: _nltk(name)(line))


_TOKENIZERS: Iterable[Tokenizer] = (
    Tokenizer(
        "basic", "lower case; each punctuation mark a token; ' and - kept in words", _basic, True
    ),
    Tokenizer("words", "as basic, without punctuation", _words, True),
    Tokenizer("whitespace", "as is: tokens are what white space separates", _whitespace, True),
    _nltk_tokenizer("treebank", "Penn Treebank rules (NLTK)"),
    _nltk_tokenizer("tweet", "hashtags, mentions, emoticons kept whole (NLTK)"),
    _nltk_tokenizer("toktok", "tok-tok, for many languages (NLTK)"),
)
