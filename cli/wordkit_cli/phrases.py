"""wordkit phrases: words that occur together more often than by chance."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from wordkit.text.config import PhraseConfig
from wordkit_cli.inputs import TextOptions, read_corpus
from wordkit_cli.options import json_option, progress_options, text_options, threads_option
from wordkit_cli.output import print_json, print_table
from wordkit_cli.progress import Progress
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed

__all__ = ["command"]

_SETTINGS = SettingOptions({"Phrases": PhraseConfig})


@click.command("phrases", cls=SectionedCommand)
@click.argument("text", nargs=-1, required=True)
@_SETTINGS
@option(
    "-n", "--number", type=click.IntRange(min=1), section="Phrases", main=True,
    help="Number of phrases to print. Default: all.",
)  # fmt: skip
@json_option
@text_options
@threads_option
@progress_options
def command(text: tuple[str, ...], number: int | None, as_json: bool, **options: Any) -> None:
    """List the phrases of TEXT, best first, with their counts and scores.

    TEXT is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, - for standard
    input, or one folder that wordkit prepare made. wordkit prepare --phrases joins them.

    \b
    Examples:
      wordkit phrases corpus.txt -n 20
      wordkit phrases corpus.ids --score npmi --threshold 0.6
    """
    from wordkit.text import iter_find_phrases

    choice, threads = TextOptions.take(options), options["threads"]
    (given,) = _SETTINGS.given(options)
    config = changed(PhraseConfig(), **given)
    with Progress(quiet=options["quiet"], log=options["log"]) as progress:
        corpus = read_corpus(
            text, choice, progress=progress, outputs=(options["log"],), threads=threads
        )
        found = progress.finish(iter_find_phrases(corpus, config, threads=threads))[:number]
    if as_json:
        print_json([asdict(phrase) for phrase in found])
    elif found:
        rows = [(each.phrase, f"{each.count:,}", f"{each.score:.4g}") for each in found]
        print_table(rows, right=(1, 2))
    else:
        progress.say(f"no two words have a score above {config.least_score:g}; lower --threshold")
