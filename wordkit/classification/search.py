"""The search for settings: successive halving over random ones, on held-out texts.

After Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization" (2016). The resource is the number of folds that settings are measured on: all on the
first fold, the best third of them on further ones, and so on, until the time is over.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.classification.config import ClassifierConfig
from wordkit.classification.features import LabelledWords
from wordkit.classification.naive_bayes import log_count_ratios
from wordkit.classification.scores import warn_of_unknown
from wordkit.classification.train import ClassifierRun, labels_of
from wordkit.config import change, check_number
from wordkit.embeddings import Embeddings
from wordkit.errors import DivergenceError, TextError, VocabularyError, WordkitError
from wordkit.runtime import Report, Run, thread_count

__all__ = ["Choice", "iter_search_settings"]

_FOLDS = 10  # of which each holds out a tenth of the texts
_MAX_TEXTS = 50_000  # that settings are tried on at first
_FIRST = 0.35  # of the time, for the first fold
_KEPT = 1 / 3  # of the settings, from one fold to the next
_MIN_TEXTS = 20  # so that something can be held out
_NAIVE_BAYES = (0.0, 0.25, 0.5, 1.0)  # weights, compared at each trial
_MODELS = 5  # of the last training, where there is time
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Choice:
    """The settings that did best."""

    config: ClassifierConfig
    uses_embeddings: bool
    accuracy: float
    """The fraction of the held-out texts whose most probable label was right."""

    held_out: int
    """Held-out texts that it was measured on."""

    trials: int
    """Settings that were tried."""

    @property
    def record(self) -> dict[str, Any]:
        """Record of the search, for the metadata of a classifier."""
        return {
            "trials": self.trials, "accuracy": self.accuracy, "held_out": self.held_out,
            "uses_embeddings": self.uses_embeddings,
        }  # fmt: skip

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that are not the defaults, by name."""
        default = ClassifierConfig()
        values = {
            name: getattr(self.config, name) for name in ClassifierConfig.__dataclass_fields__
        }
        return {name: v for name, v in values.items() if v != getattr(default, name)}


@dataclass(eq=False)
class _Trial:
    """Settings, and what they answered with each weight of naive Bayes."""

    config: ClassifierConfig
    uses_embeddings: bool
    weights: tuple[float, ...]
    right: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)  # by fold
    texts: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0  # of the last fold

    @property
    def accuracies(self) -> npt.NDArray[np.float64]:
        """The fraction of right answers for each weight."""
        return np.asarray(sum(self.right.values()) / max(sum(self.texts.values()), 1))

    @property
    def accuracy(self) -> float:
        return float(self.accuracies.max())


def iter_search_settings(
    data: LabelledWords,
    given: Mapping[str, Any],
    *,
    minutes: float,
    embeddings: Embeddings | None = None,
    valid: LabelledWords | None = None,
    threads: int | None = None,
) -> Run[Choice]:
    """Search for the settings of a classifier.

    Args:
        data: the training texts.
        given: settings that stay as they are.
        minutes: for the search and the last training, which is not done here.
        embeddings: vectors that trainings may start from.
        valid: texts to measure on; read by the same table. None: parts of the training texts.
        threads: trials at the same time; None: as many as there are cores.

    Returns:
        A run that reports the stage ``searching``, in seconds, with the number of ``trials`` and
        the best ``accuracy`` as figures.

    Raises:
        TextError: there are too few texts to hold some out.
        ConfigError: a given setting or the time is out of its range.
        DivergenceError, TextError, VocabularyError: no trial could be trained.

    Warns:
        WordkitWarning: texts to measure on have labels that are in no training text.
    """
    seconds = 60 * check_number("max_minutes", minutes, float, above=0)
    change(ClassifierConfig(), **given)
    if valid is None and len(data) < _MIN_TEXTS:
        raise TextError(
            f"the search for settings needs {_MIN_TEXTS} texts or more, not {len(data)}; give "
            "more, or leave out max_minutes"
        )
    if valid is not None:
        warn_of_unknown(labels_of(data.labels), valid.labels)
    return Run(_Search(data, given, seconds, embeddings, valid, thread_count(threads)).run())


class _Search:
    def __init__(
        self, data: LabelledWords, given: Mapping[str, Any], seconds: float,
        embeddings: Embeddings | None, valid: LabelledWords | None, threads: int,
    ) -> None:  # fmt: skip
        self._data, self._given, self._seconds = data, given, seconds
        self._embeddings, self._valid, self._threads = embeddings, valid, threads
        self._began, self._trials = time.monotonic(), list[_Trial]()
        self._random = np.random.default_rng(given.get("seed", 1))
        self._order = self._random.permutation(len(data))
        self._folds: dict[int, tuple[LabelledWords, LabelledWords]] = {}
        self._fault: WordkitError  # of a trial that could not be trained

    def run(self) -> Generator[Report, None, Choice]:
        """Search until the time is over; what the last training takes is left."""
        yield from self._rung(self._new_trials(), [0], _FIRST)
        kept, fold = self._best(self._trials), 1
        while len(kept) > 1 and fold < self._number_of_folds and self._left() > 0:
            kept = kept[: max(int(len(kept) * _KEPT), 2)]
            folds = list(range(fold, min(2 * fold + 1, self._number_of_folds)))
            yield from self._rung(iter(kept), folds, 1.0)
            fold = folds[-1] + 1
            measured = max(len(trial.right) for trial in kept)
            kept = self._best([trial for trial in kept if len(trial.right) == measured])
        if not kept or not kept[0].right:
            raise self._fault
        best = kept[0]
        weight = best.weights[int(best.accuracies.argmax())]
        config = change(best.config, naive_bayes=weight) if weight else best.config
        if "models" not in self._given:
            spare = self._seconds - (time.monotonic() - self._began)
            models = int(spare / max(best.seconds * self._scale(), 1e-3))
            config = change(config, models=min(max(models, 1), _MODELS))
        return Choice(
            config, best.uses_embeddings, best.accuracy, sum(best.texts.values()),
            len(self._trials),
        )  # fmt: skip

    @property
    def _number_of_folds(self) -> int:
        return _FOLDS if self._valid is None else 1

    def _scale(self) -> float:
        """Return the time of a training on all texts, on all threads, by that of a trial."""
        return len(self._data) / max(len(self._fold(0)[0]), 1) / max(0.7 * self._threads, 1)

    def _left(self) -> float:
        """Seconds left for the search."""
        slowest = max((trial.seconds for trial in self._trials if trial.right), default=0.0)
        reserve = _MODELS * slowest * self._scale() if self._trials else 0.0
        used = time.monotonic() - self._began
        return self._seconds - used - min(reserve, 0.3 * self._seconds)

    def _best(self, trials: list[_Trial]) -> list[_Trial]:
        done = [trial for trial in trials if trial.right]
        return sorted(done, key=lambda trial: -trial.accuracy)

    def _rung(
        self, trials: Iterator[_Trial], folds: list[int], fraction: float
    ) -> Generator[Report, None, None]:
        """Measure trials on folds, several at a time, until a fraction of the time is over."""
        tasks = ((trial, fold) for trial in trials for fold in folds)
        running: dict[Future[None], _Trial] = {}
        end = fraction * self._seconds
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="wordkit-search")
        try:
            while True:
                while len(running) < self._threads:
                    is_late = time.monotonic() - self._began > end or self._left() <= 0
                    task = None if is_late and self._trials[1:] else next(tasks, None)
                    if task is None:
                        break
                    running[pool.submit(self._measure, *task)] = task[0]
                if not running:
                    return
                for future in wait(running, _POLL_SECONDS, FIRST_COMPLETED).done:
                    running.pop(future)
                    future.result()
                yield self._report()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _report(self) -> Report:
        best = max((trial.accuracy for trial in self._trials if trial.right), default=0.0)
        done = sum(1 for trial in self._trials if trial.right)
        used = min(int(time.monotonic() - self._began), int(self._seconds))
        figures = {"trials": done, "accuracy": best}
        return Report("searching", used, int(self._seconds), "seconds", figures)

    def _measure(self, trial: _Trial, fold: int) -> None:
        """Train on a fold and count the held-out texts whose most probable label is right."""
        began = time.monotonic()
        train, valid = self._fold(fold)
        vectors = self._embeddings if trial.uses_embeddings else None
        try:
            run = ClassifierRun(train, trial.config, {}, embeddings=vectors, threads=1)
            made = run.result()
        except (DivergenceError, TextError, VocabularyError) as error:
            self._fault = error
            return  # it does worst
        found = others = made.logits_of(train.table, valid.words)
        if trial.config.loss == "hs":
            found = others = made.normalized(found)
        elif len(trial.weights) > 1:
            ratios = log_count_ratios(run.texts, made.scores)
            others = replace(made, vectors=ratios, output=None).logits_of(train.table, valid.words)
        names, right = made.labels.words, []
        for weight in trial.weights:
            best = (found + np.float32(weight) * others).argmax(1)
            right.append(
                sum(names[i] in labels for i, labels in zip(best, valid.labels, strict=True))
            )
        trial.seconds = time.monotonic() - began
        trial.right[fold], trial.texts[fold] = np.array(right), len(valid)

    def _fold(self, fold: int) -> tuple[LabelledWords, LabelledWords]:
        """Return the texts to train on and those held out."""
        if self._valid is not None:
            return self._data.take(self._order[:_MAX_TEXTS]), self._valid
        if fold not in self._folds:
            is_held_out = np.arange(len(self._order)) % _FOLDS == fold
            train, held_out = self._order[~is_held_out], self._order[is_held_out]
            several = self._data.take(train[:_MAX_TEXTS]), self._data.take(held_out[:_MAX_TEXTS])
            self._folds[fold] = several
        return self._folds[fold]

    # --- settings --------------------------------------------------------------------------------

    def _new_trials(self) -> Iterator[_Trial]:
        """Yield the defaults, with and without embeddings, then random settings."""
        starts = [True, False] if self._embeddings is not None else [False]
        for uses_embeddings in starts:
            yield self._trial({}, uses_embeddings)
            yield self._trial({"weighting": "tfidf"}, uses_embeddings)
        while True:
            uses = self._embeddings is not None and bool(self._random.random() < 0.6)
            yield self._trial(_drawn(self._random), uses)

    def _trial(self, drawn: Mapping[str, Any], uses_embeddings: bool) -> _Trial:
        settings = {**drawn, **self._given}
        if uses_embeddings and self._embeddings is not None:
            settings["dim"] = self._given.get("dim", self._embeddings.dim)
        config = change(ClassifierConfig(), **settings)
        is_given = "naive_bayes" in self._given or config.loss == "hs"
        trial = _Trial(config, uses_embeddings, (0.0,) if is_given else _NAIVE_BAYES)
        self._trials.append(trial)
        return trial


def _drawn(random: np.random.Generator) -> dict[str, Any]:
    """Draw settings at random."""

    def one_of(*values: Any) -> Any:
        return values[random.integers(len(values))]

    return {
        "lr": float(np.round(np.exp(random.uniform(np.log(0.1), np.log(1.0))), 3)),
        "epochs": one_of(5, 10, 20, 40),
        "word_ngrams": one_of(1, 2, 2, 3),
        "subwords": one_of(None, None, None, "2-4", "3-6"),
        "dim": one_of(10, 30, 100),
        "dropout": one_of(0.0, 0.0, 0.1, 0.2, 0.4),
        "weighting": one_of("mean", "tfidf", "tfidf"),
    }
