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
    """Predict the next word after TEXT: the most probable ones, with their probabilities.

    TEXT is read from the start of a sentence; without it, the first word is predicted. <eos> is the
    end of the line, and <unk> any word that is not in the vocabulary.

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
