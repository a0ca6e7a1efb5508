"""The inputs of training commands: text, compressed or not, a named or a prepared corpus."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import has_magic
from typing import Any, Literal

from wordkit.errors import ConfigError
from wordkit.storage import check_outputs
from wordkit.text import Corpus
from wordkit.text.corpus import UNTOLD, is_corpus
from wordkit.text.detokenizer import UNIT_NOUNS
from wordkit.text.normalization import Case, Normalization
from wordkit.text.segmenters import has_unspaced_script
from wordkit.text.tokenizers import Tokenizer, tokenizer_of, unit_of
from wordkit_cli.options import Refused, is_given
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress

__all__ = ["TextOptions", "check_texts", "read_corpus"]

_LOOKED_AT = 10_000  # words, the most frequent ones


@dataclass(frozen=True)
class TextOptions:
    """The values of :func:`wordkit_cli.options.text_options`."""

    tokenizer: str | Tokenizer | None
    numbers: Literal["keep", "N"]
    normalize: Normalization | None
    case: Case | None
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
    like: Mapping[str, Any] | None = None,
    threads: int | None = None,
    pieces: int | None = None,
    client: Any = None,
    **settings: Any,
) -> Corpus:
    """Return the corpus of paths: a prepared one is opened, others are prepared.

    Args:
        paths: files, folders, globs, ``-``, named corpora; or one prepared corpus.
        outputs: files that the command is going to write; the text may not be one of them.
        folder: where to keep what is read now; None: a temporary folder.
        vocabulary: a prepared corpus whose words are taken, and whose normal form where none is
            given, and whose tokenizer where that is char or bpe; None: those of the text.
        pieces: the size of the vocabulary of bpe, where that is the tokenizer; None: its default.
        like, threads, client, settings: as for :func:`wordkit_corpora.iter_read_corpus`.
    """
    from wordkit_corpora import iter_read_corpus
    from wordkit_corpora.named import iter_open_source

    prepared = [path for path in paths if is_corpus(path)]
    if prepared:
        if len(paths) > 1:
            raise ConfigError(f"{prepared[0]} is a prepared corpus; give it alone")
        _refuse_text_options()
        check_outputs(outputs, prepared)
        return progress.finish(iter_read_corpus(prepared[0]))
    if text.tokenizer == "bpe" and pieces is not None:
        settings["max_size"] = pieces
    words = None
    if vocabulary is not None:
        shared = Corpus.open(vocabulary)
        shared.check()
        words = shared.vocabulary
        normalize = text.normalize or shared.settings.get("normalize", UNTOLD["normalize"])
        text = replace(text, normalize=normalize)
        unit = unit_of(shared.settings)
        if text.tokenizer is not None and unit_of({"tokenizer": text.tokenizer}) != unit:
            raise ConfigError(
                f"{vocabulary} holds {UNIT_NOUNS[unit]}s, and the tokenizer {text.tokenizer} makes "
                "others; leave out one of them"
            )
        if unit != "word":
            text = replace(text, tokenizer=tokenizer_of(shared.settings))
    opening = iter_open_source(
        paths, encoding=text.encoding, errors=text.errors, data_dir=text.data_dir
    )
    opened = progress.finish(opening)
    progress.say(opened.note)
    if text.tokenizer is None and like is None:
        progress.say(opened.reason)
    check_outputs(outputs, [*paths, *getattr(opened.source, "files", ())])
    reading = iter_read_corpus(
        opened, folder, tokenizer=text.tokenizer, numbers=text.numbers,
        normalize=text.normalize, case=text.case, like=like, threads=threads, vocabulary=words,
        client=client, **settings,
    )  # fmt: skip
    corpus = progress.finish(reading)
    progress.say(describe(corpus))
    if like is None and not isinstance(text.tokenizer, Tokenizer):
        progress.say(_hint(corpus))
    return corpus


def _hint(corpus: Corpus) -> str | None:
    """Name the tokenizers for scripts without spaces where the text is in one, and cut at them."""
    words, counts = corpus.vocabulary.words[:_LOOKED_AT], corpus.vocabulary.counts.tolist()
    if corpus.settings.get("tokenizer") not in ("basic", "words"):
        return None
    if not has_unspaced_script(zip(words, counts, strict=False)):
        return None
    return (
        "most of the text is in a script without spaces between words; --tokenizer chinese or "
        "japanese finds words, and char and bpe need none (wordkit tokenizers shows them)"
    )


def check_texts(
    paths: Sequence[str], outputs: Sequence[str | None], data_dir: str | None = None
) -> None:
    """Raise now if a text that :func:`read_corpus` reads later is missing or would be overwritten.

    Raises:
        TextError: one does not exist.
        ConfigError: one is an output.
        StorageError: a named corpus cannot be fetched or stored.
    """
    from wordkit_corpora.named import check_paths, find, iter_open_source
    from wordkit_corpora.plaintext import open_text

    check_paths(paths)
    for path in paths:
        files: Iterable[str] = ()
        if not is_corpus(path) and (os.path.isdir(path) or has_magic(path)):
            files = open_text([path]).files
        elif find(path) is not None:
            files = getattr(
                iter_open_source([path], data_dir=data_dir).result().source, "files", ()
            )
        check_outputs(outputs, [path, *files])


def describe(corpus: Corpus) -> str:
    """Describe a corpus in one line."""
    noun = UNIT_NOUNS[unit_of(corpus.settings)]
    return (
        f"{corpus.settings.get('source', 'the corpus')}: {counted(corpus.tokens, 'token')} of "
        f"{counted(len(corpus.vocabulary), noun)} in {counted(corpus.sentences, 'line')}"
    )


def _refuse_text_options() -> None:
    """Raise if options say how to read text, and the text has been read already."""
    for name in ("tokenizer", "numbers", "normalize", "case", "encoding", "errors"):
        if is_given(name):
            raise Refused(
                f"--{name} says how to read text, but this corpus is prepared already; "
                "prepare it again with that option"
            )
