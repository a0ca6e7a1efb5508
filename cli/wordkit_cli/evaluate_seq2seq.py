"""wordkit evaluate-seq2seq: exact match and error rate of a sequence model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from wordkit.decoding.config import SamplingConfig
from wordkit.seq2seq.config import DecodingConfig
from wordkit.storage import check_outputs
from wordkit.text.detokenizer import UNIT_NOUNS
from wordkit_cli.models import SEQ2SEQ, find, load_seq2seq_model, model_and
from wordkit_cli.options import encoding_options, json_option, model_device_option, progress_options
from wordkit_cli.output import counted, print_json, print_table
from wordkit_cli.progress import Progress
from wordkit_cli.sections import SectionedCommand
from wordkit_cli.sequence_models import (
    decoding_config,
    read_pair_files,
    samples_option,
    separator_option,
    sequence_model_option,
)
from wordkit_cli.setting_options import SettingOptions

if TYPE_CHECKING:
    from wordkit.evaluation import Example, Likelihood, TransductionScore

__all__ = ["command"]

_DECODING = SettingOptions(
    {"Decoding": DecodingConfig},
    hidden=("batch", "alternatives", "sample", *SamplingConfig.__dataclass_fields__),
)
_SCORES = ("bleu", "bleu_detokenized", "chrf")
_LIKELIHOOD = ("perplexity", "elbo", "kl", "samples")


@click.command("evaluate-seq2seq", cls=SectionedCommand)
@click.argument("files", nargs=-1, required=True, metavar="[MODEL] PAIRS")
@separator_option
@_DECODING
@click.option(
    "--examples", default=3, show_default=True, type=click.IntRange(min=0),
    help="Number of right and wrong answers to show.",
)  # fmt: skip
@samples_option
@sequence_model_option
@model_device_option
@encoding_options
@json_option
@progress_options
def command(
    files: tuple[str, ...], model: str | None, as_json: bool, log: str | None, **options: Any
) -> None:
    """Measure how well MODEL writes the second text of PAIRS from the first.

    Exact match is the fraction of the pairs whose text is written exactly; the error rate is the
    edit distance in characters (or words), relative to the length of the true texts. The perplexity
    is that of the true texts; of a model with a latent variable an upper bound, by importance
    sampling. Where texts are words, BLEU and chrF (pip install 'wordkit[bleu]'). Default of MODEL:
    $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors.

    \b
    Examples:
      wordkit evaluate-seq2seq seq2seq.safetensors test.tsv
      wordkit evaluate-seq2seq date.txt --separator _ --beam 5 --json
    """
    from wordkit.seq2seq import iter_evaluate_pairs

    named, file = model_and("file of PAIRS", files, option=model)
    path = find(SEQ2SEQ, named or model)
    check_outputs([log], [path])
    asked = load_seq2seq_model(path, options["device"])
    config = decoding_config(_DECODING, options)
    with Progress(quiet=options["quiet"], log=log) as progress:
        autoencode = asked.config.autoencode
        pairs = read_pair_files([file], options, outputs=(log,), autoencode=autoencode)
        run = iter_evaluate_pairs(
            asked, pairs, config, examples=options["examples"], samples=options["samples"]
        )
        score = progress.finish(run)
        if asked.config.unit != "char" and score.translation is None:
            progress.say("BLEU and chrF need sacrebleu; pip install 'wordkit[bleu]'")
    if as_json:
        print_json(_as_json(score))
    else:
        _print(score, f"{UNIT_NOUNS[asked.config.unit]}s")


def _as_json(score: TransductionScore) -> dict[str, Any]:
    names = ("exact_match", "error_rate", "pairs", "right", "edits", "units", "unknown")
    return {
        **{name: getattr(score, name) for name in names},
        **{name: getattr(score.likelihood, name, None) for name in _LIKELIHOOD},
        **{name: getattr(score.translation, name, None) for name in _SCORES},
        "examples_right": [example._asdict() for example in score.examples_right],
        "examples_wrong": [example._asdict() for example in score.examples_wrong],
    }


def _print(score: TransductionScore, units: str) -> None:
    shown = math.floor(score.exact_match * 1e4) / 1e4  # 100 % is shown only where all are right
    rows = [
        ("exact match", f"{shown:.2%}", f"{score.right:,} of {counted(score.pairs, 'pair')}"),
        (
            "error rate",
            f"{score.error_rate:.2%}",
            f"{score.edits:,} edits for {score.units:,} {units}",
        ),
    ]
    if (likelihood := score.likelihood) is not None:
        rows += _likelihood_rows(likelihood, units)
    if score.translation is not None:
        rows += [
            ("BLEU", f"{score.translation.bleu:.2f}", "on tokens, as they are"),
            ("", f"{score.translation.bleu_detokenized:.2f}", "detokenized, by 13a"),
            ("chrF", f"{score.translation.chrf:.2f}", "detokenized"),
        ]
    if score.unknown:
        unread = f"{units} of the sources, <unk> to the model"
        rows.append(("unknown", f"{score.unknown:,}", unread))
    print_table(rows, right=(1,))
    for title, examples in (("right", score.examples_right), ("wrong", score.examples_wrong)):
        if examples:
            click.echo(f"\n{title}")
            print_table([_row(example) for example in examples])


def _likelihood_rows(likelihood: Likelihood, units: str) -> list[tuple[str, str, str]]:
    each, perplexity = units.removesuffix("s"), f"{likelihood.perplexity:.4g}"
    if likelihood.elbo is None or likelihood.kl is None:
        return [("perplexity", perplexity, f"of a {each}")]
    draws = counted(likelihood.samples, "draw")
    return [
        ("perplexity", f"≤ {perplexity}", f"of a {each}, by importance sampling with {draws}"),
        ("ELBO", f"{likelihood.elbo:.2f}", "nats a pair"),
        ("KL", f"{likelihood.kl:.2f}", "nats a pair, of the posterior from the prior"),
    ]


def _row(example: Example) -> tuple[str, str, str]:
    is_right = example.written == example.target
    return f"  {example.source}", example.written, "" if is_right else f"not {example.target}"
