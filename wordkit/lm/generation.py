"""Text from a language model: sampled, greedy or by beam search; and the next word.

S texts generated together, V words.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wordkit.config import check_number, setting
from wordkit.decoding.beam import BeamConfig, beam_search
from wordkit.decoding.config import SamplingConfig
from wordkit.decoding.sampling import highest
from wordkit.decoding.scoring import stream_pieces
from wordkit.decoding.steps import Rule, generate_ids, greedy, next_log_probs, sampler
from wordkit.embeddings.search import Ranking
from wordkit.errors import (
    ConfigError,
    UnknownWordError,
    VocabularyError,
    WordkitWarning,
)
from wordkit.lm.model import LanguageModel
from wordkit.nn.network import State, device_of, select
from wordkit.runtime import require_memory
from wordkit.text.detokenizer import UNIT_NOUNS, piece_text
from wordkit.text.spelling import unknown_word
from wordkit.text.tokenizers import is_number
from wordkit.text.vocabulary import UNK

__all__ = [
    "GenerationConfig", "Method", "Prediction", "default_banned", "generate", "generate_samples",
    "predict",
]  # fmt: skip

Method = Literal["sample", "greedy", "beam"]

_BYTES_PER_WORD = 48  # of each text: logits, log p, totals and copies of them
_MAX_SHOWN = 5  # unknown words that a message names
_MIN_NUMBERS = 0.005  # fraction of tokens that are N, in text that writes numbers so; PTB: 0.035
_LENGTHS = {"word": 50, "bpe": 100, "char": 500}  # of a text, by unit
_READ_STEPS = 256  # of a prompt at a time, so that memory does not grow with its length


@dataclass(frozen=True)
class GenerationConfig(SamplingConfig):
    """The settings of text generation."""

    words: int | None = setting(
        None,
        "Words to generate, line ends among them, or characters or pieces of words.",
        at_least=1,
        none="50 words, 100 pieces or 500 characters",
    )
    method: Method = setting(
        "sample",
        "Decoding method. sample: each word is drawn by its probability; greedy: the most probable "
        "word each time; beam: the most probable text that a beam search finds.",
    )
    beam: int = setting(
        5, "Hypotheses of the beam search.", at_least=1, only_with={"method": ("beam",)}
    )
    banned: tuple[str, ...] | None = setting(
        None,
        "Words that never come; one that the model does not know does no harm.",
        none="<unk>, and N where the model's text writes numbers as that",
    )


def generate(
    model: LanguageModel, prompt: str | Sequence[str] = (), config: GenerationConfig | None = None
) -> Iterator[str]:
    """Continue a prompt, word by word.

    Words are yielded as they are generated; those of a beam search all at its end.

    Args:
        model: the language model.
        prompt: text to continue, or its tokens, after the start of a sentence; none: a new
            sentence.
        config: the settings.

    Raises:
        VocabularyError: the model knows no word of the prompt, or every word is banned.

    Warns:
        WordkitWarning: the model does not know some words of the prompt.
    """
    return (words[0] for words in generate_samples(model, prompt, config))


def generate_samples(
    model: LanguageModel,
    prompt: str | Sequence[str] = (),
    config: GenerationConfig | None = None,
    samples: int = 1,
) -> Iterator[tuple[str, ...]]:
    """Continue a prompt several times: S words at a time.

    Args:
        model, prompt, config: as for :func:`generate`.
        samples: S, at least 1; the first one is what :func:`generate` gives.

    Raises:
        ConfigError: ``samples`` is below 1, or above it with a method that gives one text only.
        VocabularyError: the model knows no word of the prompt, or every word is banned.
        ResourceError: so many texts together do not fit into memory.
    """
    config = config or GenerationConfig()
    length = config.words or _LENGTHS[model.unit]
    if check_number("samples", samples) > 1 and config.method != "sample":
        raise ConfigError(f"samples must be 1 with the method {config.method}, not {samples}")
    _check_texts_memory(len(model.vocabulary), config, length, samples)
    banned = _banned_ids(model, config.banned)
    known = _known_prompt(model, model.prompt_tokens(prompt))
    model = _learnt(model, known)
    if config.method == "beam":
        return _beam(model, known, BeamConfig(config.beam, length, banned=banned))
    log_p, state = _read(model, known, banned)
    rows = torch.zeros(samples, dtype=torch.int64, device=log_p.device)
    seeds = np.random.SeedSequence(config.seed).spawn(samples)
    rule: Rule = greedy
    if config.method == "sample":
        rule = sampler(config, [np.random.default_rng(seed) for seed in seeds])
    steps = generate_ids(
        model.network, log_p[rows], select(state, rows), rule=rule, max_length=length, banned=banned
    )  # fmt: skip
    return (tuple(model.vocabulary.decode(ids.cpu().numpy())) for ids, _ in steps)


def _beam(
    model: LanguageModel, prompt: Sequence[int], search: BeamConfig
) -> Iterator[tuple[str, ...]]:
    """Return the words of the most probable continuation that a beam search finds."""
    *before, last = prompt
    state: State = _read(model, before)[1] if before else model.network.initial_state(1)
    [[best]] = beam_search(model.network, last, state, 1, search)
    return iter([(model.vocabulary.word(i),) for i in best.ids])


def _check_texts_memory(words: int, config: GenerationConfig, length: int, samples: int) -> None:
    """Raise a ResourceError if the texts that are generated together do not fit into memory."""
    texts, what = samples, f"{samples:,} samples"
    if config.method == "beam":  # there are no more texts than words can make
        texts = min(config.beam, words ** min(length - 1, 64))
        what = f"a beam of {config.beam:,}"
    require_memory(f"{what} would take", _BYTES_PER_WORD * words * texts, "ask for fewer")


class Prediction(NamedTuple):
    """A word that may come next."""

    word: str
    probability: float


def predict(
    model: LanguageModel, tokens: str | Sequence[str] = (), n: int = 10
) -> Ranking[Prediction]:
    """Return the most probable next words, most probable first.

    Args:
        model: the language model.
        tokens: the text before, or its tokens, after the start of a sentence; none: the first of a
            sentence.
        n: how many, at least 1; fewer where the model has fewer words.

    Raises:
        ConfigError: ``n`` is below 1.
        VocabularyError: the model knows none of the words before.

    Warns:
        WordkitWarning: the model does not know some of them.
    """
    check_number("n", n)
    known = _known_prompt(model, model.prompt_tokens(tokens))
    table, _ = _read(_learnt(model, known), known)
    log_p = table[0].cpu().numpy()
    best = highest(log_p, n)
    best = best[np.argsort(-log_p[best], kind="stable")]
    words = model.vocabulary.decode(best)
    if model.unit == "bpe":
        words = [*map(piece_text, words)]
    probabilities = np.exp(log_p[best]).tolist()
    return Ranking(map(Prediction, words, probabilities))


def _known_prompt(model: LanguageModel, prompt: Sequence[str]) -> list[int]:
    """Return the ids of a prompt, after the start of a sentence."""
    unknown = list(dict.fromkeys(word for word in prompt if word not in model.vocabulary))
    named = ", ".join(map(repr, unknown[:_MAX_SHOWN]))
    if len(unknown) > _MAX_SHOWN:
        named += f" and {len(unknown) - _MAX_SHOWN} more"
    if unknown and not any(word in model.vocabulary for word in prompt):
        if model.unit != "word":
            raise VocabularyError(
                f"the model is one of {UNIT_NOUNS[model.unit]}s, and knows none of the prompt: "
                f"{named}; give the prompt as a text"
            )
        near = {word: model.vocabulary.near(word) for word in unknown[:_MAX_SHOWN]}
        if any(near.values()):
            raise UnknownWordError.join([unknown_word(word, near[word]) for word in near])
        raise VocabularyError(
            f"the model knows no word of the prompt: {named}; begin with words of its training text"
        )
    if unknown:
        warnings.warn(
            f"the model does not know {named}, and reads {UNK} instead",
            WordkitWarning,
            stacklevel=3,
        )
    return [model.eos_id, *model.ids(prompt).tolist()]


def _learnt(model: LanguageModel, prompt: Sequence[int]) -> LanguageModel:
    """Return the model after it has learnt from a prompt, where it learns from what it reads."""
    network, steps, learn = model.begin()
    if learn is None or steps is None:
        return model
    for inputs, targets in stream_pieces(np.array(prompt[1:]), prompt[0], steps):
        learn(inputs, targets)
    return replace(model, network=network)  # type: ignore[arg-type]


def _read(
    model: LanguageModel, prompt: Sequence[int], banned: Tensor | None = None
) -> tuple[Tensor, State]:
    """Return log p of every word after a prompt, (1, V), and the state."""
    column = torch.tensor(prompt, device=device_of(model.network)).unsqueeze(1)
    state: State = model.network.initial_state(1)
    for part in torch.split(column, _READ_STEPS):
        log_p, state = next_log_probs(model.network, part, state, banned)
    return log_p, state


def default_banned(model: LanguageModel) -> tuple[str, ...]:
    """Return the words that never come unless they are asked for.

    ``<unk>``, and ``N`` where it stands for a number: the model's text wrote numbers so, or was
    tokenized before, as the Penn Treebank was, and has no number but ``N`` often.
    """
    tokenizer = model.metadata.get("text", {}).get("tokenizer", "whitespace")
    vocabulary = model.vocabulary
    if "N" not in vocabulary:
        return (UNK,)
    is_frequent = vocabulary.counts[vocabulary.id("N")] > _MIN_NUMBERS * vocabulary.counts.sum()
    is_number_word = model.numbers == "N" or (
        tokenizer == "whitespace" and is_frequent and not any(map(is_number, vocabulary))
    )
    return (UNK, "N") if is_number_word else (UNK,)


def _banned_ids(model: LanguageModel, words: Sequence[str] | None) -> Tensor:
    words = default_banned(model) if words is None else words
    found = {model.vocabulary.get(word) for word in words}
    banned = sorted(i for i in found if i is not None)
    if len(banned) == len(model.vocabulary):
        raise VocabularyError("every word of the model is banned; allow some")
    return torch.tensor(banned, dtype=torch.int64, device=device_of(model.network))
