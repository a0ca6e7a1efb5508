"""What the logs of trainings say: losses and perplexities by epochs, minutes or what was seen.

A log is what ``--log FILE`` of the training commands writes: a JSON object a line.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wordkit.errors import ConfigError, FormatError, StorageError, WordkitWarning
from wordkit.plots.curves import Curve, Panel
from wordkit.storage import check_readable, why_unreadable

__all__ = ["ALONG", "TrainingLog", "named_logs", "read_training_log", "training_panels"]

ALONG: Mapping[str, str] = {"epochs": "epochs", "minutes": "minutes", "seen": "seen"}
"""What can go along, with its name under the curves; what is seen has a unit."""

_STAGES = ("training", "validating")
_FIGURES: Mapping[str, tuple[str, bool, tuple[float, float] | None]] = {
    "loss": ("training loss, nats", False, None),
    "valid_perplexity": ("validation perplexity", True, None),
    "valid_exact": ("validation texts right, %", False, (0.0, 100.0)),
}
"""What is drawn: the name in the log; that of its scale, whether it is logarithmic, its limits."""

_SCALES = {"minutes": 1 / 60, "valid_exact": 100.0}
_LARGEST_NUMBER = 1e300  # which a float can hold
_LARGEST = 1 << 20  # bytes of a line: a log has short ones


@dataclass(frozen=True)
class TrainingLog:
    """The figures of one training, in the order of its log."""

    path: str
    """The file."""

    unit: str
    """What was gone through: words, tokens or pairs."""

    lines: Sequence[Mapping[str, Any]] = field(repr=False)
    """The reports on training and validation."""

    def curve(self, figure: str, by: str) -> Curve:
        """A figure along the way, where it is known.

        Validations are told when they end; the training that repeats them says nothing new.

        Args:
            figure: loss, valid_perplexity or valid_exact.
            by: epochs, minutes or seen.
        """
        stage = "training" if figure == "loss" else "validating"
        xs, ys = [], []
        for line in self.lines:
            x, y = _along(line, by), line.get(figure)
            if line["stage"] == stage and x is not None and y is not None:
                xs.append(x)
                ys.append(y * _SCALES.get(figure, 1.0))
        return xs, ys


def _along(line: Mapping[str, Any], by: str) -> float | None:
    if by == "minutes":
        return float(line["seconds"]) * _SCALES["minutes"]
    value = line.get("epochs" if by == "epochs" else "seen")
    if value is None and by == "seen" and line["stage"] == "training":
        value = line["done"]
    return None if value is None else float(value)


def read_training_log(path: str | os.PathLike[str]) -> TrainingLog:
    """The reports of a log on training and validation.

    A last line that is cut short, as a training leaves it that runs or was killed, is left out
    with a warning.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is no log of wordkit's, or a line is damaged.
    """
    lines, unit = [], ""
    for number, line in _reports(path):
        stage = line.get("stage")
        if stage not in _STAGES:
            continue
        _check(path, number, line)
        if stage == "training":
            unit = line["unit"] if isinstance(line.get("unit"), str) else unit
        lines.append(line)
    return TrainingLog(os.fspath(path), unit, lines)


def _reports(path: str | os.PathLike[str]) -> Iterable[tuple[int, dict[str, Any]]]:
    """The objects of a log with the numbers of their lines."""
    try:
        with open(path, "rb") as file:
            check_readable(path)
            for number, raw in enumerate(iter(lambda: file.readline(_LARGEST), b""), 1):
                try:
                    line = json.loads(raw)
                except (ValueError, RecursionError) as error:
                    if not raw.endswith(b"\n") and number > 1 and len(raw) < _LARGEST:
                        _warn_of_the_end(path, number)
                        return
                    raise _no_log(path, number, "is not JSON") from error
                if not isinstance(line, dict) or not isinstance(line.get("stage"), str):
                    raise _no_log(path, number, "is no report on a stage")
                yield number, line
    except OSError as error:
        raise StorageError(f"cannot read {path}: {why_unreadable(path, error)}") from error


def _warn_of_the_end(path: str | os.PathLike[str], number: int) -> None:
    warnings.warn(
        f"{path}, line {number}, is cut short, as where a training runs or was killed; what is "
        "before it is drawn",
        WordkitWarning,
        stacklevel=4,
    )


def _no_log(path: str | os.PathLike[str], number: int, fault: str) -> FormatError:
    return FormatError(
        f"{path}, line {number}, {fault}; expected what --log FILE of a training command writes"
    )


def _check(path: str | os.PathLike[str], number: int, line: Mapping[str, Any]) -> None:
    """Check that what may be drawn is a number, or null."""
    for name in ("seconds", "done", "seen", "epochs", *_FIGURES):
        value = line.get(name)
        if value is None and name not in ("seconds", "done"):
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and abs(line[name]) <= _LARGEST_NUMBER):  # NaN is not
            raise _no_log(path, number, f"has {name} {value!r:.30}, which is no number")


def named_logs(logs: Sequence[TrainingLog]) -> dict[str, TrainingLog]:
    """Logs by the names of their files; where two have the same, by their paths."""
    names = [Path(log.path).stem for log in logs]
    if len(set(names)) < len(names):
        names = [log.path for log in logs]
    return dict(zip(names, logs, strict=True))


def training_panels(logs: Mapping[str, TrainingLog], by: str = "epochs") -> tuple[list[Panel], str]:
    """What of trainings can be drawn, and what goes along.

    Args:
        logs: by the names of their curves.
        by: epochs, minutes or seen.

    Raises:
        ConfigError: ``by`` is another, or nothing can be drawn.
    """
    if by not in ALONG:
        raise ConfigError(f"by must be one of {', '.join(ALONG)}, not {by!r}")
    panels: list[Panel] = []
    drawn: set[str] = set()
    for figure, (name, is_log, limits) in _FIGURES.items():
        curves = {label: log.curve(figure, by) for label, log in logs.items()}
        known = {label: curve for label, curve in curves.items() if curve[0]}
        drawn |= known.keys()
        if known:
            panels.append(Panel(name, known, is_log and _is_positive(known), limits))
    lacking = [log.path for label, log in logs.items() if label not in drawn]
    fault = f"no loss and no validation by {by} in {', '.join(lacking)}"
    if not panels:
        others = [
            other
            for other in ALONG
            if any(log.curve(figure, other)[0] for log in logs.values() for figure in _FIGURES)
        ]
        remedy = (
            f"draw them by {' or '.join(others)}"
            if others
            else "training by prediction logs them, and counting has neither"
        )
        raise ConfigError(f"nothing to draw: {fault}; {remedy}")
    if lacking:
        warnings.warn(fault, WordkitWarning, stacklevel=2)
    units = dict.fromkeys(log.unit for log in logs.values() if log.unit)
    return panels, f"{' or '.join(units)} seen" if by == "seen" else ALONG[by]


def _is_positive(curves: Mapping[str, Curve]) -> bool:
    return any(y > 0 for _, ys in curves.values() for y in ys)
