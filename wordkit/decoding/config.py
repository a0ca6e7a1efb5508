"""The settings of decoding that language models and sequence models share, and of adaptation."""

from __future__ import annotations

from dataclasses import dataclass

from wordkit.config import Settings, setting

__all__ = ["AdaptationConfig", "SamplingConfig"]

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


@dataclass(frozen=True)
class AdaptationConfig(Settings):
    """The settings of a language model that adapts to the text that it reads."""

    cache: int | None = setting(
        None,
        "Words of the text before that a cache holds (N). Grave, Joulin and Usunier 2017.",
        none="no cache",
        at_least=1,
        main=True,
    )
    cache_weight: float | None = setting(
        None,
        "Weight of the cache's probabilities.",
        none="fitted to the validation text, 0.1 without one",
        at_least=0,
        below=1,
    )
    cache_flatness: float | None = setting(
        None,
        "Factor of the similarities in the cache. Theta in Grave et al. 2017; near 0 all words of "
        "the cache are equally probable.",
        none="fitted to the validation text, 0.3 without one",
        above=0,
    )
    dynamic: bool = setting(
        False,
        "Train on the text as it is read: dynamic evaluation. Krause et al. 2018: a step after "
        "each segment, scaled by the root of the mean squared gradient, and a decay towards the "
        "trained weights. The model's file is not changed.",
        main=True,
    )
    dynamic_lr: float | None = setting(
        None,
        "Learning rate of dynamic evaluation.",
        none="chosen on the validation text, 0.0002 without one",
        at_least=0,
        only_with={"dynamic": (True,)},
    )
    dynamic_decay: float | None = setting(
        None,
        "Decay towards the trained weights, for each segment.",
        none="chosen on the validation text, 0.001 without one",
        at_least=0,
        at_most=1,
        only_with={"dynamic": (True,)},
    )
    dynamic_steps: int = setting(
        20, "Words of a segment of dynamic evaluation.", at_least=1, only_with={"dynamic": (True,)}
    )
