"""Learning curves from the logs of training commands: a JSON object a line, by ``--log FILE``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from wordkit.errors import ConfigError, FormatError, StorageError, WordkitWarning
from wordkit.plots.curves import Curve, Panel
from wordkit.plots.figures import file_label
from wordkit.storage import check_readable, why_unreadable

__all__ = ["X_AXES", "TrainingLog", "named_logs", "read_training_log", "training_panels"]

X_AXES = ("epochs", "minutes", "seen")
"""The quantities of the horizontal axis; ``seen`` has a unit."""

_STAGES = ("training", "validating")
_MAX_NUMBER = 1e300  # which a float can hold
_MAX_LINE_BYTES = 1 << 20


class _Metric(NamedTuple):
    """The axis of a metric of the log."""

    y: str
    stage: str = "validating"
    log: bool = False
    limits: tuple[float, float | None] | None = None
    scale: float = 1.0


_METRICS = {
    "loss": _Metric("training loss, nats", stage="training"),
    "valid_perplexity": _Metric("validation perplexity", log=True),
    "valid_exact": _Metric("validation texts right, %", limits=(0.0, 100.0), scale=100.0),
    "valid_kl": _Metric("KL divergence, nats", limits=(0.0, None)),
}


@dataclass(frozen=True)
class TrainingLog:
    """The metrics of one training, in the order of its log."""

    path: str
    """The file."""

    unit: str
    """The unit of what was seen: words, tokens or pairs."""

    lines: Sequence[Mapping[str, Any]] = field(repr=False)
    """The reports on training and validation, as JSON has them."""

    def curve(self, metric: str, by: str) -> Curve:
        """Return a metric as far as it is known.

        Validations are reported when they end; the training reports that repeat them are left out.
        What a resumed training did again, since its checkpoint, counts as it did it last.

        Args:
            metric: loss, valid_perplexity, valid_exact or valid_kl.
            by: one of :data:`X_AXES`.
        """
        axis, xs, ys = _METRICS[metric], list[float](), list[float]()
        for line in self.lines:
            x, y = _x_of(line, by), line.get(metric)
            if line["stage"] == axis.stage and x is not None and y is not None:
                while xs and xs[-1] > x:
                    del xs[-1], ys[-1]
                xs.append(x)
                ys.append(y * axis.scale)
        return xs, ys


def _x_of(line: Mapping[str, Any], by: str) -> float | None:
    if by == "minutes":
        return float(line["seconds"]) / 60
    value = line.get(by)
    if value is None and by == "seen" and line["stage"] == "training":
        value = line["done"]
    return None if value is None else float(value)


def read_training_log(path: str | os.PathLike[str]) -> TrainingLog:
    """Read the reports of a log on training and validation.

    A last line that is cut short, as a training leaves it that runs or was killed, is left out
    with a warning.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is no log of wordkit's, or a line is corrupted.
    """
    lines, unit = [], ""
    for line in _reports(path):
        if line["stage"] in _STAGES:
            lines.append(line)
        if line["stage"] == "training" and isinstance(line.get("unit"), str):
            unit = line["unit"]
    return TrainingLog(os.fspath(path), unit, lines)


def _reports(path: str | os.PathLike[str]) -> Iterable[dict[str, Any]]:
    """Yield the objects of a log, with numbers or null where numbers are expected."""
    try:
        with open(path, "rb") as file:
            check_readable(path)
            for number, raw in enumerate(iter(lambda: file.readline(_MAX_LINE_BYTES), b""), 1):
                try:
                    line = json.loads(raw)
                except (ValueError, RecursionError) as error:
                    if number > 1 and not raw.endswith(b"\n") and len(raw) < _MAX_LINE_BYTES:
                        warnings.warn(
                            f"{path}, line {number}, is cut short, as where a training runs or was "
                            "killed; what is before it is drawn",
                            WordkitWarning,
                            stacklevel=3,
                        )
                        return
                    raise _format_error(path, number, "is not JSON") from error
                if fault := _fault(line):
                    raise _format_error(path, number, fault)
                yield line
    except OSError as error:
        raise StorageError(f"cannot read {path}: {why_unreadable(path, error)}") from error


def _fault(line: Any) -> str | None:
    """Return a fault of a line of a log, or None."""
    if not isinstance(line, dict) or not isinstance(line.get("stage"), str):
        return "is no report on a stage"
    if line["stage"] in _STAGES:
        for name in ("seconds", "done", "seen", "epochs", *_METRICS):
            value = line.get(name)
            if value is None and name not in ("seconds", "done"):
                continue
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and abs(line[name]) <= _MAX_NUMBER):  # NaN is not
                return f"has {name} {value!r:.30}, which is no number"
    return None


def _format_error(path: str | os.PathLike[str], number: int, fault: str) -> FormatError:
    return FormatError(
        f"{path}, line {number}, {fault}; expected the log that a training command writes"
    )


def named_logs(logs: Sequence[TrainingLog]) -> dict[str, TrainingLog]:
    """Return logs by the names of their files; where two have the same, by their paths."""
    names = [file_label(Path(log.path).stem) for log in logs]
    if len(set(names)) < len(names):
        names = [file_label(log.path) for log in logs]
    return dict(zip(names, logs, strict=True))


def training_panels(logs: Mapping[str, TrainingLog], by: str = "epochs") -> tuple[list[Panel], str]:
    """Return the metrics of trainings as panels, and the name of the horizontal axis.

    Args:
        logs: by the names of their curves.
        by: epochs, minutes or seen.

    Raises:
        ConfigError: ``by`` is another, or nothing can be drawn.
    """
    if by not in X_AXES:
        raise ConfigError(f"by must be one of {', '.join(X_AXES)}, not {by!r}")
    panels = []
    for metric, axis in _METRICS.items():
        curves = {name: log.curve(metric, by) for name, log in logs.items()}
        known = {name: curve for name, curve in curves.items() if curve[0]}
        if known:
            highest = max(max(ys) for _, ys in known.values())
            low, high = axis.limits or (None, None)
            limits = None if low is None else (low, high or highest or 1.0)
            panels.append(Panel(axis.y, known, axis.log and highest > 0, limits))
    drawn = {name for panel in panels for name in panel.curves}
    lacking = [log.path for name, log in logs.items() if name not in drawn]
    fault = f"no loss and no validation by {by} in {', '.join(lacking)}"
    if not panels:
        raise ConfigError(f"nothing to draw: {fault}; {_remedy(logs.values())}")
    if lacking:
        warnings.warn(fault, WordkitWarning, stacklevel=2)
    units = dict.fromkeys(log.unit for log in logs.values() if log.unit)
    return panels, f"{' or '.join(units)} seen" if by == "seen" else by


def _remedy(logs: Iterable[TrainingLog]) -> str:
    """Return the remedy of a message: the other quantities of the logs."""
    curves = [
        (by, log.curve(metric, by)[0]) for log in logs for metric in _METRICS for by in X_AXES
    ]
    others = [other for other in X_AXES if any(by == other and xs for by, xs in curves)]
    if others:
        return f"draw them by {' or '.join(others)}"
    return "training by prediction logs them, and counting has neither"
