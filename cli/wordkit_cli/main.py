"""The entry point: runs a command, and turns whatever ends it early into one line and a status.

0 good, 1 an error in one plain line or Ctrl-C, 2 bad usage, 128 + n stopped by signal n.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Any

_COMPLETION = "_WORDKIT_COMPLETE"  # the variable by which shells ask for completion


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    stopping = None
    try:
        from wordkit_cli.stopping import Stopping

        stopping = Stopping()
        stopping.begin()
        status = _run(arguments)
        # an error on the way out has been told; why we end is still the signal
        status = stopping.status or status
    except KeyboardInterrupt:
        _complain("stopped by Ctrl-C; nothing half-written is left")
        # an interrupt inside an exec(), as some imports do, would end us by the signal even now;
        # the next exec() makes Python forget it
        exec("")
        status = 1
    except Exception as error:
        if stopping is None or stopping.status is None:
            raise
        _complain(f"stopped, but not all is cleaned up: {type(error).__name__}: {error}")
        status = stopping.status
    if stopping is not None:
        stopping.end()
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    if sys.stdout is None:
        _complain("standard output is closed; send it somewhere, if only to /dev/null")
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):  # a character that it cannot show is written out
        sys.stdout.reconfigure(errors="backslashreplace")

    if wanted := os.environ.get(_COMPLETION):
        from wordkit_cli.completion import complete

        return complete(_COMPLETION, wanted)

    import warnings

    from wordkit.errors import WordkitWarning

    warnings.simplefilter("always", WordkitWarning)
    warnings.showwarning = _show_warning
    return _invoke(list(sys.argv[1:] if arguments is None else arguments))


def _invoke(arguments: list[str]) -> int:
    """Run a command; what it cannot do ends in one line, and in the status that is returned."""
    import click

    from wordkit.errors import WordkitError
    from wordkit_cli.commands import cli

    try:
        # Click would print an empty line on Ctrl-C; make_context and invoke leave that to us
        with cli.make_context("wordkit", arguments) as context:
            cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        if sys.stderr is not None:  # else it would go to standard output, among the data
            error.show(told := io.StringIO())
            sys.stderr.write(_shown(told.getvalue()))
        return error.exit_code
    except WordkitError as error:
        _complain(str(error))
        return 1
    except MemoryError:
        _complain("not enough memory; take a smaller text, fewer words or fewer dimensions")
        return 1
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        _silence_output()
        return 1
    except OSError as error:  # such as a temporary folder that is missing, or a full output
        name = error.filename or "standard output"
        _complain(f"cannot use {name}: {error.strerror or error}")
        return 1
    return 0


def _complain(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"wordkit: {_shown(' '.join(message.splitlines()))}\n")


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one plain line, without the place in the code that gave it."""
    if sys.stderr is not None:
        sys.stderr.write(f"warning: {_shown(' '.join(str(message).splitlines()))}\n")


def _shown(message: str) -> str:
    """A message in which the bytes of an argument that are not UTF-8 read as such: caf\\xe9.

    Python stands a surrogate for each, and writes that out as \\udce9.
    """
    import re

    written = message.encode(errors="backslashreplace").decode()
    return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", written)


def _silence_output() -> None:
    """Keep the interpreter from complaining about the closed pipe once more as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
