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
_UNSPACED_RUN = re.compile(rf"\w*{_UNSPACED.pattern}\w*")


def not_installed(tokenizer: str, package: str, extra: str) -> ConfigError:
    """Return the error that what a tokenizer needs is not installed."""
    return ConfigError(
        f"the tokenizer {tokenizer} needs {package}, which is not installed: "
        f"pip install 'wordkit[{extra}]'"
    )


def segment_chinese(text: str) -> str:
    """Return Chinese text with spaces between its words: jieba's dictionary and HMM."""

    def segment(lines: str) -> str:
        cut = _chinese()
        words = cut(lines)
        _IDLE.append(cut)
        return " ".join(words)

    return _segmented(text, segment)


def segment_japanese(text: str) -> str:
    """Return Japanese text with spaces between its words: MeCab with UniDic."""
    return _segmented(text, lambda lines: "\n".join(map(_japanese(), lines.split("\n"))))


def _segmented(text: str, segment: Callable[[str], str]) -> str:
    """Segment the runs of word characters, each as a line, and leave symbols as they are."""
    runs = iter(segment("\n".join(_UNSPACED_RUN.findall(text))).split("\n"))
    return _UNSPACED_RUN.sub(lambda _: f" {next(runs)} ", text)


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
        raise not_installed("japanese", "fugashi with unidic-lite", "japanese") from error
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
