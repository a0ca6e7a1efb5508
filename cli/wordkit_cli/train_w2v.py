"""wordkit train-w2v: word vectors by prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wordkit.storage import check_outputs, is_same_file
from wordkit.word2vec.config import LIKE, Word2VecConfig, settings_like
from wordkit.word2vec.engine import DEVICES
from wordkit_cli.models import VECTORS
from wordkit_cli.options import (
    Refused,
    checkpoint_options,
    device_option,
    output_option,
    progress_options,
    text_options,
    threads_option,
)
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import (
    check_training,
    checkpoint_plan,
    finish_training,
    is_first_process,
    save_somewhere,
)
from wordkit_cli.vectors import figures_of, read_text, say_trained

if TYPE_CHECKING:
    from wordkit.text import Corpus
    from wordkit.word2vec import Beginning, TrainingState

__all__ = ["command"]

_SETTINGS = SettingOptions({"Model": Word2VecConfig})

_OF_CHECKPOINT = ""  # the value of --resume where none is given


@click.command("train-w2v", cls=SectionedCommand)
@click.argument("text", nargs=-1, metavar="TEXT...")
@output_option(VECTORS.file, "FILE", "The file of vectors to write.")
@_SETTINGS
@option(
    "--like", type=click.Choice(list(LIKE)), section="Model",
    help="Default settings of word2vec.c, gensim or fastText (without subwords).",
)  # fmt: skip
@option("--init", metavar="FILE", section="Model", help="Initial vectors: a file of any format.")
@checkpoint_options
@option(
    "--resume", is_flag=False, flag_value=_OF_CHECKPOINT, metavar="[FILE]", section="Checkpoints",
    main=True, help="Resume the training of --checkpoint, or train the model of FILE further.",
)  # fmt: skip
@device_option(DEVICES)
@threads_option
@text_options
@progress_options
def command(
    text: tuple[str, ...], output: str, init: str | None, resume: str | None, **options: Any
) -> None:
    """Learn word vectors from TEXT by prediction: word2vec.

    TEXT is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, - for standard
    input, or one folder that wordkit prepare made.

    With --resume settings that are not given are as they were. A checkpoint resumes on the same
    TEXT, with the result of an uninterrupted training; a model is trained further on new TEXT,
    whose words join its own.

    On Ctrl-C the vectors so far are kept, but for those of a model that is trained further in its
    own file. Checkpoints are also written then, and at the end. Without --resume they replace
    those of a finished training in the same file, but not those of one that was stopped: that is
    an error.

    torchrun starts it on several processors or machines: each process trains its own copy of the
    vectors on its part of TEXT, and they exchange what they have learnt.

    \b
    Examples:
      wordkit train-w2v corpus.txt
      wordkit train-w2v corpus.txt --arch skipgram --dim 300 -o sg.safetensors
      wordkit train-w2v corpus.txt --checkpoint w2v.checkpoint --resume
      wordkit train-w2v news.txt --resume vectors.safetensors -o more.safetensors
      torchrun --nproc-per-node 2 -m -- wordkit_cli train-w2v corpus.ids
    """
    from wordkit.embeddings import Embeddings, save_embeddings
    from wordkit.embeddings.formats import files_of
    from wordkit.word2vec import begin_training, iter_train_word2vec

    checkpoint, device, is_first = options["checkpoint"], options["device"], is_first_process()
    log, quiet = options["log"] if is_first else None, options["quiet"] or not is_first
    _check_usage(text, init, resume, checkpoint)
    written = files_of(output)
    check_training(written, options)
    (given,) = _SETTINGS.given(options)
    if options["like"] is not None:
        given = settings_like(options["like"], **given)
    writing, resumed = checkpoint_plan(options), resume or resume == _OF_CHECKPOINT
    with Progress(quiet=quiet, log=log, append=resume is not None) as progress:
        with progress.announcing_compilation():
            beginning = begin_training(
                given, init=init, resume=resumed, checkpoint=writing, update=changed
            )
        progress.say(beginning.note)
        if beginning.file is not None:
            is_model = isinstance(beginning.loaded, Embeddings) and beginning.is_resumed
            check_outputs([log, *written[is_model:]], [beginning.file])
        corpus = read_text(text, output, beginning.config, options, progress)
        config, start = beginning.config, _start(beginning, corpus, progress)
        in_place = beginning.file is not None and is_same_file(beginning.file, output)
        del beginning  # its vectors have been copied
        run = iter_train_word2vec(
            corpus, config, start=start, device=device, threads=options["threads"],
            checkpoint=writing,
        )  # fmt: skip
        figures = figures_of(config.epochs)
        with progress.announcing_compilation():  # of what writes vectors
            save = save_embeddings if is_first and not in_place else None
            vectors = finish_training(run, output, save, progress, checkpoint, figures)
            if is_first and in_place:
                save_somewhere(save_embeddings, vectors, output)
        say_trained(vectors, output, progress, "words")


def _check_usage(
    text: tuple[str, ...], init: str | None, resume: str | None, checkpoint: str | None
) -> None:
    """Raise if arguments are missing or exclude each other."""
    context = click.get_current_context()
    if not text and resume:
        raise click.UsageError(
            f"there is no TEXT: {resume} was taken as the file of --resume; put TEXT first"
        )
    if not text:
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    if init is not None and resume:
        raise Refused("--init starts anew and --resume FILE does not: give one of them")
    if resume == _OF_CHECKPOINT and checkpoint is None:
        raise Refused("name what to resume: --resume FILE, or --checkpoint FILE")


def _start(beginning: Beginning, corpus: Corpus, progress: Progress) -> TrainingState:
    """Return the initial state on a corpus, and report what is kept."""
    from wordkit.embeddings import Embeddings

    start = beginning.start(corpus)
    if isinstance(beginning.loaded, Embeddings):
        whose = "its vector" if start.kept == 1 else "their vectors"
        new = "new one" if start.joined == 1 else "new ones"
        kept = counted(start.kept, "word")
        progress.say(f"{kept} kept {whose}, {start.joined:,} {new} joined")
        if start.note is not None:
            progress.say(start.note)
    return start
