"""Perplexity of a text, and the probabilities of lines and words."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, tee
from typing import NamedTuple

import numpy as np

from wordkit.decoding.scoring import measure_perplexity, score_sequences, token_log_probs
from wordkit.errors import TextError, missing_hint
from wordkit.evaluation.perplexity import Perplexity
from wordkit.lm.data import TokenStream
from wordkit.lm.model import LanguageModel, Reading
from wordkit.runtime import Report, Run
from wordkit.text import Corpus
from wordkit.text.detokenizer import token_texts
from wordkit.text.sizes import TextSizes
from wordkit.text.vocabulary import EOS
from wordkit.training.adaptive_threads import adapting_threads

__all__ = ["LineScore", "WordScore", "iter_perplexity", "score_lines"]

_LINES_TOGETHER, _TOKENS_TOGETHER = 512, 1 << 15  # that are sorted by their lengths


def iter_perplexity(
    model: LanguageModel, text: Corpus | TokenStream, *, steps: int = 512
) -> Run[Perplexity]:
    """Measure how well a model predicts a text, read as one stream from the start of a sentence.

    Args:
        model: the language model.
        text: a corpus, whose words are looked up in the model, or a stream of the model's words.
        steps: tokens read in one piece, at least 1; an adapted model has its own number.

    Returns:
        A run that reports the tokens read and the perplexity so far.

    Raises:
        ConfigError: the corpus is cut into other units than the model's text; as it runs: ``steps``
            is below 1.
        TextError: the corpus holds no token.
        DivergenceError: as it runs: the network gives no numbers.
    """
    if isinstance(text, Corpus):
        text = TokenStream(text, model.vocabulary, model.text_settings)
    return Run(adapting_threads(_perplexity(model, text, steps)))


def _perplexity(
    model: LanguageModel, text: TokenStream, steps: int
) -> Generator[Report, None, Perplexity]:
    network, own_steps, learn = model.begin()
    score = yield from measure_perplexity(
        network, text, first=model.eos_id, unk=model.unk_id,
        steps=steps if own_steps is None else own_steps, learn=learn,
    )  # fmt: skip
    return with_sizes(score, text.sizes)


def perplexity_of(perplexity: float, text: TokenStream) -> Perplexity:
    """Return a perplexity that was measured on a text before, with the sizes of the text."""
    score = Perplexity(-math.log(perplexity) * len(text), len(text), text.count(text.unk_id))
    return with_sizes(score, text.sizes)


def with_sizes(score: Perplexity, sizes: TextSizes | None) -> Perplexity:
    """Return a perplexity with the sizes of its text, where they are known."""
    if sizes is None:
        return score
    words = sizes.words + sizes.lines
    return replace(score, characters=sizes.characters, bytes=sizes.bytes, words=words)


class WordScore(NamedTuple):
    """A word of a line."""

    word: str
    """The word of the text; ``<eos>`` is the end of the line."""

    log_probability: float
    """log p of the word after those before it; that of ``<unk>`` where it is unknown."""


@dataclass(frozen=True)
class LineScore:
    """The log-probabilities of the words of a line, as a text of its own."""

    words: tuple[WordScore, ...]
    """Its words and ``<eos>``, which ends it."""

    oov: int
    """Words that the model does not know."""

    @property
    def log_probability(self) -> float:
        """Log-probability of the whole line, its end included."""
        return math.fsum(word.log_probability for word in self.words)


def score_lines(
    model: LanguageModel, lines: str | Iterable[str | Sequence[str]]
) -> Iterator[LineScore]:
    """Score lines, each as a text of its own that ends with ``<eos>``.

    A line begins at the start of a sentence, as in :func:`iter_perplexity`, so its score does not
    depend on the other lines. Lines of similar length go through the network together; up to 512
    lines are held at a time. A model with a cache or dynamic evaluation reads the lines as one
    text, each after those before it.

    Args:
        model: the language model.
        lines: texts or lists of tokens, or one text, which is never the name of a file; an open
            file has lines too. A line break at the end does not count; an empty text has a line
            end alone.

    Returns:
        The scores, in the order of the lines.

    Raises (during iteration):
        TextError: a line is no string and no list of tokens.
        DivergenceError: the network gives no numbers.
    """
    texts = _texts(model, [lines] if isinstance(lines, str) else lines)
    reading = model.begin()
    if reading.steps is not None:
        yield from _score_in_order(model, reading, texts)
        return
    waiting: list[list[str]] = []
    tokens = 0
    for text in texts:
        waiting.append(text)
        tokens += len(text)
        if len(waiting) == _LINES_TOGETHER or tokens >= _TOKENS_TOGETHER:
            yield from _score_together(model, waiting)
            waiting, tokens = [], 0
    yield from _score_together(model, waiting)


def _texts(model: LanguageModel, lines: Iterable[str | Sequence[str]]) -> Iterator[list[str]]:
    """Yield the words of each line, and its end."""
    for number, line in enumerate(lines, 1):
        words = [*line] if isinstance(line, Iterable) else [line]
        if isinstance(line, str):
            words = model.tokens(line.removesuffix("\n").removesuffix("\r"))
        elif not all(isinstance(word, str) for word in words):
            raise TextError(
                f"line {number} must be a string or a list of tokens, not {line!r:.50}"
                f"{missing_hint(*words)}"
            )
        yield [*words, EOS]


def _score_in_order(
    model: LanguageModel, reading: Reading, texts: Iterable[list[str]]
) -> Iterator[LineScore]:
    """Score texts as one, in pieces that do not depend on where they end."""
    scored, read = tee(texts)
    ids = chain.from_iterable(model.ids(text).tolist() for text in read)
    log_p = _log_probs(reading, ids, model.eos_id)
    for text in scored:
        words = tuple(map(WordScore, token_texts(text, model.unit), [*islice(log_p, len(text))]))
        yield LineScore(words, int((model.ids(text) == model.unk_id).sum()))


def _log_probs(reading: Reading, ids: Iterator[int], before: int) -> Iterator[float]:
    """Yield log p of each word of a text, read piece by piece."""
    network, steps, learn = reading
    state = network.initial_state(1)
    while piece := [*islice(ids, steps)]:
        inputs, targets = (np.array([row]).T for row in ([before, *piece[:-1]], piece))
        log_p, state = token_log_probs(network, inputs, targets, state)
        if learn is not None:
            learn(inputs, targets)
        before = piece[-1]
        yield from log_p[:, 0].tolist()


def _score_together(model: LanguageModel, texts: Sequence[list[str]]) -> Iterator[LineScore]:
    ids = [model.ids(text) for text in texts]
    scores = score_sequences(model.network, ids, first=model.eos_id)
    for text, row, log_p in zip(texts, ids, scores, strict=True):
        words = tuple(map(WordScore, token_texts(text, model.unit), log_p.tolist()))
        yield LineScore(words, int((row == model.unk_id).sum()))
