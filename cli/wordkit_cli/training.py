"""What the commands that train have in common: checkpoints, and what a stopped one leaves."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit.errors import ConfigError, DivergenceError, FormatError, LostProcessError
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
    "give_way",
    "stopped_after",
]

T = TypeVar("T")


def check_machine(
    output: str, checkpoint: str | None, device: str, *, kind: str, command: str
) -> None:
    """Find out before the work what would be in its way at the end.

    Args:
        output: the model to be written.
        checkpoint: the state of the training to be written; None: none.
        device: as it was asked for.
        kind: of the checkpoint.
        command: that makes it.

    Raises:
        StorageError: a file cannot be written.
        ResourceError: there is no such device.
        ConfigError: the checkpoint would replace something else.
    """
    from wordkit.runtime import choose_device
    from wordkit.storage import check_writable, is_of_kind

    check_writable(output)
    if device in ("cuda", "mps"):
        choose_device(device)
    if checkpoint is not None:
        check_writable(checkpoint)
        is_there = os.path.exists(checkpoint) and os.path.getsize(checkpoint) > 0
        if is_there and not is_of_kind(checkpoint, kind):
            raise ConfigError(
                f"{checkpoint} is there and is no checkpoint of {command}; name another file"
            )


def check_checkpoint_use(checkpoint: str | None, resume: bool = False) -> None:
    """Complain about options of checkpoints where no checkpoint is named.

    Args:
        checkpoint: the value of ``--checkpoint``.
        resume: whether the training goes on from it.
    """
    if checkpoint is not None:
        return
    if resume:
        raise click.UsageError("--resume goes on from a checkpoint: name it with --checkpoint")
    every = click.get_current_context().get_parameter_source("checkpoint_every")
    if every is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--checkpoint-every needs --checkpoint FILE")


def check_validation_use(options: Mapping[str, Any]) -> None:
    """Complain about options of validation that would have no say.

    Args:
        options: ``valid``, ``hold_out``, and settings that validation alone makes use of.
    """
    source = click.get_current_context().get_parameter_source("hold_out")
    is_given = source is click.core.ParameterSource.COMMANDLINE
    if options["valid"] is not None and is_given and options["hold_out"]:
        raise click.UsageError("--valid and --hold-out both say what to validate on: give one")
    if options["valid"] is None and not options["hold_out"]:
        for name, idle in (
            ("patience", options["patience"] is not None),
            ("averaging-patience", options["averaging_patience"] is not None),
            ("schedule plateau", options["schedule"] == "plateau"),
        ):
            if idle:
                raise click.UsageError(f"--{name} goes by validation, and --hold-out 0 leaves none")


def give_way(
    checkpoint: str | None, stopped: Callable[[str], str | None], progress: Progress
) -> None:
    """Complain where a checkpoint that would be replaced is that of a training to go on with.

    Args:
        checkpoint: the file to be written; None: none is.
        stopped: reads it, and tells in words where the training was stopped; None: it had ended.
        progress: says that the checkpoint gives way.

    Raises:
        ConfigError: it is one to go on with.
    """
    if checkpoint is None or not os.path.exists(checkpoint) or not os.path.getsize(checkpoint):
        return
    try:
        where = stopped(checkpoint)
    except FormatError:
        progress.say(f"{checkpoint} is damaged, and gives way to the checkpoints of this training")
        return
    if where is not None:
        raise ConfigError(
            f"{checkpoint} holds a training that was stopped {where}; go on with --resume, or to "
            "start anew delete it or name another file for checkpoints"
        )
    progress.say(f"{checkpoint}, of a finished training, gives way to the checkpoints of this one")


def stopped_after(kind: str, unit: str) -> Callable[[str], str | None]:
    """How :func:`give_way` reads the checkpoint of a network.

    Args:
        kind: of the checkpoint.
        unit: what is trained on: token, pair.
    """

    def stopped(path: str) -> str | None:
        from wordkit.training.checkpoint import read_training

        state = read_training(path, kind=kind).state
        return None if state.ended else f"after {counted(state.seen, unit)}"

    return stopped


def checkpoint_mark(checkpoint: str | None) -> tuple[int, int] | None:
    """What tells one checkpoint from the next in the same file; None where there is none."""
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
    """The model of a training, which is shown; one that is stopped leaves the best so far.

    Args:
        run: the training.
        output: where the model is written if the training is stopped.
        save: writes it; None: another process does.
        progress: shows the training.
        checkpoint: where a training that is stopped can go on from.
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
                    f"checkpoint saved: {checkpoint}; go on with --checkpoint {checkpoint} --resume"
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
    """The figures of a training in a few words."""
    if "epoch" not in known:
        return ""
    loss = "" if math.isnan(known["loss"]) else f"  loss {known['loss']:.3f}"
    valid = known.get("valid_perplexity")
    exact = known.get("valid_exact")
    if exact is not None:
        measured = f"  right {exact:.1%}"
    else:
        measured = f"  valid {valid:.1f}" if valid else ""
    return f"epoch {known['epoch']:.0f}{loss}{measured}"
