"""Lines of a text as vectors: those nearest to a query, and all of them in a file."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit.config import check_number
from wordkit.documents.vectors import DocumentVectors
from wordkit.embeddings.formats.projector import tab_separated
from wordkit.errors import ConfigError, EmbeddingsError, TextError
from wordkit.runtime import Report, Run
from wordkit.storage import atomic_write, check_outputs, check_writable, save_tensors
from wordkit.text.blocks import TextSource, line_groups_of
from wordkit.text.lookup import WordIds

__all__ = ["SUFFIXES", "SimilarLine", "iter_embed_lines", "similar_lines"]

SUFFIXES = (".npy", ".tsv", ".safetensors")
"""The suffixes of the files that :func:`iter_embed_lines` writes."""


class SimilarLine(NamedTuple):
    """A line of a text that answers a query."""

    number: int
    """Its place in the text, from 1."""

    text: str

    score: float
    """The cosine of its vector and that of the query."""


def similar_lines(
    model: DocumentVectors, query: str, lines: str | Iterable[str], n: int = 10
) -> list[SimilarLine]:
    """Return the lines nearest to a query by cosine, best first.

    Lines without a known word are never an answer.

    Args:
        model: fitted to the lines.
        query: a text.
        lines: one or several; read once, and kept in memory.
        n: number of lines to return.

    Raises:
        ConfigError: ``n`` is no whole number from 1 up.
        EmbeddingsError: the query, or all lines, have a zero vector.
    """
    check_number("n", n)
    lines = [lines] if isinstance(lines, str) else list(lines)
    vectors = model.fit_transform(lines)
    (asked,) = model.transform([query])
    length, lengths = np.linalg.norm(asked), np.linalg.norm(vectors, axis=1)
    has_direction = lengths > 0
    if not has_direction.any():
        raise EmbeddingsError(
            "no line can be compared: none has a known word, or all are alike, and weighting sif "
            "removes what is common; choose mean"
        )
    if length == 0:
        raise EmbeddingsError(
            f"{query!r:.50} cannot be compared: none of its words has a vector; ask otherwise"
        )
    scores = np.full(len(lines), -np.inf, dtype=np.float32)
    np.divide(vectors @ (asked / length), lengths, out=scores, where=has_direction)
    best = np.argsort(-scores, kind="stable")[: min(n, int(has_direction.sum()))]
    return [SimilarLine(int(i) + 1, lines[i], float(np.clip(scores[i], -1, 1))) for i in best]


def iter_embed_lines(
    model: DocumentVectors, source: TextSource, path: str | os.PathLike[str]
) -> Run[npt.NDArray[np.int64]]:
    """Write the vectors of the lines of a text to a file, atomically.

    The suffix tells the format. ``.npy``: an array (N, D) of float32, for ``numpy.load``. ``.tsv``:
    one line for each, D numbers separated by tabs. ``.safetensors``: the tensor ``vectors``, (N, D)
    of float32, for ``safetensors.numpy.load_file(path)["vectors"]``.

    Args:
        model: fitted to the lines.
        source: N lines, read once. Blank lines count.
        path: the file.

    Returns:
        A run that reports the stages ``reading`` and ``writing``, in lines. Its value is the number
        of known words of each line, shape (N,).

    Raises:
        ConfigError: the suffix is none of :data:`SUFFIXES`, or the file is read.
        TextError: the text cannot be read, or has no line (in the run).
        StorageError: the file cannot be written.
    """
    if Path(path).suffix not in SUFFIXES:
        raise ConfigError(f"the name must end in one of {', '.join(SUFFIXES)}, not {path}")
    check_writable(path)
    vectors = getattr(model.vectors, "source", model.vectors)
    check_outputs([path], [vectors, *getattr(source, "files", ())])
    return Run(_embed_lines(model, source, Path(path)))


def _embed_lines(
    model: DocumentVectors, source: TextSource, path: Path
) -> Generator[Report, None, npt.NDArray[np.int64]]:
    look_up, parts, read = model.begin_fit(), [], 0
    for lines in line_groups_of(source):
        parts.append(look_up(line.text for line in lines))
        read += len(lines)
        yield Report("reading", read, None, "lines")
    if not read:
        raise TextError(f"{source.name} holds no line; give a text that does")
    documents = WordIds.join(parts)
    model.fit_words(documents)
    with atomic_write(path) as temporary:
        if path.suffix == ".safetensors":
            made = {"weighting": model.weighting, "text": source.name}
            tensors = {"vectors": model.transform_words(documents)}
            save_tensors(temporary, tensors, kind="document vectors", metadata=made)
        else:
            with open(temporary, "wb") as file:
                if path.suffix == ".npy":
                    shape = (read, model.vectors_.dim)
                    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                done, is_text = 0, path.suffix == ".tsv"
                for block in model.transform_blocks(documents):
                    yield Report("writing", done, read, "lines")
                    file.writelines(tab_separated(block) if is_text else [block.tobytes()])
                    done += len(block)
        yield Report("writing", read, read, "lines")
    return np.diff(documents.offsets)
