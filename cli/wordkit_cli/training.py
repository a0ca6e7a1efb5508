"""Common parts of the commands that train: checkpoints, and the model of a stopped training."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit.errors import ConfigError, DivergenceError, FormatError, LostProcessError, VersionError
from wordkit_cli.options import is_given
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress

if TYPE_CHECKING:
    from wordkit.training.run import TrainingRun

__all__ = [
    "check_checkpoint_use",
    "check_machine",
    "check_validation_use",
    "checkpoint_mark",
    "finish_training",
    "is_first_process",
    "refuse_replacing",
    "stopped_after",
]  # fmt: skip

T = TypeVar("T")


def check_machine(
    output: str, checkpoint: str | None, device: str, *, kind: str, command: str
) -> None:
    """Raise before the work if the device is missing, or the results could not be written.

    Raises:
        StorageError: the model or the checkpoint cannot be written.
        ResourceError: there is no such device.
        ConfigError: the checkpoint would replace a file that is not of its kind.
    """
    from wordkit.runtime import choose_device
    from wordkit.storage import check_writable, is_of_kind

    check_writable(output)
    if device in ("cuda", "mps"):
        choose_device(device)
    if checkpoint is not None:
        check_writable(checkpoint)
        if _is_filled(checkpoint) and not is_of_kind(checkpoint, kind):
            raise ConfigError(
                f"{checkpoint} exists and is no checkpoint of {command}; name another file"
            )


def _is_filled(path: str) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0


def check_checkpoint_use(checkpoint: str | None, resume: bool = False) -> None:
    """Raise if options of checkpoints are given and ``--checkpoint`` is not."""
    if checkpoint is not None:
        return
    if resume:
        raise click.UsageError("--resume needs the checkpoint: name it with --checkpoint")
    if is_given("checkpoint_every"):
        raise click.UsageError("--checkpoint-every needs --checkpoint FILE")


def check_validation_use(options: Mapping[str, Any]) -> None:
    """Raise if options of validation have no effect."""
    if options["valid"] is not None and is_given("hold_out") and options["hold_out"]:
        raise click.UsageError("--valid and --hold-out both say what to validate on: give one")
    if options["valid"] is None and not options["hold_out"]:
        for name, has_no_effect in (
            ("patience", options["patience"] is not None),
            ("averaging-patience", options["averaging_patience"] is not None),
            ("schedule plateau", options["schedule"] == "plateau"),
        ):
            if has_no_effect:
                raise click.UsageError(f"--{name} needs validation, and --hold-out 0 leaves none")


def is_first_process() -> bool:
    """Return whether this process reports and writes: the only one, or torchrun's first."""
    from wordkit.runtime import torchrun_number

    return torchrun_number("RANK", 0) == 0


def refuse_replacing(
    checkpoint: str | None, stopped: Callable[[str], str | None], progress: Progress
) -> None:
    """Raise if the checkpoint that would be replaced is that of an unfinished training.

    Args:
        checkpoint: the file to be written; None: none is.
        stopped: reads it, and describes where the training was stopped; None: it had ended.
        progress: reports that the checkpoint will be replaced.

    Raises:
        ConfigError: it can be resumed.
    """
    if checkpoint is None or not _is_filled(checkpoint):
        return
    try:
        where = stopped(checkpoint)
    except VersionError as error:
        raise ConfigError(
            f"{error}; to start anew delete it, or name another file for checkpoints"
        ) from error
    except FormatError:
        progress.say(f"{checkpoint} is corrupted, and will be replaced by those of this training")
        return
    if where is not None:
        raise ConfigError(
            f"{checkpoint} holds a training that was stopped {where}; resume it with --resume, or "
            "to start anew delete it or name another file for checkpoints"
        )
    progress.say(f"{checkpoint}, of a finished training, will be replaced by those of this one")


def stopped_after(kind: str, unit: str) -> Callable[[str], str | None]:
    """Return the reader for :func:`refuse_replacing`; the unit is token or pair."""

    def stopped(path: str) -> str | None:
        from wordkit.training.checkpoint import read_training

        state = read_training(path, kind=kind).loop
        return None if state.ended else f"after {counted(state.seen, unit)}"

    return stopped


def checkpoint_mark(checkpoint: str | None) -> tuple[int, int] | None:
    """Return the identity of a checkpoint, new for each in the file; None where there is none."""
    if checkpoint is None or not os.path.exists(checkpoint):
        return None
    status = os.stat(checkpoint)
    return status.st_ino, status.st_mtime_ns


def finish_training(
    run: TrainingRun[T],
    output: str,
    save: Callable[[T, str], Any] | None,
    progress: Progress,
    checkpoint: str | None = None,
) -> T:
    """Show a training and return its model; one that is stopped saves the best so far.

    Args:
        run: the training.
        output: where the model is written if the training is stopped.
        save: writes it; None: another process does.
        progress: shows the training.
        checkpoint: where a training that is stopped can be resumed from.
    """

    def keep(how: str) -> None:
        if save is not None:
            save(run.best(), output)
            progress.say(f"{how}; the best model so far is kept: {output}")

    before = checkpoint_mark(checkpoint)
    try:
        return progress.finish(run, figures=_figures)
    except (KeyboardInterrupt, SystemExit):
        if run.has_learnt:
            keep("stopped")
            if checkpoint_mark(checkpoint) != before:
                progress.say(
                    f"checkpoint saved: {checkpoint}; "
                    f"resume with --checkpoint {checkpoint} --resume"
                )
        raise
    except LostProcessError:
        if run.has_learnt:
            keep("a process was lost")
        raise
    except DivergenceError:
        if run.has_validated:  # else there are only the weights that diverged
            keep("diverged")
        raise


def _figures(known: Mapping[str, float]) -> str:
    """The figures of a training in short."""
    if "epoch" not in known:
        return ""
    shown = f"epoch {known['epoch']:.0f}"
    if not math.isnan(known["loss"]):
        shown += f"  loss {known['loss']:.3f}"
    if "valid_exact" in known:
        return f"{shown}  right {known['valid_exact']:.1%}"
    return (
        f"{shown}  valid {known['valid_perplexity']:.1f}" if "valid_perplexity" in known else shown
    )
