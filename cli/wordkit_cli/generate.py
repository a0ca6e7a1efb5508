"""wordkit generate: text from a language model, word by word."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from wordkit.text.detokenizer import Detokenizer, detokenize
from wordkit_cli.models import load_model
from wordkit_cli.options import json_option, language_model_option, model_device_option
from wordkit_cli.output import print_json
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.lm.generation import GenerationConfig, Method

__all__ = ["command"]

_SAMPLING = ("samples", "temperature", "top_k", "top_p", "seed")  # have no say in other methods


@click.command("generate")
@click.option("-p", "--prompt", default="", metavar="TEXT", help="Go on from TEXT.")
@click.option(
    "-n",
    "--words",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="Words to make; a line end counts as one.",
)
@click.option(
    "--samples",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Texts to make, side by side; an empty line parts them.",
)
@click.option(
    "--temperature",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Below 1: more of the probable words; above 1: fewer.",
)
@click.option("--top-k", type=click.IntRange(min=1), help="Only the K most probable words.")
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    help="Only the fewest words with this share of the probability.",
)
@click.option("--greedy", is_flag=True, help="The most probable word each time.")
@click.option(
    "--beam",
    type=click.IntRange(min=1),
    metavar="N",
    help="The most probable text, by a beam search that follows N.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Repeat a text. Default: a new one.")
@click.option(
    "--ban", multiple=True, metavar="WORD", help="A word that never comes, beside <unk> and N."
)
@click.option(
    "--allow", multiple=True, type=click.Choice(["<unk>", "N"]),
    help="Let come what else never does.",
)  # fmt: skip
@language_model_option
@model_device_option
@json_option
def command(prompt: str, as_json: bool, model: str | None, device: str, **options: Any) -> None:
    """Let a language model write, from the start of a sentence or from a prompt.

    Words appear as they are made; those of --beam when all are. Spaces before punctuation are
    mended, and <eos> becomes a line end.

    \b
    Examples:
      wordkit generate
      wordkit generate --prompt "the stock market" -n 30 --temperature 0.7
      wordkit generate --top-p 0.9 --samples 3 --seed 1
      wordkit generate --prompt "the company said" --beam 8 -n 12
    """
    config, samples = _config(options), options["samples"]
    asked = load_model(model, device)
    from wordkit.lm.generation import generate_samples

    for word in options["ban"]:
        if word not in asked.vocabulary:
            say(f"warning: the model does not know {word!r}, so it never comes")
    tokens = asked.tokens(prompt) if prompt else []
    made = generate_samples(asked, tokens, config, samples)
    is_drawn = config.method == "sample"
    if as_json:
        texts = [[*text] for text in zip(*made, strict=True)]
        print_json(
            {
                "prompt": prompt or None,
                "seed": config.seed if is_drawn else None,
                "samples": [{"text": detokenize([*tokens, *t]), "words": t} for t in texts],
            }
        )
        return
    if is_drawn and options["seed"] is None:
        say(f"seed: {config.seed}")
    _show(tokens, made, samples)


def _config(options: dict[str, Any]) -> GenerationConfig:
    """The settings, once they are seen to go together."""
    if options["greedy"] and options["beam"] is not None:
        raise click.UsageError("--greedy and --beam are two ways: give one of them")
    method: Method = "greedy" if options["greedy"] else "beam" if options["beam"] else "sample"
    context = click.get_current_context()
    for name in _SAMPLING if method != "sample" else ():
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is about drawing words, and --{method} draws none"
            )
    for word in set(options["ban"]) & set(options["allow"]):
        raise click.UsageError(f"--ban and --allow both name {word}: give one of them")
    from wordkit.lm.generation import GenerationConfig

    banned = (*GenerationConfig.banned, *options["ban"])
    return GenerationConfig(
        words=options["words"],
        method=method,
        temperature=options["temperature"],
        top_k=options["top_k"],
        top_p=options["top_p"],
        beam=options["beam"] or 1,
        banned=tuple(word for word in banned if word not in options["allow"]),
        seed=secrets.randbelow(1 << 31) if options["seed"] is None else options["seed"],
    )


def _show(prompt: Sequence[str], made: Iterator[tuple[str, ...]], samples: int) -> None:
    """Print texts behind their prompt: the first as it is made, the others after it."""
    joiners = [Detokenizer() for _ in range(samples)]
    pieces = [["".join(map(joiner.add, prompt))] for joiner in joiners]
    click.echo(pieces[0][0], nl=False)
    for words in made:
        for joiner, text, word in zip(joiners, pieces, words, strict=True):
            text.append(joiner.add(word))
        click.echo(pieces[0][-1], nl=False)  # flushed, so it is there at once
    _end_line(pieces[0])
    for text in pieces[1:]:
        click.echo("\n" + "".join(text), nl=False)
        _end_line(text)


def _end_line(text: Sequence[str]) -> None:
    if not text[-1].endswith("\n"):
        click.echo()
