"""Words of scripts that do not put spaces between them: Chinese and Japanese, by other packages.

Each package is an extra of wordkit, loaded when it is first used.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from wordkit.errors import ConfigError

__all__ = ["chinese_words", "has_unspaced_script", "japanese_words", "not_installed"]

_UNSPACED = re.compile(
    "[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]+"
)
"""Thai, kana and Han."""


def not_installed(tokenizer: str, package: str, extra: str) -> ConfigError:
    """Return the error that what a tokenizer needs is not installed."""
    return ConfigError(
        f"the tokenizer {tokenizer} needs {package}, which is not installed: "
        f"pip install 'wordkit[{extra}]'"
    )


def chinese_words(text: str) -> Sequence[str]:
    """Return the words of Chinese text, without white space but line ends: jieba."""
    return [word for word in _chinese()(text) if not word.isspace() or word == "\n"]


def japanese_words(line: str) -> Sequence[str]:
    """Return the words of a line of Japanese, without white space: MeCab with UniDic."""
    return _japanese()(line)


_LOCAL = threading.local()


def _chinese() -> Callable[[str], list[str]]:
    """The segmenter of this thread: one that several share would let them wait."""
    if not hasattr(_LOCAL, "chinese"):
        try:
            import rjieba
        except ImportError as error:
            raise not_installed("chinese", "rjieba", "chinese") from error
        _LOCAL.chinese = rjieba.Jieba().cut
    cut: Callable[[str], list[str]] = _LOCAL.chinese
    return cut


@cache
def _japanese() -> Callable[[str], list[str]]:
    try:
        import fugashi
        import unidic_lite
    except ImportError as error:
        raise not_installed("japanese", "fugashi and unidic-lite", "japanese") from error
    tagger = fugashi.Tagger(f"-d {unidic_lite.DICDIR} -O wakati")
    return lambda line: tagger.parse(line).split()


def has_unspaced_script(words: Iterable[tuple[str, int]]) -> bool:
    """Return whether most of a text is in Chinese, Japanese or Thai characters.

    Args:
        words: its words, with their counts.
    """
    unspaced = total = 0
    for word, count in words:
        total += count * len(word)
        unspaced += count * sum(map(len, _UNSPACED.findall(word)))
    return 2 * unspaced > total
