"""Training a classifier: stochastic gradient descent on threads.

After Joulin, Grave, Bojanowski and Mikolov, "Bag of Tricks for Efficient Text Classification"
(2017), and fastText. The threads update the same matrices without locks: Recht, Ré, Wright and Niu,
"Hogwild!" (2011). N is the number of texts, R of words and n-grams, K of labels, D of dimensions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.classification import kernels
from wordkit.classification.classifier import Classifier, check_finite, scores_of
from wordkit.classification.config import ClassifierConfig
from wordkit.classification.examples import LabelledText
from wordkit.classification.features import Features, LabelledWords, tokenized
from wordkit.classification.naive_bayes import log_count_ratios
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, DivergenceError, TextError
from wordkit.kernels.aligned import aligned, padded_length
from wordkit.runtime import (
    Report,
    StoppableRun,
    ThreadPool,
    require_memory,
    uninterrupted,
    versions,
)
from wordkit.text.lookup import WordIds
from wordkit.text.vocabulary import Vocabulary
from wordkit.word2vec.huffman import huffman_tree

__all__ = ["ClassifierRun", "iter_train_classifier", "labels_of"]

Floats = npt.NDArray[np.float32]

MADE_BY = "wordkit train-classifier"
_LOSSES = {"softmax": kernels.SOFTMAX, "ova": kernels.OVA, "hs": kernels.HS}
_PARTS = 16  # of an epoch, for each thread
_MIN_PART = 1024  # texts
_MAX_OTHER_WORDS = 20_000  # the most frequent ones of embeddings
_MAX_LOSS = 1e4  # nats a text, far above any of a sound training


def iter_train_classifier(
    texts: Iterable[LabelledText],
    config: ClassifierConfig | None = None,
    *,
    embeddings: Embeddings | None = None,
    text: Mapping[str, Any] | None = None,
    threads: int | None = None,
) -> ClassifierRun:
    """Train a text classifier.

    The same texts, settings and seed on one thread give the same classifier, bit for bit.

    Args:
        texts: with their labels; kept in memory as ids of words.
        config: None: the defaults; with ``embeddings``, of their dimensions.
        embeddings: vectors of words to start from.
        text: the settings of the text: ``tokenizer``, a name or a function, ``normalize`` and
            ``case``; None: the tokenizer ``basic``.
        threads: of the CPU; None: all cores.

    Returns:
        A run that reports the stage ``training``: words done, and as figures the ``loss`` (nats a
        text, mean over the present epoch), the ``epoch`` and the ``lr``.

    Raises:
        ConfigError: a setting is out of its range, or the embeddings have other dimensions.
        TextError: there is no text, or all have one label.
        VocabularyError: no word is left, or none of them has a vector.
        FormatError: the embeddings come from a corrupted file, or are not finite.
        ResourceError: there is too little memory.
        DivergenceError: the vectors grew beyond all bounds (in the run).
    """
    if config is None:
        config = ClassifierConfig(dim=100 if embeddings is None else embeddings.dim)
    text = {"tokenizer": "basic", **(text or {})}
    data = tokenized(texts, text)
    return ClassifierRun(data, config, text, embeddings=embeddings, threads=threads)


class ClassifierRun(StoppableRun[Classifier]):
    """The run of a training: iterate over it for reports; it knows the classifier so far.

    Args:
        data: to learn from.
        config: settings.
        text: the settings of the text, which the classifier keeps.
        embeddings, threads: as for :func:`iter_train_classifier`.
        search: how the settings were found, which it keeps too.
    """

    def __init__(
        self,
        data: LabelledWords,
        config: ClassifierConfig,
        text: Mapping[str, Any],
        *,
        embeddings: Embeddings | None = None,
        threads: int | None = None,
        search: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(self._train())
        self._text, self._search = text, search
        self.labels = labels_of(data.labels)
        self.config, self._threads = config, threads
        if embeddings is not None and embeddings.dim != config.dim:
            raise ConfigError(
                f"dim is {config.dim}, and the vectors to start from have {embeddings.dim} "
                f"dimensions; set dim to {embeddings.dim} or give other vectors"
            )
        others = () if embeddings is None else embeddings.words[:_MAX_OTHER_WORDS]
        self.features, rows = Features.of_texts(data.table, data.words, config, others)
        width = padded_length(config.dim)
        needed = 4 * self.features.rows * width * (1 + (config.models > 1))
        require_memory(
            f"{self.features.rows:,} words and n-grams of {config.dim} dimensions need", needed,
            "raise min_count or min_ngram_count, or lower dim",
        )  # fmt: skip
        self._known = None if embeddings is None else self.features.vectors_of(embeddings)
        ids = [self.labels.ids(names) for names in data.labels]
        offsets = np.cumsum([0, *map(len, ids)])
        rates = _rates(rows, self.features.rows, config)
        self.texts = kernels.Texts(rows.ids, rows.offsets, np.concatenate(ids), offsets, rates)
        self._outputs = _outputs(self.labels, config)
        self._words, self._N = len(data.words.ids), len(data)
        self._before: Floats | None = None  # the scores of the models before
        self._inputs, self._output = self._initial(0)
        self._model = self.texts_done = 0
        self.loss = math.nan

    def _train(self) -> Generator[Report, None, Classifier]:
        """Train all models to the end."""
        yield self._report(0, 0)
        with ThreadPool(self._threads) as pool:
            for model in range(self.config.models):
                if model:
                    self._before = self._scores()
                    self._model, (self._inputs, self._output) = model, self._initial(model)
                random = np.random.default_rng((self.config.seed, model))
                for epoch in range(self.config.epochs):
                    yield from self._epoch(epoch, random, pool)
                check_finite(self._inputs, self._output)
        return self.best()

    def _epoch(
        self, epoch: int, random: np.random.Generator, pool: ThreadPool
    ) -> Generator[Report, None, None]:
        order, counter = random.permutation(self._N), int(random.integers(1 << 62))
        part = max(self._N // (_PARTS * pool.threads), _MIN_PART)
        loss = 0.0

        def train(start: int) -> float:
            stop = min(start + part, self._N)
            first, last = (self._rate(epoch + place / self._N) for place in (start, stop))
            return kernels.train(
                self.texts, order, start, stop, self._outputs, self._inputs, self._output,
                first, last, self.config.dropout, np.uint64(counter + (start << 20)),
            )  # fmt: skip

        starts = range(0, self._N, part)
        for start, lost in zip(starts, pool.map(train, starts), strict=True):
            stop = min(start + part, self._N)
            self.texts_done += stop - start
            loss += lost
            self.loss = loss / stop
            if not self.loss < _MAX_LOSS:
                raise DivergenceError(
                    f"the training diverged in epoch {epoch + 1}, at learning rate "
                    f"{self._rate(epoch + start / self._N):.4g}; lower lr"
                )
            yield self._report(epoch, stop)

    def _rate(self, epochs: float) -> float:
        return self.config.lr * (1 - epochs / self.config.epochs)

    def _report(self, epoch: int, done: int) -> Report:
        epochs = self.config.epochs * self._model + epoch + done / self._N
        total = self.config.epochs * self.config.models * self._words
        figures = {"loss": self.loss, "epoch": epoch + 1, "lr": self._rate(epoch + done / self._N)}
        return Report("training", int(epochs * self._words), total, "words", figures)

    def _initial(self, model: int) -> tuple[Floats, Floats]:
        """Initialize as fastText does: vectors uniform in ±1/D, or those given, outputs zero."""
        R, D = self.features.rows, self.config.dim
        random = np.random.default_rng((self.config.seed, model, 1))
        outputs, S = len(self.labels) - (self.config.loss == "hs"), padded_length(D)
        inputs = aligned(np.zeros, R, S)  # of which the last columns stay zero
        inputs[:, :D] = (random.random((R, D), dtype=np.float32) * 2 - 1) / np.float32(D)
        if self._known is not None:
            rows, vectors = self._known
            inputs[rows, :D] = vectors
        return inputs, aligned(np.zeros, outputs, S)

    def _scores(self) -> Floats:
        """Return the scores of all models, the present one among them, shape (R, O)."""
        scores = self._inputs @ self._output.T
        if self._before is not None:
            scores = (self._before * self._model + scores) / np.float32(self._model + 1)
        return scores

    def _matrices(self) -> tuple[Floats, Floats | None]:
        """Return the vectors and the output matrix, or the scores."""
        if self.config.models == 1 and not self.config.naive_bayes:
            D = self.config.dim
            return scores_of(self._inputs[:, :D], self._output[:, :D])
        scores = self._scores()
        if self.config.naive_bayes:
            scores += np.float32(self.config.naive_bayes) * log_count_ratios(self.texts, scores)
        return scores, None

    @property
    def has_learnt(self) -> bool:  # noqa: D102 - see StoppableRun
        return self.texts_done > 0

    def best(self) -> Classifier:
        """Return the classifier so far, of a run that is over or was closed."""
        with uninterrupted():
            vectors, output = self._matrices()
        check_finite(vectors, *([] if output is None else [output]))
        made = {
            "made_by": MADE_BY,
            "training": {
                "texts": self._N, "words": self._words,
                "epochs": self.texts_done / self._N,
                "loss": self.loss if math.isfinite(self.loss) else None,
            },
            "versions": versions(),
            **({} if self._search is None else {"search": dict(self._search)}),
        }  # fmt: skip
        return Classifier(
            self.config, self.labels, self.features, vectors, output, self._text, made
        )


# --- what a training begins with -----------------------------------------------------------------


def labels_of(labels: Iterable[tuple[str, ...]]) -> Vocabulary:
    """Return the labels of texts with their counts, most frequent first.

    Raises:
        TextError: there are fewer than two.
    """
    counts = Counter(label for names in labels for label in names)
    if len(counts) < 2:
        raise TextError(
            f"all texts have the label {next(iter(counts), '')!r:.50}; a classifier needs texts of "
            "two labels or more"
        )
    return Vocabulary.from_counts(dict(sorted(counts.items())))


def _rates(rows: WordIds, R: int, config: ClassifierConfig) -> Floats:
    """Return the learning rate of each word and n-gram, in the mean over the texts 1.

    A vector that is multiplied by a weight is learnt at the rate of the weight squared; so the
    vectors have theirs, and answers need none.
    """
    if config.weighting == "mean":
        return np.ones(R, np.float32)
    N, counts = len(rows), np.bincount(rows.ids, minlength=R)
    squares = (np.log((1 + N) / (1 + np.minimum(counts, N))) + 1) ** 2
    return np.asarray(squares * (counts.sum() / (squares @ counts)), np.float32)


def _outputs(labels: Vocabulary, config: ClassifierConfig) -> kernels.Outputs:
    weights = np.ones(len(labels))
    if config.class_weight == "balanced":
        weights = labels.counts.sum() / (len(labels) * labels.counts)
    starts, nodes, codes = np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8)
    if config.loss == "hs":
        tree = huffman_tree(labels.counts)
        starts, nodes, codes = tree.starts, tree.nodes, tree.codes
    loss = _LOSSES[config.loss]
    return kernels.Outputs(loss, weights.astype(np.float32), starts, nodes, codes)
