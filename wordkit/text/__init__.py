"""Raw text as word ids: tokenizers, vocabularies and prepared corpora.

Each name is loaded when it is first used, so that vectors can ask their vocabulary without the
rest, and only :func:`iter_prepare` loads Numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit.text.blocks import Block, TextSource
    from wordkit.text.corpus import Corpus
    from wordkit.text.phrases import (
        Phrase,
        PhraseConfig,
        iter_find_phrases,
        iter_join_phrases,
    )
    from wordkit.text.preparation import TextConfig, iter_prepare
    from wordkit.text.subwords import NGrams
    from wordkit.text.tokenizers import Tokenizer, get_tokenizer, named_tokenizers
    from wordkit.text.vocabulary import Vocabulary

__all__ = [
    "Block",
    "Corpus",
    "NGrams",
    "Phrase",
    "PhraseConfig",
    "TextConfig",
    "TextSource",
    "Tokenizer",
    "Vocabulary",
    "get_tokenizer",
    "iter_find_phrases",
    "iter_join_phrases",
    "iter_prepare",
    "named_tokenizers",
]

_HOMES = {
    "Block": "blocks",
    "Corpus": "corpus",
    "NGrams": "subwords",
    "Phrase": "phrases",
    "PhraseConfig": "phrases",
    "TextConfig": "preparation",
    "TextSource": "blocks",
    "Tokenizer": "tokenizers",
    "Vocabulary": "vocabulary",
    "get_tokenizer": "tokenizers",
    "named_tokenizers": "tokenizers",
    "iter_find_phrases": "phrases",
    "iter_join_phrases": "phrases",
    "iter_prepare": "preparation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
