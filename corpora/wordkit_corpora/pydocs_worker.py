"""The process that reads documentation: lists of files in, their paragraphs out.

Each line of standard input is a JSON list of paths; each gets one line on standard output, a JSON
list with the paragraphs of each file in turn, or null for a file that is not readable Python. It
uses the standard library alone, so that it starts fast.
"""

from __future__ import annotations

import io
import json
import sys
import tokenize
import warnings
from collections.abc import Sequence

from wordkit_corpora.docstrings import added_docstrings, docstrings, long_strings
from wordkit_corpora.prose import paragraphs

__all__ = ["main", "read_documentation"]

_TOPICS = "topics.py"  # pydoc_data.topics: what help() tells about the language itself


def read_documentation(paths: Sequence[str]) -> list[list[str] | None]:
    """The paragraphs of prose in the documentation strings of each file.

    None stands for a file that is not Python of this version, or not in the encoding it names:
    installations hold a few, as test data and templates.

    Raises:
        OSError: a file cannot be read.
    """
    with warnings.catch_warnings():
        # invalid escapes in foreign strings ("\d") are none of our business
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", SyntaxWarning)
        return [_read_one(path) for path in paths]


def _read_one(path: str) -> list[str] | None:
    with open(path, "rb") as file:
        data = file.read()
    try:
        source = _decoded(data)
        texts = docstrings(source) + added_docstrings(source)
        if path.endswith(_TOPICS) and "pydoc_data" in path:
            texts += long_strings(source)
    except (SyntaxError, ValueError):  # a UnicodeDecodeError is a ValueError
        return None
    return [paragraph for text in texts for paragraph in paragraphs(text)]


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def main() -> None:
    """Answer requests until standard input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(read_documentation(json.loads(line))) + "\n")
        sys.stdout.flush()
