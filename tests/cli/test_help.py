"""What the commands say of themselves."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from command_line import Wordkit
from every_command import command_names, options

from wordkit_cli.commands import cli


@pytest.mark.parametrize("name", ["plot", *command_names()])
def test_help_fits_a_page(wordkit: Wordkit, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Also in a wide window; examples are not folded, so that they fit a narrow one."""
    monkeypatch.setenv("COLUMNS", "200")
    has_more = "--help-all" in wordkit(*name.split(), "--help").stdout
    text = wordkit(*name.split(), "--help-all" if has_more else "--help").stdout
    assert [line for line in text.splitlines() if len(line) > 96] == []
    examples = _examples(text)
    assert any(f"wordkit {name}" in line for line in examples)
    assert [line for line in examples if len(line) > 80] == []
    for line in examples:  # which are calls that commands take
        match = re.search(r"\bwordkit(?:_cli)? ([^|>]*)", line)
        assert match is not None, line
        arguments = shlex.split(match[1])
        command: click.Command = cli
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), arguments.pop(0))
            assert found is not None, line
            command = found
        command.make_context(name, arguments)  # raises for what it does not take


@pytest.mark.parametrize(
    "name",
    [
        "train-w2v",
        "train-counts",
        "train-lm",
        "train-seq2seq",
        "train-dialogue",
        "train-classifier",
    ],
)
def test_help_of_many_options_shows_the_main_ones(wordkit: Wordkit, name: str) -> None:
    main, everything = (_sections(wordkit(name, way).stdout) for way in ("--help", "--help-all"))
    known = [
        "Text", "Model", "Regularization", "Latent variable", "Training", "Output layer",
        "Checkpoints", "Running", "Other options",
    ]  # fmt: skip
    for shown in (main, everything):
        assert [*shown] == [title for title in known if title in shown]
        assert shown["Other options"] == ["--help", "--help-all"]
    assert 7 <= sum(map(len, main.values())) <= 17
    assert all(everything[title][: len(main[title])] == main[title] for title in main)
    shown = {option for section in everything.values() for option in section}
    assert not [option.opts for option in options(name) if not shown & {*option.opts}]


def test_the_list_of_commands_is_whole(wordkit: Wordkit) -> None:
    text = wordkit("--help").stdout
    assert [name for name in command_names() if f"\n  {name.split()[0]} " not in text] == []
    rows = text.partition("Learn:")[2].splitlines()
    assert all(len(line) <= 80 for line in rows)
    assert not [line for line in rows if line.startswith("   ")], "no line is folded"


ALIASES = {
    "--dim": "--size", "--window": "--ws", "--negative": "--neg", "--epochs": "--iter",
    "--threads": "--workers", "--lr": "--alpha", "--steps": "--bptt", "--batch": "--batch-size",
    "--clip-norm": "--clip",
}  # fmt: skip


def test_familiar_flags_are_aliases() -> None:
    for name in command_names():
        own = {"--alpha"} if name == "train-glove" else set()  # of the weights of pairs
        for option in options(name):
            for ours, familiar in ALIASES.items():
                if familiar not in own:
                    assert (ours in option.opts) == (familiar in option.opts), option.opts


def _sections(text: str) -> dict[str, list[str]]:
    """The options of each section of a help, by the first of their long names."""
    sections = re.findall(r"^(\w[\w ]*):\n((?:  .*\n)+)", text, re.M)
    return {title: re.findall(r"^  (?:-\w, )?(--[\w-]+)", rows, re.M) for title, rows in sections}


def _examples(text: str) -> list[str]:
    """The lines of a help that show calls."""
    _, _, examples = text.partition("Examples:\n")
    return examples.split("\n\n")[0].splitlines()
