"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import IO, Any, TypeVar, get_args

import click
from click.core import ParameterSource

from wordkit.runtime import DEVICES
from wordkit.text.normalization import Case, Normalization
from wordkit_cli.sections import option

__all__ = [
    "Refused", "checkpoint_options", "device_option", "document_options", "encoding_options",
    "encoding_values", "init_option", "is_given", "json_option", "language_model_option",
    "memory_option", "model_device_option", "model_option", "network_options", "number_option",
    "output_option", "progress_options", "reading_options", "resume_option", "scheduler_option",
    "text_options", "threads_option", "together", "validation_options",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return several options as one decorator."""
    return lambda function: reduce(lambda made, add: add(made), reversed(options), function)


class Refused(click.UsageError):
    """Options that are out of range, or do not go together: one line, without the usage."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        self.ctx = None
        super().show(file)


def is_given(name: str) -> bool:
    """Return whether an option of the running command is given on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


model_option = click.option(
    "-m", "--model", metavar="FILE",
    help="The vectors to ask. Default: $WORDKIT_VECTORS, else ./vectors.safetensors, else bundled.",
)  # fmt: skip

language_model_option = click.option(
    "-m", "--model", metavar="FILE",
    help="The language model to ask. Default: $WORDKIT_LM, else ./lm.safetensors, else bundled.",
)  # fmt: skip

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

number_option = click.option(
    "-n", "--number", default=10, show_default=True, type=click.IntRange(min=1),
    help="Number of answers.",
)  # fmt: skip

threads_option = option(
    "--threads", "--workers", type=click.IntRange(1, 4096), section="Running",
    help="Number of threads. Default: all cores.",
)  # fmt: skip

scheduler_option = option(
    "--scheduler", metavar="ADDRESS", section="Running",
    help="Work on the Dask cluster of this scheduler, as tcp://host:8786, or of its scheduler file "
    "(.json); local: start one here, of --threads processes.",
)  # fmt: skip


def _file(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The name of a file to write; - would be one of that name."""
    if value == "-":
        raise click.BadParameter("it is a file, not standard output; ./- is a file called -")
    return value


progress_options = together(
    option("-q", "--quiet", is_flag=True, section="Running", help="No progress, no summary."),
    option(
        "--log", type=click.Path(dir_okay=False), callback=_file, metavar="FILE",
        section="Running",
        help="Write the progress as JSON lines; a resumed training adds to those that are there.",
    ),
)  # fmt: skip

encoding_options = together(
    option(
        "--encoding", default="utf-8", show_default=True, section="Text",
        help="Encoding of the text.",
    ),
    option(
        "--errors", type=click.Choice(["strict", "replace"]), default="strict", show_default=True,
        section="Text",
        help="Bytes that cannot be decoded: stop, or read them as U+FFFD.",
    ),
)  # fmt: skip


def encoding_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of :data:`encoding_options` among those of a command."""
    return {name: options[name] for name in ("encoding", "errors")}


reading_options = together(
    encoding_options,
    option(
        "--data-dir", type=click.Path(), metavar="DIR", section="Text",
        help="Folder of named corpora. Default: $WORDKIT_DATA, else the cache.",
    ),
)  # fmt: skip

text_options = together(
    option(
        "-t", "--tokenizer", metavar="NAME", section="Text",
        help="Tokenizer, see wordkit tokenizers. Default: basic, or the corpus' own.",
    ),
    option(
        "--numbers", type=click.Choice(["keep", "N"]), default="keep", show_default=True,
        section="Text",
        help="Keep numbers, or write each as N.",
    ),
    option(
        "--normalize", type=click.Choice(get_args(Normalization)), section="Text",
        help="Unicode normal form: equal spellings are one; nfkc: compatible too; none: as is. "
        "Default: nfc, or that of --vocabulary.",
    ),
    option(
        "--case", type=click.Choice(get_args(Case)), section="Text",
        help="Case of letters. Default: lower with basic and words, else keep.",
    ),
    reading_options,
)  # fmt: skip


def document_options(weighting: str | None, default: str | bool = True) -> Callable[[F], F]:
    """Return the options of document vectors, with a default of the weighting, shown so."""
    return together(
        click.option(
            "--weighting", type=click.Choice(["mean", "sif", "tfidf"]), default=weighting,
            show_default=default,
            help="Weights of the words: all the same, by smooth inverse frequency, or by inverse "
            "document frequency.",
        ),
        click.option(
            "-t", "--tokenizer", metavar="NAME",
            help="Tokenizer, see wordkit tokenizers. Default: that of the vectors, else basic.",
        ),
        reading_options,
    )  # fmt: skip


def output_option(default: str, metavar: str, text: str) -> Callable[[F], F]:
    """Return the option -o, for what a command writes."""
    return option(
        "-o", "--output", default=default, show_default=True, callback=_file, metavar=metavar,
        help=text, section="Running", main=True,
    )  # fmt: skip


def _amount(units: Mapping[str, float], what: str) -> Callable[..., float | None]:
    """Return the callback of an option whose value is a number with a unit, such as 500M or 5m."""

    def parse(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", value.lower())
        if match is None or match[2] not in units or float(match[1]) == 0:
            raise click.BadParameter(f"{value!r} is not a {what}")
        return type(units[match[2]])(float(match[1]) * units[match[2]])

    return parse


_BYTES = {
    prefix + suffix: 1024**power
    for power, prefix in enumerate(("", "k", "m", "g", "t"))
    for suffix in ("", "b", "ib")
}
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

memory_option = option(
    "--memory", callback=_amount(_BYTES, "size; write it as 500M or 4G"),
    metavar="SIZE", section="Running",
    help="Memory for the counts, as 500M or 4G. Default: half of what is free. On a cluster for "
    "each task; by default the least that its machine has, divided among its tasks.",
)  # fmt: skip

checkpoint_options = together(
    option(
        "--checkpoint", type=click.Path(dir_okay=False), callback=_file, metavar="FILE",
        section="Checkpoints", main=True,
        help="Save the state of the training to FILE at intervals, to resume it later.",
    ),
    option(
        "--checkpoint-every", default="5m", show_default=True,
        callback=_amount(_SECONDS, "duration; write it as 30s, 5m or 1h"),
        metavar="DURATION", section="Checkpoints",
        help="Time between checkpoints, as 30s, 5m or 1h.",
    ),
)  # fmt: skip


resume_option = option(
    "--resume", is_flag=True, section="Checkpoints", main=True,
    help="Resume the training of --checkpoint.",
)  # fmt: skip


def device_option(devices: Sequence[str]) -> Callable[[F], F]:
    """Return the option --device, for a command that knows these."""
    return option(
        "--device", type=click.Choice(devices), default="auto", show_default=True,
        section="Running", main=True, help="Device to compute on; auto: a GPU if there is one.",
    )  # fmt: skip


model_device_option = device_option(DEVICES)

network_options = together(checkpoint_options, resume_option, model_device_option, threads_option)
"""The options of how a network is trained."""


def validation_options(data: str, hold_out: float, of: str) -> Callable[[F], F]:
    """Return the options of what a training validates on: of data, or a fraction of others."""
    them = "it" if data == "text" else "them"
    return together(
        option(
            "--valid", metavar="FILE", section="Text", main=True,
            help=f"Validation {data}; the model that is best on {them} is kept.",
        ),
        option(
            "--hold-out", type=click.FloatRange(0, 0.5), default=hold_out, show_default=True,
            section="Text", help=f"Fraction of {of} to validate on without --valid.",
        ),
    )  # fmt: skip


def init_option(model: str, units: str, data: str) -> Callable[[F], F]:
    """Return the option --init, for a model of such units that is fine-tuned on data."""
    return option(
        "--init", metavar="FILE", section="Model",
        help=f"Fine-tune {model}: start from its weights and {units}, which those of {data} join.",
    )  # fmt: skip
