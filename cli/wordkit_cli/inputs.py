"""What training commands train on: text in any packing, a named corpus, or a prepared one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import has_magic
from typing import Any, Literal

import click

from wordkit.errors import ConfigError
from wordkit.text import Corpus
from wordkit.text.corpus import is_corpus
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress

__all__ = ["TextOptions", "check_texts", "read_corpus", "refuse_overwriting"]


@dataclass(frozen=True)
class TextOptions:
    """The values of :func:`wordkit_cli.options.text_options`."""

    tokenizer: str | None
    numbers: str
    encoding: str
    errors: Literal["strict", "replace"]
    data_dir: str | None

    @classmethod
    def take(cls, options: dict[str, Any]) -> TextOptions:
        """Take the text options out of a command's options."""
        return cls(*(options.pop(name) for name in cls.__dataclass_fields__))


def read_corpus(
    paths: Sequence[str],
    text: TextOptions,
    *,
    progress: Progress,
    outputs: Sequence[str | None] = (),
    folder: str | None = None,
    vocabulary: str | None = None,
    threads: int | None = None,
    **settings: Any,
) -> Corpus:
    """The corpus of these paths: opened where it is prepared already, else read now.

    Args:
        paths: files, folders, globs, ``-``, named corpora; or one prepared corpus.
        text: how the text is read.
        progress: shows how far the reading has come.
        outputs: files that the command is going to write; the text may not be one of them.
        folder: where to keep what is read now; None: a temporary folder.
        vocabulary: a prepared corpus whose words are taken; None: those of the text.
        threads: the number of threads.
        settings: further fields of :class:`wordkit.text.TextConfig`.
    """
    prepared = [path for path in paths if is_corpus(path)]
    if prepared:
        if len(paths) > 1:
            raise ConfigError(f"{prepared[0]} is a prepared corpus; give it alone")
        _refuse_text_options()
        refuse_overwriting(prepared, outputs)
        return _checked_corpus(prepared[0])

    from wordkit.text import TextConfig, prepare
    from wordkit_corpora.named import open_source

    words = None if vocabulary is None else _checked_corpus(vocabulary).vocabulary
    opening = open_source(
        paths,
        encoding=text.encoding,
        errors=text.errors,
        data_dir=text.data_dir,
    )
    opened = progress.finish(opening)
    if opened.note is not None:
        progress.say(opened.note)
    if opened.reason is not None and text.tokenizer is None:
        progress.say(opened.reason)
    refuse_overwriting([*paths, *getattr(opened.source, "files", ())], outputs)
    config = TextConfig(text.tokenizer or opened.tokenizer, text.numbers, **settings)
    run = prepare(opened.source, folder, config, vocabulary=words, threads=threads)
    corpus = progress.finish(run)
    progress.say(describe(corpus))
    return corpus


def _checked_corpus(folder: str) -> Corpus:
    corpus = Corpus.open(folder)
    corpus.check()
    return corpus


def check_texts(
    paths: Sequence[str], outputs: Sequence[str | None], data_dir: str | None = None
) -> None:
    """Find out early whether texts that are read later are there, and would stay.

    Args:
        paths: as :func:`read_corpus` takes them.
        outputs: files that the command is going to write.
        data_dir: the folder of the user's own data, for named corpora.

    Raises:
        TextError: one is not there.
        ConfigError: one is an output.
        StorageError: a named corpus cannot be fetched or stored.
    """
    from wordkit_corpora.named import check_paths, find, open_source
    from wordkit_corpora.plaintext import open_text

    check_paths(paths)
    for path in paths:
        files: Iterable[str] = ()
        if not is_corpus(path) and (os.path.isdir(path) or has_magic(path)):
            files = open_text([path]).files
        elif find(path) is not None:
            files = getattr(open_source([path], data_dir=data_dir).result().source, "files", ())
        refuse_overwriting([path, *files], outputs)


def refuse_overwriting(inputs: Iterable[str], outputs: Sequence[str | None]) -> None:
    """Complain where an output is one of the files that are read, or two outputs are one file.

    Args:
        inputs: paths, ``-``, and folders of prepared corpora; names of corpora do no harm.
        outputs: the files to be written; None where there is none.
    """
    written = [output for output in outputs if output is not None]
    places = [os.path.realpath(output) for output in written]
    for output, place in zip(written, places, strict=True):
        if places.count(place) > 1:
            raise ConfigError(f"{output} would be written twice; name different files")
    there = [(output, os.stat(output)) for output in written if os.path.exists(output)]
    for path in inputs:
        for name, status in _statuses(path):
            for output, old in there:
                if os.path.samestat(old, status):
                    way = "" if name == output else f" as {name}"
                    raise ConfigError(f"{output} is read{way}; write to another file")


def _statuses(path: str) -> list[tuple[str, os.stat_result]]:
    """What lies behind an input: the file, standard input, or the files of a corpus."""
    if path == "-":
        return [("standard input", os.fstat(0))] if sys.stdin is not None else []
    if is_corpus(path):
        return [(path, entry.stat()) for entry in os.scandir(path)]
    return [(path, os.stat(path))] if os.path.exists(path) else []


def describe(corpus: Corpus) -> str:
    """A corpus in one line."""
    return (
        f"{corpus.settings.get('source', 'the corpus')}: {counted(corpus.tokens, 'token')} of "
        f"{counted(len(corpus.vocabulary), 'word')} in {counted(corpus.sentences, 'line')}"
    )


def _refuse_text_options() -> None:
    """Complain about options that say how to read text where the text has been read already."""
    context = click.get_current_context()
    for name in ("tokenizer", "numbers", "encoding", "errors"):
        source = context.get_parameter_source(name)
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{name} says how to read text, but this corpus is prepared already; "
                "prepare it again with that option"
            )
