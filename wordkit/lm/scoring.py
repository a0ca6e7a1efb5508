"""How well a language model foresees a text: perplexity, and the probabilities of lines and words.

T steps, B lines side by side. All logarithms are natural, and every figure is exact: float32
products, sums in double precision, and every token counted.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wordkit.errors import ConfigError, DivergenceError
from wordkit.evaluation.perplexity import Perplexity
from wordkit.lm.inference import Ids
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.model import RecurrentModel
from wordkit.lm.stream import TokenStream
from wordkit.recurrent.answering import answering
from wordkit.recurrent.layer import Carried
from wordkit.runtime import Report, Run
from wordkit.text import Corpus
from wordkit.text.vocabulary import EOS

__all__ = ["LineScore", "WordScore", "perplexity", "perplexity_of_stream", "score_lines"]

_STEPS = 512  # of a text that is read in one piece
_LINES_TOGETHER, _TOKENS_TOGETHER = 512, 1 << 15  # that are put in the order of their lengths
_LINES_IN_BATCH, _TOKENS_IN_BATCH = 64, 1 << 13  # that go through the network side by side


def perplexity(
    model: LanguageModel, text: Corpus | TokenStream, *, steps: int = _STEPS
) -> Run[Perplexity]:
    """How well a model foresees a text, read as one stream from the start of a sentence.

    The state is zero and ``<eos>`` the word before the first; from there on the state is carried
    through the whole text, and every token to the last one is a target, line ends too. Where the
    text is cut into pieces changes nothing but rounding.

    Args:
        model: what is asked.
        text: a corpus, whose words are looked up in the model, or a stream of the model's words.
        steps: tokens read in one piece, at least 1.

    Returns:
        A run that reports the tokens read and the perplexity so far.

    Raises:
        ConfigError: ``steps`` is below 1.
        TextError: the corpus holds no token.
        DivergenceError: as it runs: the network gives no numbers.
    """
    if isinstance(text, Corpus):
        text = TokenStream(text, model.vocabulary)
    return Run(perplexity_of_stream(model.module, text, steps=steps))


def perplexity_of_stream(
    module: RecurrentModel, stream: TokenStream, *, steps: int = _STEPS
) -> Generator[Report, None, Perplexity]:
    """As :func:`perplexity`, of a network alone; its mode and precision are left as they are."""
    if steps < 1:
        raise ConfigError(f"steps must be at least 1, not {steps}")
    state, before = module.start_state(1), stream.eos_id
    score = Perplexity(0.0, 0)
    yield Report("scoring", 0, stream.tokens, "tokens")
    for start in range(0, stream.tokens, steps):
        ids = stream.read(start, min(start + steps, stream.tokens))
        inputs = np.concatenate([[before], ids[:-1]])
        log_p, state = _token_scores(module, inputs[:, None], ids[:, None], state)
        score = _plus(score, log_p[:, 0], ids == stream.unk_id)
        before = int(ids[-1])
        figures = {"perplexity": score.perplexity}
        yield Report("scoring", score.tokens, stream.tokens, "tokens", figures)
    return score


def _plus(
    score: Perplexity, log_p: npt.NDArray[np.float64], is_unknown: npt.NDArray[np.bool_]
) -> Perplexity:
    return Perplexity(
        score.log_likelihood + float(log_p.sum()),
        score.tokens + len(log_p),
        score.oov + int(is_unknown.sum()),
        score.oov_log_likelihood + float(log_p[is_unknown].sum()),
    )


class WordScore(NamedTuple):
    """A word of a line."""

    word: str
    """As it stands in the text; ``<eos>`` is the end of the line."""

    log_probability: float
    """Of the word after those before it; that of ``<unk>`` where the model does not know it."""


@dataclass(frozen=True)
class LineScore:
    """How probable a line is, as a text of its own."""

    words: tuple[WordScore, ...]
    """Its words and ``<eos>``, which ends it."""

    oov: int
    """Words that the model does not know."""

    @property
    def log_probability(self) -> float:
        """Of the whole line, its end included."""
        return math.fsum(word.log_probability for word in self.words)


def score_lines(model: LanguageModel, lines: Iterable[str]) -> Iterator[LineScore]:
    """How probable lines are, each as a text of its own that ends with ``<eos>``.

    A line begins at the start of a sentence, as :func:`perplexity` does, so its score does not
    depend on the other lines. Lines of similar length go through the network together; up to 512
    lines are held at a time.

    Args:
        model: what is asked.
        lines: texts without line breaks; an empty one has a line end alone.

    Returns:
        The scores, in the order of the lines.

    Raises (as it goes on):
        DivergenceError: the network gives no numbers.
    """
    held: list[list[str]] = []
    tokens = 0
    for line in lines:
        held.append([*model.tokens(line), EOS])
        tokens += len(held[-1])
        if len(held) == _LINES_TOGETHER or tokens >= _TOKENS_TOGETHER:
            yield from _score_together(model, held)
            held, tokens = [], 0
    yield from _score_together(model, held)


def _score_together(model: LanguageModel, texts: Sequence[list[str]]) -> list[LineScore]:
    """The scores of lines, given as words with ``<eos>`` behind them, in their order."""
    scores: dict[int, LineScore] = {}
    for batch in _batches([len(text) for text in texts]):
        ids = [model.ids(texts[i]) for i in batch]
        for i, row, log_p in zip(batch, ids, _batch_scores(model, ids), strict=True):
            words = map(WordScore, texts[i], log_p.tolist())
            scores[i] = LineScore(tuple(words), int((row == model.unk_id).sum()))
    return [scores[i] for i in range(len(texts))]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The numbers of lines to be read side by side, longest first, with little left empty."""
    batch: list[int] = []
    most = 0
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if len(batch) == most:
            if batch:
                yield batch
            batch = []
            most = max(min(_TOKENS_IN_BATCH // lengths[i], _LINES_IN_BATCH), 1)
        batch.append(i)
    if batch:
        yield batch


def _batch_scores(model: LanguageModel, rows: Sequence[Ids]) -> list[npt.NDArray[np.float64]]:
    """log p of each word of lines that are read side by side, the longest one first."""
    T, B = len(rows[0]), len(rows)
    targets = np.full((T, B), -1, dtype=np.int64)  # −1: behind the end
    for column, row in zip(targets.T, rows, strict=True):
        column[: len(row)] = row
    inputs = np.full((T, B), model.eos_id, dtype=np.int64)
    inputs[1:] = np.where(targets[:-1] < 0, model.eos_id, targets[:-1])
    state = model.module.start_state(B)
    pieces = []
    for start in range(0, T, _STEPS):
        piece = slice(start, start + _STEPS)
        log_p, state = _token_scores(model.module, inputs[piece], targets[piece], state)
        pieces.append(log_p)
    table = np.concatenate(pieces)
    return [table[: len(row), column] for column, row in enumerate(rows)]


def _token_scores(
    module: RecurrentModel, inputs: Ids, targets: Ids, state: Carried
) -> tuple[npt.NDArray[np.float64], Carried]:
    """log p of each target, shape (T, B), and the state after them.

    Args:
        module: the network.
        inputs: the word before each target, shape (T, B).
        targets: shape (T, B); −1 where there is none.
        state: before the first.
    """
    with answering(module):
        features = module(torch.from_numpy(inputs).to(module.device), state)
        wanted = torch.from_numpy(targets).to(module.device)
        log_p = module.token_log_probabilities(features.top, wanted).cpu().numpy()
    scores = log_p.astype(np.float64).reshape(targets.shape)
    if not np.isfinite(scores).all():
        raise DivergenceError(
            "the model gives probabilities that are no numbers: its weights are far too large; "
            "train it again with a lower learning rate"
        )
    return scores, features.state
