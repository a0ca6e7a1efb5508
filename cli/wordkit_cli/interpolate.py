"""wordkit interpolate: texts between two texts, by an autoencoder."""

from __future__ import annotations

import click

from wordkit_cli.models import SEQ2SEQ, find, load_seq2seq_model
from wordkit_cli.options import json_option, model_device_option
from wordkit_cli.output import print_json

__all__ = ["command"]


@click.command("interpolate")
@click.argument("model_and_texts", nargs=-1, required=True, metavar="[MODEL] TEXT TEXT")
@click.option(
    "-n", default=6, show_default=True, type=click.IntRange(2, 10_000), metavar="N",
    help="Texts to print, from the first to the second.",
)  # fmt: skip
@click.option(
    "--beam", default=1, show_default=True, type=click.IntRange(min=1), metavar="K",
    help="Hypotheses of the beam search; 1: greedy.",
)  # fmt: skip
@model_device_option
@json_option
def command(
    model_and_texts: tuple[str, ...], n: int, beam: int, device: str, as_json: bool
) -> None:
    """Print texts between two TEXTs: of vectors on the line between theirs, by an autoencoder.

    The first and the last are what MODEL makes of the vectors of the two TEXTs. MODEL is of wordkit
    train-seq2seq --autoencode; its default is $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors.

    \b
    Examples:
      wordkit interpolate "a man is running" "two dogs play in the snow"
      wordkit interpolate sentences.safetensors "he was silent" "she left" -n 8
    """
    if len(model_and_texts) not in (2, 3):
        raise click.UsageError(
            f"give two TEXTs, and a MODEL before them or none, not {len(model_and_texts)} "
            "arguments; put each text in quotation marks"
        )
    *named, first, second = model_and_texts
    model = load_seq2seq_model(find(SEQ2SEQ, named[0] if named else None), device)
    texts = model.interpolate(first, second, n, beam=beam)
    if as_json:
        print_json({"texts": texts})
        return
    for text in texts:
        click.echo(text)
