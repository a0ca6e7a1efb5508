"""wordkit transform: text from a sequence-to-sequence model."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import tee
from typing import TYPE_CHECKING, Any

import click

from wordkit.errors import TextError
from wordkit.seq2seq.config import DecodingConfig
from wordkit_cli.models import SEQ2SEQ, find, load_seq2seq_model, model_and
from wordkit_cli.options import encoding_options, encoding_values, json_option, model_device_option
from wordkit_cli.output import print_json
from wordkit_cli.sections import SectionedCommand
from wordkit_cli.sequence_models import decoding_config, sequence_model_option
from wordkit_cli.setting_options import SettingOptions

if TYPE_CHECKING:
    from wordkit.text.blocks import TextSource

__all__ = ["command"]

_DECODING = SettingOptions({"Decoding": DecodingConfig}, hidden=("batch",))
_GROUP = 4096  # lines of a file; of a pipe, those that are available


@click.command("transform", cls=SectionedCommand)
@click.argument("files", nargs=-1, metavar="[MODEL] [FILE|-]")
@_DECODING
@sequence_model_option
@model_device_option
@encoding_options
@json_option
def command(
    files: tuple[str, ...], model: str | None, device: str, as_json: bool, **options: Any
) -> None:
    """Transform each line of FILE by MODEL: one line in, one line out; blank for a blank one.

    FILE is a text (also .gz, .bz2, .xz), or - for standard input, which is the default. Default of
    MODEL: $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors. --json prints an object for each line, with
    the log-probability of each answer (base e) and its score, which is normalized by the length.
    Lines of a pipe are answered as they come. Several --alternatives are separated by tabs, the
    best first; --beam is at least as many.

    \b
    Examples:
      echo 'september 27, 1994' | wordkit transform seq2seq.safetensors -
      wordkit transform sources.txt --beam 5 > targets.txt
      echo '57+5' | wordkit transform --alternatives 3 --json
      echo '57+5' | wordkit transform --sample --temperature 0.7 --seed 1
    """
    from wordkit.seq2seq import transform_groups
    from wordkit_corpora.plaintext import open_text

    path, file = _model_and_file(files, model)
    asked = load_seq2seq_model(path, device)
    config = decoding_config(_DECODING, options)
    text = open_text([file], **encoding_values(options), as_it_comes=True)
    shown, read = tee(_groups_of(text))
    some = False
    for group, answered in zip(shown, transform_groups(asked, read, config), strict=True):
        some = True
        for line, answers in zip(group, answered, strict=True):
            if as_json:
                known = [answer._asdict() for answer in answers]
                print_json({"source": line.strip(), "answers": known})
            else:
                click.echo("\t".join(answer.text for answer in answers))
    if not some:
        raise TextError(f"{text.name} holds no line; give a text that does")


def _model_and_file(files: tuple[str, ...], option: str | None) -> tuple[str, str]:
    """The model to ask, and the text; each may be left out."""
    from wordkit.storage import SEQ2SEQ_MODEL, kind_of

    model, file = model_and("FILE", files or ("-",), option=option)
    model = model or option
    if model is None and kind_of(file) == SEQ2SEQ_MODEL:
        return file, "-"
    return find(SEQ2SEQ, model), file


def _groups_of(source: TextSource) -> Iterator[list[str]]:
    """The groups of lines to answer together."""
    from wordkit.text.blocks import line_groups_of

    for lines in line_groups_of(source):
        for start in range(0, len(lines), _GROUP):
            yield [line.text for line in lines[start : start + _GROUP]]
