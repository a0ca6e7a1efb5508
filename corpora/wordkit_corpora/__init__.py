"""Readers and named corpora: plain text, compressed or not, PTB, pydocs, evaluation sets.

Importing this package loads nothing else; its functions load what they need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit_corpora.named import NamedCorpus, OpenedText, named_corpora, open_source
    from wordkit_corpora.plaintext import PlainText, open_text
    from wordkit_corpora.ptb import ptb_corpora, ptb_source
    from wordkit_corpora.pydocs import pydocs_source

__all__ = [
    "NamedCorpus",
    "OpenedText",
    "PlainText",
    "named_corpora",
    "open_source",
    "open_text",
    "ptb_corpora",
    "ptb_source",
    "pydocs_source",
]

_MODULES = {
    "NamedCorpus": "named",
    "OpenedText": "named",
    "PlainText": "plaintext",
    "named_corpora": "named",
    "open_source": "named",
    "open_text": "plaintext",
    "ptb_corpora": "ptb",
    "ptb_source": "ptb",
    "pydocs_source": "pydocs",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
