"""Which format a file is of, told by what it begins with."""

from __future__ import annotations

from pathlib import Path

from wordkit.embeddings.formats.glove import FEWEST
from wordkit.embeddings.formats.headers import HEADER
from wordkit.embeddings.formats.rows import count_values
from wordkit.embeddings.formats.source import BYTE_ORDER_MARK, HEAD, Source
from wordkit.errors import FormatError
from wordkit.storage.compression import HEAD_BYTES, file_format, split_suffix

__all__ = ["detect", "refuse_foreign"]

_EXPORT = "export it with gensim's save_word2vec_format and load that"
_REMEDIES = {
    "a NumPy array": "save it with its words as word2vec text",
    "a fastText model": "take the .vec file that fastText wrote beside it",
}
"""What to do with a foreign file, where it is not to export it. Pickles run code when they are
read, so wordkit never reads one."""


def refuse_foreign(source: Source) -> None:
    """Check that a file is not of a kind that is never read.

    Raises:
        FormatError: it is empty, a pickle or the like.
    """
    if not source.head:
        raise FormatError(f"{source.path} is empty; make it again")
    what = file_format(source.head[:HEAD_BYTES])
    if what is not None:
        raise FormatError(
            f"{source.path} is {what}; wordkit never reads these: {_REMEDIES.get(what, _EXPORT)}"
        )


def detect(source: Source, suffix: str) -> str:
    """The name of the format that a file is of.

    Args:
        source: the file, not yet read.
        suffix: how the file's name ends, which decides where its content does not.

    Raises:
        FormatError: it is no vector file.
    """
    head = source.head
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "native"
    header = HEADER.match(head)
    if header is not None:
        binary = _is_binary(head[header.end() :], int(header[2]), suffix)
        return "word2vec-binary" if binary else "fasttext" if suffix == ".vec" else "word2vec"
    if count_values(_first_line(head)) >= FEWEST:
        return "glove"
    raise FormatError(
        f"{source.path} is no vector file that wordkit knows: its first line is neither the number "
        f"of words and dimensions nor a word with its values, but {head[:30]!r}; see the formats "
        "that wordkit convert lists"
    )


def _is_binary(rows: bytes, dim: int, suffix: str) -> bool:
    """Whether what follows a header is rows of binary numbers.

    Text has numbers up to the line break. Where what looks like text is not of that form, and
    neither has bytes that no text has, the suffix decides.
    """
    line = _first_line(rows)
    values = count_values(line)
    if values and values >= min(dim, line.count(b" ")):
        return False
    try:
        text = line.decode() if b"\n" in rows else line[:-4].decode()  # may end inside a letter
    except UnicodeDecodeError:
        return True
    odd = any(ord(letter) < 32 and letter not in "\t\r\n" for letter in text)
    return odd or suffix == ".bin"


def _first_line(head: bytes) -> bytes:
    """The first line that is not blank; of one that is longer than the head, its whole tokens."""
    head = head.removeprefix(BYTE_ORDER_MARK).lstrip(b"\r\n")
    line, end, _ = head.partition(b"\n")
    return line if end or len(head) < HEAD // 2 else line.rpartition(b" ")[0]


def suffix_of(path: Path) -> str:
    """The suffix of a file's name before that of a compression, in lower case."""
    return split_suffix(path)[0].suffix.lower()
