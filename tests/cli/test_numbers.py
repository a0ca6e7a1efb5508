"""Numbers that an option cannot have: every numeric option of every command is given them."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest
from conftest import Place
from every_command import COMMANDS, options

NUMBERS = ("x", "", "nan", "0", "-1", "inf", "1e30", str(10**30))
TAKEN_BY_NONE = {"x", "", "nan"}
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
            status, error = place.run(name, tried)
            refused = status in (1, 2) and error.strip() and place.content() == before
            if not refused and (status or number in TAKEN_BY_NONE):
                wrong.append((longest, number, status, error))
            place.tidy()
    assert not wrong


@pytest.mark.parametrize("name", COMMANDS)
def test_unknown_options(place: Place, name: str) -> None:
    before = place.content()
    for unknown in ("--no-such-option", "-Z"):
        tried = replace(COMMANDS[name][0], arguments=(*COMMANDS[name][0].arguments, unknown))
        status, error = place.run(name, tried)
        assert status == 2 and unknown in error
    assert place.content() == before
