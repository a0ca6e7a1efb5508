"""The entry point: runs a command, and turns errors and signals into one line and a status.

0 success, 1 an error or Ctrl-C, 2 bad usage, 128 + n stopped by signal n.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

_COMPLETION = "_WORDKIT_COMPLETE"  # the variable by which shells ask for completion
_GC_THRESHOLD = 100_000  # new objects between two collections; Python's default is 700


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    from wordkit_cli.stopping import STOPPING

    is_program = arguments is None
    if is_program:  # imports make many objects and hardly any garbage
        gc.set_threshold(_GC_THRESHOLD)
    try:
        STOPPING.begin()
        status = _run(arguments)
        # an error after a signal has been printed; the status is still that of the signal
        status = STOPPING.status or status
    except KeyboardInterrupt as stop:
        kept = [f"{path} keeps finished parts for the same command; start it again, or remove them"
                for path in filter(os.path.isdir, stop.args)]  # fmt: skip
        _print_error(f"stopped by Ctrl-C; {' '.join(kept) or 'nothing half-written is left'}")
        status = 1
    except Exception as error:
        if STOPPING.status is None:
            raise
        _print_error(f"stopped, but not all is cleaned up: {type(error).__name__}: {error}")
        status = STOPPING.status
    finally:
        STOPPING.end()
    if is_program:  # the interpreter's last collections would go through all objects
        gc.freeze()
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    from wordkit.streams import messages, on_failure

    sys.stderr = messages()
    if sys.stdout is None:
        _print_error("standard output is closed; send it somewhere, if only to /dev/null")
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):  # characters that it cannot encode are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout = on_failure(sys.stdout, _output_failed)

    if wanted := os.environ.get(_COMPLETION):
        from wordkit_cli.completion import complete

        return complete(_COMPLETION, wanted)

    import warnings

    from wordkit.errors import WordkitWarning

    warnings.simplefilter("always", WordkitWarning)
    warnings.showwarning = _show_warning
    return _invoke(list(sys.argv[1:] if arguments is None else arguments))


def _invoke(arguments: list[str]) -> int:
    """Run a command and return its status; errors are printed as one line."""
    import click

    from wordkit.errors import WordkitError
    from wordkit_cli.commands import cli
    from wordkit_cli.output import escaped

    if sys.stdout.isatty():
        write = sys.stdout.write
        sys.stdout.write = lambda text: write(escaped(text))  # type: ignore[method-assign]
    try:
        # Click would print an empty line on Ctrl-C; make_context and invoke do not. Without color
        # it would take escape sequences out of words.
        with cli.make_context("wordkit", arguments, color=True) as context:
            cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show(text := io.StringIO())
        sys.stderr.write(escaped(text.getvalue() + _hint(error, arguments)))
        return error.exit_code
    except WordkitError as error:
        _print_error(str(error))
        return 1
    except _OutputError as error:
        _silence_output()
        if not isinstance(error.__cause__, BrokenPipeError):  # else its reader (head) has gone
            _print_error(f"cannot use standard output: {error}")
        return 1
    except (MemoryError, OSError) as error:
        _print_error(_refusal(error))
        return 1
    return 0


def _hint(error: Exception, arguments: list[str]) -> str:
    """A line on words that begin with a hyphen, where one was taken for an option."""
    import click

    if not (isinstance(error, click.NoSuchOption) and error.ctx is not None):
        return ""
    if not any(isinstance(each, click.Argument) for each in error.ctx.command.params):
        return ""
    name = error.option_name
    word = next((each for each in arguments if each.startswith(name)), name)
    if name.startswith("--") or (word == name and name[1].isalpha()):  # as options are written
        return ""
    return f"A word that begins with - comes after --: {error.ctx.command_path} -- {word}\n"


class _OutputError(Exception):
    """Standard output cannot be written."""


def _output_failed(error: Exception) -> None:
    if not isinstance(error, OSError):
        raise error
    raise _OutputError(error.strerror or str(error)) from error


def _refusal(error: MemoryError | OSError) -> str:
    """Return the message of what the system has refused, such as a temporary folder."""
    import errno

    if isinstance(error, MemoryError) or error.errno == errno.ENOMEM:
        return "not enough memory; take a smaller text, fewer words or fewer dimensions"
    reason = error.strerror or str(error)
    if error.filename:
        return f"cannot use {error.filename}: {reason}"
    return f"the system refuses what this needs: {reason}"


def _print_error(message: str) -> None:
    from wordkit_cli.output import escaped

    sys.stderr.write(f"wordkit: {escaped(' '.join(message.splitlines()))}\n")


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning as one plain line, without its position in the code."""
    from wordkit_cli.output import escaped

    sys.stderr.write(f"warning: {escaped(' '.join(str(message).splitlines()))}\n")


def _silence_output() -> None:
    """Keep the interpreter from reporting the closed pipe again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
