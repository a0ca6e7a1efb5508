"""Words of scripts that do not put spaces between them: Chinese and Japanese, by other packages.

Each package is an extra of wordkit, loaded when it is first used.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from functools import cache

from wordkit.errors import ConfigError

__all__ = ["has_unspaced_script", "not_installed", "segment_chinese", "segment_japanese"]

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


def segment_chinese(text: str) -> str:
    """Return Chinese text with spaces between its words: jieba's dictionary and HMM."""
    cut = _chinese()
    words = cut(text)
    _IDLE.append(cut)
    return " ".join(words)


def segment_japanese(text: str) -> str:
    """Return Japanese text with spaces between its words: MeCab with UniDic."""
    return "\n".join(map(_japanese(), text.split("\n")))


_IDLE: deque[Callable[[str], list[str]]] = deque()
"""Chinese segmenters that no thread uses now; of one for all, threads would wait for each other."""


def _chinese() -> Callable[[str], list[str]]:
    try:
        return _IDLE.pop()
    except IndexError:
        pass
    try:
        import rjieba
    except ImportError as error:
        raise not_installed("chinese", "rjieba", "chinese") from error
    cut: Callable[[str], list[str]] = rjieba.Jieba().cut
    return cut


@cache
def _japanese() -> Callable[[str], str]:
    try:
        import fugashi
        import unidic_lite
    except ImportError as error:
        raise not_installed("japanese", "fugashi and unidic-lite", "japanese") from error
    parse: Callable[[str], str] = fugashi.Tagger(f"-d {unidic_lite.DICDIR} -O wakati").parse
    return parse


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
