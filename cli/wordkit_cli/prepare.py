"""wordkit prepare: text → a corpus of word ids."""

from __future__ import annotations

from typing import Any, get_args

import click

from wordkit.errors import ConfigError
from wordkit.runtime.cluster import connected
from wordkit.storage import check_outputs, is_same_file
from wordkit.text.corpus import is_corpus
from wordkit.text.phrases import PhraseScore
from wordkit_cli.inputs import TextOptions, read_corpus
from wordkit_cli.options import (
    is_given,
    output_option,
    progress_options,
    scheduler_option,
    text_options,
    threads_option,
)
from wordkit_cli.progress import Progress

__all__ = ["command"]


@click.command("prepare")
@click.argument("text", nargs=-1, required=True)
@output_option("corpus.ids", "DIR", "The folder to make.")
@text_options
@click.option("--min-count", default=1, show_default=True, help="Leave out rarer words.")
@click.option(
    "--max-vocabulary", type=click.IntRange(min=1),
    help="Size limit of the vocabulary: the most frequent words, or the number of pieces of bpe. "
    "Default: no limit; 8000 with bpe.",
)  # fmt: skip
@click.option(
    "--vocabulary", metavar="DIR",
    help="Take the vocabulary of this corpus, as for validation text.",
)  # fmt: skip
@click.option("--unk", is_flag=True, help="Replace words left out by <unk>.")
@click.option("--eos", is_flag=True, help="End each line with <eos>, for language models.")
@click.option(
    "--phrases", type=click.IntRange(1, 3), metavar="2|3",
    help="Join up to so many words that occur together more often than by chance: new_york.",
)  # fmt: skip
@click.option(
    "--phrase-score", type=click.Choice(get_args(PhraseScore)), default="word2vec",
    show_default=True, help="Score of phrases: word2vec's, or normalized PMI.",
)  # fmt: skip
@click.option(
    "--phrase-threshold", type=float,
    help="Score above which words are joined. Default: 100, with npmi 0.5.",
)  # fmt: skip
@click.option(
    "--phrase-min-count", default=5, show_default=True, help="Least count of a phrase."
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
    if options["phrases"] is None:
        for name in ("phrase_score", "phrase_threshold", "phrase_min_count"):
            if is_given(name):
                option = name.replace("_", "-")
                raise click.UsageError(f"--{option} has no effect without --phrases; give both")
            del options[name]
        del options["phrases"]
    choice = TextOptions.take(options)
    log = options.pop("log")
    check_outputs([log], [output, options["vocabulary"]])
    scheduler = options.pop("scheduler")
    with (
        Progress(quiet=options.pop("quiet"), log=log) as progress,
        connected(scheduler, options["threads"]) as client,
    ):
        read_corpus(
            text,
            choice,
            progress=progress,
            outputs=(log,),
            folder=output,
            client=client,
            max_size=options.pop("max_vocabulary"),
            **options,
        )


def _refuse_cuts(output: str, vocabulary: str) -> None:
    """Raise if options would shape a vocabulary, and one is given."""
    for name in ("min_count", "max_vocabulary", "unk", "phrases"):
        if is_given(name):
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} shapes a vocabulary, but --vocabulary gives one")
    if is_same_file(output, vocabulary):
        raise click.UsageError("--vocabulary and --output are the same folder; name another one")
