"""wordkit prepare: text → a corpus of word ids."""

from __future__ import annotations

from typing import Any

import click

from wordkit.errors import ConfigError
from wordkit.runtime.scheduler import connected
from wordkit.storage import check_outputs, is_same_file
from wordkit.text.config import TextConfig
from wordkit.text.corpus import is_corpus
from wordkit_cli.inputs import TextOptions, read_corpus
from wordkit_cli.options import (
    Refused,
    is_given,
    output_option,
    progress_options,
    scheduler_option,
    text_options,
    threads_option,
)
from wordkit_cli.progress import Progress
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed

__all__ = ["command"]

_SETTINGS = SettingOptions(
    {"Text": TextConfig},
    hidden=("tokenizer", "numbers", "normalize", "case", "max_size", "learnt_fraction"),
)


@click.command("prepare", cls=SectionedCommand)
@click.argument("text", nargs=-1, required=True)
@output_option("corpus.ids", "DIR", "The folder to make, also by its URL.")
@text_options
@_SETTINGS
@option(
    "--max-vocabulary", type=click.IntRange(min=1), section="Text",
    help="Size limit of the vocabulary: the most frequent words, or the number of pieces of bpe. "
    "Default: no limit; 8000 with bpe.",
)  # fmt: skip
@option(
    "--vocabulary", metavar="DIR", section="Text",
    help="Take the vocabulary of this corpus, as for validation text.",
)  # fmt: skip
@threads_option
@scheduler_option
@progress_options
def command(text: tuple[str, ...], output: str, **options: Any) -> None:
    """Turn TEXT into a corpus of word ids, to train on many times.

    TEXT is one or more files (also .gz, .bz2, .xz), folders, globs, URLs of such (s3://, https://),
    named corpora, or - for standard input. One line is one unit that windows do not cross.

    \b
    Examples:
      wordkit prepare corpus.txt -o corpus.ids
      wordkit prepare 'books/*.txt.gz' --min-count 5
      wordkit prepare corpus.txt --phrases 2 --phrase-score npmi
      wordkit prepare corpus.txt --tokenizer bpe --max-vocabulary 4000
      wordkit prepare ptb --eos -o train.ids
      wordkit prepare ptb-valid --eos --vocabulary train.ids -o valid.ids
      wordkit prepare 's3://books/*.txt' --scheduler tcp://10.0.0.1:8786
    """
    for path in filter(is_corpus, text):
        raise ConfigError(f"{path} is a prepared corpus already; train on it as it is")
    if options["vocabulary"] is not None:
        _refuse_cuts(output, options["vocabulary"])
    choice = TextOptions.take(options)
    (given,) = _SETTINGS.given(options)
    changed(TextConfig(), **given)
    log, threads = options["log"], options["threads"]
    check_outputs([log], [output, options["vocabulary"]])
    with (
        Progress(quiet=options["quiet"], log=log) as progress,
        connected(options["scheduler"], threads) as client,
    ):
        read_corpus(
            text, choice, progress=progress, outputs=(log,), folder=output,
            vocabulary=options["vocabulary"], threads=threads, client=client,
            max_size=options["max_vocabulary"], **given,
        )  # fmt: skip


def _refuse_cuts(output: str, vocabulary: str) -> None:
    """Raise if options would shape a vocabulary, and one is given."""
    for name in ("min_count", "max_vocabulary", "unk", "phrases"):
        if is_given(name):
            option = name.replace("_", "-")
            raise Refused(f"--{option} shapes a vocabulary, but --vocabulary gives one")
    if is_same_file(output, vocabulary):
        raise Refused("--vocabulary and --output are the same folder; name another one")
