"""The docstrings of sources are those that Python's parser finds, and what stays is prose."""

from __future__ import annotations

import ast
import sysconfig
import textwrap
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordkit_corpora.docstrings import docstrings, prose

STDLIB = Path(sysconfig.get_path("stdlib"))


def parsed(source: bytes) -> list[str]:
    """The slow, obvious twin, in order of appearance."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                found.append((node.body[0].lineno, text))
    return [text for _, text in sorted(found)]


def test_same_as_the_parser_on_real_sources() -> None:
    folders = [Path(click.__file__).parent, *(STDLIB / name for name in ("email", "json", "http"))]
    files = {file for folder in folders for file in folder.glob("*.py")}
    files |= {STDLIB / f"{name}.py" for name in ("doctest", "tokenize", "textwrap", "inspect")}
    files |= {Path(np.__file__).parent / name for name in ("lib/npyio.py", "ma/core.py")}
    total = 0
    for path in sorted(files):
        expected = parsed(path.read_bytes())
        assert docstrings(path.read_bytes()) == expected, path
        total += len(expected)
    assert total > 1000


SOURCE = rb'''#!/usr/bin/python3
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


@pytest.mark.parametrize(
    ("source", "found"),
    [
        *((odd, []) for odd in ("", "x = 1", '"""', "'", '"""a', "# only", "'a' 'b'")),
        *((one, ["x"]) for one in ('"""x"""', "\n\n'x'  # why\n", "\ufeff'x'\r\n")),
    ],
)
def test_odd_sources_and_modules_of_one_string(source: str, found: list[str]) -> None:
    assert docstrings(source.encode()) == found


def test_documentation_of_functions_in_c() -> None:
    source = textwrap.dedent(
        '''
        add_docstr(torch.abs, r"""
        Computes the absolute value of {input}.
        """.format(**common_args) + """And some
        more of it.""")
        add_newdoc('numpy', 'flatiter', ('base', """
        A reference to the array."""))
        '''
    )
    assert docstrings(source.encode()) == [
        "\nComputes the absolute value of {input}.\n",
        "And some\nmore of it.",
        "\nA reference to the array.",
    ]
    assert docstrings(b'other("""Not this\nstring of words.""")') == []
    with pytest.raises(SyntaxError):
        docstrings(b"add_newdoc(")


NUMPYDOC = r"""
    Return evenly spaced values
    over an interval.

    .. versionadded:: 1.20
       The flag for the endpoint was added.

    Parameters
    ----------
    start, stop : array_like
        Where the interval begins and
        where it ends.
    num : int, optional

        How many values to make.
    axis : int

    Returns
    -------
    samples : ndarray of shape (n,)
        The values of the interval.
    float
        The step between two of them.

    See Also
    --------
    arange : Like this one, but with a step.
    logspace, geomspace

    Notes
    -----
    The step is computed as::

        step = (stop - start) / num

    It is rounded to the nearest number.  For :math:`x` it is exact.
    The sum :math:`\sum_i x_i` is not taken.

    =====  =======
    mode   meaning
    =====  =======
    a      the first of the modes
    =====  =======

    References
    ----------
    .. [1] A. Author, "A title of an article",
       A Journal of Numbers, 1999.

    Examples
    --------
    The simplest way to call it:

    >>> linspace(0, 1)
    this is the output of it

    .. code-block:: python

        this is all code and not prose
"""


def test_numpydoc() -> None:
    assert prose(NUMPYDOC) == [
        "Return evenly spaced values over an interval.",
        "The flag for the endpoint was added.",
        "Where the interval begins and where it ends.",
        "How many values to make.",
        "The values of the interval.",
        "The step between two of them.",
        "Like this one, but with a step.",
        "The step is computed as:",
        "It is rounded to the nearest number. For x it is exact.",
        "The simplest way to call it:",
    ]


GOOGLE = """conv(input, weight, bias=None) -> Tensor

    Applies a filter over an input.

    .. note::
        This may be slow on some machines.

    Args:
        input (Tensor): the images that
            are to be filtered
        bias (Tensor, optional): a vector for each of them.
            Default: ``None``
        eps: a small number to add

    Returns:
        Tensor: the images that were filtered

    Raises:
        ValueError: if the shapes do not fit each other.

    ```python
    this is code and not prose at all
    ```

    Example::

        >>> # this is a comment in an example
        >>> conv(x, w)
"""


def test_google_style() -> None:
    assert prose(GOOGLE) == [
        "Applies a filter over an input.",
        "This may be slow on some machines.",
        "the images that are to be filtered",
        "a vector for each of them.",
        "a small number to add",
        "the images that were filtered",
        "if the shapes do not fit each other.",
    ]


SPHINX = """
    Open a file of text.

    :param str name: the name of the file
       to be opened
    :type name: str or bytes or anything else that is a path
    :returns: the file that was opened
    :rtype: an object that is like a file

    @param mode: how the file is to be opened
    @type mode: a string of one or two letters

    - the first of these points
    - the second of these points,
      which goes on here
    1. the third of these points
"""


def test_sphinx_and_epydoc() -> None:
    assert prose(SPHINX) == [
        "Open a file of text.",
        "the name of the file to be opened",
        "the file that was opened",
        "how the file is to be opened",
        "the first of these points",
        "the second of these points, which goes on here",
        "the third of these points",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See :func:`~torch.nn.Linear` or :class:`a.B` there.", "See Linear or a.B there."),
        ("See :py:meth:`the other <a.b>` there.", "See the other there."),
        ("Use ``x`` or `y` or *z* or **all of it**.", "Use x or y or z or all of it."),
        ("The page `on this <https://a.b>`__ is long.", "The page on this is long."),
        ("As was shown [1]_ by others [#note]_ before.", "As was shown by others before."),
        ("Uses B{bold} and C{code} and I{italic} text.", "Uses bold and code and italic text."),
        ("The call is f(*args, **kw) in all cases.", "The call is f(*args, **kw) in all cases."),
        ("Both a*b and c*d are products of them.", "Both a*b and c*d are products of them."),
        ("One sentence is kept. The sum |x| is not seen here.", "One sentence is kept."),
        ("One sentence is kept. See https://a.b for the other one.", "One sentence is kept."),
        ("The value of %(name)s is taken from it. That is all of it.", "That is all of it."),
        ("x = f(a) + g(b) * 2 ** -1", ""),
        ("Too short.", ""),
        ("Words with  many\n\tblanks in them", "Words with many blanks in them"),
        ("The café’s menu is “fine”, isn't it?", "The café’s menu is “fine”, isn't it?"),
    ],
)
def test_markup(text: str, expected: str) -> None:
    assert prose(text) == ([expected] if expected else [])


@settings(max_examples=100)
@given(st.text(st.sampled_from("ab .:`*_-=|{}[]<>\\\n\t\0>\"'"), max_size=200))
def test_any_text_gives_clean_lines(text: str) -> None:
    for paragraph in prose(text):
        assert paragraph == " ".join(paragraph.split())
        assert len(paragraph.split()) >= 3
        assert "\0" not in paragraph
