"""The directive ``package``: the docstring of a package and those of its public names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.ext.napoleon import GoogleDocstring
from sphinx.util.docutils import SphinxDirective


class Package(SphinxDirective):
    """Documents the names in ``__all__`` by autodoc: functions first, then classes, then data.

    The option ``names`` documents these alone, and ``more`` further ones, by their full names.
    """

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "names": directives.unchanged,
        "more": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return what autodoc makes of them."""
        package = importlib.import_module(self.arguments[0])
        names = self.options.get("names", "").split() or package.__all__
        full = [f"{package.__name__}.{name}" for name in names]
        full += self.options.get("more", "").split()
        lines = StringList([*_directives(package.__name__, full)], package.__name__)
        node = nodes.Element()
        self.state.nested_parse(lines, 0, node)
        return node.children


def _directives(package: str, names: list[str]) -> Iterator[str]:
    yield from (f".. automodule:: {package}", "   :no-members:", "")
    kinds = {name: _kind(_value(name)) for name in names}
    for wanted in ("function", "class", "exception", "data"):
        for name, kind in kinds.items():
            if kind == wanted:
                yield f".. auto{kind}:: {name}"
                yield from ["   :no-value:"] * (kind == "data")
                yield ""


def _value(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _kind(value: object) -> str:
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if inspect.isroutine(value) else "data"


def _keep_whole(docstring: GoogleDocstring) -> list[str]:
    """The docstring of an attribute as it stands: what precedes a colon there is no type."""
    return [*docstring._lines]


def _no_docstring_of_its_type(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Empty the docstring of data that have none: autodoc takes that of dict or tuple."""
    if what == "data" and lines[:1] == (inspect.getdoc(type(value)) or "").split("\n")[:1]:
        lines.clear()


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    GoogleDocstring._parse_attribute_docstring = _keep_whole
    app.add_directive("package", Package)
    app.connect("autodoc-process-docstring", _no_docstring_of_its_type, priority=400)
    return {"parallel_read_safe": True}
