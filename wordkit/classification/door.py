"""The front door of text classification: texts of any kind in, settings as keywords, values out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from wordkit.classification.classifier import Classifier
from wordkit.classification.config import ClassifierConfig
from wordkit.classification.examples import LabelledText, labelled_texts, read_labelled_texts
from wordkit.classification.features import tokenized
from wordkit.classification.scores import ClassificationScore, score_classifier
from wordkit.classification.search import iter_search_settings
from wordkit.classification.train import ClassifierRun
from wordkit.config import change, check_names
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError
from wordkit.keywords import loaded, split_settings
from wordkit.runtime.progress_bar import finish
from wordkit_corpora import Text, iter_open_lines

__all__ = ["evaluate_classifier", "train_classifier"]

_TEXT_SETTINGS = ("tokenizer", "normalize", "case")
_READING = ("separator", "columns", "encoding", "errors")


def train_classifier(
    texts: Text | Iterable[tuple[str | Iterable[str], str]],
    config: ClassifierConfig | None = None,
    *,
    embeddings: Embeddings | str | os.PathLike[str] | None = None,
    max_minutes: float | None = None,
    valid: Text | Iterable[tuple[str | Iterable[str], str]] | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Classifier:
    """Train a text classifier.

    With ``max_minutes``, settings that are not given are searched for so long, on held-out texts.

    Args:
        texts: pairs of a label (or several) and a text; or a file of lines, each with a label, a
            tab and a text, or with words ``__label__...`` as labels.
        config: settings; those that are given as keywords replace its own.
        embeddings: vectors of words to start from, or their file.
        max_minutes: of the search and the training; None: no search.
        valid: texts to compare settings on; None: parts of ``texts``. Only with ``max_minutes``.
        threads: the number of threads; None: all cores.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.classification.ClassifierConfig`, such as ``epochs``
            (25), ``lr`` (0.5), ``dim`` (100), ``word_ngrams`` (2), ``subwords``, ``loss``
            ("softmax"); of the text ``tokenizer`` ("basic"), ``normalize``, ``case``; and of files
            ``separator``, ``columns``, ``encoding``, ``errors``.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        TextError: a file cannot be read, a line has no label, or all texts have one label.
        WordkitError: as :func:`wordkit.classification.iter_train_classifier` says.
    """
    if isinstance(config, Iterable):
        raise ConfigError("labels come with their texts; give zip(labels, texts)")
    others, given = split_settings(
        train_classifier, settings, (ClassifierConfig, config), text=(*_TEXT_SETTINGS, *_READING)
    )
    reading = {name: others.pop(name) for name in _READING if name in others}
    text = {"tokenizer": "basic", **others}
    if embeddings is not None:
        embeddings = loaded("embeddings", embeddings, Embeddings)
    if max_minutes is None and valid is not None:
        raise ConfigError("valid has no effect without max_minutes; give both")
    data = tokenized(_labelled(texts, reading), text)
    if max_minutes is None:
        dim = 100 if embeddings is None else embeddings.dim
        chosen, search = change(ClassifierConfig(dim=dim), **given), None
    else:
        measured = None
        if valid is not None:
            measured = tokenized(_labelled(valid, reading), text, data.table)
        run = iter_search_settings(
            data, given, minutes=max_minutes, embeddings=embeddings, valid=measured,
            threads=threads,
        )  # fmt: skip
        choice = finish(run, progress)
        chosen, search = choice.config, choice.record
        embeddings = embeddings if choice.uses_embeddings else None
    training = ClassifierRun(
        data, chosen, text, embeddings=embeddings, threads=threads, search=search
    )
    return finish(training, progress)


def evaluate_classifier(
    classifier: Classifier | str | os.PathLike[str],
    texts: Text | Iterable[tuple[str | Iterable[str], str]],
    *,
    threads: int | None = None,
    **reading: Any,
) -> ClassificationScore:
    """Measure a classifier on labelled texts.

    Args:
        classifier: the classifier, or its file.
        texts: as for :func:`train_classifier`.
        threads: the number of threads; None: all cores.
        reading: of files ``separator``, ``columns``, ``encoding``, ``errors``.

    Raises:
        WordkitError: a file cannot be read, or a text has no label.
    """
    check_names(reading, _READING)
    classifier = loaded("classifier", classifier, Classifier)
    return score_classifier(classifier, _labelled(texts, reading), threads=threads)


def _labelled(texts: Any, reading: Mapping[str, Any]) -> list[LabelledText]:
    """Return labelled texts, of pairs or of the lines of files."""
    if isinstance(texts, Mapping) or hasattr(texts, "columns"):
        raise ConfigError(
            f"texts must be a file or pairs of a label and a text, not a {type(texts).__name__}; "
            "zip(labels, texts) gives pairs"
        )
    if isinstance(texts, Iterable) and not isinstance(texts, str | os.PathLike):
        texts = list(texts)
        if texts and all(isinstance(each, tuple | list | np.ndarray) for each in texts):
            for number, pair in enumerate(texts, 1):
                if len(pair) != 2:
                    raise ConfigError(f"text {number} must be a label and a text, not {pair!r:.50}")
            return labelled_texts([text for _, text in texts], [label for label, _ in texts])
    how = {name: reading[name] for name in ("separator", "columns") if name in reading}
    opening = {name: reading[name] for name in ("encoding", "errors") if name in reading}
    source = iter_open_lines(texts, **opening).result().source
    return list(read_labelled_texts(source, **how))
