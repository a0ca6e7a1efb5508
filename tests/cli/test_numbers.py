"""Numbers that an option cannot have: every numeric option of every command is given them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import pytest
import torch
from conftest import Place
from every_command import COMMANDS, options

from wordkit.config import Setting, settings_of
from wordkit_cli import (
    adaptation,
    train_classifier,
    train_counts,
    train_dialogue,
    train_lm,
    train_seq2seq,
    train_w2v,
    transform,
)
from wordkit_cli.commands import cli
from wordkit_cli.setting_options import SettingOptions

NUMBERS = ("x", "nan", "0", "-1", "inf", str(10**30))
TAKEN_BY_NONE = {"x", "nan"}
"""Of the others, some mean something to some options."""


def numeric(name: str) -> list[click.Option]:
    """The options of a command that take numbers."""
    kinds = (click.types.IntParamType, click.types.FloatParamType)
    return [option for option in options(name) if isinstance(option.type, kinds)]


@pytest.mark.parametrize("name", [name for name in COMMANDS if numeric(name)])
def test_wrong_numbers(place: Place, name: str) -> None:
    """Each option is given every other one, and the next option, or command, those between."""
    call, before, wrong = COMMANDS[name][0], place.content(), []
    for turn, option in enumerate(numeric(name), [*COMMANDS].index(name)):
        longest = max(option.opts, key=len)
        for number in NUMBERS[turn % 2 :: 2]:
            if (longest, number) == ("--words", NUMBERS[-1]):  # so much is done, and no less
                continue
            tried = replace(call, arguments=(*call.arguments, longest, number))
            done = place.run(name, tried)
            refused = done.status in (1, 2) and done.stderr.strip() and place.content() == before
            if not refused and (done.status or number in TAKEN_BY_NONE):
                wrong.append((longest, number, done))
            place.tidy()
    assert not wrong


def test_unknown_options(place: Place) -> None:
    before = place.content()
    for name, (call, *_) in COMMANDS.items():
        for unknown in ("--no-such-option", "-Z"):
            done = place.run(name, replace(call, arguments=(*call.arguments, unknown)))
            assert done.status == 2 and unknown in done.stderr, name
    assert place.content() == before


def another(declared: Setting) -> Any:
    """A value of a setting that is not its default."""
    if declared.type is bool:
        return not declared.default
    if declared.choices:
        return next(word for word in declared.choices if word != declared.default)
    low = declared.at_least if declared.above is None else declared.above
    return declared.type(3 if declared.at_most is None or declared.at_most > 3 else 0.25 + low / 2)


@pytest.mark.parametrize(
    ("name", "group"),
    {
        "train-w2v": train_w2v._SETTINGS, "train-counts": train_counts._SETTINGS,
        "train-lm": train_lm._SETTINGS, "train-seq2seq": train_seq2seq._SETTINGS,
        "train-classifier": train_classifier._SETTINGS, "transform": transform._DECODING,
        "train-dialogue": train_dialogue._SETTINGS,
        "perplexity": adaptation._SETTINGS, "score": adaptation._SETTINGS,
    }.items(),
)  # fmt: skip
def test_all_settings_arrive(name: str, group: SettingOptions) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    known = {option.name for option in options(name)}
    for title, kind in group._groups.items():
        index = [*group._groups].index(title)
        given = {n: another(d) for n, d in settings_of(kind).items() if n in known}
        words = [
            word
            for n, value in given.items()
            for option in [f"--{n.replace('_', '-')}"]
            for word in (
                [option if value else option.replace("--", "--no-", 1)]
                if isinstance(value, bool)
                else [option, str(value)]
            )
        ]
        context = command.make_context(name, ["text", *words])
        assert group.given(context.params)[index] == given
        left = settings_of(kind).keys() - given.keys()
        assert left <= {"start_embeddings", "adaptive", "batch", *group._hidden}, (
            "one has no option"
        )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if any("--device" in o.opts for o in options(name))]
)
def test_a_device_that_is_not_there(place: Place, name: str) -> None:
    before, row = place.content(), COMMANDS[name][0]
    done = place.run(name, replace(row, arguments=(*row.arguments, "--device", "cuda")))
    assert done.status == 1 and "device cuda was asked for" in done.stderr
    assert "choose auto or cpu" in done.stderr and place.content() == before
