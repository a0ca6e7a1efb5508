"""Numbers that an option cannot have: every numeric option of every command is given them."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest
from conftest import Place
from every_command import COMMANDS, options

NUMBERS = ("0", "-1", "nan", "inf", "1e30", str(10**30), "x", "")

# What is taken all the same, because it means something.
TAKEN: dict[str, set[str]] = {}


def numeric(name: str) -> list[click.Option]:
    """The options of a command that take numbers."""
    kinds = (click.types.IntParamType, click.types.FloatParamType)
    return [option for option in options(name) if isinstance(option.type, kinds)]


@pytest.mark.parametrize("name", [name for name in COMMANDS if numeric(name)])
def test_wrong_numbers(place: Place, name: str) -> None:
    call, before = COMMANDS[name][0], place.content()
    taken = {}
    for option in numeric(name):
        for number in NUMBERS:
            tried = replace(call, arguments=(*call.arguments, option.opts[0], number))
            status, error = place.run(name, tried)
            if status == 0:
                taken.setdefault(option.opts[0], set()).add(number)
                place.tidy()
            else:
                assert status in (1, 2) and error.strip(), (option.opts, number, status)
                assert place.content() == before
    print(name, taken)


@pytest.mark.parametrize("name", COMMANDS)
def test_unknown_options(place: Place, name: str) -> None:
    before = place.content()
    for unknown in ("--no-such-option", "-Z"):
        tried = replace(COMMANDS[name][0], arguments=(*COMMANDS[name][0].arguments, unknown))
        status, error = place.run(name, tried)
        assert status == 2 and unknown in error
    assert place.content() == before
