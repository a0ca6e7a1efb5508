"""wordkit score: the log-probabilities of lines and their words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import tee
from typing import TYPE_CHECKING, Any

import click

from wordkit.errors import TextError
from wordkit_cli.adaptation import adaptation_options, find_models, load_adapted
from wordkit_cli.options import json_option, model_device_option, reading_options
from wordkit_cli.output import escaped, print_json
from wordkit_cli.progress import Progress, say

if TYPE_CHECKING:
    from wordkit.lm.scoring import LineScore

__all__ = ["command"]


@click.command("score")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--words", is_flag=True, help="Show the log-probability of each word.")
@adaptation_options
@reading_options
@model_device_option
@json_option
def command(
    files: tuple[str, ...], words: bool, models: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Print the log-probability of each line of FILE by a language model (base e).

    FILE is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, or - for
    standard input. Each line starts at the start of a sentence, and its end, <eos>, counts. With
    --cache or --dynamic the lines are read as one text, each after those before it.

    Prints a row for each line, with tabs between: its log-probability, its tokens with <eos>, those
    that the model does not know, and the line. With --words a row for each word: the number of its
    line, its log-probability, and the word. With --json an object for each line.

    \b
    Examples:
      wordkit score sentences.txt
      echo 'the market fell' | wordkit score - --words
      wordkit score candidates.txt | sort -rg | head
    """
    reading = {name: options[name] for name in ("encoding", "errors", "data_dir")}
    with Progress() as progress:
        asked = load_adapted(find_models(models), options, progress, **reading)
    from wordkit.lm import score_lines
    from wordkit.text.blocks import lines_of
    from wordkit_corpora.named import iter_open_source

    opened = iter_open_source(files, **reading).result()
    if opened.note is not None:
        say(opened.note)
    shown, scored = tee(lines_of(opened.source))
    number = 0
    for number, (line, score) in enumerate(zip(shown, score_lines(asked, scored), strict=True), 1):
        if as_json:
            print_json(_as_json(line, score, words))
        else:
            for row in _word_rows(number, score) if words else [_row(line, score)]:
                click.echo("\t".join(row))
    if not number:
        raise TextError(f"{opened.source.name} holds no line; give a text that does")


def _as_json(line: str, score: LineScore, words: bool) -> dict[str, Any]:
    known: dict[str, Any] = {
        "text": line,
        "log_probability": score.log_probability,
        "tokens": len(score.words),
        "oov": score.oov,
    }
    return {**known, "words": [list(word) for word in score.words]} if words else known


def _row(line: str, score: LineScore) -> tuple[str, ...]:
    text = line.strip().replace("\t", " ")
    return f"{score.log_probability:.4f}", str(len(score.words)), str(score.oov), text


def _word_rows(number: int, score: LineScore) -> Iterator[tuple[str, ...]]:
    for word, log_probability in score.words:
        yield str(number), f"{log_probability:.4f}", escaped(word.replace("\t", "\\t"))
