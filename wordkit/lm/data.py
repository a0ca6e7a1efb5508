"""The text for a language model: one stream of word ids, and the windows of training.

T steps, B sequences of a batch, N tokens, V words. Each line of the text ends with ``<eos>``. For
training the stream is cut into B sequences, which form a batch, window by window; their lengths
differ by one at most, so every token is predicted once in an epoch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wordkit.config import check_number
from wordkit.errors import ConfigError, TextError, VocabularyError, counted
from wordkit.text import Corpus, Vocabulary
from wordkit.text.corpus import UNTOLD
from wordkit.text.detokenizer import UNIT_NOUNS, detokenize
from wordkit.text.normalization import Normalization, normalized
from wordkit.text.sizes import TextSizes, measure_text
from wordkit.text.tokenizers import tokenizer_of, unit_of
from wordkit.text.vocabulary import EOS, UNK

__all__ = [
    "TextWindows", "TokenStream", "Window", "check_units", "hold_out", "words_to_model",
]  # fmt: skip

_NO_TARGET = -1  # after the end of a shorter sequence
_MIN_STEPS = 5  # of a window whose length is drawn
_PIECE = 1 << 20  # ids that are counted at a time
_LINES_TOGETHER = 1 << 14  # that are put together to text
_HALVED = 0.05  # fraction of such windows that are drawn around half of the steps


class TokenStream:
    """The ids of a corpus as ids of a model's vocabulary; words that it lacks are ``<unk>``.

    They are looked up in the normal form of the model's text; words as any equal spelling too.

    Args:
        corpus: in memory or memory-mapped; a corpus without ``<eos>`` gets one at each line end.
        vocabulary: of the model; holds ``<unk>`` and ``<eos>``.
        like: the settings of the model's text, into whose units the corpus must be cut, unless it
            was made of lists of tokens; None: it is.

    Raises:
        VocabularyError: the vocabulary holds no ``<unk>`` or no ``<eos>``.
        TextError: the corpus is empty.
        ConfigError: it is cut into other units.
    """

    def __init__(
        self, corpus: Corpus, vocabulary: Vocabulary, like: Mapping[str, Any] | None = None
    ) -> None:
        if vocabulary.unk_id is None or vocabulary.eos_id is None:
            raise VocabularyError(f"a language model's vocabulary needs {UNK} and {EOS}")
        if not corpus.tokens:
            raise TextError("the text holds no token; give one that does")
        if like is not None and "tokenizer" in corpus.settings:
            check_units(corpus, like)
        self.unk_id, self.eos_id = vocabulary.unk_id, vocabulary.eos_id
        self.sizes = TextSizes.of_settings(corpus.settings)
        """Characters, bytes and words of the text; None where they are not known."""
        self._corpus = corpus  # keeps the folder of its ids alive
        self._ids: npt.NDArray[np.int32] = corpus.ids
        words, unit = corpus.vocabulary.words, unit_of(corpus.settings)
        form: Normalization = "none" if unit == "bpe" else {**UNTOLD, **(like or {})}["normalize"]
        find = vocabulary.find if unit == "word" else vocabulary.get
        found = (find(normalized(word, form)) for word in words)
        self._model_ids = np.array(
            [self.unk_id if i is None else i for i in found] or [0], dtype=np.int64
        )
        eos = corpus.vocabulary.eos_id
        if eos is None or corpus.ids[corpus.offsets[1] - 1] != eos:  # the first line has none
            self._ids = _with_line_ends(corpus, len(words))
            self._model_ids = np.append(self._model_ids[: len(words)], self.eos_id)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, part: slice) -> npt.NDArray[np.int64]:
        return self._model_ids[self._ids[part]]

    def count(self, word: int) -> int:
        """Return how often a word comes in the text."""
        ids = np.flatnonzero(self._model_ids == word)
        pieces = (self._ids[i : i + _PIECE] for i in range(0, len(self), _PIECE))
        return sum(int(np.isin(piece, ids).sum()) for piece in pieces)

    @property
    def of_one_symbol(self) -> str:
        """The repeated word or character of a text that has no other, for messages; else empty."""
        unit = unit_of(self._corpus.settings)
        words = {self._corpus.vocabulary.word(i) for i in np.unique(self._corpus.ids).tolist()}
        symbols = {*"".join(words - {EOS})} if unit == "bpe" else words - {EOS}
        noun = UNIT_NOUNS["char" if unit == "bpe" else unit]
        return f", all of the one {noun} {symbols.pop()!r:.50}" if len(symbols) == 1 else ""

    def take(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the ids at positions; at −1, before the first, ``<eos>``.

        Args:
            positions: of any shape, from −1 to N − 1.
        """
        ids = self._model_ids[self._ids[np.maximum(positions, 0)]]
        ids[positions < 0] = self.eos_id
        return ids


@dataclass(frozen=True)
class Window:
    """Some steps of all sequences, and the words that follow."""

    inputs: Tensor
    """Shape (T, B), int64."""

    targets: Tensor
    """Shape (T, B), int64; −1 where there is none."""

    tokens: int
    """Targets of all sequences, also those of other processes."""


class TextWindows:
    """A stream cut into the sequences of a batch.

    Args:
        stream: the text.
        batch: B, over all processes.
        steps: T; the text must fill one window at least.
        rank, processes: which of so many processes this is; it has an equal part of the sequences.

    Raises:
        TextError: the text is shorter than a window.
        ConfigError: the processes cannot divide the sequences evenly.
    """

    def __init__(
        self, stream: TokenStream, batch: int, steps: int, *, rank: int = 0, processes: int = 1
    ) -> None:
        N = len(stream)
        if batch * steps > N:
            window = f"{counted(batch, 'sequence')} and {counted(steps, 'step')}"
            raise TextError(
                f"the text has {counted(N, 'token')}{stream.of_one_symbol}, and a window of "
                f"{window} takes {batch * steps:,}; give more text, or lower batch or steps"
            )
        if batch % processes:
            raise ConfigError(
                f"batch must be a multiple of {processes}, the same for each process, not {batch}"
            )
        self._stream, self._steps = stream, steps
        short, longer = divmod(N, batch)
        self._lengths = np.full(batch, short, dtype=np.int64)
        self._lengths[:longer] += 1
        starts = np.concatenate([[0], np.cumsum(self._lengths)[:-1]])
        own = slice(rank * (batch // processes), (rank + 1) * (batch // processes))
        self._starts: npt.NDArray[np.int64] = starts[own]
        self._ends: npt.NDArray[np.int64] = (starts + self._lengths)[own]

    def __len__(self) -> int:
        """Steps of the longest sequence."""
        return int(self._lengths[0])

    @property
    def sequences(self) -> int:
        """Sequences of this process."""
        return len(self._starts)

    def epoch(
        self, start: int = 0, generator: np.random.Generator | None = None
    ) -> Iterator[Window]:
        """Yield the windows of the whole text in turn.

        Args:
            start: number of the first one to yield.
            generator: draws the length of each (Merity et al. 2018, section 4.1); None: T steps.
        """
        position = 0
        for number in itertools.count():
            if position >= len(self):
                return
            steps = self._steps if generator is None else self._drawn_steps(generator)
            if number >= start:
                yield self.window(position, steps)
            position += steps

    def _drawn_steps(self, generator: np.random.Generator) -> int:
        mean = self._steps / 2 if generator.random() < _HALVED else self._steps
        return max(_MIN_STEPS, int(generator.normal(mean, 5)))

    def window(self, start: int, steps: int) -> Window:
        """Return the window of up to ``steps`` steps from a step on."""
        steps = min(steps, len(self) - start)
        positions = self._starts + start + np.arange(steps)[:, None]  # (T, B)
        is_inside = positions < self._ends
        positions = np.minimum(positions, len(self._stream) - 1)
        targets = np.where(is_inside, self._stream.take(positions), _NO_TARGET)
        inputs = self._stream.take(positions - 1)
        tokens = int(np.clip(self._lengths - start, 0, steps).sum())
        return Window(torch.from_numpy(inputs), torch.from_numpy(targets), tokens)


def check_units(corpus: Corpus, like: Mapping[str, Any]) -> None:
    """Raise a ConfigError if a corpus is cut into other units than the text of these settings."""
    unit, known = (UNIT_NOUNS[unit_of(each)] for each in (corpus.settings, like))
    if unit != known or corpus.settings.get("bpe") != like.get("bpe"):
        raise ConfigError(
            f"{corpus.settings.get('source', 'the text')} is cut into {unit}s, and that of the "
            f"model into {'others' if unit == known else f'{known}s'}; give the text itself"
        )


def _with_line_ends(corpus: Corpus, eos: int) -> npt.NDArray[np.int32]:
    """Return the ids with ``eos`` after each line, in memory."""
    lines = np.diff(corpus.offsets)
    ids = np.full(corpus.tokens + len(lines), eos, dtype=np.int32)
    is_word = np.ones(len(ids), dtype=bool)
    is_word[np.cumsum(lines + 1) - 1] = False
    ids[is_word] = corpus.ids
    return ids


def words_to_model(
    corpus: Corpus, *, min_count: int | None = None, max_size: int | None = None
) -> Vocabulary:
    """Return the vocabulary of a model of this training text, with ``<unk>`` and ``<eos>``.

    Args:
        corpus: the training text.
        min_count: words seen less often become ``<unk>``; None: 1 where the text has ``<unk>``
            already, or is cut into characters, else 2, so that there is something to learn about
            unknown words.
        max_size: maximum number of words.

    Raises:
        ConfigError: a limit is given for pieces of words, all of which are needed.
        FormatError: the pieces are corrupted, or of a newer version.
        VocabularyError: no word is left.
    """
    known, unit = corpus.vocabulary, unit_of(corpus.settings)
    counts = dict(zip(known.words, known.counts.tolist(), strict=True))
    if known.eos_id is None:
        counts[EOS] = corpus.sentences
    if unit == "bpe":
        tokenizer_of(corpus.settings)  # raises where its pieces are corrupted
        if min_count not in (None, 1) or max_size not in (None, corpus.settings.get("max_size")):
            raise ConfigError(
                f"the text is cut into {len(known):,} pieces by bpe, all of which are needed: "
                "leave out the limits of the vocabulary, or prepare the text again"
            )
        return Vocabulary.from_counts({UNK: 0, **counts})
    if min_count is None:
        min_count = 1 if UNK in counts or unit == "char" else 2
    return Vocabulary.from_counts(counts, min_count=min_count, max_size=max_size, unk=True)


def hold_out(corpus: Corpus, fraction: float) -> tuple[Corpus, Corpus]:
    """Return the corpus without its end, and its end: a training text and one to validate on.

    The words of the training text are counted anew, so that it does not know those of the other.
    The cut is at the end of a line, or within one where lines are so long that there is none near.

    Args:
        corpus: the text.
        fraction: of the tokens held out, above 0 and below 1.

    Raises:
        ConfigError: the fraction is out of its range.
        TextError: there are too few tokens for it.
    """
    check_number("hold_out", fraction, float, above=0, below=1)
    if corpus.tokens < 2:
        raise TextError(
            f"the text has {counted(corpus.tokens, 'token')}, and some must be held out to "
            "validate on; give more text, or a text to validate on"
        )
    offsets, unit = corpus.offsets, unit_of(corpus.settings)
    cut = corpus.settings.get("learnt_tokens")  # what bpe has not learnt from is held out
    if type(cut) is not int or not 0 < cut < corpus.tokens:
        cut = _cut_position(offsets, fraction)
    line = int(np.searchsorted(offsets, cut))
    counts = np.bincount(corpus.ids[:cut], minlength=len(corpus.vocabulary))
    order = np.argsort(-counts, kind="stable")
    if unit != "bpe":
        order = order[counts[order] > 0]
    new_ids = np.zeros(len(counts), dtype=np.int32)
    new_ids[order] = np.arange(len(order), dtype=np.int32)
    words = Vocabulary([corpus.vocabulary.word(i) for i in order.tolist()], counts[order])
    ends = np.append(offsets[:line], cut)
    whole = TextSizes().settings()  # those of the parts are others
    settings = {name: value for name, value in corpus.settings.items() if name not in whole}
    training = Corpus(new_ids[corpus.ids[:cut]], ends, words, settings)
    starts = np.append(cut, offsets[line + int(offsets[line] == cut) :])
    held_out = Corpus(corpus.ids[cut:], starts - cut, corpus.vocabulary, settings)
    held_out.keep_alive = corpus
    if unit != "word":
        held_out.settings |= _sizes(held_out).settings()
    return training, held_out


def _sizes(corpus: Corpus) -> TextSizes:
    """Return the sizes of a text of characters or pieces, whose tokens are all of it."""
    unit, sizes = unit_of(corpus.settings), TextSizes()
    for start in range(0, corpus.sentences, _LINES_TOGETHER):
        ends = corpus.offsets[start : start + _LINES_TOGETHER + 1]
        tokens = corpus.vocabulary.decode(corpus.ids[ends[0] : ends[-1]])
        sizes += measure_text(detokenize(tokens, unit).encode(), "none")
    return sizes


def _cut_position(offsets: npt.NDArray[np.int64], fraction: float) -> int:
    """Return the end of a line near that fraction of the tokens; else the exact position."""
    N = int(offsets[-1])
    wanted = N * (1 - fraction)
    ends = offsets[(offsets > 0) & (offsets < N)]
    if len(ends):
        end = int(ends[np.argmin(np.abs(ends - wanted))])
        if abs(end - wanted) <= N * min(fraction, 1 - fraction) / 2:
            return end
    return min(max(round(wanted), 1), N - 1)
