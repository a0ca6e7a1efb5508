"""Text classification: labelled texts → a classifier.

::

    classifier = train_classifier("train.tsv", max_minutes=2)
    classifier.predict("How far is it from Denver to Aspen ?")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wordkit.classification.classifier import Classifier, Prediction
from wordkit.classification.config import ClassifierConfig
from wordkit.classification.door import evaluate_classifier, train_classifier
from wordkit.classification.examples import LabelledText, labelled_texts, read_labelled_texts
from wordkit.classification.scores import (
    ClassificationScore,
    Confusion,
    LabelScore,
    score_classifier,
)
from wordkit.classification.train import ClassifierRun, iter_train_classifier

if TYPE_CHECKING:
    from wordkit.classification.estimator import TextClassifier

__all__ = [
    "ClassificationScore",
    "Classifier",
    "ClassifierConfig",
    "ClassifierRun",
    "Confusion",
    "LabelScore",
    "LabelledText",
    "Prediction",
    "TextClassifier",
    "evaluate_classifier",
    "iter_train_classifier",
    "labelled_texts",
    "read_labelled_texts",
    "score_classifier",
    "train_classifier",
]


def __getattr__(name: str) -> Any:
    if name == "TextClassifier":  # scikit-learn takes a while to load, and commands do without
        from wordkit.classification.estimator import TextClassifier

        return TextClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
