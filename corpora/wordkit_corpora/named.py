"""The named corpora, which can be given instead of a text."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordkit.errors import TextError
from wordkit.runtime import Report, Run, as_run
from wordkit.storage.remote import is_remote
from wordkit.text.blocks import Block, TextPart, TextSource, parts_of
from wordkit.text.vocabulary import UNK
from wordkit_corpora.files import STANDARD_INPUT, find_files_of_each, is_glob
from wordkit_corpora.plaintext import Errors, joined_names, open_text
from wordkit_corpora.ptb import iter_ptb_source
from wordkit_corpora.pydocs import iter_pydocs_source

__all__ = ["NamedCorpus", "OpenedText", "check_paths", "find", "iter_open_source", "named_corpora"]

_DEFAULT, _WHITESPACE = "basic", "whitespace"  # tokenizers


@dataclass(frozen=True)
class NamedCorpus:
    """A text that is known by name; all fields but the last are shown to the user."""

    name: str
    description: str
    size: str
    licence: str
    origin: str
    """The folders and URLs that it is looked for in."""

    tokenizer: str
    """The tokenizer that fits it."""

    open: Callable[[str | Path | None], Run[TextSource]]
    """Opens the text, given the folder of the user's own data or None."""


@dataclass(frozen=True)
class OpenedText:
    """A text that is ready to be read."""

    source: TextSource

    tokenizer: str
    """The tokenizer that fits its first text, where the user names none."""

    note: str | None = None
    """One line on a path that is called like a named corpus."""

    reason: str | None = None
    """One line on why this tokenizer fits, where that may surprise."""


def _ptb(name: str, split: str, what: str, size: str) -> NamedCorpus:
    return NamedCorpus(
        name=name,
        description=f"Penn Treebank as Mikolov prepared it, {what}: Wall Street Journal, 1989",
        size=size,
        licence="© Dow Jones and LDC, for research",
        origin=f"ptb.{split}.txt in data_dir, $WORDKIT_DATA or the cache, else fetched",
        tokenizer="whitespace",
        open=lambda data_dir: iter_ptb_source(split, data_dir),
    )


_CORPORA = (
    _ptb("ptb", "train", "training text", "5.1 MB, 887,521 words"),
    _ptb("ptb-valid", "valid", "validation text", "0.4 MB, 70,390 words"),
    _ptb("ptb-test", "test", "test text", "0.4 MB, 78,669 words"),
    NamedCorpus(
        name="pydocs",
        description="documentation of Python, NumPy, SciPy, scikit-learn, PyTorch, NLTK, Click",
        size="about 11 MB, 1.7 million words",
        licence="those of the packages: PSF, BSD, Apache 2.0",
        origin="documentation strings of this Python installation, read once, then cached",
        tokenizer="basic",
        open=lambda _: iter_pydocs_source(),
    ),
)


def named_corpora() -> tuple[NamedCorpus, ...]:
    """Return all named corpora."""
    return _CORPORA


def find(name: str) -> NamedCorpus | None:
    """Return the corpus of this name, or None."""
    return next((corpus for corpus in _CORPORA if corpus.name == name), None)


def check_paths(paths: Sequence[str | Path]) -> None:
    """Check that each path exists or names a corpus, before any is opened.

    Raises:
        TextError: one does not.
    """
    for path in paths:
        _named(path, wins=False)


@as_run
def iter_open_source(
    paths: str | Path | Sequence[str | Path],
    *,
    encoding: str = "utf-8",
    errors: Errors = "strict",
    data_dir: str | Path | None = None,
    as_it_comes: bool = False,
) -> Generator[Report, None, OpenedText]:
    """Open a text by paths, names of corpora, or both.

    Where a path exists that is called like a corpus, the corpus is meant if ``data_dir`` is given;
    else the path is, with a note in :attr:`OpenedText.note`. ``./ptb`` is always a path.

    Args:
        paths: what :func:`wordkit_corpora.open_text` takes, and names of corpora.
        encoding, errors: of the paths; named corpora know their own.
        data_dir: the folder of the user's own data, for named corpora.
        as_it_comes: see :func:`wordkit_corpora.open_text`.

    Raises (as it runs):
        ConfigError: a setting is out of its range, or no path is given.
        TextError: a path does not exist and names no corpus, is a device, or holds no file.
        StorageError: a corpus cannot be fetched or stored.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    meant = [(path, _named(path, wins=data_dir is not None)) for path in paths]
    plain = [path for path, corpus in meant if corpus is None]
    # looked for all at once, so that a file counts once on both sides of a name
    found = iter(find_files_of_each(plain) if plain or not paths else [])
    sources: list[TextSource] = []
    tokenizer = reason = None  # those of the first text
    for corpus, group in itertools.groupby(meant, key=lambda pair: pair[1]):
        together = [path for path, _ in group]
        if corpus is not None:
            for _ in together:
                sources.append((yield from corpus.open(data_dir)))
            tokenizer = tokenizer or corpus.tokenizer
        elif files := [file for _ in together for file in next(found)]:
            text = open_text(
                files,
                encoding=encoding,
                errors=errors,
                name=joined_names(together),
                as_it_comes=as_it_comes,
            )
            sources.append(text)
            if tokenizer is None and text.is_tokenized():
                tokenizer = _WHITESPACE
                reason = (
                    f"{text.name} holds {UNK}, so it is tokenized already and is split at white "
                    "space"
                )
            tokenizer = tokenizer or _DEFAULT
    source = sources[0] if len(sources) == 1 else _Chain(tuple(sources), errors == "replace")
    return OpenedText(source, tokenizer or _DEFAULT, _note(plain), reason)


def _named(path: str | Path, *, wins: bool) -> NamedCorpus | None:
    """The corpus of a name, or None for a path; ``wins``: also where such a path exists."""
    name = os.fspath(path)
    if name == STANDARD_INPUT or is_remote(path) or is_glob(path):
        return None
    corpus = find(name)
    try:
        os.lstat(path)
    except FileNotFoundError as error:
        if corpus is None:
            names = ", ".join(corpus.name for corpus in _CORPORA)
            raise TextError(
                f"cannot read {name!r}: there is no such file or folder, and the named corpora "
                f"are {names}; check the name"
            ) from error
        return corpus
    except (OSError, ValueError):  # finding its files will report the error
        return corpus
    return corpus if wins else None


def _note(paths: Sequence[str | Path]) -> str | None:
    """The note on paths that are called like a corpus, or None."""
    notes = [
        f"{name} is a {'folder' if os.path.isdir(name) else 'file'} here and is read as such; the "
        f"named corpus {name} is meant with data_dir"
        for name in dict.fromkeys(os.fspath(path) for path in paths)
        if find(name) is not None
    ]
    return "; ".join(notes) or None


@dataclass(frozen=True)
class _Chain:
    """Several texts, one after the other."""

    sources: tuple[TextSource, ...]
    replace_errors: bool

    @property
    def name(self) -> str:
        """The names of all."""
        return ", ".join(source.name for source in self.sources)

    @property
    def size(self) -> int | None:
        """Bytes on the disk of all; None where one is unknown."""
        sizes = [source.size for source in self.sources]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def files(self) -> tuple[str, ...]:
        """The files of all that are read from files."""
        return tuple(f for source in self.sources for f in getattr(source, "files", ()))

    def parts(self, part_bytes: int) -> list[TextPart]:
        """Return the parts of all."""
        return [part for each in self.sources for part in parts_of(each, part_bytes)]

    def blocks(self) -> Generator[Block, None, None]:
        """Yield all blocks from the start of the first text."""
        before = 0
        for source in self.sources:
            progress = 0
            for block in source.blocks():
                progress = block.progress
                yield Block(block.data, block.source, block.line, block.offset, before + progress)
            before += progress
