"""Words of scripts that do not put spaces between them: Chinese and Japanese, by other packages.

Each package is an extra of wordkit, loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from wordkit.errors import ConfigError

__all__ = ["chinese_words", "japanese_words", "not_installed"]


def not_installed(tokenizer: str, package: str, extra: str) -> ConfigError:
    """Return the error that what a tokenizer needs is not installed."""
    return ConfigError(
        f"the tokenizer {tokenizer} needs {package}, which is not installed: "
        f"pip install 'wordkit[{extra}]'"
    )


def chinese_words(line: str) -> Sequence[str]:
    """Return the words of a line of Chinese, without white space: jieba's dictionary and HMM."""
    return [word for word in _chinese()(line) if not word.isspace()]


def japanese_words(line: str) -> Sequence[str]:
    """Return the words of a line of Japanese, without white space: MeCab with UniDic."""
    return _japanese()(line)


@cache
def _chinese() -> Callable[[str], list[str]]:
    try:
        import rjieba
    except ImportError as error:
        raise not_installed("chinese", "rjieba", "chinese") from error
    cut: Callable[[str], list[str]] = rjieba.cut
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
