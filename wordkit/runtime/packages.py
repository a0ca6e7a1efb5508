"""The versions of packages, for the metadata of models."""

from __future__ import annotations

import platform

from wordkit import __version__

__all__ = ["versions"]


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of wordkit, of Python and of packages, by their names."""
    from importlib.metadata import version  # a query need not wait for it

    own = {"wordkit": __version__, "python": platform.python_version()}
    return own | {name: version(name) for name in packages}
