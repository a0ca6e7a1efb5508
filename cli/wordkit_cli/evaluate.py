"""wordkit evaluate: scores on word similarity and analogies, with their coverage."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from wordkit.storage import check_outputs
from wordkit_cli.models import VECTORS, find, load_vectors
from wordkit_cli.options import (
    encoding_options,
    encoding_values,
    json_option,
    model_option,
    progress_options,
    threads_option,
)
from wordkit_cli.output import print_json, print_table
from wordkit_cli.progress import Progress

if TYPE_CHECKING:
    from wordkit.evaluation import AnalogyScores, SectionScore, SimilarityScore

__all__ = ["command"]

_LISTS = ("--similarity", "--analogies")
_SUMS = ("semantic", "syntactic", "total")


class _WithLists(click.Command):
    """A command whose list options take all the files after them: --similarity A B C."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each of its files, which is how Click reads a list."""
        spread: list[str] = []
        option: str | None = None
        files = 0
        for argument in [*args, "--"]:
            if argument.startswith("-") and argument != "-":
                if option is not None and not files:
                    raise click.UsageError(f"{option} needs a file", ctx)
                option, files = (argument, 0) if argument in _LISTS else (None, 0)
                if option is None:
                    spread.append(argument)
            else:
                spread += [argument] if option is None else [option, argument]
                files += 1
        return super().parse_args(ctx, spread)


@click.command("evaluate", cls=_WithLists)
@click.argument("vectors", metavar="[VECTORS]", required=False)
@click.option(
    "--similarity", multiple=True, metavar="FILE...",
    help="Word pairs with human scores: two words and a number a line.",
)  # fmt: skip
@click.option(
    "--analogies", multiple=True, metavar="FILE...",
    help="Questions of four words, in sections that begin with a colon.",
)  # fmt: skip
@click.option(
    "--restrict-vocab", type=click.IntRange(min=1), metavar="N",
    help="Know only the first N words. Default: all.",
)  # fmt: skip
@click.option(
    "--method", type=click.Choice(["add", "mul"]), default="add", show_default=True,
    help="Answer analogies by 3CosAdd or 3CosMul.",
)  # fmt: skip
@click.option(
    "--data-dir", type=click.Path(), metavar="DIR",
    help="Folder of the sets where none is named. Default: $WORDKIT_DATA.",
)  # fmt: skip
@encoding_options
@model_option
@threads_option
@json_option
@progress_options
def command(vectors: str | None, model: str | None, as_json: bool, **options: Any) -> None:
    """Score VECTORS: Spearman's correlation on word pairs, accuracy on analogies.

    Every score comes with the pairs or questions that were used, and those skipped because a
    word has no vector. With subwords, pairs are counted of which a word was composed of its
    n-grams; analogies are asked of the vocabulary alone. Without VECTORS: the file that a query
    would ask. A FILE may be compressed (.gz, .bz2, .xz), or - for standard input.

    \b
    Examples:
      wordkit evaluate vectors.safetensors --similarity EN-SIMLEX-999.txt
      wordkit evaluate --analogies questions-words.txt --restrict-vocab 30000
      wordkit evaluate --data-dir data --json
    """
    from wordkit.evaluation import evaluate_similarity, iter_evaluate_analogies
    from wordkit_corpora.evaluation_sets import find_sets, read_analogies, read_word_pairs

    reading = {name: options.pop(name) for name in encoding_values(options)}
    data_dir, log, quiet = (options.pop(name) for name in ("data_dir", "log", "quiet"))
    pair_files, question_files = options.pop("similarity"), options.pop("analogies")
    if not pair_files and not question_files:
        pair_files, question_files = find_sets(data_dir)
    pair_sets = [read_word_pairs(file, **reading) for file in pair_files]
    questions = [section for file in question_files for section in read_analogies(file, **reading)]
    if vectors is not None and model is not None:
        raise click.UsageError("name the vectors once: as VECTORS or with --model")
    if vectors == "vectors" and not os.path.exists(vectors):
        vectors = None  # "wordkit evaluate vectors" reads well, and means the usual file
    path = find(VECTORS, model if vectors is None else vectors)
    check_outputs([log], [path, *pair_files, *question_files])
    asked = load_vectors(path)
    restrict = options["restrict_vocab"]
    ranks = [evaluate_similarity(asked, pairs, restrict_vocab=restrict) for pairs in pair_sets]
    answers = None
    if questions:
        with Progress(quiet=quiet, log=log) as progress:
            answers = progress.finish(iter_evaluate_analogies(asked, questions, **options))
    if as_json:
        print_json(_as_json(ranks, answers))
    else:
        _print(ranks, answers)


def _print(ranks: Sequence[SimilarityScore], answers: AnalogyScores | None) -> None:
    if ranks:
        rows = [["similarity", "Spearman", "used", "skipped", "composed"]]
        for r in ranks:
            rows.append([r.name, _score(r.spearman), *map(str, (r.used, r.skipped, r.composed))])
        if not any(r.composed for r in ranks):
            rows = [row[:-1] for row in rows]
        print_table(rows, right=(1, 2, 3, 4))
    if answers is not None:
        if ranks:
            click.echo()
        rows = [[f"analogies, 3Cos{answers.method.title()}", "accuracy", "used", "skipped"]]
        for s in (*answers.sections, *(getattr(answers, name) for name in _SUMS)):
            rows.append([s.name, _score(s.accuracy), str(s.used), str(s.skipped)])
        print_table(rows, right=(1, 2, 3))


def _score(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f}"


def _as_json(ranks: Sequence[SimilarityScore], answers: AnalogyScores | None) -> dict[str, Any]:
    known: dict[str, Any] = {"similarity": [asdict(rank) for rank in ranks]}
    if answers is not None:
        sums = {name: _section(getattr(answers, name)) for name in _SUMS}
        known["analogies"] = {"sections": [_section(each) for each in answers.sections], **sums}
    return known


def _section(section: SectionScore) -> dict[str, Any]:
    return {**asdict(section), "accuracy": section.accuracy}
