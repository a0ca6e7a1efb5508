"""Common parts of the commands that train: checkpoints, and the model of a stopped training."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wordkit.config import settings_of, without_effect
from wordkit.errors import (
    ConfigError,
    DivergenceError,
    LostProcessError,
    StorageError,
    WordkitError,
)
from wordkit.runtime.progress_bar import Figures
from wordkit.storage import check_outputs
from wordkit_cli.options import Refused, is_given
from wordkit_cli.output import print_table
from wordkit_cli.progress import Progress
from wordkit_cli.sections import option

if TYPE_CHECKING:
    from wordkit.runtime import StoppableRun
    from wordkit.storage.checkpoints import CheckpointPlan, Resumable
    from wordkit.training.presets import Preset

__all__ = [
    "begin_training", "check_training", "checkpoint_plan", "finish_training", "is_first_process",
    "save_somewhere", "show_preset_option",
]  # fmt: skip

C = TypeVar("C", bound="Resumable")
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_ENDS: Mapping[type[BaseException], str] = {
    LostProcessError: "a process was lost", DivergenceError: "diverged",
}  # fmt: skip


def show_preset_option(presets: str, text: str) -> Callable[[F], F]:
    """Return the option --show-preset, of a module with presets, with this help."""

    def show(context: click.Context, _: click.Parameter, name: str | None) -> None:
        if name is not None:
            preset = importlib.import_module(presets).get_preset(name)
            _print_preset(name, preset, {param.name for param in context.command.params})
            context.exit()

    return option(
        "--show-preset", metavar="NAME", callback=show, expose_value=False, is_eager=True,
        section="Model", help=text,
    )  # fmt: skip


def _print_preset(name: str, preset: Preset, options: Collection[str | None]) -> None:
    """Print the settings of a preset that have an effect, as options of the command."""
    click.echo(f"{name}: {preset.description}")
    for title, config in (("model", preset.model), ("training", preset.training)):
        click.echo(f"\n{title}")
        names = settings_of(type(config))
        useless = {name for name, _ in without_effect(type(config), vars(config), names)}
        rows = [
            (f"  --{option.replace('_', '-')}", _value(getattr(config, n)))
            for n in names
            for option in ["embeddings" if n == "start_embeddings" else n]
            if n not in useless and option in options
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
            raise Refused("--resume needs the checkpoint: name it with --checkpoint")
        if is_given("checkpoint_every"):
            raise Refused("--checkpoint-every needs --checkpoint FILE")
    if "valid" in options:
        hold_out = options["hold_out"] if is_given("hold_out") else None
        try:
            check_validation(options, valid=options["valid"] is not None, hold_out=hold_out)
        except ConfigError as error:
            raise Refused(str(error)) from error


@contextlib.contextmanager
def begin_training(
    output: str, options: Mapping[str, Any], inputs: Iterable[str | None],
    read: Callable[..., C], kind: str,
) -> Iterator[tuple[Progress, CheckpointPlan | None, C | None]]:  # fmt: skip
    """Check options and files; yield the progress, the plan of checkpoints, and what to resume.

    Args:
        output: the file of the model.
        options: of the command.
        inputs: files to start from.
        read: reads a checkpoint.
        kind: of the file of a checkpoint.
    """
    from wordkit.storage.checkpoints import resumed_checkpoint

    for name in ("embeddings", "source_embeddings", "target_embeddings"):
        if options["init"] is not None and options.get(name) is not None:
            this = f"--{name.replace('_', '-')}"
            raise Refused(f"--init and {this} both say what to start from; give one")
    is_first, resume = is_first_process(), options["resume"]
    log = options["log"] if is_first else None
    check_training([output], options)
    check_outputs((output, options["checkpoint"], log), inputs)
    writing = checkpoint_plan(options)
    with Progress(quiet=options["quiet"] or not is_first, log=log, append=resume) as progress:
        # all processes look: one that ended here would leave the others
        checkpoint, note = resumed_checkpoint(writing, read, kind=kind, resume=resume)
        progress.say(note)
        if (preset := options.get("preset")) is not None and options["init"] is not None:
            progress.say(
                f"{options['init']}: its shape stays; the preset {preset} sets training and "
                "regularization alone"
            )
        yield progress, writing, checkpoint


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
    for name, text in (
        ("valid_perplexity", "  valid {:.1f}"), ("valid_exact", "  right {:.1%}"),
        ("valid_kl", "  KL {:.2f}"),
    ):  # fmt: skip
        shown += text.format(known[name]) if name in known else ""
    return shown
