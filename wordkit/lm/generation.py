"""Text from a language model, word by word: drawn, greedy or by beam search; and the next word.

S texts side by side, V words.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from wordkit.errors import (
    ConfigError,
    ResourceError,
    UnknownWordError,
    VocabularyError,
    WordkitWarning,
)
from wordkit.lm.beam import beam_search
from wordkit.lm.inference import Continuation, Ids
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.sampling import draw, highest
from wordkit.runtime import available_memory
from wordkit.text.vocabulary import UNK

__all__ = ["GenerationConfig", "Method", "Prediction", "generate", "generate_samples", "predict"]

Method = Literal["sample", "greedy", "beam"]

_BYTES_OF_A_WORD = 48  # of each text that is followed: logits, log p, totals and copies of them
_MOST_SHOWN = 5  # unknown words that a message names


@dataclass(frozen=True)
class GenerationConfig:
    """How text is made."""

    words: int = 50
    """Words to make, line ends among them: at least 1."""

    method: Method = "sample"
    """``sample``: each word is drawn by its probability; ``greedy``: the most probable word each
    time; ``beam``: the most probable text that a beam search finds."""

    temperature: float = 1.0
    """Of ``sample``, above 0: below 1 the probable words come more often, above 1 less."""

    top_k: int | None = None
    """Of ``sample``: draw from so many of the most probable words, at least 1; None: from all."""

    top_p: float | None = None
    """Of ``sample``: draw from the fewest words that have this share of the probability together,
    above 0, at most 1; None: from all."""

    beam: int = 5
    """Of ``beam``: the texts that are followed, at least 1."""

    banned: tuple[str, ...] = (UNK, "N")
    """Words that never come; one that the model does not know does no harm."""

    seed: int = 1
    """Where the random numbers of ``sample`` start: at least 0."""

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ConfigError(
                f"method must be one of {', '.join(get_args(Method))}, not {self.method!r}"
            )
        for field, least in {"words": 1, "top_k": 1, "beam": 1, "seed": 0}.items():
            value = getattr(self, field)
            if value is not None and not value >= least:
                raise ConfigError(f"{field} must be at least {least}, not {value}")
        if not 0 < self.temperature < np.inf:
            raise ConfigError(
                f"temperature must be above 0, not {self.temperature}; for the most probable word "
                "each time there is the method greedy"
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p must be above 0 and at most 1, not {self.top_p}")


def generate(
    model: LanguageModel, prompt: Sequence[str] = (), config: GenerationConfig | None = None
) -> Iterator[str]:
    """A continuation of a prompt, word by word.

    Words come as they are made; those of a beam search, all together, when it is over.

    Args:
        model: what makes the words.
        prompt: words to go on from, behind the start of a sentence; none: a new sentence.
        config: how.

    Raises:
        VocabularyError: the model knows no word of the prompt, or every word is banned.

    Warns:
        WordkitWarning: the model does not know some words of the prompt.
    """
    return (words[0] for words in generate_samples(model, prompt, config))


def generate_samples(
    model: LanguageModel,
    prompt: Sequence[str] = (),
    config: GenerationConfig | None = None,
    samples: int = 1,
) -> Iterator[tuple[str, ...]]:
    """Several continuations of a prompt that are made side by side: S words at a time.

    Args:
        model, prompt, config: as for :func:`generate`.
        samples: S, at least 1; the first one is what :func:`generate` gives.

    Raises:
        ConfigError: ``samples`` is below 1, or above it with a method that gives one text only.
        VocabularyError: the model knows no word of the prompt, or every word is banned.
        ResourceError: so many texts side by side do not fit into memory.
    """
    config = config or GenerationConfig()
    if samples < 1 or (samples > 1 and config.method != "sample"):
        most = "at least 1" if config.method == "sample" else f"1 with the method {config.method}"
        raise ConfigError(f"samples must be {most}, not {samples}")
    _check_memory(len(model.vocabulary), config, samples)
    banned = _ids_of_banned(model, config.banned)
    start = _read_prompt(model, prompt)
    start.take(np.zeros(samples, dtype=np.int64))
    if config.method == "beam":
        ids = beam_search(start, config.words, config.beam, banned)
        return iter([(model.vocabulary.word(i),) for i in ids])
    return _grow(model, start, config, banned)


def _check_memory(words: int, config: GenerationConfig, samples: int) -> None:
    """Check that the texts that are followed side by side fit into memory.

    Args:
        words: V, of the model.
        config: how they are made.
        samples: how many are drawn.
    """
    texts, what = samples, f"{samples:,} samples"
    if config.method == "beam":  # there are no more texts than words can make
        texts = min(config.beam, words ** min(config.words - 1, 64))
        what = f"a beam of {config.beam:,}"
    needed, free = _BYTES_OF_A_WORD * words * texts, available_memory()
    if needed > free:
        raise ResourceError(
            f"{what} would take about {needed / 2**30:,.0f} GB, and {free / 2**30:,.1f} GB are "
            "free; ask for fewer"
        )


def _grow(
    model: LanguageModel, texts: Continuation, config: GenerationConfig, banned: Ids
) -> Iterator[tuple[str, ...]]:
    """Words for texts side by side, each from what the state holds of those before it."""
    seeds = np.random.SeedSequence(config.seed).spawn(len(texts.log_p))
    generators = [np.random.default_rng(seed) for seed in seeds]
    for left in range(config.words, 0, -1):
        texts.log_p[:, banned] = -np.inf
        if config.method == "greedy":
            ids: Ids = texts.log_p.argmax(axis=1)
        else:
            ids = draw(
                texts.log_p,
                generators,
                temperature=config.temperature,
                top_k=config.top_k,
                top_p=config.top_p,
            )
        yield tuple(model.vocabulary.decode(ids))
        if left > 1:
            texts.read(ids[None, :])


class Prediction(NamedTuple):
    """A word that may come next."""

    word: str
    probability: float


def predict(model: LanguageModel, tokens: Sequence[str] = (), n: int = 10) -> list[Prediction]:
    """The words that are most probable behind others, most probable first.

    Args:
        model: what is asked.
        tokens: the words before, behind the start of a sentence; none: the first of a sentence.
        n: how many, at least 1; fewer where the model has fewer words.

    Raises:
        ConfigError: ``n`` is below 1.
        VocabularyError: the model knows none of the words before.

    Warns:
        WordkitWarning: the model does not know some of them.
    """
    if n < 1:
        raise ConfigError(f"n must be at least 1, not {n}")
    log_p = _read_prompt(model, tokens).log_p[0]
    best = highest(log_p, n)
    best = best[np.argsort(-log_p[best], kind="stable")]
    words = model.vocabulary.decode(best)
    return [Prediction(*pair) for pair in zip(words, np.exp(log_p[best]).tolist(), strict=True)]


def _read_prompt(model: LanguageModel, prompt: Sequence[str]) -> Continuation:
    """What the model expects behind a prompt."""
    unknown = list(dict.fromkeys(word for word in prompt if word not in model.vocabulary))
    named = ", ".join(map(repr, unknown[:_MOST_SHOWN]))
    if len(unknown) > _MOST_SHOWN:
        named += f" and {len(unknown) - _MOST_SHOWN} more"
    if unknown and not any(word in model.vocabulary for word in prompt):
        near = model.vocabulary.near(unknown[0]) if len(unknown) == 1 else []
        if near:
            raise UnknownWordError(unknown[0], near)
        raise VocabularyError(
            f"the model knows no word of the prompt: {named}; begin with words of its training text"
        )
    if unknown:
        warnings.warn(
            f"the model does not know {named}, and reads {UNK} there", WordkitWarning, stacklevel=3
        )
    start = Continuation(model.module, model.eos_id)
    if prompt:
        start.read(model.ids(prompt)[:, None])
    return start


def _ids_of_banned(model: LanguageModel, words: Sequence[str]) -> Ids:
    found = {model.vocabulary.get(word) for word in words}
    banned = sorted(i for i in found if i is not None)
    if len(banned) == len(model.vocabulary):
        raise VocabularyError("every word of the model is banned; allow some")
    return np.array(banned, dtype=np.int64)
