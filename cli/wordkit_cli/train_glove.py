"""wordkit train-glove: word vectors from co-occurrence by least squares."""

from __future__ import annotations

from typing import Any

import click

from wordkit.counts.config import GloveConfig
from wordkit_cli.models import VECTORS
from wordkit_cli.options import (
    checkpoint_options,
    memory_option,
    output_option,
    progress_options,
    resume_option,
    text_options,
    threads_option,
)
from wordkit_cli.progress import Progress
from wordkit_cli.sections import SectionedCommand
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import check_training, checkpoint_plan, finish_training
from wordkit_cli.vectors import figures_of, read_text, say_trained

__all__ = ["command"]

_SETTINGS = SettingOptions({"Model": GloveConfig})


@click.command("train-glove", cls=SectionedCommand)
@click.argument("text", nargs=-1, required=True)
@output_option(VECTORS.file, "FILE", "The file of vectors to write.")
@_SETTINGS
@checkpoint_options
@resume_option
@memory_option
@text_options
@threads_option
@progress_options
def command(text: tuple[str, ...], output: str, **options: Any) -> None:
    """Learn word vectors from TEXT by GloVe: least squares on the logarithms of co-occurrence.

    TEXT is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, - for standard
    input, or one folder that wordkit prepare made.

    On Ctrl-C the vectors so far are kept. With --resume settings that are not given are as they
    were; it needs the same TEXT.

    \b
    Examples:
      wordkit train-glove corpus.txt
      wordkit train-glove corpus.txt --dim 300 --x-max 100 -o glove.safetensors
      wordkit train-glove corpus.txt --checkpoint glove.checkpoint --resume
    """
    from wordkit.counts import begin_glove, iter_train_glove
    from wordkit.embeddings import save_embeddings
    from wordkit.embeddings.formats import files_of

    checkpoint = options["checkpoint"]
    check_training(files_of(output), options)
    writing = checkpoint_plan(options)
    (given,) = _SETTINGS.given(options)
    resume, quiet = options["resume"], options["quiet"]
    with Progress(quiet=quiet, log=options["log"], append=resume) as progress:
        config, resumed, note = begin_glove(
            given, resume=resume, checkpoint=writing, update=changed
        )
        progress.say(note)
        corpus = read_text(text, output, config, options, progress)
        run = iter_train_glove(
            corpus, config, resume=resumed, memory=options["memory"],
            threads=options["threads"], checkpoint=writing,
        )  # fmt: skip
        figures = figures_of(config.epochs, 4)
        vectors = finish_training(run, output, save_embeddings, progress, checkpoint, figures)
        say_trained(vectors, output, progress, "pairs", 4)
