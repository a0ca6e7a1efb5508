"""wordkit train-glove: word vectors from co-occurrence by least squares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import click

from wordkit.counts.config import GloveConfig
from wordkit.storage import check_outputs
from wordkit_cli.inputs import TextOptions, read_corpus
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
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress, short
from wordkit_cli.sections import SectionedCommand
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import check_training, checkpoint_plan, finish_training

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
      wordkit train-glove corpus.txt --dim 300 --x-max 10 -o glove.safetensors
      wordkit train-glove corpus.txt --checkpoint glove.checkpoint --resume
    """
    from wordkit.counts import begin_glove, iter_train_glove
    from wordkit.embeddings import save_embeddings
    from wordkit.embeddings.formats import check_dim, files_of

    checkpoint, log, threads = options["checkpoint"], options["log"], options["threads"]
    written = files_of(output)
    check_training(written, options)
    choice, writing = TextOptions.take(options), checkpoint_plan(options)
    (given,) = _SETTINGS.given(options)
    with Progress(quiet=options["quiet"], log=log, append=options["resume"]) as progress:
        config, resumed, note = begin_glove(
            given, resume=options["resume"], checkpoint=writing, update=changed
        )
        progress.say(note)
        check_dim(config.dim, output)
        outputs = (*written, checkpoint, log)
        check_outputs(outputs)
        corpus = read_corpus(
            text, choice, progress=progress, outputs=outputs, threads=threads,
            pieces=options["max_vocabulary"],
        )  # fmt: skip
        run = iter_train_glove(
            corpus, config, resume=resumed, memory=options["memory"], threads=threads,
            checkpoint=writing,
        )  # fmt: skip

        def figures(known: Mapping[str, float]) -> str:
            if "epoch" not in known:  # of counting
                return ""
            loss = "" if math.isnan(known["loss"]) else f"  loss {known['loss']:.4f}"
            return f"epoch {known['epoch']:.0f}/{config.epochs}{loss}"

        vectors = finish_training(run, output, save_embeddings, progress, checkpoint, figures)
        facts = [counted(len(vectors), "word"), counted(vectors.dim, "dimension")]
        facts.append(f"loss {vectors.metadata['training']['loss']:.4f}")
        if progress.rate:
            facts.append(f"{short(progress.rate)} pairs/s")
        progress.say(f"{output}: {', '.join(facts)}")
