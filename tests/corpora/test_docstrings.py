"""The strings found by a regular expression are those that Python's own parser finds."""

from __future__ import annotations

import ast
import sysconfig
import textwrap
from pathlib import Path

import click
import numpy as np
import pytest

from wordkit_corpora.docstrings import added_docstrings, docstrings, long_strings

STDLIB = Path(sysconfig.get_path("stdlib"))


def parsed(source: str) -> list[str]:
    """The slow, obvious twin, in order of appearance."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                found.append((node.body[0].lineno, text))
    return [text for _, text in sorted(found)]


def sources() -> list[Path]:
    folders = [Path(click.__file__).parent, *(STDLIB / name for name in ("email", "json", "http"))]
    files = [
        STDLIB / f"{name}.py" for name in ("doctest", "tokenize", "textwrap", "ast", "inspect")
    ]
    numpy_files = ["polynomial/chebyshev.py", "lib/npyio.py", "ma/core.py", "ma/extras.py"]
    files += [Path(np.__file__).parent / name for name in numpy_files]
    return sorted({*files, *(file for folder in folders for file in folder.glob("*.py"))})


def test_same_as_the_parser_on_real_sources() -> None:
    total = 0
    for path in sources():
        text = path.read_text("utf-8")
        expected = parsed(text)
        assert docstrings(text) == expected, path
        total += len(expected)
    assert total > 1000


SOURCE = r'''#!/usr/bin/python3
# a comment with a """quote
"""The module's."""
x = """not
this:
"""
y = '"""' + "it's"  # :
"""nor this"""


@decorator("a:b")
class A(Base):  # a class: it's "commented"

    # one more comment

    r"""Raw \d."""

    field: int = 1
    """Of an attribute."""

    def f(self, a={"k":
            """value"""}) -> "str":
        'Single, with \'quotes\'.'
        return """no"""

    async def g(
        self,
    ):
        u"""Tab\tand \
joined."""

    def h(self): """On the line of the header."""

    def i(self):
        f"""Not {a} docstring."""

    def j(self):
        b"""Bytes."""
'''


def test_strings_by_their_place() -> None:
    assert docstrings(SOURCE) == [
        "The module's.",
        r"Raw \d.",
        "Single, with 'quotes'.",
        "Tab\tand joined.",
    ]
    on_the_line = "On the line of the header."  # too rare to look for
    assert [text for text in parsed(SOURCE) if text != on_the_line] == docstrings(SOURCE)


@pytest.mark.parametrize("source", ["", "\n", "x = 1", '"""', "'", '"""a', "# only", "'a' 'b'"])
def test_odd_sources(source: str) -> None:
    assert docstrings(source) == []


def test_a_module_of_one_string() -> None:
    assert docstrings('"""x"""') == docstrings("\n\n'x'  # why\n") == ["x"]


def test_strings_given_to_adders() -> None:
    source = textwrap.dedent(
        '''
        add_docstr(torch.abs, r"""
        Computes the absolute value of {input}.
        """.format(**common_args) + """And some more of it.""")
        add_newdoc('numpy', 'flatiter', ('base', """A reference to the array."""))
        _add_docstr_all("add", "Adds one to the other.")
        other("""Not this string of words.""")
        '''
    )
    assert added_docstrings(source) == [
        "\nComputes the absolute value of {input}.\n",
        "And some more of it.",
        "A reference to the array.",
        "Adds one to the other.",
    ]
    assert added_docstrings('other("""Not this string of words.""")') == []
    with pytest.raises(SyntaxError):
        added_docstrings("add_newdoc(")


def test_all_strings() -> None:
    assert long_strings("topics = {'a': 'one two ' 'three four', 'b': b'one two three four'}") == [
        "one two three four"
    ]
