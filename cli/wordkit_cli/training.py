"""Common parts of the commands that train: checkpoints, and the model of a stopped training."""

from __future__ import annotations

import math
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit.config import Settings, settings_of, without_effect
from wordkit.errors import (
    ConfigError,
    DivergenceError,
    LostProcessError,
    StorageError,
    WordkitError,
)
from wordkit.runtime.progress_bar import Figures
from wordkit_cli.options import is_given
from wordkit_cli.output import print_table
from wordkit_cli.progress import Progress

if TYPE_CHECKING:
    from wordkit.runtime import StoppableRun
    from wordkit.storage.checkpoints import CheckpointPlan

__all__ = [
    "check_training", "checkpoint_plan", "finish_training", "is_first_process", "print_preset",
    "save_somewhere",
]  # fmt: skip

T = TypeVar("T")

_ENDS: Mapping[type[BaseException], str] = {
    LostProcessError: "a process was lost", DivergenceError: "diverged",
}  # fmt: skip


def print_preset(name: str, description: str, model: Settings, training: Settings) -> None:
    """Print the settings of a preset that have an effect, as options."""
    click.echo(f"{name}: {description}")
    for title, config in (("model", model), ("training", training)):
        click.echo(f"\n{title}")
        names = settings_of(type(config))
        useless = {name for name, _ in without_effect(type(config), vars(config), names)}
        rows = [
            (f"  --{'embeddings' if n == 'start_embeddings' else n.replace('_', '-')}", _value(v))
            for n in names
            for v in [getattr(config, n)]
            if n not in useless and n != "adaptive"  # it is part of --softmax
        ]
        print_table(rows)


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "-", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_training(outputs: Iterable[str | os.PathLike[str]], options: Mapping[str, Any]) -> None:
    """Raise before the work if options do not go together, or results could not be written.

    Args:
        outputs: the files of the model.
        options: of the command.

    Raises:
        StorageError: the model cannot be written.
        ResourceError: there is no such device.
    """
    from wordkit.runtime import choose_device
    from wordkit.storage import check_writable
    from wordkit.training.config import check_validation

    for output in outputs:
        check_writable(output)
    if options.get("device") in ("cuda", "mps"):
        choose_device(options["device"])
    if options["checkpoint"] is None:
        if options.get("resume"):
            raise click.UsageError("--resume needs the checkpoint: name it with --checkpoint")
        if is_given("checkpoint_every"):
            raise click.UsageError("--checkpoint-every needs --checkpoint FILE")
    if "valid" in options:
        hold_out = options["hold_out"] if is_given("hold_out") else None
        try:
            check_validation(options, valid=options["valid"] is not None, hold_out=hold_out)
        except ConfigError as error:
            raise click.UsageError(str(error)) from error


def checkpoint_plan(options: Mapping[str, Any]) -> CheckpointPlan | None:
    """Return the plan of checkpoints; None where no file is named."""
    from wordkit.storage.checkpoints import CheckpointPlan

    path = options["checkpoint"]
    return None if path is None else CheckpointPlan(path, options["checkpoint_every"])


def is_first_process() -> bool:
    """Return whether this process reports and writes: the only one, or torchrun's first."""
    from wordkit.runtime import torchrun_number

    return torchrun_number("RANK", 0) == 0


def _mark_of(checkpoint: str | None) -> tuple[int, int] | None:
    """Return the identity of a checkpoint, new for each in the file; None where there is none."""
    if checkpoint is None or not os.path.exists(checkpoint):
        return None
    status = os.stat(checkpoint)
    return status.st_ino, status.st_mtime_ns


def finish_training(
    run: StoppableRun[T],
    output: str,
    save: Callable[[T, str], Any] | None,
    progress: Progress,
    checkpoint: str | None = None,
    figures: Figures | None = None,
) -> T:
    """Show a training, save its model and return it; one that is stopped saves the best so far.

    Args:
        run: the training.
        output: where the model is written.
        save: writes it; None: another process does.
        progress: shows the training.
        checkpoint: where a training that is stopped can be resumed from.
        figures: writes the figures of a report; None: epoch, loss and validation.
    """

    def keep(how: str) -> None:
        if save is not None:
            which = "best model" if run.has_validated else "model"
            save_somewhere(save, run.best(), output)
            progress.say(f"{how}; the {which} so far is kept: {output}")

    before = _mark_of(checkpoint)
    try:
        model = progress.finish(run, figures=figures or _figures)
    except BaseException as error:  # whatever ends it, what has been learnt is kept
        is_stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        how = "stopped" if is_stopped else _ENDS.get(type(error), "failed")
        # of a training that diverged without a validation, the weights have diverged too
        if run.has_validated if isinstance(error, DivergenceError) else run.has_learnt:
            keep(how)
            if is_stopped and _mark_of(checkpoint) != before:
                progress.say(
                    f"checkpoint saved: {checkpoint}; "
                    f"resume with --checkpoint {checkpoint} --resume"
                )
        raise
    if save is not None:
        save_somewhere(save, model, output)
    return model


def save_somewhere(save: Callable[[T, str], Any], model: T, output: str) -> None:
    """Save a model; where that fails, beside, in the working folder or among temporary files.

    Signals take effect when it is saved.

    Raises:
        StorageError: it is not where it should be; the message says where it is kept.
    """
    from wordkit.runtime import uninterrupted

    with uninterrupted():
        try:
            save(model, output)
        except (WordkitError, OSError, MemoryError) as error:
            reason = str(error) or "not enough memory"
            name = f"kept-{secrets.token_hex(4)}.safetensors"
            for folder in (os.path.dirname(output), "", None):
                try:
                    path = os.path.join(tempfile.gettempdir() if folder is None else folder, name)
                    save(model, path)
                except (WordkitError, OSError, MemoryError):
                    continue
                raise StorageError(f"{reason}; the model is kept in {path}") from error
            raise


def _figures(known: Mapping[str, float]) -> str:
    """The figures of a training in short."""
    if "epoch" not in known:
        return ""
    shown = f"epoch {known['epoch']:.0f}"
    if not math.isnan(known["loss"]):
        shown += f"  loss {known['loss']:.3f}"
    if "valid_exact" in known:
        shown = f"{shown}  right {known['valid_exact']:.1%}"
        return f"{shown}  KL {known['valid_kl']:.2f}" if "valid_kl" in known else shown
    return (
        f"{shown}  valid {known['valid_perplexity']:.1f}" if "valid_perplexity" in known else shown
    )
