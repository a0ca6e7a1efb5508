"""What the commands that train networks have in common."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from wordkit.errors import ConfigError, DivergenceError
from wordkit_cli.progress import Progress

if TYPE_CHECKING:
    from wordkit.training.run import TrainingRun

__all__ = ["check_machine", "finish_training"]

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


def finish_training(
    run: TrainingRun[T],
    output: str,
    save: Callable[[T, str], Any] | None,
    progress: Progress,
) -> T:
    """The model of a training, which is shown; one that is stopped leaves the best so far.

    Args:
        run: the training.
        output: where the model is written if the training is stopped.
        save: writes it; None: another process does.
        progress: shows the training.
    """

    def keep(how: str) -> None:
        if save is not None:
            save(run.best(), output)
            progress.say(f"{how}; the best model so far is kept: {output}")

    try:
        return progress.finish(run, figures=_figures)
    except (KeyboardInterrupt, SystemExit):
        if run.has_learnt:
            keep("stopped")
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
