"""Completion of commands, options and files in a shell, asked for by ``$_WORDKIT_COMPLETE``.

The shell runs ``wordkit`` with ``bash_source`` in this variable once, for the script that it is to
take, and with ``bash_complete`` at each press of the key; zsh and fish likewise.
"""

from __future__ import annotations

import sys

import click
from click.shell_completion import CompletionItem, get_completion_class

from wordkit_cli.commands import cli

__all__ = ["complete"]


def complete(variable: str, instruction: str) -> int:
    """Print what a shell asks for, and return the exit status.

    Args:
        variable: of the environment, by which it asks.
        instruction: the shell and its request, such as ``bash_source``.
    """
    shell, _, wanted = instruction.partition("_")
    known = get_completion_class(shell)
    if known is None or wanted not in ("source", "complete"):
        sys.stderr.write(
            f"wordkit: ${variable} is {instruction!r}; expected bash_source, zsh_source or "
            "fish_source\n"
        )
        return 1
    completion = known(cli, {}, "wordkit", variable)
    if wanted == "source":
        click.echo(completion.source())
        return 0
    arguments, incomplete = completion.get_completion_args()
    # what is no command, option or choice may be a file
    items = completion.get_completions(arguments, incomplete) or [
        CompletionItem(incomplete, type="file")
    ]
    for item in items:
        click.echo(completion.format_completion(item))
    return 0
