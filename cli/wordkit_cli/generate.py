"""wordkit generate: text from a language model, word by word."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from wordkit.decoding.config import SamplingConfig
from wordkit.text.detokenizer import UNIT_NOUNS, TokenJoiner, detokenizer, token_texts
from wordkit_cli.adaptation import adaptation_options, find_models, load_adapted
from wordkit_cli.options import Refused, is_given, json_option, model_device_option
from wordkit_cli.output import print_json
from wordkit_cli.progress import Progress, say
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed

if TYPE_CHECKING:
    from wordkit.lm.generation import GenerationConfig, Method

__all__ = ["command"]

_SAMPLING = SettingOptions({"Decoding": SamplingConfig}, hidden=("seed",))


@click.command("generate", cls=SectionedCommand)
@option("-p", "--prompt", default="", metavar="TEXT", section="Text", help="Text to continue.")
@option(
    "-n", "--words", type=click.IntRange(min=1), section="Text",
    help="Number of words to generate, or of characters or pieces; a line end counts as one. "
    "Default: 50 words, 100 pieces, 500 characters.",
)  # fmt: skip
@option(
    "--samples", default=1, show_default=True, type=click.IntRange(min=1), section="Text",
    help="Number of texts to generate, separated by an empty line.",
)  # fmt: skip
@_SAMPLING
@option(
    "--greedy", is_flag=True, section="Decoding",
    help="Greedy decoding: the most probable word each time.",
)  # fmt: skip
@option(
    "--beam", type=click.IntRange(min=1), metavar="N", section="Decoding",
    help="Beam search with N hypotheses.",
)  # fmt: skip
@option(
    "--seed", type=click.IntRange(min=0), section="Decoding",
    help="Seed of the random numbers. Default: a new one.",
)  # fmt: skip
@option(
    "--ban", multiple=True, metavar="WORD", section="Decoding",
    help="Never generate this word, beside <unk> (and N, where the model writes numbers so).",
)  # fmt: skip
@option(
    "--allow", multiple=True, type=click.Choice(["<unk>", "N"]), section="Decoding",
    help="Allow <unk> or N.",
)  # fmt: skip
@adaptation_options
@model_device_option
@json_option
def command(prompt: str, as_json: bool, models: tuple[str, ...], **options: Any) -> None:
    """Generate text by a language model, from the start of a sentence or from a prompt.

    Words appear as they are generated; those of --beam all at the end. Tokens are joined as text
    is written, and <eos> becomes a line end. With --dynamic the model first learns from the prompt;
    --cache lets words of prompt and text come again.

    \b
    Examples:
      wordkit generate
      wordkit generate --prompt "the stock market" -n 30 --temperature 0.7
      wordkit generate --top-p 0.9 --samples 3 --seed 1
      wordkit generate --prompt "the company said" --beam 8 -n 12
    """
    config, samples = _config(options), options["samples"]
    with Progress() as progress:
        asked = load_adapted(find_models(models), options, progress)
    from wordkit.lm.generation import default_banned, generate_samples

    banned = {*default_banned(asked), *options["ban"]} - set(options["allow"])
    config = replace(config, banned=tuple(sorted(banned)))

    noun = UNIT_NOUNS[asked.unit]
    for word in options["ban"]:
        if word not in asked.vocabulary:
            what = "so it never comes" if noun == "word" else f"which is no {noun} of its own"
            say(f"warning: the model does not know {word!r}, {what}")
    tokens = asked.tokens(prompt) if prompt else []
    made = generate_samples(asked, tokens, config, samples)
    is_drawn = config.method == "sample"
    if as_json:
        seed, found = config.seed if is_drawn else None, []
        for text in zip(*made, strict=True):
            shown = token_texts(text, asked.unit)  # "words" is the earlier name of "tokens"
            found.append(
                {"text": asked.detokenize([*tokens, *text]), "tokens": shown, "words": shown}
            )
        print_json({"prompt": prompt or None, "seed": seed, "samples": found})
        return
    if is_drawn and options["seed"] is None:
        say(f"seed: {config.seed}")
    _show(tokens, made, [detokenizer(asked.unit) for _ in range(samples)])


def _config(options: dict[str, Any]) -> GenerationConfig:
    """The settings, checked against each other."""
    if options["greedy"] and options["beam"] is not None:
        raise Refused("--greedy and --beam are two ways: give one of them")
    method: Method = "greedy" if options["greedy"] else "beam" if options["beam"] else "sample"
    (sampling,) = _SAMPLING.given(options)
    for name in (*sampling, "samples") if method != "sample" else ():
        if is_given(name):
            raise Refused(f"--{name.replace('_', '-')} has no effect with --{method}")
    for word in set(options["ban"]) & set(options["allow"]):
        raise Refused(f"--ban and --allow both name {word}: give one of them")
    from wordkit.lm.generation import GenerationConfig

    if method == "beam":
        sampling["beam"] = options["beam"]
    elif method == "sample":
        drawn, seed = secrets.randbelow(1 << 31), options["seed"]
        sampling["seed"] = drawn if seed is None else seed
    given = {"method": method, **sampling}
    if options["words"] is not None:
        given["words"] = options["words"]
    return changed(GenerationConfig(), **given)


def _show(
    prompt: Sequence[str], made: Iterator[tuple[str, ...]], joiners: Sequence[TokenJoiner]
) -> None:
    """Print texts after their prompt: the first as it is generated, then the others."""
    pieces = [["".join(map(joiner.add, prompt))] for joiner in joiners]
    click.echo(pieces[0][0], nl=False)
    for words in made:
        for joiner, text, word in zip(joiners, pieces, words, strict=True):
            text.append(joiner.add(word))
        click.echo(pieces[0][-1], nl=False)  # flushed, so it shows at once
    for joiner, text in zip(joiners, pieces, strict=True):
        text.append(joiner.end())
    click.echo(pieces[0][-1], nl=False)
    _end_line(pieces[0])
    for text in pieces[1:]:
        click.echo("\n" + "".join(text), nl=False)
        _end_line(text)


def _end_line(text: Sequence[str]) -> None:
    if not "".join(text[-2:]).endswith("\n"):
        click.echo()
