"""Readers and named corpora: plain text, compressed or not, PTB, pydocs, evaluation sets.

Importing this package loads nothing else; its functions load what they need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit_corpora.named import NamedCorpus, OpenedText, iter_open_source, named_corpora
    from wordkit_corpora.plaintext import PlainText, open_text
    from wordkit_corpora.ptb import iter_ptb_corpora, iter_ptb_source
    from wordkit_corpora.pydocs import iter_pydocs_source
    from wordkit_corpora.texts import Text, iter_open_lines, iter_read_corpus

__all__ = [
    "NamedCorpus",
    "OpenedText",
    "PlainText",
    "Text",
    "iter_open_lines",
    "iter_open_source",
    "iter_ptb_corpora",
    "iter_ptb_source",
    "iter_pydocs_source",
    "iter_read_corpus",
    "named_corpora",
    "open_text",
]

_MODULES = {
    "named": ("NamedCorpus", "OpenedText", "iter_open_source", "named_corpora"),
    "plaintext": ("PlainText", "open_text"),
    "ptb": ("iter_ptb_corpora", "iter_ptb_source"),
    "pydocs": ("iter_pydocs_source",),
    "texts": ("Text", "iter_open_lines", "iter_read_corpus"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
