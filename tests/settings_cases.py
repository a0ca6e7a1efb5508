"""What holds for the settings of every part: they do not change, and each field is explained."""

from __future__ import annotations

import ast
import inspect
from dataclasses import FrozenInstanceError, asdict, fields, is_dataclass, replace
from itertools import pairwise

import pytest

from wordkit.config import from_record


def assert_settings(kind: type) -> None:
    """Check a dataclass of settings.

    Args:
        kind: the dataclass, whose defaults are settings that can be.
    """
    config = kind()
    for field in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(config, field.name, getattr(config, field.name))
    assert hash(replace(config)) == hash(config)
    assert from_record(kind, asdict(config)) == config
    parts = [part for part in kind.__mro__ if is_dataclass(part)]
    assert set().union(*map(_explained, parts)) == {field.name for field in fields(kind)}


def _explained(kind: type) -> set[str]:
    """The fields behind which a docstring stands."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    return {
        statement.target.id
        for statement, following in pairwise(definition.body)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
    }
