"""Benchmarks of several subcommands: their common arguments, and running one of them."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from machine import in_one_line

__all__ = ["parsers", "positive", "run_subcommand"]


def parsers(
    description: str | None, *, data: Path, what: str, part: str
) -> tuple[argparse.ArgumentParser, Any, argparse.ArgumentParser]:
    """A parser, what adds subcommands to it, and the parent of those with their common arguments.

    Args:
        description: of the benchmark.
        data: where the texts lie.
        what: lies there, with its verb.
        part: what --limit takes some of.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="name", required=True, metavar="SUBCOMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=data, help=f"where {what}")
    shared.add_argument("--limit", type=positive, help=f"take so many {part}")
    shared.add_argument("--threads", type=positive, default=2)
    return parser, commands, shared


def positive(text: str) -> int:
    """A whole number above 0, out of an argument."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def run_subcommand(
    options: argparse.Namespace, modules: Mapping[str, str], *, needs: str | None
) -> None:
    """Run the function that is called like the subcommand.

    Args:
        options: what the arguments ask for.
        modules: where the function of each subcommand is.
        needs: a package that must be installed.
    """

    def run() -> None:
        module = importlib.import_module(modules[options.name])
        command: Callable[[argparse.Namespace], None] = getattr(module, options.name)
        command(options)

    in_one_line(run, needs=needs)
