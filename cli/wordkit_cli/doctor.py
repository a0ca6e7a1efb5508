"""wordkit doctor: what wordkit finds on this machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import wordkit
from wordkit_cli.models import DEFAULTS, default_file
from wordkit_cli.options import json_option
from wordkit_cli.output import print_json, print_table
from wordkit_cli.wordnet import default_wordnet

__all__ = ["command"]

_NEEDED = (
    "numpy", "scipy", "scikit-learn", "nltk", "torch", "numba", "click", "rich", "safetensors",
    "threadpoolctl",
)  # fmt: skip
_OPTIONAL: dict[str, str] = {"matplotlib": "missing: pip install 'wordkit[plot]', for pictures"}
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
    found["folders"] = _folders()
    if not missing:
        found["asks"] = _files()
    if as_json:
        print_json(found)
    else:
        for number, (title, facts) in enumerate(found.items()):
            click.echo(("\n" if number else "") + title)
            rows = [(name.replace("_", " "), _text(name, fact)) for name, fact in facts.items()]
            print_table([(f"  {name}", fact) for name, fact in rows])
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
        "cores_used": thread_count(),
        "memory_gb": None if memory is None else round(memory / 2**30, 1),
    }


def _kernels() -> dict[str, Any]:
    """What the processor has, and what the compiled kernels make of it."""
    from wordkit.jit import kernel_folder
    from wordkit.recurrent.kernels.registers import FEATURES, LANES
    from wordkit.recurrent.recurrence import supports_bf16

    return {
        "cpu_features": [name for name in _FEATURES if FEATURES.get(name)],
        "numbers_in_a_register": LANES,
        "matrix_products": "bf16" if supports_bf16() else "fp32",
        "kept_in": kernel_folder(),
    }


def _devices() -> Mapping[str, str]:
    from wordkit.runtime import found_devices

    return found_devices()


def _folders() -> dict[str, Any]:
    from wordkit_corpora.cache import cache_folder

    return {"cache": str(cache_folder()), "data": os.environ.get("WORDKIT_DATA")}


def _files() -> dict[str, Any]:
    """What queries ask when no file is named; None: there is nothing to ask."""
    files: dict[str, Any] = {what.replace(" ", "_"): _file(what) for what in DEFAULTS}
    return files | {"wordnet": _wordnet()}


def _file(what: str) -> dict[str, Any] | None:
    from wordkit.storage import why_no_file

    found = default_file(what)
    if found is None:
        return None
    path = Path(found.path)
    return {
        "path": found.path,
        "from": found.origin,
        "fault": None if path.is_file() else why_no_file(path),
    }


def _wordnet() -> dict[str, Any] | None:
    from wordkit.errors import WordkitError
    from wordkit.thesaurus import load_thesaurus

    found = default_wordnet()
    if found is None:
        return None
    try:
        load_thesaurus(found.path)
        fault = None
    except WordkitError as error:
        fault = str(error).removeprefix(f"{found.path}: ")
    return {"path": found.path, "from": found.origin, "fault": fault}


def _text(name: str, fact: Any) -> str:
    """A fact as a line shows it."""
    if isinstance(fact, dict):
        fault = f": {fact['fault']}" if fact["fault"] else ""
        return f"{fact['path']} ({fact['from']}){fault}"
    if fact is None:
        if name == "wordnet":
            from wordkit.thesaurus import HOW_TO_GET_WORDNET

            return " or ".join(HOW_TO_GET_WORDNET)
        hints = {**_OPTIONAL, "data": "not set: $WORDKIT_DATA"}
        for what, default in DEFAULTS.items():
            hints[what.replace(" ", "_")] = f"none yet: {default.training}"
        return hints.get(name, "unknown")
    return ", ".join(fact) if isinstance(fact, list) else str(fact)
