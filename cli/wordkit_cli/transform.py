"""wordkit transform: what a sequence to sequence model writes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import tee
from typing import Any

import click

from wordkit.errors import TextError
from wordkit_cli.models import find_seq2seq, load_seq2seq_model
from wordkit_cli.options import (
    decoding_options,
    json_option,
    model_device_option,
    reading_options,
)
from wordkit_cli.output import print_json

__all__ = ["command"]


@click.command("transform")
@click.argument("files", nargs=-1, metavar="[MODEL] [FILE|-]")
@decoding_options
@click.option(
    "--alternatives", default=1, show_default=True, type=click.IntRange(min=1),
    help="Answers for each line, best first, with tabs between; --beam is at least that.",
)  # fmt: skip
@model_device_option
@reading_options
@json_option
def command(
    files: tuple[str, ...], beam: int, alternatives: int, device: str, as_json: bool, **options: Any
) -> None:
    """What MODEL writes for each line of FILE: one line in, one line out.

    FILE is a text (also .gz, .bz2, .xz), or - for standard input, which is the default. MODEL is
    $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors, where it is not named. With --json an object for
    each line, with the log-probability of each answer (base e) and its score, which is that in
    relation to the length. Lines are answered some thousands at a time.

    \b
    Examples:
      echo 'september 27, 1994' | wordkit transform seq2seq.safetensors -
      wordkit transform sources.txt --beam 5 > targets.txt
      echo '57+5' | wordkit transform --alternatives 3 --json
    """
    from wordkit.seq2seq import DecodingConfig, transform
    from wordkit.text.lines import lines_of
    from wordkit_corpora.named import open_source

    path, file = model_and_file(files)
    asked = load_seq2seq_model(path, device)
    config = DecodingConfig(
        max(beam, alternatives), alternatives, options["length_penalty"], options["max_length"]
    )
    reading = {name: options[name] for name in ("encoding", "errors", "data_dir")}
    opened = open_source([file], **reading).result()
    shown, read = tee(_checked(lines_of(opened.source), opened.source.name))
    some = False
    for line, answers in zip(shown, transform(asked, read, config), strict=True):
        some = True
        if as_json:
            known = [answer._asdict() for answer in answers]
            print_json({"source": line.strip(), "answers": known})
        else:
            click.echo("\t".join(answer.text for answer in answers))
    if not some:
        raise TextError(f"{opened.source.name} holds no line; give a text that does")


def model_and_file(files: tuple[str, ...]) -> tuple[str, str]:
    """The model to ask, and the text: each may be left out."""
    from wordkit.storage import SEQ2SEQ_MODEL, is_of_kind

    if len(files) > 2:
        raise click.UsageError(f"give a MODEL and one FILE, not {len(files)} files")
    if len(files) == 2:
        return files[0], files[1]
    if files and is_of_kind(files[0], SEQ2SEQ_MODEL):
        return files[0], "-"
    return find_seq2seq(None), files[0] if files else "-"


def _checked(lines: Iterator[str], name: str) -> Iterator[str]:
    """Lines, of which none is blank: nothing could be written for it."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise TextError(f"{name}: line {number} is blank; give each line a text")
        yield line
