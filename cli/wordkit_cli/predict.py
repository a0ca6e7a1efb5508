"""wordkit predict: the words that may come next."""

from __future__ import annotations

import click

from wordkit_cli.models import load_model
from wordkit_cli.options import (
    json_option,
    language_model_option,
    model_device_option,
    number_option,
)
from wordkit_cli.output import print_answers

__all__ = ["command"]


@click.command("predict")
@click.argument("text", nargs=-1, metavar="[TEXT]...")
@number_option
@language_model_option
@model_device_option
@json_option
def command(
    text: tuple[str, ...], number: int, model: str | None, device: str, as_json: bool
) -> None:
    """The words that are most probable behind TEXT, with their probabilities, best first.

    TEXT stands at the start of a sentence; without it, the first word is asked for. <eos> is the
    end of the line, and <unk> any word that the model does not know.

    \b
    Examples:
      wordkit predict "the stock market" -n 5
      wordkit predict the company said it --json
    """
    asked = load_model(model, device)
    from wordkit.lm import predict

    prompt = " ".join(text)
    found = predict(asked, asked.tokens(prompt) if prompt else [], number)
    print_answers({prompt: found}, as_json=as_json)
