"""wordkit train-counts: word vectors by counting."""

from __future__ import annotations

from typing import Any

import click

from wordkit.counts.config import CountsConfig
from wordkit.runtime.scheduler import connected
from wordkit_cli.models import VECTORS
from wordkit_cli.options import (
    memory_option,
    output_option,
    progress_options,
    scheduler_option,
    text_options,
    threads_option,
)
from wordkit_cli.progress import Progress
from wordkit_cli.sections import SectionedCommand
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import save_somewhere
from wordkit_cli.vectors import read_text, say_trained

__all__ = ["command"]

_SETTINGS = SettingOptions({"Model": CountsConfig})


@click.command("train-counts", cls=SectionedCommand)
@click.argument("text", nargs=-1, required=True)
@output_option(VECTORS.file, "FILE", "The file of vectors to write.")
@_SETTINGS
@memory_option
@text_options
@threads_option
@scheduler_option
@progress_options
def command(text: tuple[str, ...], output: str, **options: Any) -> None:
    """Learn word vectors from TEXT by counting: co-occurrence, PPMI, truncated SVD.

    TEXT is one or more files (also .gz, .bz2, .xz), folders, globs, URLs of such (s3://, https://),
    named corpora, - for standard input, or one folder that wordkit prepare made.

    \b
    Examples:
      wordkit train-counts corpus.txt
      wordkit train-counts pydocs --dim 50 -o pydocs.safetensors
      wordkit train-counts ptb.train.txt --tokenizer whitespace --window 2
      wordkit train-counts corpus.ids --scheduler tcp://10.0.0.1:8786 --memory 8G
    """
    from wordkit.counts import iter_train_counts
    from wordkit.embeddings import save_embeddings
    from wordkit.embeddings.formats import files_of
    from wordkit.storage import check_writable

    for path in files_of(output):  # before the work, not after it
        check_writable(path)
    (given,) = _SETTINGS.given(options)
    config, threads = changed(CountsConfig(), **given), options["threads"]
    with (
        Progress(quiet=options["quiet"], log=options["log"]) as progress,
        connected(options["scheduler"], threads) as client,
    ):
        corpus = read_text(text, output, config, options, progress, client)
        run = iter_train_counts(
            corpus, config, memory=options["memory"], threads=threads, client=client
        )
        vectors = progress.finish(run)
        save_somewhere(save_embeddings, vectors, output)
        say_trained(vectors, output, progress)
