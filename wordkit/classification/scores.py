"""Scores of a classifier: accuracy, F1, and the confusions of labels.

The definitions are those of scikit-learn's ``classification_report``.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from wordkit.classification.classifier import Classifier
from wordkit.classification.examples import LabelledText
from wordkit.errors import TextError, WordkitWarning, counted
from wordkit.text.vocabulary import Vocabulary

__all__ = [
    "ClassificationScore",
    "Confusion",
    "LabelScore",
    "score_classifier",
    "score_labels",
    "warn_of_unknown",
]

_OVA_THRESHOLD = 0.5
_SHOWN = 3  # unknown labels in a warning


@dataclass(frozen=True)
class LabelScore:
    """The scores of one label."""

    label: str
    precision: float
    """The fraction of the texts answered with it that have it; 0 where there is none."""

    recall: float
    """The fraction of the texts that have it that are answered with it; 0 where there is none."""

    f1: float
    """The harmonic mean of both."""

    count: int
    """Texts that have it."""


@dataclass(frozen=True)
class Confusion:
    """A label of texts that was missed for another."""

    label: str
    predicted: str
    count: int


@dataclass(frozen=True)
class ClassificationScore:
    """The scores of a classifier on texts."""

    accuracy: float
    """The fraction of the texts all of whose labels are right, and no other is answered."""

    macro_f1: float
    """The mean F1 of the labels that texts have or are answered with."""

    micro_f1: float
    """F1 of all labels together; the accuracy, where each text has one."""

    texts: int
    labels: tuple[LabelScore, ...]
    """Most frequent first."""

    confusions: tuple[Confusion, ...]
    """Most frequent first."""


def score_classifier(
    classifier: Classifier, texts: Iterable[LabelledText], *, threads: int | None = None
) -> ClassificationScore:
    """Measure a classifier on labelled texts.

    Its answer is the most probable label; with the loss ``ova`` each label of a probability of
    0.5 or more, and at least one.

    Raises:
        TextError: there is no text.

    Warns:
        WordkitWarning: texts have labels that the classifier does not know; it misses these.
    """
    listed = list(texts)
    if not listed:
        raise TextError("there is no text to measure on; give some with labels")
    warn_of_unknown(classifier.labels, [each.labels for each in listed])
    found = classifier.probabilities([each.text for each in listed], threads=threads)
    names, best = classifier.labels.words, found.argmax(axis=1).tolist()
    answers = [{names[i]} for i in best]
    if classifier.config.loss == "ova":
        for text, label in zip(*np.nonzero(found >= _OVA_THRESHOLD), strict=True):
            answers[text].add(names[label])
    return score_labels([{*each.labels} for each in listed], answers)


def warn_of_unknown(known: Vocabulary, labels: Iterable[tuple[str, ...]]) -> None:
    """Warn of labels of texts that are in no training text."""
    unknown = Counter(label for each in labels for label in each if known.get(label) is None)
    if unknown:
        shown = ", ".join(repr(label) for label, _ in unknown.most_common(_SHOWN))
        more = f" and {len(unknown) - _SHOWN:,} others" if len(unknown) > _SHOWN else ""
        message = (
            f"the classifier does not know {shown}{more}, labels of "
            f"{counted(unknown.total(), 'text')}, which count as missed"
        )
        warnings.warn(message, WordkitWarning, stacklevel=3)


def score_labels(true: Iterable[set[str]], answers: Iterable[set[str]]) -> ClassificationScore:
    """Compare the labels of texts with the answers for them."""
    right: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    confused: Counter[tuple[str, str]] = Counter()
    texts = exact = 0
    for labels, answer in zip(true, answers, strict=True):
        texts, exact = texts + 1, exact + (labels == answer)
        counts.update(labels)
        answered.update(answer)
        right.update(labels & answer)
        confused.update((a, b) for a in labels - answer for b in answer - labels)
    scores = [
        LabelScore(
            label,
            right[label] / max(answered[label], 1),
            right[label] / max(counts[label], 1),
            2 * right[label] / (answered[label] + counts[label]),
            counts[label],
        )
        for label in sorted({*counts, *answered}, key=lambda label: (-counts[label], label))
    ]
    return ClassificationScore(
        accuracy=exact / max(texts, 1),
        macro_f1=sum(each.f1 for each in scores) / max(len(scores), 1),
        micro_f1=2 * right.total() / max(answered.total() + counts.total(), 1),
        texts=texts,
        labels=tuple(scores),
        confusions=tuple(
            Confusion(*pair, n) for pair, n in sorted(confused.items(), key=lambda x: (-x[1], x[0]))
        ),
    )
