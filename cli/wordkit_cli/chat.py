"""wordkit chat: a conversation with a dialogue model."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from wordkit.errors import TextError, WordkitError
from wordkit.seq2seq.config import DecodingConfig
from wordkit_cli.models import load_dialogue
from wordkit_cli.options import encoding_options, encoding_values, json_option, model_device_option
from wordkit_cli.output import print_json, print_table
from wordkit_cli.progress import say
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.stopping import STOPPING

if TYPE_CHECKING:
    from wordkit.seq2seq.dialogue import Chat, TurnWeight

__all__ = ["command"]

_DECODING = SettingOptions(
    {"Decoding": DecodingConfig}, hidden=("batch", "alternatives", "copy_unknown")
)
_AGAIN, _RESET, _WHY = "/again", "/reset", "/why"
_HELP = f"{_AGAIN}: another answer; {_RESET}: a new dialogue; {_WHY}: the weight of each turn"
_BAR = 20  # columns of a weight of 1


@click.command("chat", cls=SectionedCommand)
@click.argument("named", required=False, metavar="[MODEL]")
@option(
    "-m", "--model", metavar="FILE",
    help="The dialogue model. Default: $WORDKIT_DIALOGUE, else ./dialogue.safetensors.",
)  # fmt: skip
@_DECODING
@model_device_option
@encoding_options
@json_option
def command(
    named: str | None, model: str | None, device: str, as_json: bool, **options: Any
) -> None:
    """Talk with MODEL, which has in mind what was said before.

    In a terminal lines are edited, and called back by the arrow keys. Lines that begin with / are
    commands: /again asks for another answer, /reset begins a new dialogue, /why shows the weight
    of each turn in the answer, where the model attends to turns. Ctrl-D ends.

    From a pipe each line is answered by a line; a blank one, answered by a blank one, begins a new
    dialogue. The same lines and seed have the same answers. --json prints an object for each.
    Answers are the most probable ones; of a model with a latent variable, for a draw of it.

    \b
    Examples:
      wordkit chat
      wordkit chat --sample --top-p 0.9 --seed 3
      printf 'hello\\nhow are you ?\\n' | wordkit chat dialogue.safetensors
    """
    if named is not None and model is not None:
        raise click.UsageError("name the model once: as MODEL or with --model")
    from wordkit.seq2seq.dialogue import Chat

    (given,) = _DECODING.given(options)
    asked = load_dialogue(named or model, device)
    chat = Chat(asked, changed(asked.decoding(given), **given))
    if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        _converse(chat, as_json)
        return
    for line in _piped(options):
        _answer(chat, line, as_json)
        sys.stdout.flush()


def _piped(options: dict[str, Any]) -> Iterator[str]:
    """The lines of standard input, as they come."""
    from wordkit.text.blocks import line_groups_of
    from wordkit_corpora.plaintext import open_text

    source = open_text(["-"], **encoding_values(options), as_it_comes=True)
    for lines in line_groups_of(source):
        yield from (line.text.strip() for line in lines)


def _converse(chat: Chat, as_json: bool) -> None:
    """Answer what is typed, until that ends."""
    with contextlib.suppress(ImportError):  # Windows has none
        import readline  # noqa: F401 - by which input() edits lines, and calls them back
    say(_HELP)
    while True:
        try:
            line = input("> ").strip()
            if line:
                _answer(chat, line, as_json)
        except WordkitError as error:
            say(str(error))
        except (EOFError, KeyboardInterrupt):
            STOPPING.begin()  # it ends well
            click.echo()
            return


def _answer(chat: Chat, line: str, as_json: bool) -> None:
    """Print the answer to a line, or what a command asks for."""
    if line == _WHY:
        _print_weights(chat.attention(), as_json)
        return
    if line.startswith("/") and line not in (_AGAIN, _RESET):
        raise TextError(f"there is no {line:.60}; there are {_AGAIN}, {_RESET}, {_WHY}")
    answer = None
    if line in ("", _RESET):
        chat.reset()
    else:
        answer = chat.again() if line == _AGAIN else chat.say(line)
    if as_json:
        print_json({"said": line, "answer": answer})
    else:
        click.echo(answer or "")


def _print_weights(weights: list[TurnWeight], as_json: bool) -> None:
    if as_json:
        print_json({"said": _WHY, "attention": weights})
    else:
        print_table([(f"{w:.2f}", "█" * round(w * _BAR), turn) for turn, w in weights])
