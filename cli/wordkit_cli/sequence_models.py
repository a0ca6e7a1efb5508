"""Common parts of the commands of sequence-to-sequence models: options, pairs, decoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from wordkit.seq2seq.config import DecodingConfig
from wordkit.storage import check_outputs
from wordkit_cli.sections import option
from wordkit_cli.setting_options import SettingOptions, changed

if TYPE_CHECKING:
    from wordkit.seq2seq import Pair
    from wordkit.seq2seq.dialogue import Dialogue

__all__ = [
    "decoding_config", "read_dialogue_files", "read_pair_files", "separator_option",
    "sequence_model_option",
]  # fmt: skip


def _separator(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A separator; a tab may be written as \\t."""
    if not value:
        raise click.BadParameter("it is empty; name what stands between the two texts")
    return value.replace("\\t", "\t")


separator_option = option(
    "--separator", default="\\t", show_default=True, callback=_separator, metavar="TEXT",
    help="Separator of the two texts of a line.", section="Text", main=True,
)  # fmt: skip

sequence_model_option = option(
    "-m", "--model", metavar="FILE",
    help="The sequence model to ask. Default: $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors.",
)  # fmt: skip


def read_pair_files(
    paths: Sequence[str], options: Mapping[str, Any], outputs: Sequence[str | None] = (),
    *, autoencode: bool = False,
) -> list[Pair]:  # fmt: skip
    """Read the pairs of files, or the texts for an autoencoder; no file may be an output."""
    from wordkit.seq2seq import read_pairs, read_texts
    from wordkit_corpora.plaintext import open_text

    text = open_text(paths, encoding=options["encoding"], errors=options["errors"])
    check_outputs(outputs, [*paths, *text.files])
    return list(read_texts(text) if autoencode else read_pairs(text, options["separator"]))


def read_dialogue_files(
    paths: Sequence[str], options: Mapping[str, Any], outputs: Sequence[str | None] = ()
) -> list[Dialogue]:
    """Read the dialogues of files; none of the files may be an output."""
    from wordkit.seq2seq.dialogue import read_dialogues
    from wordkit_corpora.plaintext import open_text

    text = open_text(paths, encoding=options["encoding"], errors=options["errors"])
    check_outputs(outputs, [*paths, *text.files])
    return read_dialogues(text)


def decoding_config(group: SettingOptions, values: Mapping[str, Any]) -> DecodingConfig:
    """Return the settings of decoding of the command line.

    Args:
        group: the options of the command.
        values: of all its options.
    """
    (given,) = group.given(values)
    if not given.get("sample") and given.get("beam", 1) >= 1:  # else it is refused as it is
        given["beam"] = max(given.get("beam", 1), given.get("alternatives", 1))
    return changed(DecodingConfig(), **given)
