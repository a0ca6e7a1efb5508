"""wordkit doctor: what wordkit finds on this machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from typing import Any

import click

import wordkit
from wordkit_cli.models import DEFAULTS, default_file
from wordkit_cli.options import json_option
from wordkit_cli.output import print_json, print_table

__all__ = ["command"]

_NEEDED = (
    "numpy", "scipy", "scikit-learn", "nltk", "torch", "numba", "click", "rich", "safetensors",
    "threadpoolctl",
)  # fmt: skip
_OPTIONAL = {"matplotlib": "pip install 'wordkit[plot]', for pictures"}
_FEATURES = ("avx2", "fma", "avx512f", "avx512bf16", "amx-bf16", "neon", "sve", "bf16")


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Print what wordkit finds here: versions, cores, devices, and the files it would ask.

    Of the features of the processor those that it has, and what the kernels make of them. A report
    of a fault is quicker to mend with this in it. The status is 1 where something that wordkit
    needs is missing.

    \b
    Examples:
      wordkit doctor
      wordkit doctor --json > doctor.json
    """
    versions = _versions()
    missing = [name for name in _NEEDED if versions[name] is None]
    found: dict[str, Any] = {"versions": versions}
    if not missing:
        found |= {"machine": _machine(), "kernels": _kernels(), "devices": _devices()}
    found |= {"folders": _folders(), "asks": _files()}
    if as_json:
        print_json(found)
    else:
        for number, (title, facts) in enumerate(found.items()):
            click.echo(("\n" if number else "") + title)
            print_table([(f"  {name}", _text(name, fact)) for name, fact in facts.items()])
    if missing:
        from wordkit.errors import ResourceError

        raise ResourceError(
            f"wordkit needs {', '.join(missing)}, which is not installed here; install wordkit anew"
        )


def _versions() -> dict[str, str | None]:
    """The versions of wordkit, of Python and of the packages; None where one is missing."""
    found: dict[str, str | None] = {
        "wordkit": wordkit.__version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }
    for package in (*_NEEDED, *_OPTIONAL):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def _machine() -> dict[str, Any]:
    from wordkit.runtime import physical_memory, thread_count

    memory = physical_memory()
    return {
        "cores": os.cpu_count(),
        "cores that wordkit may use": thread_count(),
        "memory": "unknown" if memory is None else f"{memory / 2**30:.1f} GB",
    }


def _kernels() -> dict[str, Any]:
    """What the processor has, and what the compiled kernels make of it."""
    from wordkit.jit import kernel_folder
    from wordkit.recurrent.kernels.registers import FEATURES, LANES
    from wordkit.recurrent.recurrence import supports_bf16

    return {
        "features": [name for name in _FEATURES if FEATURES.get(name)],
        "numbers in a register": LANES,
        "matrix products": "bf16" if supports_bf16() else "fp32",
        "kept in": kernel_folder(),
    }


def _devices() -> Mapping[str, str]:
    from wordkit.runtime import found_devices

    return found_devices()


def _folders() -> dict[str, Any]:
    from wordkit_corpora.cache import cache_folder

    return {
        "cache": str(cache_folder()),
        "data ($WORDKIT_DATA)": os.environ.get("WORDKIT_DATA"),
    }


def _files() -> dict[str, str]:
    """What queries ask when no file is named."""
    files = {}
    for what, default in DEFAULTS.items():
        found = default_file(what)
        files[what] = f"none yet: {default.training}" if found is None else found[1]
        if found is not None and found[0] == str(default.bundled):
            files[what] = found[0]
    return files


def _text(name: str, fact: Any) -> str:
    if fact is None:
        return f"missing: {_OPTIONAL[name]}" if name in _OPTIONAL else "none"
    return ", ".join(fact) if isinstance(fact, list) else str(fact)
