"""wordkit transform: what a sequence to sequence model writes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import tee
from typing import TYPE_CHECKING, Any

import click

from wordkit.errors import TextError
from wordkit_cli.models import find_seq2seq, load_seq2seq_model
from wordkit_cli.options import (
    decoding_options,
    encoding_options,
    encoding_values,
    json_option,
    model_device_option,
)
from wordkit_cli.output import print_json
from wordkit_cli.sequence_models import decoding_config, model_and

if TYPE_CHECKING:
    from wordkit.text.blocks import TextSource

__all__ = ["command"]

_AT_ONCE = 4096  # lines of a file; of a pipe, what is there


@click.command("transform")
@click.argument("files", nargs=-1, metavar="[MODEL] [FILE|-]")
@decoding_options
@click.option(
    "--alternatives", default=1, show_default=True, type=click.IntRange(min=1),
    help="Answers for each line, best first, with tabs between; --beam is at least that.",
)  # fmt: skip
@model_device_option
@encoding_options
@json_option
def command(
    files: tuple[str, ...], alternatives: int, device: str, as_json: bool, **options: Any
) -> None:
    """What MODEL writes for each line of FILE: one line in, one line out.

    FILE is a text (also .gz, .bz2, .xz), or - for standard input, which is the default. MODEL is
    $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors, where it is not named. With --json an object for
    each line, with the log-probability of each answer (base e) and its score, which is that in
    relation to the length. Lines of a pipe are answered as they come.

    \b
    Examples:
      echo 'september 27, 1994' | wordkit transform seq2seq.safetensors -
      wordkit transform sources.txt --beam 5 > targets.txt
      echo '57+5' | wordkit transform --alternatives 3 --json
    """
    from wordkit.seq2seq import transform_groups
    from wordkit_corpora.plaintext import open_text

    path, file = _model_and_file(files)
    asked = load_seq2seq_model(path, device)
    config = decoding_config(options, alternatives)
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


def _model_and_file(files: tuple[str, ...]) -> tuple[str, str]:
    """The model to ask, and the text: each may be left out."""
    from wordkit.storage import SEQ2SEQ_MODEL, is_of_kind

    model, file = model_and("FILE", files or ("-",))
    if model is None and is_of_kind(file, SEQ2SEQ_MODEL):
        return file, "-"
    return find_seq2seq(model), file


def _groups_of(source: TextSource) -> Iterator[list[str]]:
    """The lines to answer together, none of them blank: what is there, up to some thousands."""
    from wordkit.text.blocks import line_groups_of

    before = 0
    for lines in line_groups_of(source):
        for start in range(0, len(lines), _AT_ONCE):
            group = [line.text for line in lines[start : start + _AT_ONCE]]
            for number, text in enumerate(group, before + 1):
                if not text.strip():  # nothing could be written for it
                    raise TextError(f"{source.name}: line {number} is blank; give each line a text")
            before += len(group)
            yield group
