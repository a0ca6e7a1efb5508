"""From raw text to word ids: tokenizers, vocabularies and prepared corpora.

Importing this package loads NumPy alone; :func:`prepare` loads Numba when it is first used, and
:class:`Corpus` comes when it is asked for, as queries of vectors do without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wordkit.text.blocks import Block, TextSource
from wordkit.text.tokenizers import Tokenizer, get_tokenizer, tokenizers
from wordkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordkit.text.corpus import Corpus
    from wordkit.text.preparation import TextConfig, prepare

__all__ = [
    "Block",
    "Corpus",
    "TextConfig",
    "TextSource",
    "Tokenizer",
    "Vocabulary",
    "get_tokenizer",
    "prepare",
    "tokenizers",
]

_LATER = {"Corpus": "corpus", "TextConfig": "preparation", "prepare": "preparation"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        import importlib

        return getattr(importlib.import_module(f"wordkit.text.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
