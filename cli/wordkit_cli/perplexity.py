"""wordkit perplexity: the perplexity of a language model on a text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from wordkit.storage import check_outputs
from wordkit_cli.adaptation import adaptation_options, find_models, load_adapted
from wordkit_cli.inputs import TextOptions, read_corpus
from wordkit_cli.models import model_and
from wordkit_cli.options import (
    json_option,
    model_device_option,
    progress_options,
    reading_options,
)
from wordkit_cli.output import print_json, print_table
from wordkit_cli.progress import Progress

if TYPE_CHECKING:
    from wordkit.evaluation import Perplexity

__all__ = ["command"]


@click.command("perplexity")
@click.argument("files", nargs=-1, required=True, metavar="[MODEL] FILE")
@adaptation_options
@reading_options
@model_device_option
@json_option
@progress_options
def command(
    files: tuple[str, ...], models: tuple[str, ...], as_json: bool, log: str | None, **options: Any
) -> None:
    """Measure the perplexity of MODEL on FILE: exp of the mean −log p of its words (base e).

    FILE may be compressed (.gz, .bz2, .xz), a folder, a named corpus, - for standard input, or a
    folder that wordkit prepare --eos made. It is read as one stream, each line ended by <eos>;
    every word counts. It is tokenized as the model's training data; words that are not in the
    vocabulary are <unk>: they are counted (oov), and left out of the second figure.

    A model may adapt to what it has read: --cache N lets the last N words come again, --dynamic
    trains it on the way. Their settings are fitted to the text of --valid.

    \b
    Examples:
      wordkit perplexity test.txt
      wordkit perplexity lm.safetensors ptb-test --json
      wordkit perplexity test.txt --cache 2000 --dynamic --valid valid.txt
      wordkit perplexity test.txt -m a.safetensors -m b.safetensors
    """
    from wordkit.lm import iter_perplexity

    named, file = model_and("FILE", files, option=models)
    paths = find_models(models if named is None else [named])
    check_outputs([log], [*paths, options["valid"]])
    reading = {name: options[name] for name in ("encoding", "errors", "data_dir")}
    with Progress(quiet=options["quiet"], log=log) as progress:
        asked = load_adapted(paths, options, progress, **reading)
        choice = TextOptions(
            asked.tokenizer, asked.numbers, asked.tokenizer.normalize, None, **reading
        )
        corpus = read_corpus([file], choice, progress=progress, outputs=(log,), eos=True)
        cut_by = corpus.settings.get("tokenizer", asked.tokenizer.name)
        run = iter_perplexity(asked, corpus)
        if cut_by != asked.tokenizer.name:
            progress.say(
                f"{file} was tokenized by {cut_by}, and the model's training data by "
                f"{asked.tokenizer.name}: more words than need be may be unknown"
            )
        score = progress.finish(run)
    if as_json:
        print_json(_as_json(score))
    else:
        _print(score)


def _as_json(score: Perplexity) -> dict[str, Any]:
    names = (
        "perplexity", "perplexity_excluding_oov", "tokens", "oov", "bits_per_token",
        "bits_per_word", "log_likelihood", "nats_per_character", "bits_per_character",
        "bits_per_byte", "perplexity_per_word",
    )  # fmt: skip
    known = {name: getattr(score, name) for name in names} | {"base": "e"}
    # JSON has no infinity
    return {name: None if value == math.inf else value for name, value in known.items()}


def _print(score: Perplexity) -> None:
    without = score.perplexity_excluding_oov
    rows = [
        ("perplexity", f"{score.perplexity:.2f}", f"base e: e^{score.cross_entropy:.4f}"),
        ("without oov", "-" if without is None else f"{without:.2f}", ""),
        ("tokens", f"{score.tokens:,}", "line ends are tokens"),
        ("oov", f"{score.oov:,}", f"{score.oov_rate:.1%} of them, <unk> to the model"),
        ("bits per token", f"{score.bits_per_token:.4f}", ""),
    ]
    if score.nats_per_character is not None:
        rows += [
            ("nats per character", f"{score.nats_per_character:.4f}", ""),
            ("bits per character", f"{score.bits_per_character:.4f}", ""),
            ("bits per byte", f"{score.bits_per_byte:.4f}", "of UTF-8"),
            ("perplexity per word", f"{score.perplexity_per_word:.2f}", "words and line ends"),
        ]
    elif score.oov:
        rows.append(("per character", "-", "not known: oov, of which <unk> tells no character"))
    else:
        rows.append(("per character", "-", "not known: give the text, not what is made from it"))
    print_table(rows, right=(1,))
