"""What the commands that ask a sequence to sequence model share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wordkit.seq2seq import DecodingConfig

__all__ = ["decoding_config", "model_and"]


def model_and(
    what: str, arguments: Sequence[str], *, found: str = "files", remedy: str = ""
) -> tuple[str | None, str]:
    """The model that is named, if one is, and what stands behind it.

    Args:
        what: has to stand there, in words.
        arguments: one or two.
        found: what more of them are called.
        remedy: what to do about that.
    """
    if len(arguments) > 2:
        raise click.UsageError(f"give a MODEL and one {what}, not {len(arguments)} {found}{remedy}")
    return arguments[0] if len(arguments) == 2 else None, arguments[-1]


def decoding_config(options: Mapping[str, Any], alternatives: int = 1) -> DecodingConfig:
    """How to write, by the values of :data:`wordkit_cli.options.decoding_options`.

    Args:
        options: of the command.
        alternatives: answers for each text; at least as many are followed.
    """
    from wordkit.seq2seq import DecodingConfig

    return DecodingConfig(
        max(options["beam"], alternatives),
        alternatives,
        options["length_penalty"],
        options["max_length"],
    )
