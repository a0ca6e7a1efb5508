"""pydocs: the docstrings of the Python installation, as an English corpus.

Every machine that can run wordkit holds the standard library, NumPy, SciPy, scikit-learn, PyTorch,
NLTK and Click, and in their docstrings more than a million words of technical prose. The text is
made when it is first asked for, and kept in the cache under the versions that it was made of.
Nothing is imported or run.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sysconfig
import warnings
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from wordkit.errors import StorageError, TextError, WordkitWarning
from wordkit.runtime import Report, as_run
from wordkit.storage import atomic_write
from wordkit.text.blocks import TextSource
from wordkit_corpora.docstrings import docstrings, prose
from wordkit_corpora.download import cache_folder, make_cache_folder
from wordkit_corpora.plaintext import open_text

__all__ = ["SourceTree", "installed_trees", "iter_pydocs_source", "read_trees"]

NAME = "pydocs"
_TEXT_VERSION = 2  # to be raised whenever the same sources would give another text
_PACKAGES = {  # import name → distribution
    "numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn", "torch": "torch",
    "nltk": "nltk", "click": "click",
}  # fmt: skip
_SKIPPED_FOLDERS = frozenset(["test", "tests", "idle_test", "site-packages", "dist-packages"])
_REPORT_EVERY = 40  # files


@dataclass(frozen=True)
class SourceTree:
    """A folder of Python sources that are installed together."""

    name: str
    """The distribution, or "python" for the standard library."""

    version: str
    """Its version."""

    folder: str
    """Its folder."""

    def files(self) -> list[str]:
        """Return the Python files, sorted, without tests and without packages inside it."""
        found: list[str] = []
        for parent, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS]
            found += [os.path.join(parent, name) for name in names if name.endswith(".py")]
        return sorted(found, key=lambda file: os.path.relpath(file, self.folder).split(os.sep))


def installed_trees() -> list[SourceTree]:
    """Return the standard library and those of wordkit's packages that are installed."""
    trees = [SourceTree("python", platform.python_version(), sysconfig.get_path("stdlib"))]
    for module, package in _PACKAGES.items():
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            try:
                version = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:  # copied without an installer
                version = "unknown"
            trees.append(SourceTree(package, version, spec.submodule_search_locations[0]))
    return trees


@as_run
def iter_pydocs_source() -> Generator[Report, None, TextSource]:
    """Return the documentation of this Python installation, one paragraph a line.

    Raises (as it runs):
        TextError: a source file cannot be read, or there is none.
    """
    trees = installed_trees()
    made_of = "-".join(f"{tree.name}{tree.version}" for tree in trees)
    path = cache_folder() / f"{NAME}-{_TEXT_VERSION}-{made_of}.txt"
    if not os.path.isfile(path):
        found = yield from read_trees(trees)
        text = "".join(f"{paragraph}\n" for paragraph in found).encode()
        try:
            make_cache_folder()
            with atomic_write(path) as temporary:
                temporary.write_bytes(text)
        except StorageError as error:
            message = f"{NAME} is not kept for the next time: {error}"
            warnings.warn(message, WordkitWarning, stacklevel=2)
            from wordkit_corpora.texts import Lines  # which imports this module

            return Lines(found, NAME, size=len(text))
    return open_text([path], name=NAME)


def read_trees(trees: Sequence[SourceTree]) -> Generator[Report, None, list[str]]:
    """Yield the distinct paragraphs of prose in the docstrings of these sources, in order.

    Files that are not Python of this version, or not in the encoding that they declare, are
    skipped: installations hold a few, as test data and templates.

    Raises:
        TextError: a source file cannot be read, or there is none with documentation.
    """
    files = [file for tree in trees for file in tree.files()]
    found: dict[str, None] = {}  # a set that keeps its order
    skipped = 0
    for number, file in enumerate(files):
        if number % _REPORT_EVERY == 0:
            figures = {"paragraphs": len(found), "skipped files": skipped}
            yield Report("reading documentation", number, len(files), "files", figures)
        try:
            with open(file, "rb") as opened:
                texts = docstrings(opened.read())
        except OSError as error:
            raise TextError(f"cannot read {file}: {error.strerror or error}") from error
        except (SyntaxError, ValueError):  # a UnicodeDecodeError is a ValueError
            skipped += 1
            continue
        for text in texts:
            found.update(dict.fromkeys(prose(text)))
    figures = {"paragraphs": len(found), "skipped files": skipped}
    yield Report("reading documentation", len(files), len(files), "files", figures)
    if not found:
        raise TextError(
            f"no documentation is found in {', '.join(tree.folder for tree in trees)}: this "
            "Python comes without its sources; name a text of your own"
        )
    return list(found)
