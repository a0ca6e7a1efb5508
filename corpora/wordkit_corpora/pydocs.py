"""pydocs: the documentation strings of the Python installation, as an English corpus.

Every machine that can run wordkit holds the standard library, NumPy, SciPy, scikit-learn, PyTorch,
NLTK and Click, and in their documentation strings more than a million words of technical prose.
The text is made when it is first asked for and kept in the cache, by the versions it was made of.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from wordkit.errors import StorageError, TextError, WordkitWarning
from wordkit.runtime import Report, Run, thread_count
from wordkit.storage import atomic_write
from wordkit.text.blocks import Block, TextSource
from wordkit_corpora.cache import cache_folder, make_cache_folder
from wordkit_corpora.installation import SourceTree, installed_trees, source_files
from wordkit_corpora.plaintext import open_text
from wordkit_corpora.pydocs_processes import Paragraphs, read_batches

__all__ = ["pydocs_source", "read_trees"]

NAME = "pydocs"
_TEXT_VERSION = 1  # to be raised whenever the same sources would give another text
_BATCH = 40  # files


def pydocs_source(threads: int | None = None) -> Run[TextSource]:
    """The documentation of this Python installation, one paragraph a line.

    Args:
        threads: how many processes read it when it is not in the cache; None: one per core.

    Raises:
        ResourceError: a process cannot be started, or ended early.
        TextError: a source file cannot be read, or there is none.
    """
    return Run(_open(installed_trees(), thread_count(threads)))


def _open(trees: Sequence[SourceTree], processes: int) -> Generator[Report, None, TextSource]:
    made_of = "-".join(f"{tree.name}{tree.version}" for tree in trees)
    path = cache_folder() / f"{NAME}-{_TEXT_VERSION}-{made_of}.txt"
    if not os.path.isfile(path):
        found = yield from read_trees(trees, processes)
        text = "".join(f"{paragraph}\n" for paragraph in found).encode()
        try:
            make_cache_folder()
            with atomic_write(path) as temporary:
                temporary.write_bytes(text)
        except StorageError as error:
            message = f"{NAME} is not kept for the next time: {error}"
            warnings.warn(message, WordkitWarning, stacklevel=2)
            return _Unsaved(text)
    return open_text([path], name=NAME)


def read_trees(trees: Sequence[SourceTree], processes: int) -> Generator[Report, None, list[str]]:
    """The distinct paragraphs of prose in the documentation strings of these sources, in order.

    Args:
        trees: where the sources lie.
        processes: how many processes read them; the result does not depend on it.

    Raises:
        ResourceError: a process cannot be started, or ended early.
        TextError: a source file cannot be read, or there is none with documentation.
    """
    files = [file for tree in trees for file in source_files(tree)]
    batches = [files[start : start + _BATCH] for start in range(0, len(files), _BATCH)]
    found: dict[str, None] = {}  # a set that keeps its order
    done = skipped = 0
    yield Report("reading documentation", 0, len(files), "files")
    try:
        for batch in read_batches(batches, processes):
            found.update(dict.fromkeys(_all(batch)))
            done += len(batch)
            skipped += batch.count(None)
            figures = {"paragraphs": len(found), "skipped files": skipped}
            yield Report("reading documentation", done, len(files), "files", figures)
    except OSError as error:
        raise TextError(f"cannot read {error.filename}: {error.strerror or error}") from error
    if not found:
        places = ", ".join(tree.folder for tree in trees)
        raise TextError(
            f"no documentation is found in {places}: this Python comes without its sources; "
            "name a text of your own"
        )
    return list(found)


def _all(batch: Iterable[Paragraphs]) -> Iterator[str]:
    for paragraphs in batch:
        yield from paragraphs or ()


@dataclass(frozen=True)
class _Unsaved:
    """The text in memory, where it cannot be kept on the disk."""

    text: bytes
    name: str = NAME
    replace_errors: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text)

    def blocks(self) -> Iterator[Block]:
        """The text from its start."""
        yield Block(self.text, self.name, progress=len(self.text))
