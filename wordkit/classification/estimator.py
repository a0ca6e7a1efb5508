"""The estimator of scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from wordkit.classification.config import ClassifierConfig
from wordkit.classification.examples import labelled_texts
from wordkit.classification.train import iter_train_classifier
from wordkit.config import change, check_number
from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError, missing_hint
from wordkit.text.lookup import Document
from wordkit.text.tokenizers import TokenizeFunction

__all__ = ["TextClassifier"]


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifies texts, as an estimator of scikit-learn.

    The parameters from ``loss`` to ``seed`` are the fields of
    :class:`wordkit.classification.ClassifierConfig`; where ``dim`` is None, it is that of the
    embeddings, 100 without them, and ``class_weight`` None is "none".

    Args:
        embeddings: vectors of words to start from, or a file of them.
        tokenizer: the name of a tokenizer, or a function from a text to its tokens.
        max_ngrams: n-grams that are kept, at most, by
            :meth:`wordkit.classification.Classifier.pruned`; None: all.
        n_jobs: threads; None or −1: all cores.

    Attributes:
        classes_: the labels, in the order of the alphabet, shape (K,).
        classifier_: the :class:`wordkit.classification.Classifier`.
    """

    def __init__(
        self,
        loss: str = "softmax",
        dim: int | None = None,
        word_ngrams: int = 2,
        subwords: str | None = None,
        buckets: int = 2_000_000,
        min_count: int = 1,
        min_ngram_count: int = 1,
        epochs: int = 25,
        lr: float = 0.5,
        dropout: float = 0.0,
        weighting: str = "mean",
        class_weight: str | None = None,
        naive_bayes: float = 0.0,
        models: int = 1,
        seed: int = 1,
        embeddings: Embeddings | str | os.PathLike[str] | None = None,
        tokenizer: str | TokenizeFunction = "basic",
        max_ngrams: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.dim = dim
        self.word_ngrams = word_ngrams
        self.subwords = subwords
        self.buckets = buckets
        self.min_count = min_count
        self.min_ngram_count = min_ngram_count
        self.epochs = epochs
        self.lr = lr
        self.dropout = dropout
        self.weighting = weighting
        self.class_weight = class_weight
        self.naive_bayes = naive_bayes
        self.models = models
        self.seed = seed
        self.embeddings = embeddings
        self.tokenizer = tokenizer
        self.max_ngrams = max_ngrams
        self.n_jobs = n_jobs

    def fit(self, X: Iterable[Document], y: Iterable[Any]) -> TextClassifier:
        """Learn from texts and their labels.

        Args:
            X: N texts: strings, or lists of tokens, which are taken as they are.
            y: a label for each: strings or numbers.

        Raises:
            ConfigError: a parameter is out of its range, there are not as many labels as texts, or
                one is neither a string nor a number.
            TextError: all texts have one label, or one is not valid Unicode.
            WordkitError: as :func:`wordkit.classification.iter_train_classifier` says.
        """
        if self.max_ngrams is not None:
            check_number("max_ngrams", self.max_ngrams)
        y = list(y)
        for label in y:
            if not isinstance(label, str | Real | np.generic) or label != label:
                raise ConfigError(
                    f"y must hold a string or a number for each text, not {label!r:.50}"
                    f"{missing_hint(label)}"
                )
        classes, numbers = np.unique(np.asarray(y), return_inverse=True)
        named = [" ".join(str(label).split()) for label in classes]
        if len({*named}) < len(named):
            raise ConfigError("two labels are written alike; give labels of one type")
        vectors = self.embeddings
        if isinstance(vectors, str | os.PathLike):
            vectors = load_embeddings(vectors)
        given = {name: getattr(self, name) for name in ClassifierConfig.__dataclass_fields__}
        given["class_weight"] = self.class_weight or "none"
        if given["dim"] is None:
            given["dim"] = 100 if vectors is None else vectors.dim
        run = iter_train_classifier(
            labelled_texts(_documents(X), [named[i] for i in numbers]),
            change(ClassifierConfig(), **given), embeddings=vectors,
            text={"tokenizer": self.tokenizer}, threads=self._threads,
        )  # fmt: skip
        made = run.result()
        self.classes_ = classes
        self.classifier_ = made if self.max_ngrams is None else made.pruned(self.max_ngrams)
        self._order = self.classifier_.labels.ids(named)
        return self

    def predict_proba(self, X: Iterable[Document]) -> npt.NDArray[np.float32]:
        """Return the probability of each of ``classes_`` for each text, shape (N, K).

        Raises:
            NotFittedError: :meth:`fit` has not been called.
            ConfigError: a text is neither a string nor a list of strings.
        """
        check_is_fitted(self)
        found = self.classifier_.probabilities(_documents(X), threads=self._threads)
        return np.asarray(found[:, self._order])

    def predict(self, X: Iterable[Document]) -> npt.NDArray[Any]:
        """Return the most probable label of each text, shape (N,); errors as above."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    @property
    def _threads(self) -> int | None:
        return None if self.n_jobs == -1 else self.n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _documents(X: Iterable[Document]) -> list[Document]:
    if isinstance(X, str) or getattr(X, "ndim", 1) != 1:
        raise ConfigError(f"X must be an iterable of texts, one each, not a {type(X).__name__}")
    return list(X)
