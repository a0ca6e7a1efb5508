"""Texts of any kind, on the disk or in memory, as a corpus or as lines."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias

from wordkit.config import check_names
from wordkit.errors import ConfigError, TextError, missing_hint
from wordkit.runtime import Report, as_run, torchrun_number
from wordkit.storage.remote import is_remote
from wordkit.text import Corpus
from wordkit.text.blocks import Block
from wordkit.text.config import PHRASE_SETTINGS, TextConfig
from wordkit.text.corpus import is_corpus
from wordkit.text.normalization import Case, Normalization
from wordkit.text.tokenizers import TokenizeFunction, Tokenizer, tokenizer_of
from wordkit_corpora.files import STANDARD_INPUT, is_glob
from wordkit_corpora.named import OpenedText, find, iter_open_source, named_corpora
from wordkit_corpora.plaintext import BLOCK_SIZE, Errors, has_unk
from wordkit_corpora.text_blocks import cut_blocks

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Lines", "Text", "iter_open_lines", "iter_read_corpus"]

Text: TypeAlias = (
    "str | os.PathLike[str] | IO[str] | IO[bytes] | Corpus | OpenedText"
    " | Iterable[str | os.PathLike[str]] | Iterable[Iterable[str]]"
)
"""A text as people have it: see :func:`iter_read_corpus`."""

_GROUP = 4096  # lines of an iterable that are taken together
_MAX_PATH = 4096  # characters
_OF_LINES = ("eos", "learnt_fraction")  # settings that say nothing of tokens
_OF_WORDS = ("min_count", "max_size", "unk", "vocabulary")
_LIKE_A_FILE = re.compile(r"\.(txt|text|tok|csv|tsv|jsonl?|md|gz|bz2|xz|zip)$")


@as_run
def iter_read_corpus(
    text: Text,
    folder: str | os.PathLike[str] | None = None,
    *,
    tokenizer: str | Tokenizer | TokenizeFunction | None = None,
    numbers: str = "keep",
    normalize: Normalization | None = None,
    case: Case | None = None,
    encoding: str = "utf-8",
    errors: Errors = "strict",
    data_dir: str | Path | None = None,
    like: Mapping[str, Any] | None = None,
    threads: int | None = None,
    client: Client | None = None,
    **words: Any,
) -> Generator[Report, None, Corpus]:
    """Read a text of any kind into a corpus.

    Args:
        text: as for :func:`wordkit.prepare`, or what :func:`wordkit_corpora.iter_open_source`
            opened.
        folder: where to keep the corpus; None: a temporary folder that goes with it, or memory.
        tokenizer: a name that ``wordkit tokenizers`` lists, or a callable from a line to its
            tokens; None: ``basic``, or ``whitespace`` where the first block of the first text
            holds ``<unk>``, so that it is tokenized already.
        numbers: ``keep``, or ``N`` to write every number as ``N``.
        normalize: ``nfc``, ``nfkc`` or ``none``, as in :class:`wordkit.text.TextConfig`; None: nfc.
        case: ``keep`` or ``lower``; None: lower with the tokenizers ``basic`` and ``words``.
        encoding, errors: of files, as for :func:`wordkit_corpora.open_text`.
        data_dir: the folder of the user's own data, for named corpora.
        like: the defaults of ``tokenizer``, ``numbers``, ``normalize`` and ``case``, such as the
            settings of another corpus; with the pieces of ``bpe``.
        threads: the number of threads; None: all cores.
        client: of a Dask cluster, as for :func:`wordkit.text.iter_prepare`.
        words: ``min_count``, ``max_size``, ``unk``, ``eos``, ``learnt_fraction``, ``phrases``,
            ``phrase_score``, ``phrase_threshold`` and ``phrase_min_count`` of
            :class:`wordkit.text.TextConfig`, and a ``vocabulary`` to take the words of.

    Raises (as it runs):
        WordkitError: as :func:`wordkit.prepare` says.
    """
    check_names(words, (*_OF_WORDS, *_OF_LINES, *PHRASE_SETTINGS))
    tokenizing = {
        "tokenizer": tokenizer, "numbers": numbers, "normalize": normalize, "case": case,
    }  # fmt: skip
    given = {
        name: value
        for name, value in tokenizing.items()
        if value is not None and (name, value) != ("numbers", "keep")
    }
    if isinstance(text, Corpus) or (isinstance(text, str | os.PathLike) and is_corpus(text)):
        _refuse({"folder": folder, **given, **words}, "a corpus, which is prepared already")
        if not isinstance(text, Corpus):
            is_divided = is_remote(text) and torchrun_number("WORLD_SIZE", 1) > 1
            text = Corpus.open(text)
            if not is_divided:  # else each process reads its part, and no more
                text.check()
        return text
    kind, content = _kind_of(text)
    if kind == "tokens":
        _refuse({"client": client, **given}, "lists of tokens")
        cut = {name: value for name, value in words.items() if name in _OF_WORDS}
        config = TextConfig(**{name: words[name] for name in PHRASE_SETTINGS if name in words})
        corpus = Corpus.from_sentences(content, **(cut if config.phrases == 1 else {}))
        if not corpus.tokens:
            raise TextError("the text holds no token: all its lists are empty")
        if config.phrases > 1:
            return (yield from _with_phrases(corpus, folder, cut, config, threads))
        if folder is not None:
            corpus.save(folder)
        return corpus if folder is None else Corpus.open(folder)

    from wordkit.text import iter_prepare  # loads Numba

    opened = yield from _open(kind, content, encoding, errors, data_dir)
    settings: dict[str, Any] = {"tokenizer": opened.tokenizer}
    settings |= {name: like[name] for name in tokenizing if like and name in like}
    if like and like.get("bpe") is not None:
        settings["tokenizer"] = tokenizer_of(like)
    settings |= given
    settings |= {name: value for name, value in words.items() if name != "vocabulary"}
    config = TextConfig(**settings)
    run = iter_prepare(
        opened.source, folder, config, vocabulary=words.get("vocabulary"), threads=threads,
        client=client,
    )  # fmt: skip
    return (yield from run)


def _with_phrases(
    corpus: Corpus,
    folder: str | os.PathLike[str] | None,
    cut: dict[str, Any],
    config: TextConfig,
    threads: int | None,
) -> Generator[Report, None, Corpus]:
    """Join the phrases of lists of tokens."""
    from wordkit.text.phrases import iter_join_phrases

    if cut.pop("vocabulary", None) is not None:
        raise ConfigError("phrases shape a vocabulary, and one is given; leave one of them out")
    join = iter_join_phrases(
        corpus, folder, config.phrase_config(), longest=config.phrases, threads=threads, **cut
    )
    return (yield from join)


def _refuse(settings: Mapping[str, Any], what: str) -> None:
    """Raise if a setting is given, which has no effect."""
    for name, value in settings.items():
        if value in (None, False) or (name, value) == ("min_count", 1) or name in _OF_LINES:
            continue
        raise ConfigError(f"{name} has no effect with {what}; leave it out")


@as_run
def iter_open_lines(
    text: Text,
    *,
    encoding: str = "utf-8",
    errors: Errors = "strict",
    data_dir: str | Path | None = None,
) -> Generator[Report, None, OpenedText]:
    """Open the lines of a text; arguments and errors are those of :func:`iter_read_corpus`.

    Raises (as it runs):
        ConfigError: it is no text of lines.
    """
    return (yield from _open(*_kind_of(text), encoding, errors, data_dir))


def _open(
    kind: str, content: Any, encoding: str, errors: Errors, data_dir: str | Path | None
) -> Generator[Report, None, OpenedText]:
    if kind == "tokens":
        raise ConfigError("a text of lines is wanted, not lists of tokens; join each to a line")
    if kind == "opened":
        return content  # type: ignore[no-any-return]
    if kind == "paths":
        opening = iter_open_source(content, encoding=encoding, errors=errors, data_dir=data_dir)
        return (yield from opening)
    name = "the text"
    if kind == "files":
        name = ", ".join(str(getattr(file, "name", name)) for file in content)
        content = _lines_of_files(content)
    lines = Lines(content, name, errors == "replace")
    return OpenedText(lines, "whitespace" if lines.is_tokenized() else "basic")


# --- texts in memory ---------------------------------------------------------------------------


@dataclass
class Lines:
    """Lines in memory, or of an open file, as a :class:`wordkit.text.TextSource`."""

    lines: Iterable[str | bytes]
    """Read anew in each pass, so that an iterator has one."""

    name: str
    """Name of the text, for messages and records."""

    replace_errors: bool = False
    size: int | None = None

    def is_tokenized(self) -> bool:
        """Return whether what would be the first block of a file has the token ``<unk>``."""
        lines = iter(self.lines)
        first: list[str | bytes] = []
        head = b""
        while len(head) < BLOCK_SIZE and (group := list(itertools.islice(lines, _GROUP))):
            head += self._encode(group, len(first) + 1)
            first += group
        if lines is self.lines:
            self.lines = itertools.chain(first, lines)
        last_line = head.rfind(b"\n", 0, BLOCK_SIZE) + 1
        return has_unk(head[: last_line or BLOCK_SIZE])

    def blocks(self) -> Generator[Block, None, None]:
        """Yield the lines as blocks of UTF-8."""
        done = 0

        def pieces() -> Iterator[bytes]:
            nonlocal done
            number, remaining = 1, iter(self.lines)
            while group := list(itertools.islice(remaining, _GROUP)):
                piece = self._encode(group, number)
                number, done = number + len(group), done + len(piece)
                yield piece

        yield from cut_blocks(pieces(), self.name, BLOCK_SIZE, lambda: done)

    def _encode(self, lines: list[str | bytes], number: int) -> bytes:
        """Return lines, of which the first has a number, each with its line end, in UTF-8."""
        try:
            ended = (line if line.endswith("\n") else line + "\n" for line in lines)  # type: ignore[arg-type, operator]
            return "".join(ended).encode(  # type: ignore[arg-type]
                errors="replace" if self.replace_errors else "strict"
            )
        except (AttributeError, TypeError, UnicodeEncodeError):
            return b"".join(self._encode_line(line, n) for n, line in enumerate(lines, number))

    def _encode_line(self, line: object, number: int) -> bytes:
        if isinstance(line, str):
            try:
                line = line.encode(errors="replace" if self.replace_errors else "strict")
            except UnicodeEncodeError as error:
                raise TextError(
                    f"{self.name}: line {number} is not valid Unicode: {error.reason} at character "
                    f"{error.start}; correct it, or read it with errors replace"
                ) from error
        if not isinstance(line, bytes):
            raise TextError(
                f"{self.name}: line {number} must be a string, not {line!r:.50}{missing_hint(line)}"
            )
        return line if line.endswith(b"\n") else line + b"\n"


def _peek(items: Iterable[Any], n: int) -> tuple[list[Any], Iterable[Any]]:
    """Return the first items, and an iterable of all."""
    iterator = iter(items)
    first = list(itertools.islice(iterator, n))
    return first, itertools.chain(first, iterator) if iterator is items else items


def _kind_of(text: object) -> tuple[Literal["opened", "paths", "files", "lines", "tokens"], Any]:
    """Return what a text is, and its content."""
    if isinstance(text, OpenedText):
        return "opened", text
    if isinstance(text, str | os.PathLike):
        if isinstance(text, str) and not (text == STANDARD_INPUT or _names_text(text) or (
            "\n" not in text and is_glob(text)
        )):  # fmt: skip
            names = ", ".join(corpus.name for corpus in named_corpora())
            raise TextError(
                f"{text[:60]!r} names no file, no folder and no corpus ({names}); check the name, "
                "or give text in memory as a list of its lines"
            )
        return "paths", [text]
    if isinstance(text, bytes | bytearray | Mapping) or hasattr(text, "columns"):
        raise ConfigError(
            f"text must be a path, lines or lists of tokens, not a {type(text).__name__}"
        )
    if not isinstance(text, Iterable):
        raise ConfigError(f"text must be a path, lines or lists of tokens, not {text!r:.50}")
    if hasattr(text, "read"):
        return "files", [text]
    [*first], whole = _peek(text, 1)
    if not first:
        raise TextError("the text holds no line; give one that does")
    if isinstance(text, list | tuple) and _are_names(text):
        return "paths", list(text)
    if hasattr(first[0], "read"):
        return "files", list(whole)
    match first[0]:
        case str() if os.path.isfile(first[0][:_MAX_PATH].replace("\0", "")):
            raise TextError(f"{first[0]!r:.60} names a file; give the names of files as a list")
        case str() | bytes():
            return "lines", whole
        case os.PathLike():
            return "paths", list(whole)
        case Iterable():
            return "tokens", whole
    raise ConfigError(
        f"a line must be a string or a list of tokens, not {first[0]!r:.50}{missing_hint(*first)}"
    )


def _lines_of_files(files: Iterable[Any]) -> Iterator[str | bytes]:
    """Yield the lines of open files."""
    for number, file in enumerate(files, 1):
        if not hasattr(file, "read"):
            raise ConfigError(
                f"file {number} must be open, as the first is, not {file!r:.50}; give open files, "
                "or paths"
            )
        name = getattr(file, "name", f"file {number}")
        if getattr(file, "closed", False):
            raise TextError(f"{name} is closed; open it again")
        try:
            yield from file
        except UnicodeDecodeError as error:
            raise TextError(
                f"{name} is not {error.encoding}: {error.reason}; open it with its encoding, or "
                "with errors replace"
            ) from error


def _are_names(items: Sequence[object]) -> bool:
    """Return whether items of a list name files or corpora; raise where some of them do not."""
    if not all(isinstance(item, str | os.PathLike) for item in items):
        return False
    names = [item for item in items if isinstance(item, str)]
    missing = [name for name in names if not _names_text(name)]
    seem_names = any(map(os.path.isfile, names)) or all(map(_LIKE_A_FILE.search, names))
    seem_names = seem_names and all(len(name.split()) == 1 for name in missing)
    if missing and (seem_names or len(names) < len(items)):
        raise TextError(
            f"{missing[0]!r} names no file, as the others of the list seem to; check the name, or "
            "give lists of tokens in the place of lines"
        )
    return not missing


def _names_text(item: object) -> bool:
    return isinstance(item, os.PathLike) or (
        isinstance(item, str) and len(item) <= _MAX_PATH and "\0" not in item
        and (is_remote(item) or os.path.exists(item) or find(item) is not None)
    )  # fmt: skip
