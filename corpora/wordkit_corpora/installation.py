"""The Python installation as a text: where its sources lie, and of which versions they are."""

from __future__ import annotations

import importlib.util
import os
import platform
import sysconfig
from dataclasses import dataclass

__all__ = ["SourceTree", "installed_trees", "source_files"]

_PACKAGES = {  # what is imported: what is installed
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "nltk": "nltk",
    "click": "click",
}
_SKIPPED = frozenset(["test", "tests", "idle_test", "site-packages", "dist-packages"])


@dataclass(frozen=True)
class SourceTree:
    """A folder of Python sources that are installed together."""

    name: str
    """What is installed: "python" for the standard library, or the name of a package."""

    version: str
    """Its version."""

    folder: str
    """Where its sources lie."""


def installed_trees() -> list[SourceTree]:
    """The standard library and those of wordkit's packages that are installed; none is imported."""
    trees = [SourceTree("python", platform.python_version(), sysconfig.get_path("stdlib"))]
    for module, package in _PACKAGES.items():
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            folder = spec.submodule_search_locations[0]
            trees.append(SourceTree(package, _version(package), folder))
    return trees


def _version(package: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # put there without an installer
        return "unknown"


def source_files(tree: SourceTree) -> list[str]:
    """The Python files of a tree, sorted, without its tests and what is installed inside it."""
    found: list[str] = []
    for place, folders, names in os.walk(tree.folder):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        found += [os.path.join(place, name) for name in names if name.endswith(".py")]
    return sorted(found, key=lambda file: os.path.relpath(file, tree.folder).split(os.sep))
