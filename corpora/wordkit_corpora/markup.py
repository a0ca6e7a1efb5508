"""One paragraph without its markup: roles, emphasis, links and formulas of four dialects.

What a reader would see stays; a sentence whose sense hangs on something that plain text cannot
show (a formula, a substitution, an address) is dropped, and so is one that is mostly symbols.
"""

from __future__ import annotations

import re

__all__ = ["plain_text"]

_LOST = "\0"  # stands where something was that plain text cannot show
_MARKUP = frozenset("`*_|{}<\\$%[@/:" + _LOST)

_ROLE = re.compile(r":(?:\w+:)*([\w+-]+):`([^`]+)`")
_TARGET = re.compile(r"\s*<[^<>]*>$")
_LITERAL = re.compile(r"``(.+?)``")
_INTERPRETED = re.compile(r"`([^`\s](?:[^`]*[^`\s])?)`(?:__?\b)?")
_STRONG = re.compile(r"(?<![\w*])(\*\*|\*)(?=[^\s*])([^*]*[^\s*])\1(?![\w*])")
_EPYDOC = re.compile(r"\b[A-Z]\{([^{}]*)\}")
_FOOTNOTE = re.compile(r"\s?\[#?\w+\]__?(?!\w)")
_ESCAPED = re.compile(r"\\([*_|`<>\[\]\"' ])")
_UNREADABLE = re.compile(
    r"https?://\S+|\bwww\.\S+|\|[A-Za-z_ ]+\||%\(\w+\)[sdrf]?|\$[^$]+\$|\$\{?\w+\}?|\\\w+|\{\w*\}"
)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)\s+(?=[A-Z\"'(\0])")
_WORD = re.compile(r"[\"'(\[]*[^\W\d_]+(?:[-'’/][^\W\d_]+)*(?:\(s\))?[])\"']*[.,;:!?]*[])\"']*")

_WORD_SHARE = 0.7  # of the tokens of a sentence, the least that must be plain words
_FEWEST_WORDS = 3


def plain_text(text: str) -> str:
    """The readable sentences of a paragraph, or an empty string.

    Args:
        text: one paragraph; white space of any kind separates words.
    """
    text = " ".join(text.split())
    if not _MARKUP.isdisjoint(text):
        text = _without_markup(text)
    kept = [sentence for sentence in _SENTENCE_END.split(text) if _is_prose(sentence)]
    return " ".join(kept)


def _without_markup(text: str) -> str:
    text = text.replace(_LOST, " ")
    if "`" in text:
        text = _ROLE.sub(_role_text, text)
        text = _LITERAL.sub(r"\1", text)
        text = _INTERPRETED.sub(lambda match: _TARGET.sub("", match[1]) or _LOST, text)
    if "*" in text:
        text = _STRONG.sub(r"\2", text)
    if "{" in text:
        text = _EPYDOC.sub(r"\1", text)
    if "[" in text:
        text = _FOOTNOTE.sub("", text)
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", text)
    return _UNREADABLE.sub(_LOST, text)


def _role_text(match: re.Match[str]) -> str:
    role, body = match[1], match[2].strip()
    if role == "math":
        return body if body.isalnum() else _LOST
    if body.endswith(">") and "<" in body:
        return _TARGET.sub("", body)
    if body.startswith("~"):
        return body.rpartition(".")[2].lstrip("~")
    return body.lstrip("!.")


def _is_prose(sentence: str) -> bool:
    """Whether enough of the tokens are words, and none is something that text cannot show."""
    if _LOST in sentence:
        return False
    tokens = sentence.split()
    words = sum(_WORD.fullmatch(token) is not None for token in tokens)
    return words >= _FEWEST_WORDS and words >= _WORD_SHARE * len(tokens)
