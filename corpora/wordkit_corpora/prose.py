"""From a documentation string to paragraphs of readable English.

Documentation strings mix prose with doctests, code, tables, parameter lists and the markup of
reStructuredText, numpydoc, Google style, epydoc and Markdown. :func:`paragraphs` walks over the
lines once, keeps what is prose and drops the rest; :func:`wordkit_corpora.markup.plain_text` then
takes the markup out of each paragraph and drops sentences that are mostly symbols.
"""

from __future__ import annotations

import inspect
import re

from wordkit_corpora.markup import plain_text

__all__ = ["paragraphs"]

_PROSE_DIRECTIVES = re.compile(
    "note|warning|caution|important|tip|hint|attention|danger|admonition|seealso|topic|"
    "deprecated|version(?:added|changed|removed)"
)
_SILENT_SECTIONS = frozenset(["references", "reference", "bibliography"])
_GOOGLE_SECTION = re.compile(
    r"(args|arguments|parameters|params|keyword arg(?:ument)?s|kwargs|returns?|yields?|raises?|"
    r"attributes|inputs?|outputs?|shapes?|examples?|notes?|warnings?|see also|references?|usage|"
    r"methods|variables|todo)::?",
    re.IGNORECASE,
)
_SILENT_FIELDS = re.compile("r?type|[pv]type|vartype|kwtype|authors?|copyright")

_DIRECTIVE = re.compile(r"\.\. *([\w:-]*\w) ?::\s*(.*)")
_VERSION = re.compile(r"v?\d[\w.]*:?\s*")
_FENCE = re.compile(r"(```|~~~)[\w.+-]*")
_UNDERLINE = re.compile(r"([-=~^\"'`*#+.:_])\1{2,}")
_TABLE = re.compile(r"[+|].*|[=\-_]{2,}(?:\s+[=\-_]{2,})+")
_BULLET = re.compile(r"(?:[-*+•]|[\w#]{1,2}[.)]|\(\w{1,2}\)|\[\w{1,2}\])\s+")
_FIELD = re.compile(r"[:@](\w+)(?:\s[^:`]+)?:(?:\s+|$)")
_NUMPY_ENTRY = re.compile(r"[`*'\"]*[\w.]+[`'\"]*(?:, *[`*'\"]*[\w.]+[`'\"]*)* :(?:\s+(.*))?$")
_GOOGLE_TYPED = re.compile(r"[`*]*[\w.]+[`*]* ?\([^()]*(?:\([^()]*\)[^()]*)*\) ?: *")
_GOOGLE_PLAIN = re.compile(r"[`*]*[\w.]+(?:\[[^\]]*\])?[`*]*: +")
_SIGNATURE = re.compile(r"[\w.]+\([^)]*\)(?: *(?:->|=).*)?|.*\S -> [\w\[\](){}*, .]+")


def paragraphs(docstring: str) -> list[str]:
    """The prose of a documentation string, one string per paragraph, without markup."""
    walker = _Walker()
    for line in inspect.cleandoc(docstring).split("\n"):
        walker.read(line)
    walker.end_paragraph()
    return walker.found


class _Walker:
    """Reads lines one by one and gathers the paragraphs of prose."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._lines: list[str] = []  # of the paragraph that is being read
        self._indent = 0  # of its last line
        self._is_marked = False  # whether it began with a marker: a bullet, the name of a parameter
        self._fence = ""  # what ends the code block that is being passed over
        self._skip_below: int | None = None  # lines indented deeper than this are passed over
        self._skip_to_blank = False
        self._section = ""
        self._section_indent = -1  # the section ends with a line that is indented no more

    def read(self, line: str) -> None:
        """Take in the next line."""
        text = line.strip()
        if self._fence:
            if text.startswith(self._fence):
                self._fence = ""
        elif not text:
            self.end_paragraph()
            self._skip_to_blank = False
        else:
            indent = len(line) - len(line.lstrip())
            if self._skip_below is not None and indent > self._skip_below:
                return
            self._skip_below = None
            if not self._skip_to_blank:
                self._read_text(indent, text)

    def end_paragraph(self) -> None:
        """Keep the paragraph read so far, if it is prose."""
        if self._lines and self._section not in _SILENT_SECTIONS:
            paragraph = plain_text(" ".join(self._lines))
            if paragraph:
                self.found.append(paragraph)
        self._lines = []

    def _read_text(self, indent: int, text: str) -> None:
        if indent <= self._section_indent:
            self._section, self._section_indent = "", -1
        if _UNDERLINE.fullmatch(text):
            self._read_heading()
        elif self._section in _SILENT_SECTIONS:
            self._lines = [text]  # it may turn out to be the title of the next section
        elif text.startswith((">>>", "In [", "$ ")):
            self.end_paragraph()
            self._skip_to_blank = True
        elif match := _FENCE.fullmatch(text):
            self.end_paragraph()
            self._fence = match[1]
        elif text.startswith(".."):
            self._read_directive(indent, text)
        elif _TABLE.fullmatch(text):
            self._lines, self._skip_to_blank = [], True
        else:
            self._read_prose(indent, text)

    def _read_heading(self) -> None:
        title = self._lines.pop() if self._lines else ""
        self.end_paragraph()
        if title:
            self._section, self._section_indent = title.lower().rstrip(":"), -1

    def _read_directive(self, indent: int, text: str) -> None:
        self.end_paragraph()
        match = _DIRECTIVE.match(text)
        if match is None or not _PROSE_DIRECTIVES.fullmatch(match[1]):
            self._skip_below = indent
            return
        rest = match[2]
        if match[1].startswith(("version", "deprecated")):
            rest = _VERSION.sub("", rest, count=1)
        if rest:
            self._begin(indent, rest)

    def _read_prose(self, indent: int, text: str) -> None:
        if match := _GOOGLE_SECTION.fullmatch(text):
            self.end_paragraph()
            self._section, self._section_indent = match[1].lower(), indent
            if text.endswith("::"):
                self._skip_below = indent
        elif match := _FIELD.match(text):
            self.end_paragraph()
            if _SILENT_FIELDS.fullmatch(match[1]):
                self._skip_below = indent
            else:
                self._begin(indent, text[match.end() :])
        elif match := _NUMPY_ENTRY.match(text):
            self.end_paragraph()
            rest = match[1] or ""
            if self._section == "see also" or (rest[:1].isupper() and rest.endswith(".")):
                self._begin(indent + 1, rest)  # only deeper lines go on with it
        elif match := self._google_entry(text):
            self.end_paragraph()
            self._begin(indent, text[match.end() :])
        elif match := _BULLET.match(text):
            self.end_paragraph()
            self._begin(indent + match.end(), text[match.end() :])
        elif not self._lines and _SIGNATURE.fullmatch(text):
            return
        else:
            self._go_on(indent, text)

    def _google_entry(self, text: str) -> re.Match[str] | None:
        """The name and type before a description; a mere name only where one is expected."""
        plain = _GOOGLE_PLAIN if self._section_indent >= 0 else _GOOGLE_TYPED
        return _GOOGLE_TYPED.match(text) or plain.match(text)

    def _begin(self, indent: int, text: str) -> None:
        """Begin a paragraph behind a marker."""
        self._indent, self._is_marked = indent, True
        self._add(indent, text)

    def _go_on(self, indent: int, text: str) -> None:
        """Add a line to the paragraph, or begin a new one where the indent says so."""
        if self._lines and indent > self._indent and self._is_header():
            self._lines = []
        elif indent < self._indent:
            self.end_paragraph()
        if not self._lines:
            self._is_marked = False
        self._indent = indent
        self._add(indent, text)

    def _is_header(self) -> bool:
        """Whether the paragraph so far is only the name of what is described below it."""
        line = self._lines[-1]
        is_short = line.count(" ") < 3 and line[-1] not in ".,;"
        return len(self._lines) == 1 and is_short and not self._is_marked

    def _add(self, indent: int, text: str) -> None:
        if text.endswith("::"):
            self._lines.append(text[:-1])
            self.end_paragraph()
            self._skip_below = indent
        elif text:
            self._lines.append(text)
