"""Numbers that an option cannot have: every numeric option of every command is given them."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest
import torch
from conftest import Place
from every_command import COMMANDS, options

NUMBERS = ("x", "nan", "0", "-1", "inf", str(10**30))
TAKEN_BY_NONE = {"x", "nan"}
"""Of the others, some mean something to some options."""

# So much is done, and no sooner does the command end.
ENDLESS = {("generate", "--words")}


def numeric(name: str) -> list[click.Option]:
    """The options of a command that take numbers."""
    kinds = (click.types.IntParamType, click.types.FloatParamType)
    return [option for option in options(name) if isinstance(option.type, kinds)]


@pytest.mark.parametrize("name", [name for name in COMMANDS if numeric(name)])
def test_wrong_numbers(place: Place, name: str) -> None:
    call, before, wrong = COMMANDS[name][0], place.content(), []
    for option in numeric(name):
        longest = max(option.opts, key=len)
        for number in NUMBERS[: -1 if (name, longest) in ENDLESS else None]:
            tried = replace(call, arguments=(*call.arguments, longest, number))
            done = place.run(name, tried)
            refused = done.status in (1, 2) and done.stderr.strip() and place.content() == before
            if not refused and (done.status or number in TAKEN_BY_NONE):
                wrong.append((longest, number, done))
            place.tidy()
    assert not wrong


@pytest.mark.parametrize("name", COMMANDS)
def test_unknown_options(place: Place, name: str) -> None:
    before = place.content()
    for unknown in ("--no-such-option", "-Z"):
        tried = replace(COMMANDS[name][0], arguments=(*COMMANDS[name][0].arguments, unknown))
        done = place.run(name, tried)
        assert done.status == 2 and unknown in done.stderr
    assert place.content() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if any("--device" in o.opts for o in options(name))]
)
def test_a_device_that_is_not_there(place: Place, name: str) -> None:
    before, row = place.content(), COMMANDS[name][0]
    done = place.run(name, replace(row, arguments=(*row.arguments, "--device", "cuda")))
    assert done.status == 1 and "device cuda was asked for" in done.stderr
    assert "choose auto or cpu" in done.stderr and place.content() == before
