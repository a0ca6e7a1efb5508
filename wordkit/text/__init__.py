"""Raw text as word ids: tokenizers, vocabularies and prepared corpora.

Each name is loaded when it is first used, so that vectors can ask their vocabulary without the
rest, and only :func:`iter_prepare` loads Numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit.text.blocks import Block, TextSource
    from wordkit.text.config import PhraseConfig, TextConfig
    from wordkit.text.corpus import Corpus
    from wordkit.text.phrases import Phrase, iter_find_phrases, iter_join_phrases
    from wordkit.text.preparation import iter_prepare
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

_MODULES = {
    "blocks": ("Block", "TextSource"),
    "config": ("PhraseConfig", "TextConfig"),
    "corpus": ("Corpus",),
    "phrases": ("Phrase", "iter_find_phrases", "iter_join_phrases"),
    "preparation": ("iter_prepare",),
    "subwords": ("NGrams",),
    "tokenizers": ("Tokenizer", "get_tokenizer", "named_tokenizers"),
    "vocabulary": ("Vocabulary",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
