"""wordkit evaluate-seq2seq: how well a model turns texts into others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from wordkit_cli.models import find_seq2seq, load_seq2seq_model
from wordkit_cli.options import (
    decoding_options,
    encoding_options,
    encoding_values,
    json_option,
    model_device_option,
    progress_options,
)
from wordkit_cli.output import counted, print_json, print_table
from wordkit_cli.pair_inputs import read_pair_files, separator_option
from wordkit_cli.progress import Progress
from wordkit_cli.sequence_models import decoding_config, model_and

if TYPE_CHECKING:
    from wordkit.evaluation import Example, TransductionScore

__all__ = ["command"]

_UNITS = {"char": "characters", "word": "words"}


@click.command("evaluate-seq2seq")
@click.argument("files", nargs=-1, required=True, metavar="[MODEL] PAIRS")
@separator_option
@decoding_options
@click.option(
    "--examples", default=3, show_default=True, type=click.IntRange(min=0),
    help="How many right and wrong answers to show.",
)  # fmt: skip
@model_device_option
@encoding_options
@json_option
@progress_options
def command(files: tuple[str, ...], as_json: bool, log: str | None, **options: Any) -> None:
    """How well MODEL writes the second text of PAIRS from the first.

    Exact match is the share of the pairs whose text is written exactly; the error rate is the
    fewest characters (or words) to insert, delete or replace, for each of the true texts. MODEL is
    $WORDKIT_SEQ2SEQ, else ./seq2seq.safetensors, where it is not named.

    \b
    Examples:
      wordkit evaluate-seq2seq seq2seq.safetensors test.tsv
      wordkit evaluate-seq2seq date.txt --separator _ --beam 5 --json
    """
    from wordkit.seq2seq import evaluate_pairs

    model, file = model_and("file of PAIRS", files)
    asked = load_seq2seq_model(find_seq2seq(model), options["device"])
    config = decoding_config(options)
    with Progress(quiet=options["quiet"], log=log) as progress:
        reading = encoding_values(options)
        pairs = read_pair_files([file], options["separator"], outputs=(log,), **reading)
        run = evaluate_pairs(asked, pairs, config, examples=options["examples"])
        score = progress.finish(run)
    if as_json:
        print_json(_as_json(score))
    else:
        _print(score, _UNITS[asked.config.unit])


def _as_json(score: TransductionScore) -> dict[str, Any]:
    return {
        "exact_match": score.exact_match,
        "error_rate": score.error_rate,
        "pairs": score.pairs,
        "right": score.right,
        "edits": score.edits,
        "units": score.units,
        "unknown": score.unknown,
        "examples_right": [example._asdict() for example in score.examples_right],
        "examples_wrong": [example._asdict() for example in score.examples_wrong],
    }


def _print(score: TransductionScore, units: str) -> None:
    shown = math.floor(score.exact_match * 1e4) / 1e4  # 100 % is said only where all are right
    rows = [
        ("exact match", f"{shown:.2%}", f"{score.right:,} of {counted(score.pairs, 'pair')}"),
        (
            "error rate",
            f"{score.error_rate:.2%}",
            f"{score.edits:,} edits for {score.units:,} {units}",
        ),
    ]
    if score.unknown:
        unread = f"{units} of the sources, <unk> to the model"
        rows.append(("unknown", f"{score.unknown:,}", unread))
    print_table(rows, right=(1,))
    for title, examples in (("right", score.examples_right), ("wrong", score.examples_wrong)):
        if examples:
            click.echo(f"\n{title}")
            print_table([_row(example) for example in examples])


def _row(example: Example) -> tuple[str, str, str]:
    is_right = example.written == example.target
    return f"  {example.source}", example.written, "" if is_right else f"not {example.target}"
