"""The settings of the counting pipeline as options; their defaults are those of the library."""

from __future__ import annotations

from wordkit.counts import CountsConfig
from wordkit_cli.setting_options import SettingOptions

__all__ = ["SETTINGS"]

SETTINGS = SettingOptions(
    (CountsConfig,),
    {
        "dim": "Dimensions of a vector.",
        "window": "Words on each side that are the context.",
        "weighting": "What a context word counts: 1, 1/distance, or "
        "(window - distance + 1)/window.",
        "side": "Where the context lies.",
        "min_count": "Leave out rarer words.",
        "max_vocabulary": "Keep so many words, the most frequent.",
        "shift": "k of shifted PPMI: subtract log k.",
        "smoothing": "Power that the context frequencies are raised to.",
        "exponent": "p in U S^p, from the singular value decomposition U S V.",
        "context_vectors": "Add each word's vector as a context, V S^p.  "
        "[default: no-context-vectors]",
        "method": "How the singular vectors are found.",
        "seed": "Of the random numbers.",
    },
    shown=(CountsConfig(),),
)
"""All options that set a field of CountsConfig."""
