"""wordkit doctor: what wordkit finds on this machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

import wordkit
from wordkit_cli.models import (
    CLASSIFIER,
    DEFAULTS,
    DIALOGUE,
    LANGUAGE_MODEL,
    SEQ2SEQ,
    Default,
    Found,
    default_file,
    load_dialogue,
    load_model,
    load_seq2seq_model,
    load_vectors,
)
from wordkit_cli.options import json_option
from wordkit_cli.output import print_json, print_table
from wordkit_cli.wordnet import default_wordnet

__all__ = ["command"]

_NEEDED = (
    "numpy", "scipy", "scikit-learn", "nltk", "torch", "numba", "click", "cloup", "rich",
    "safetensors", "threadpoolctl",
)  # fmt: skip
_OPTIONAL: dict[str, str] = {
    "matplotlib": "missing: pip install 'wordkit[plot]', for figures",
    "sacrebleu": "missing: pip install 'wordkit[bleu]', for BLEU and chrF",
}
_FEATURES = ("avx2", "fma", "avx512f", "avx512bf16", "amx-bf16", "neon", "sve", "bf16")


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Print what wordkit finds here: versions, cores, devices, and the files it would ask.

    Include it in bug reports. The files are opened, as a query would. The status is 1 if something
    that wordkit needs is missing, or a file is at fault.

    \b
    Examples:
      wordkit doctor
      wordkit doctor --json > doctor.json
    """
    versions = _versions()
    missing = [name for name in _NEEDED if versions[name] is None]
    report: dict[str, Any] = {"versions": versions}
    files: list[dict[str, Any] | None] = []
    if not missing:  # else what follows could not be loaded
        report |= {"machine": _machine(), "kernels": _kernels(), "devices": _devices()}
        report |= {"folders": _folders(), "asks": _files()}
        files = [report["folders"]["data"], *report["asks"].values()]
    if as_json:
        print_json(report)
    else:
        for number, (title, facts) in enumerate(report.items()):
            click.echo(("\n" if number else "") + title)
            rows = [(_label(name), _text(name, fact)) for name, fact in facts.items()]
            print_table([(f"  {name}", fact) for name, fact in rows])
    _complain(missing, files)


def _label(name: str) -> str:
    return name.replace("_gb", " (GiB)").replace("_", " ")


def _complain(missing: Sequence[str], files: Sequence[dict[str, Any] | None]) -> None:
    """Raise if packages are missing, or files cannot be used."""
    from wordkit.errors import ResourceError, StorageError

    if missing:
        raise ResourceError(
            f"wordkit needs {', '.join(missing)}, which is not installed here; install wordkit anew"
        )
    faulty = [file["path"] for file in files if file is not None and file["fault"]]
    if faulty:
        raise StorageError(f"{', '.join(faulty)} cannot be used; see its error above")


def _versions() -> dict[str, str | None]:
    """The versions of wordkit, of Python and of the packages; None where one is missing."""
    versions: dict[str, str | None] = {
        "wordkit": wordkit.__version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }
    for package in (*_NEEDED, *_OPTIONAL):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _machine() -> dict[str, Any]:
    from wordkit.runtime import physical_memory, thread_count

    memory = physical_memory()
    return {
        "cores": os.cpu_count(),
        "cores_used": thread_count(),
        "memory_gb": None if memory is None else round(memory / 2**30, 1),
    }


def _kernels() -> dict[str, Any]:
    """The features of the processor, and the settings of the compiled kernels."""
    import llvmlite.binding  # type: ignore[import-untyped]

    from wordkit.kernels.jit import kernel_folder
    from wordkit.runtime import is_bf16_fast

    features = llvmlite.binding.get_host_cpu_features()
    return {
        "cpu_features": [name for name in _FEATURES if features.get(name)],
        "numbers_in_a_register": 16 if features.get("avx512f") else 8,
        "matrix_products": "bf16" if is_bf16_fast() else "fp32",
        "kept_in": str(kernel_folder()),
    }


def _devices() -> Mapping[str, str]:
    from wordkit.runtime import found_devices

    return found_devices()


def _folders() -> dict[str, Any]:
    from wordkit_corpora.download import cache_folder

    data = None
    if path := os.environ.get("WORDKIT_DATA"):
        fault = None if os.path.isdir(path) else "there is no such folder; name an existing one"
        data = {"path": path, "from": "$WORDKIT_DATA", "fault": fault}
    return {"cache": str(cache_folder()), "data": data}


def _files() -> dict[str, Any]:
    """The default files of queries; None where there is none."""
    from wordkit.classification import Classifier
    from wordkit.thesaurus import load_thesaurus

    loaders: dict[Default, Callable[[str], object]] = {
        LANGUAGE_MODEL: lambda path: load_model(path, "cpu"),
        SEQ2SEQ: lambda path: load_seq2seq_model(path, "cpu"),
        DIALOGUE: lambda path: load_dialogue(path, "cpu"),
        CLASSIFIER: Classifier.load,
    }
    files = {
        default.name.replace(" ", "_"): _opened(
            default_file(default), loaders.get(default, load_vectors)
        )
        for default in DEFAULTS
    }
    return files | {"wordnet": _opened(default_wordnet(), load_thesaurus)}


def _opened(found: Found | None, load: Callable[[str], object]) -> dict[str, Any] | None:
    """A file and the error of loading it; None where there is no file."""
    from wordkit.errors import WordkitError

    if found is None:
        return None
    fault = None
    try:
        load(found.path)
    except WordkitError as error:
        fault = re.sub(rf"^(cannot read )?{re.escape(found.path)}:? ", "", str(error))
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
        for default in DEFAULTS:
            hints[default.name.replace(" ", "_")] = f"none yet: {default.training}"
        return hints.get(name, "unknown")
    return ", ".join(fact) if isinstance(fact, list) else str(fact)
