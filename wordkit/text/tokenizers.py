"""Tokenizers: one line of text → its tokens.

``basic``, ``words`` and ``whitespace`` are exact twins of the fast scanner
(:mod:`wordkit.text.scanner`), which reads whole files by the same rules. ``char`` and ``bpe`` lose
nothing: their tokens, put together, are the text, and each line end is a token. ``chinese`` and
``japanese`` find words between which there are no spaces; the others are NLTK's. Any callable from
a line to a list of tokens serves as well.

All text is normalized first, by default to NFC; byte order marks vanish where tokens are words.

The rules of ``basic``:

* text is lower-cased (:meth:`str.lower`) unless its case is kept; soft hyphens vanish;
* a word is a run of letters, marks, digits and underscores of any script, with apostrophes and
  hyphens inside it, and with full stops and commas between two digits (``3.14``, ``10,000``);
* typographic apostrophes and hyphens (’ ‐ ‑) are written as ``'`` and ``-``;
* every other visible character is a token of its own, with the marks after it: accents, variation
  selectors, zero-width joiners and the symbols that these join, skin tones;
* two regional indicators are one token, a flag; so is the key of a digit;
* ``<unk>``, which stands for an unknown word in tokenized text, is one token;
* white space and invisible characters (controls, formats, unassigned) separate tokens, and marks
  that have no character to belong to.

Scripts that do not put spaces between words (Chinese, Japanese, Thai) need a segmenter, or ``char``
or ``bpe``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_args

from wordkit.errors import ConfigError
from wordkit.text.bpe import BytePairEncoding, not_learnt
from wordkit.text.characters import (
    BYTE_ORDER_MARK,
    FOLDED,
    JOINERS,
    KEYCAP,
    POINTS,
    REGIONAL_INDICATORS,
    SOFT_HYPHEN,
    TAGS,
    TONES,
    ZERO_WIDTH_JOINER,
    as_ranges,
    invisible_characters,
    marks,
    word_characters,
)
from wordkit.text.detokenizer import Unit
from wordkit.text.graphemes import graphemes
from wordkit.text.normalization import Case, Normalization, normalized
from wordkit.text.segmenters import segment_chinese, segment_japanese

__all__ = [
    "TokenizeFunction",
    "Tokenizer",
    "get_tokenizer",
    "named_tokenizers",
    "tokenizer_of",
    "unit_of",
]

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

    lowercase: bool = False
    """True if text is lower-cased before the function gets it."""

    normalize: Normalization = "nfc"
    """The normal form of the text that the function gets."""

    unit: Unit = "word"
    """The kind of its tokens."""

    segment: Callable[[str], str] | None = None
    """Puts spaces between the words of a text, lines and all, at which the function splits."""

    needs_processes: bool = False
    """True if several threads segment no faster than one: a package holds Python's lock."""

    extra: str = ""
    """The extra of wordkit that installs what it needs, where that is not there always."""

    packages: tuple[str, ...] = ()
    """The packages whose versions decide on its tokens, beside those of ``basic``."""

    bpe: BytePairEncoding | None = None
    """The pieces of ``bpe``, once they are learnt."""

    def __call__(self, line: str) -> Sequence[str]:
        """Return the tokens of a line."""
        function = self.function if self.bpe is None else self.bpe.tokens
        return function(self.prepared(line))

    @property
    def is_exact(self) -> bool:
        """True if the tokens of a text, put together, are the text; each line end is a token."""
        return self.unit != "word"

    def prepared(self, text: str) -> str:
        """Return a text as the function gets it: normalized, and lower-cased where that is due."""
        if text.isascii():
            return text.lower() if self.lowercase else text
        if not self.is_exact:
            text = text.replace(BYTE_ORDER_MARK, "")
        text = normalized(text, self.normalize)
        # lower case may compose where capitals do not: H and ẖ with a line below
        return normalized(text.lower(), self.normalize) if self.lowercase else text


def named_tokenizers() -> dict[str, Tokenizer]:
    """Return all named tokenizers, by name."""
    return {tokenizer.name: tokenizer for tokenizer in _TOKENIZERS}


def get_tokenizer(
    tokenizer: str | Tokenizer | TokenizeFunction,
    normalize: Normalization | None = None,
    case: Case | None = None,
) -> Tokenizer:
    """Return the tokenizer of this name, or the callable as a tokenizer.

    Args:
        tokenizer: a name, a callable from a line to its tokens, or a tokenizer.
        normalize: the normal form of the text that it gets; None: the tokenizer's own, ``nfc``.
        case: ``keep`` or ``lower``, of the text that it gets; None: the tokenizer's own.

    Raises:
        ConfigError: there is no such name, normal form or case.
    """
    for name, value, kind in (("normalize", normalize, Normalization), ("case", case, Case)):
        if value not in (None, *get_args(kind)):
            known = ", ".join(get_args(kind))
            raise ConfigError(f"{name} must be one of {known}, not {value!r:.50}")
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = _tokenizer(tokenizer)
    if case is not None and tokenizer.lowercase != (case == "lower"):
        tokenizer = replace(tokenizer, lowercase=case == "lower")
    return tokenizer if normalize is None else replace(tokenizer, normalize=normalize)


def tokenizer_of(settings: Mapping[str, Any]) -> Tokenizer:
    """Return the tokenizer of a text, by the settings that its corpus or its model keeps.

    Args:
        settings: ``tokenizer``, a name or a callable, and where they are kept ``normalize``,
            ``case``, and ``bpe``, the record of its pieces.

    Raises:
        ConfigError: one is of no use.
        FormatError: the pieces are corrupted, or of a newer version.
    """
    tokenizer = get_tokenizer(
        settings["tokenizer"], settings.get("normalize"), settings.get("case")
    )
    if tokenizer.unit == "bpe":
        tokenizer = replace(tokenizer, bpe=BytePairEncoding.from_record(settings.get("bpe")))
    return tokenizer


def unit_of(settings: Mapping[str, Any]) -> Unit:
    """Return the unit of a text, by the settings of its corpus or its model."""
    known = named_tokenizers().get(str(settings.get("tokenizer")))
    return "word" if known is None else known.unit


def _tokenizer(tokenizer: str | TokenizeFunction) -> Tokenizer:
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


def _belonging(symbol: str) -> str:
    """Return an expression for what belongs to the symbol before; ``symbol``: ranges of symbols."""
    mask = marks().copy()
    mask[[*TONES, *TAGS]] = True
    joined = rf"(?<={chr(ZERO_WIDTH_JOINER)})(?![\0-\x7f])[{symbol}]"
    return f"(?:[{as_ranges(mask)}]|{joined})*"


@cache
def _finder(symbols: bool, ascii_only: bool) -> Callable[[str], list[str]]:
    """Return the search for the tokens of a line; that for lines of ASCII is shorter and faster."""
    if ascii_only:
        first = word = r"\w"
        other = r"[^\w\x00-\x20\x7f]"
    else:
        first = r"\w"  # all word characters but the marks
        word = rf"[\w{as_ranges(marks())}]"
        symbol = as_ranges(~(word_characters() | invisible_characters()))
        flag = f"[{chr(REGIONAL_INDICATORS[0])}-{chr(REGIONAL_INDICATORS[-1])}]"
        other = f"(?:{flag}{flag}|[{symbol}]){_belonging(symbol)}"
    inside = rf"[{JOINERS}](?={first})|(?<=\d)[{POINTS}](?=\d)"
    pattern = rf"<unk>|{first}{word}*(?:(?:{inside}){word}+)*" + (f"|{other}" if symbols else "")
    return re.compile(pattern, re.ASCII if ascii_only else 0).findall


_FOLD = str.maketrans({**FOLDED, SOFT_HYPHEN: None})
_KEY = re.compile(rf"[0-9#*]\ufe0f?{chr(KEYCAP)}")


def _tokens(line: str, symbols: bool) -> list[str]:
    """Return the tokens of a line."""
    if line.isascii():
        return _finder(symbols, True)(line)
    line = line.translate(_FOLD)
    if chr(KEYCAP) in line:
        line = _KEY.sub(r" \g<0> ", line)
    return _finder(symbols, False)(line)


def _basic(line: str) -> list[str]:
    return _tokens(line, True)


def _words(line: str) -> list[str]:
    return _tokens(line, False)


def _unlearnt(_: str) -> Sequence[str]:
    raise not_learnt()


_BLANK = re.compile(r"[^ \t\r\n\v\f]+")


def _whitespace(line: str) -> list[str]:
    return _BLANK.findall(line)


@cache
def _nltk(kind: str) -> TokenizeFunction:
    """Return the tokenize method of one of NLTK's rule-based tokenizers, which need no data."""
    from nltk import tokenize

    return getattr(tokenize, kind)().tokenize  # type: ignore[no-any-return]


@cache
def _stray() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return patterns: a stray start of a token, one after a space, and a visible character."""
    belonging = _belonging(as_ranges(~(word_characters() | invisible_characters())))
    visible = as_ranges(~(marks() | invisible_characters()))
    return re.compile(belonging), re.compile(rf"(?<!\S){belonging}"), re.compile(f"[{visible}]")


def _nltk_tokenizer(name: str, kind: str, description: str) -> Tokenizer:
    def function(line: str) -> Sequence[str]:
        if line.isascii():
            return _nltk(kind)(line)
        belonging, at_start, visible = _stray()
        tokens: list[str] = []
        for token in _nltk(kind)(at_start.sub("", line)):
            start = belonging.match(token)
            end = start.end() if start and tokens else 0
            if end:
                tokens[-1] += token[:end]
            if visible.search(token, end):
                tokens.append(token[end:])
        return tokens

    return Tokenizer(name, description, function, packages=("nltk",))


def _segmenter(
    name: str, description: str, segment: Callable[[str], str], *packages: str,
    needs_processes: bool = False,
) -> Tokenizer:  # fmt: skip
    return Tokenizer(
        name, description, lambda line: _basic(segment(line)), segment=segment, extra=name,
        packages=packages, needs_processes=needs_processes,
    )  # fmt: skip


_TOKENIZERS: Iterable[Tokenizer] = (
    Tokenizer(
        "basic",
        "lower case; each punctuation mark a token; ' and - kept in words",
        _basic,
        scanned=True,
        lowercase=True,
    ),
    Tokenizer("words", "as basic, without punctuation", _words, scanned=True, lowercase=True),
    Tokenizer(
        "whitespace", "as is: tokens are what white space separates", _whitespace, scanned=True
    ),
    Tokenizer(
        "char",
        "characters, as a reader sees them; spaces and line ends too",
        graphemes,
        unit="char",
    ),
    Tokenizer(
        "bpe",
        "pieces of words, learnt from the text by byte-pair encoding",
        _unlearnt,
        unit="bpe",
        extra="bpe",
        packages=("tokenizers",),
    ),
    _segmenter(
        "chinese",
        "Chinese words (rjieba), the rest as basic, case kept",
        segment_chinese,
        "rjieba",
    ),
    _segmenter(
        "japanese",
        "Japanese words (fugashi, UniDic), the rest as basic, case kept",
        segment_japanese,
        "fugashi",
        "unidic-lite",
        needs_processes=True,
    ),
    _nltk_tokenizer("treebank", "TreebankWordTokenizer", "Penn Treebank rules (NLTK)"),
    _nltk_tokenizer("tweet", "TweetTokenizer", "hashtags, mentions, emoticons kept whole (NLTK)"),
    _nltk_tokenizer("toktok", "ToktokTokenizer", "tok-tok, for many languages (NLTK)"),
)
