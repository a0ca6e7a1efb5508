"""The docstrings of a Python source file, and the prose in them.

Docstrings mix prose with doctests, code, tables, lists of parameters and the markup of
reStructuredText, numpydoc, Google style, epydoc and Markdown. What a reader would see as sentences
stays; a sentence is dropped where its sense hangs on what plain text cannot show (a formula, a
substitution, an address), or where it is mostly symbols.
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Iterator
from importlib.util import decode_source

__all__ = ["docstrings", "prose"]

# Parsing the 89 MB of a full installation takes 14 s, finding its docstrings by this expression
# 1.2 s; a test compares both on real sources.
_STRING_OR_COMMENT = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|\#[^\n]*",
    re.DOTALL,
)
_MARGIN = re.compile(r"[ \t\f]*([rRuU]?)")
_STATEMENT_END = re.compile(r"[ \t]*(?:[;#\n]|\Z)")
# Where functions written in C have theirs, and the language itself (pydoc_data.topics): there all
# strings of several lines are documentation.
_IN_EXPRESSIONS = (
    "add_newdoc(",
    "add_docstr(",
    "add_newdoc_ufunc(",
    "add_docstr_all(",
    "topics = {'",
)


def docstrings(data: bytes) -> list[str]:
    """Return the docstrings of a Python source file, in order.

    Raises:
        SyntaxError, ValueError: the file is not valid Python.
    """
    source = decode_source(data)
    with warnings.catch_warnings():  # of invalid escapes, such as "\d"
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", SyntaxWarning)
        if any(call in source for call in _IN_EXPRESSIONS):
            nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
            nodes.sort(key=lambda node: (node.lineno, node.col_offset))
            return [n.value for n in nodes if isinstance(n.value, str) and "\n" in n.value]
        return list(_first_statements(source))


def _first_statements(source: str) -> Iterator[str]:
    """The strings that are the first statement of a block."""
    end, last = 0, ""  # of the token before; the last character of code before it
    for token in _STRING_OR_COMMENT.finditer(source):
        start = token.start()
        code, newline, margin = source[end:start].rpartition("\n")
        if source[start] == "#":
            last = (code + margin).rstrip()[-1:] or last
        else:
            prefix = _MARGIN.fullmatch(margin) if newline or end == 0 else None
            opens_block = (code.rstrip()[-1:] or last) in ("", ":")
            if prefix and opens_block and _STATEMENT_END.match(source, token.end()):
                literal = token[0]
                if "\\" in literal and prefix[1] not in ("r", "R"):
                    yield ast.literal_eval(literal)
                else:
                    yield literal[3:-3] if literal.startswith(('"""', "'''")) else literal[1:-1]
            last = "'"
        end = token.end()


# --- prose -------------------------------------------------------------------------------------

_BELOW = r"(?:\n[ \t]*(?=\n|\Z)|\n\1[ \t]+\S.*)*"  # blank lines, and lines indented deeper than \1
_PROSE_DIRECTIVE = (
    r"\.\. *(?:note|warning|caution|important|tip|hint|attention|danger|admonition|seealso|topic|"
    r"deprecated|version(?:added|changed|removed)) ?::"
)
_NOT_PROSE = re.compile(
    r"^[ \t]*(?P<fence>```|~~~)(?s:.*?)^[ \t]*(?P=fence).*$"  # code
    r"|^[ \t]*(?:>>>|In \[|\$ |[+|]|[=\-_]{2,}[ \t]+[=\-_]{2,})(?s:.*?)(?=^[ \t]*$|\Z)"  # tables …
    r"|^.*\n[ \t]*([-=~^\"'`*#+.:_])\2{2,}[ \t]*$",  # headings
    re.MULTILINE,
)
_HIDDEN = re.compile(  # directives, comments, footnotes; the types of parameters
    rf"^([ \t]*)(?!{_PROSE_DIRECTIVE})(?:\.\.|[:@](?:\w*type|authors?|copyright)\b).*{_BELOW}",
    re.MULTILINE,
)
_LITERAL_BLOCK = re.compile(rf"^([ \t]*)(?!\.\.)(.*):: *{_BELOW}$", re.MULTILINE)
_ENTRY = re.compile(
    rf"{_PROSE_DIRECTIVE}\s*(?:v?\d[\w.]*:?)?\s*"
    r"|(?:[-*+•]|(?:\d{1,2}|[a-zA-Z#])[.)]|\(\w{1,2}\)|\[\w{1,2}\])\s+"  # list items
    r"|[:@]\w+(?:\s[^:`]+)?:(?:\s+|$)"  # fields of Sphinx and epydoc
    r"|[`*]*[\w.]+[`*]* ?\([^()]*(?:\([^()]*\)[^()]*)*\) ?: *"  # parameters in Google style
    r"|(?P<numpy>[`*'\"]*[\w.]+[`'\"]*(?:, *[`*'\"]*[\w.]+[`'\"]*)* :(?:\s+|$))"
)
_UNTYPED_ENTRY = re.compile(r"[`*]*[\w.]+(?:\[[^\]]*\])?[`*]*: +")
_SIGNATURE = re.compile(r"[\w.]+\([^)]*\)(?: *(?:->|=).*)?|.*\S -> [\w\[\](){}*, .]+")


def prose(docstring: str) -> list[str]:
    """Return the paragraphs of readable sentences in a docstring, without code and markup."""
    text = _NOT_PROSE.sub("", inspect.cleandoc(docstring))
    text = _LITERAL_BLOCK.sub(r"\1\2:\n", _HIDDEN.sub("", text))
    found: list[str] = []
    lines: list[str] = []  # of the paragraph
    first = last = 0  # the indentation of its first and last line
    is_entry = False  # whether it began with a list marker or the name of a parameter
    for line in [*text.split("\n"), ""]:
        content = line.strip()
        indent = len(line) - len(line.lstrip())
        is_below_term = not is_entry and indent > last and len(lines) == 1 and _is_term(lines[0])
        if is_below_term:
            lines = []
        entry = _ENTRY.match(content)
        if entry is None and (is_below_term or (is_entry and indent == first)):
            entry = _UNTYPED_ENTRY.match(content)
        ends = indent <= first if is_entry else indent < last
        if lines and (not content or entry or ends):
            if sentences := _sentences(" ".join(lines)):
                found.append(sentences)
            lines = []
        if content and not lines:
            first, is_entry = indent, entry is not None
            if entry:
                content = content[entry.end() :]
                if entry.lastgroup == "numpy" and not (
                    content[:1].isupper() and content.endswith(".")
                ):
                    content = ""  # the type
            elif _SIGNATURE.fullmatch(content):
                content = ""
        if content:
            lines.append(content)
        last = indent
    return found


def _is_term(line: str) -> bool:
    """Return True if a line only names what is described, indented, below it."""
    return line.count(" ") < 3 and line[-1] not in ".,;"


_LOST = "\0"  # replaces what plain text cannot show
_MARKUP = frozenset("`*_|{}<\\$%[@/:" + _LOST)
_ROLE = re.compile(r":(?:\w+:)*([\w+-]+):`([^`]+)`")
_TARGET = re.compile(r"\s*<[^<>]*>$")
_INTERPRETED = re.compile(r"`([^`\s](?:[^`]*[^`\s])?)`(?:__?\b)?")
_SUBSTITUTIONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![\w*])(\*\*|\*)(?=[^\s*])([^*]*[^\s*])\1(?![\w*])"), r"\2"),  # emphasis
    (re.compile(r"\b[A-Z]\{([^{}]*)\}"), r"\1"),  # epydoc
    (re.compile(r"\s?\[#?\w+\]__?(?!\w)"), ""),  # footnotes
    (re.compile(r"\\([*_|`<>\[\]\"' ])"), r"\1"),  # escapes
    (
        re.compile(
            r"https?://\S+|\bwww\.\S+|\|[A-Za-z_ ]+\||%\(\w+\)[sdrf]?|\$[^$]+\$|\$\{?\w+\}?|\\\w+"
            r"|\{\w*\}"
        ),
        _LOST,
    ),
)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)\s+(?=[A-Z\"'(\0])")
_WORD = re.compile(
    r"(?<!\S)[\"'(\[]*[^\W\d_]+(?:[-'’/][^\W\d_]+)*(?:\(s\))?[])\"']*[.,;:!?]*[])\"']*(?!\S)"
)
_MIN_WORDS, _MIN_WORD_RATIO = 3, 0.7  # of a sentence: plain words, and their ratio to its tokens


def _sentences(paragraph: str) -> str:
    """The sentences of a paragraph that read well without markup, or an empty string."""
    text = " ".join(paragraph.split())
    if not _MARKUP.isdisjoint(text):
        text = text.replace(_LOST, " ")
        if "`" in text:
            text = _ROLE.sub(_role_text, text).replace("``", "`")
            text = _INTERPRETED.sub(lambda match: _TARGET.sub("", match[1]) or _LOST, text)
        for pattern, replacement in _SUBSTITUTIONS:
            text = pattern.sub(replacement, text)
    return " ".join(sentence for sentence in _SENTENCE_END.split(text) if _is_prose(sentence))


def _role_text(match: re.Match[str]) -> str:
    role, body = match[1], match[2].strip()
    if role == "math":
        return body if body.isalnum() else _LOST
    if body.endswith(">") and "<" in body:
        return _TARGET.sub("", body)
    if body.startswith("~"):
        return body.rpartition(".")[2].lstrip("~")
    return body.lstrip("!.")


def _is_prose(sentence: str) -> bool:
    words = len(_WORD.findall(sentence))
    enough = words >= _MIN_WORDS and words >= _MIN_WORD_RATIO * (sentence.count(" ") + 1)
    return enough and _LOST not in sentence
