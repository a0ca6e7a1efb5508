"""wordkit train-counts: word vectors by counting."""

from __future__ import annotations

from typing import Any

import click

from wordkit.counts import CountsConfig
from wordkit_cli.inputs import TextOptions, read_corpus
from wordkit_cli.models import DEFAULT_VECTORS
from wordkit_cli.options import (
    memory_option,
    output_option,
    progress_options,
    text_options,
    threads_option,
)
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress

__all__ = ["command"]

_DEFAULT = CountsConfig()


@click.command("train-counts")
@click.argument("text", nargs=-1, required=True)
@output_option(DEFAULT_VECTORS, "FILE", "The file of vectors to write.")
@click.option(
    "--dim", "--size", default=_DEFAULT.dim, show_default=True, help="Dimensions of a vector."
)
@click.option(
    "--window",
    "--ws",
    default=_DEFAULT.window,
    show_default=True,
    help="Words on each side that are the context.",
)
@click.option(
    "--weighting",
    type=click.Choice(["flat", "harmonic", "dynamic"]),
    default=_DEFAULT.weighting,
    show_default=True,
    help="What a context word counts: 1, 1/distance, or (window - distance + 1)/window.",
)
@click.option(
    "--side",
    type=click.Choice(["both", "left", "right"]),
    default=_DEFAULT.side,
    show_default=True,
    help="Where the context lies.",
)
@click.option(
    "--min-count", default=_DEFAULT.min_count, show_default=True, help="Leave out rarer words."
)
@click.option(
    "--max-vocabulary", type=click.IntRange(min=1), help="Keep so many words, the most frequent."
)
@click.option(
    "--shift", default=_DEFAULT.shift, show_default=True, help="k of shifted PPMI: subtract log k."
)
@click.option(
    "--smoothing",
    default=_DEFAULT.smoothing,
    show_default=True,
    help="Power that the context frequencies are raised to.",
)
@click.option(
    "--exponent",
    default=_DEFAULT.exponent,
    show_default=True,
    help="p in U S^p, from the singular value decomposition U S V.",
)
@click.option(
    "--context-vectors/--no-context-vectors",
    default=_DEFAULT.context_vectors,
    show_default=True,
    help="Add each word's vector as a context, V S^p.",
)
@click.option(
    "--method",
    type=click.Choice(["randomized", "arpack"]),
    default=_DEFAULT.method,
    show_default=True,
    help="How the singular vectors are found.",
)
@click.option("--seed", default=_DEFAULT.seed, show_default=True, help="Of the random numbers.")
@memory_option
@text_options
@threads_option
@progress_options
def command(text: tuple[str, ...], output: str, **options: Any) -> None:
    """Learn word vectors from TEXT by counting: co-occurrence, PPMI, truncated SVD.

    TEXT is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, - for standard
    input, or one folder that wordkit prepare made.

    \b
    Examples:
      wordkit train-counts corpus.txt
      wordkit train-counts pydocs --dim 50 -o pydocs.safetensors
      wordkit train-counts ptb.train.txt --tokenizer whitespace --window 2
    """
    from wordkit.counts import train_counts
    from wordkit.embeddings import save_embeddings
    from wordkit.embeddings.formats import format_by_suffix
    from wordkit.storage import check_writable

    check_writable(output)  # before the work, not after it
    format_by_suffix(output)
    choice = TextOptions.take(options)
    memory, threads = options.pop("memory"), options.pop("threads")
    quiet, log = options.pop("quiet"), options.pop("log")
    config = CountsConfig(**options)
    with Progress(quiet=quiet, log=log) as progress:
        corpus = read_corpus(
            text, choice, progress=progress, outputs=(output, log), threads=threads
        )
        run = train_counts(corpus, config, memory=memory, threads=threads)
        vectors = progress.finish(run)
        save_embeddings(vectors, output)
        progress.say(
            f"{output}: {counted(len(vectors), 'word')}, {counted(vectors.dim, 'dimension')}"
        )
