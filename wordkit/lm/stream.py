"""The text as a language model sees it: one stream of word ids, each line closed by ``<eos>``.

N is the number of tokens of the stream, C of words of the corpus, V of the model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, TextError, VocabularyError, counted
from wordkit.text import Corpus, Vocabulary
from wordkit.text.vocabulary import EOS, UNK

__all__ = ["TokenStream", "hold_out", "words_to_model"]


class TokenStream:
    """The ids of a corpus as ids of a model's vocabulary; words that it lacks are ``<unk>``.

    Args:
        corpus: in memory or memory-mapped; a corpus without ``<eos>`` gets one at each line end.
        vocabulary: of the model; holds ``<unk>`` and ``<eos>``.

    Raises:
        VocabularyError: the vocabulary holds no ``<unk>`` or no ``<eos>``.
        TextError: the corpus is empty.
    """

    def __init__(self, corpus: Corpus, vocabulary: Vocabulary) -> None:
        if vocabulary.unk_id is None or vocabulary.eos_id is None:
            raise VocabularyError(f"a language model's vocabulary needs {UNK} and {EOS}")
        if not corpus.tokens:
            raise TextError("the text holds no token; give one that does")
        self.unk_id, self.eos_id = vocabulary.unk_id, vocabulary.eos_id
        self._corpus = corpus  # keeps the folder of its ids alive
        self._ids: npt.NDArray[np.int32] = corpus.ids
        words = corpus.vocabulary.words
        found = (vocabulary.get(word) for word in words)
        self._model_ids = np.array(
            [self.unk_id if i is None else i for i in found] or [0], dtype=np.int64
        )
        if not _has_line_ends(corpus):
            self._ids = _with_line_ends(corpus, len(words))
            self._model_ids = np.append(self._model_ids[: len(words)], self.eos_id)

    @property
    def tokens(self) -> int:
        """N."""
        return len(self._ids)

    def read(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """The ids from one place to before another."""
        return self._model_ids[self._ids[start:stop]]

    def take(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The ids at places; at −1, before the first, the ``<eos>`` that a text begins after.

        Args:
            places: of any shape, from −1 to N − 1.
        """
        ids = self._model_ids[self._ids[np.maximum(places, 0)]]
        ids[places < 0] = self.eos_id
        return ids


def _has_line_ends(corpus: Corpus) -> bool:
    """Whether lines end with ``<eos>``: the vocabulary, which may be that of another text, has it,
    and the first line does."""
    eos = corpus.vocabulary.eos_id
    return eos is not None and bool(corpus.ids[corpus.offsets[1] - 1] == eos)


def _with_line_ends(corpus: Corpus, eos: int) -> npt.NDArray[np.int32]:
    """The ids with ``eos`` behind each line, in memory."""
    lines = np.diff(corpus.offsets)
    ids = np.full(corpus.tokens + len(lines), eos, dtype=np.int32)
    is_word = np.ones(len(ids), dtype=bool)
    is_word[np.cumsum(lines + 1) - 1] = False
    ids[is_word] = corpus.ids
    return ids


def words_to_model(
    corpus: Corpus, *, min_count: int | None = None, max_size: int | None = None
) -> Vocabulary:
    """The vocabulary of a model of this training text, with ``<unk>`` and ``<eos>``.

    Args:
        corpus: the training text.
        min_count: words seen less often become ``<unk>``; None: 1 where the text has ``<unk>``
            already, else 2, so that there is something to learn about unknown words.
        max_size: at most so many words.

    Raises:
        VocabularyError: no word is left.
    """
    known = corpus.vocabulary
    counts = dict(zip(known.words, known.counts.tolist(), strict=True))
    if known.eos_id is None:
        counts[EOS] = corpus.sentences
    if min_count is None:
        min_count = 1 if UNK in counts else 2
    return Vocabulary.from_counts(counts, min_count=min_count, max_size=max_size, unk=True)


def hold_out(corpus: Corpus, share: float) -> tuple[Corpus, Corpus]:
    """The corpus without its end, and its end: a training text and one to validate on.

    The words of the training text are counted anew, so that it does not know those of the other.
    The cut is at the end of a line, or within one where lines are so long that there is none near.

    Args:
        corpus: the text.
        share: of the tokens held out, above 0 and below 1.

    Raises:
        ConfigError: the share is out of its range.
        TextError: there are too few tokens for it.
    """
    if not 0 < share < 1:
        raise ConfigError(f"the share to hold out must be above 0 and below 1, not {share}")
    if corpus.tokens < 2:
        raise TextError(
            f"the text has {counted(corpus.tokens, 'token')}, and some must be held out to "
            "validate on; give more text, or a text to validate on"
        )
    offsets = corpus.offsets
    cut = _place_to_cut(offsets, share)
    line = int(np.searchsorted(offsets, cut))
    counts = np.bincount(corpus.ids[:cut], minlength=len(corpus.vocabulary))
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    places = np.zeros(len(counts), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    words = Vocabulary([corpus.vocabulary.word(i) for i in order.tolist()], counts[order])
    ends = np.append(offsets[:line], cut)
    training = Corpus(places[corpus.ids[:cut]], ends, words, corpus.settings)
    starts = np.append(cut, offsets[line + int(offsets[line] == cut) :])
    held_out = Corpus(corpus.ids[cut:], starts - cut, corpus.vocabulary, corpus.settings)
    held_out.keep_alive = corpus
    return training, held_out


def _place_to_cut(offsets: npt.NDArray[np.int64], share: float) -> int:
    """The end of a line that is near that share of the tokens; else the very place."""
    N = int(offsets[-1])
    wanted = N * (1 - share)
    ends = offsets[(offsets > 0) & (offsets < N)]
    if len(ends):
        end = int(ends[np.argmin(np.abs(ends - wanted))])
        if abs(end - wanted) <= N * min(share, 1 - share) / 2:
            return end
    return min(max(round(wanted), 1), N - 1)
