"""The documentation strings of a Python source file, found without running or importing it.

Parsing every file of a large installation takes ten seconds; finding the strings with one regular
expression takes half a second and gives the same ones (the tests compare both). Only the few files
that hand strings to ``add_newdoc`` or ``add_docstr``, the documentation of functions written in C,
are parsed.
"""

from __future__ import annotations

import ast
import re

__all__ = ["added_docstrings", "docstrings", "long_strings"]

_TOKEN = re.compile(  # strings, and comments, which may hold quotes
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|\#[^\n]*",
    re.DOTALL,
)
_MARGIN = re.compile(r"[ \t\f]*([rRuU]?)")
_STATEMENT_END = re.compile(r"[ \t]*(?:[;#\n]|\Z)")
_ADDER = re.compile(r"_?add_(?:newdoc|docstr)\w*")
_ADDER_CALL = re.compile(rf"\b{_ADDER.pattern}\(")


def docstrings(source: str) -> list[str]:
    """The documentation strings of the modules, classes and functions in a source, in order.

    They are the strings that stand as a statement of their own at the start of a block; the few
    that so open a block of another kind are among them.

    Args:
        source: the text of the file, with ``\\n`` at line ends.

    Raises:
        SyntaxError: a string is not valid Python.
    """
    found: list[str] = []
    end = 0  # of the token before
    last = ""  # the last character of code before this place
    for token in _TOKEN.finditer(source):
        start = token.start()
        code, newline, margin = source[end:start].rpartition("\n")
        if source[start] == "#":
            last = (code + margin).rstrip()[-1:] or last
        else:
            prefix = _MARGIN.fullmatch(margin) if newline or end == 0 else None
            opens_block = (code.rstrip()[-1:] or last) in ("", ":")
            if prefix and opens_block and _STATEMENT_END.match(source, token.end()):
                found.append(_value(prefix[1], token[0]))
            last = "'"
        end = token.end()
    return found


def _value(prefix: str, literal: str) -> str:
    if "\\" in literal and prefix not in ("r", "R"):
        return str(ast.literal_eval(literal))
    size = 3 if literal.startswith(('"""', "'''")) else 1
    return literal[size:-size]


def added_docstrings(source: str) -> list[str]:
    """The documentation handed to ``add_newdoc``, ``add_docstr`` and the like, in order.

    These are functions of NumPy and PyTorch; strings of a few words in their calls are names.

    Raises:
        SyntaxError, ValueError: the source is not valid Python.
    """
    if not _ADDER_CALL.search(source):
        return []
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [text for call in calls if _is_adder(call.func) for text in _texts(call)]


def long_strings(source: str) -> list[str]:
    """All strings of several words in a source, in order.

    Raises:
        SyntaxError, ValueError: the source is not valid Python.
    """
    return _texts(ast.parse(source))


def _is_adder(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return _ADDER.fullmatch(name) is not None


def _texts(tree: ast.AST) -> list[str]:
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    constants.sort(key=lambda node: (node.lineno, node.col_offset))
    return [c.value for c in constants if isinstance(c.value, str) and c.value.count(" ") > 2]
