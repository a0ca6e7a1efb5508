"""The settings of decoding that language models and sequence models share."""

from __future__ import annotations

from dataclasses import dataclass

from wordkit.config import Settings, setting

__all__ = ["SamplingConfig"]

_SAMPLED = {"sample": (True,), "method": ("sample",)}  # fields of the classes derived


@dataclass(frozen=True)
class SamplingConfig(Settings):
    """The settings of drawing the next word."""

    temperature: float = setting(
        1.0,
        "Divisor of the logits when sampling. Below 1 probable words come more often, above 1 "
        "less.",
        above=0,
        only_with=_SAMPLED,
    )
    top_k: int | None = setting(
        None,
        "Sample from this many most probable words only. Fan, Lewis and Dauphin 2018.",
        none="all",
        at_least=1,
        only_with=_SAMPLED,
    )
    top_p: float | None = setting(
        None,
        "Sample from the fewest words that have this probability together. Holtzman et al. 2020.",
        none="all",
        above=0,
        at_most=1,
        only_with=_SAMPLED,
    )
    seed: int = setting(
        1, "Seed of the random numbers.", at_least=0, at_most=2**64 - 1, only_with=_SAMPLED
    )
