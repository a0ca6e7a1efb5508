"""wordkit's own file: one safetensors container, memory-mapped when it is opened.

It holds ``vectors`` (V, D) and their lengths ``norms`` (V,) as float32, ``words`` as UTF-8 bytes
with one word a line, ``counts`` (V,) as int64 where they are known, metadata as JSON, and for each
matrix that the trainer needs to go on a tensor ``weights.NAME`` of float32. Where size matters
more, the vectors are quantized (``storage.quantization``) and stand alone: no norms, no weights.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.layout import Format, ReadOptions
from wordkit.embeddings.formats.source import Source
from wordkit.errors import EmbeddingsError, FormatError
from wordkit.storage import TensorFile, read_tensors, save_tensors
from wordkit.storage.compression import Compression, compressed_writer
from wordkit.storage.quantization import dequantize, quantize
from wordkit.text.vocabulary import Vocabulary

__all__ = ["NATIVE", "native_in"]

_KIND = "embeddings"
_METADATA = "about"
_WEIGHTS = "weights."  # what the names of such tensors begin with


def _read(source: Source, options: ReadOptions) -> Embeddings:
    content = None if source.compression is None else _decompressed(source)
    file = read_tensors(source.path, kind=_KIND, content=content)
    vectors = dequantize(file, "vectors")
    norms = file.tensor("norms", np.float32, 1) if "norms" in file.tensors else None
    words = file.tensor("words", np.uint8, 1)
    counts = file.tensor("counts", np.int64, 1) if "counts" in file.tensors else None
    if norms is None and file.tensors["vectors"].dtype == np.float32:
        norms = file.tensor("norms", np.float32, 1)  # says that they are missing
    rows = len(vectors)
    beside = [column for column in (norms, counts) if column is not None]
    if any(len(column) != rows for column in beside) or vectors.size == 0:
        raise FormatError(
            f"{source.path} is damaged: it has {' and '.join(str(len(c)) for c in beside)} norms "
            f"and counts for vectors of shape {vectors.shape}; copy or make it again"
        )
    weights = _weights(file)
    if options.limit is not None and options.limit < rows:
        rows, weights = options.limit, {}  # a part of the words cannot be trained on
        words = _first_lines(words, rows)
        counts = counts if counts is None else counts[:rows]
    vocabulary = Vocabulary.from_arrays(words, counts, str(source.path))
    try:
        return Embeddings(
            vocabulary,
            vectors[:rows],
            norms=None if norms is None else norms[:rows],
            metadata=_metadata(file),
            weights=weights,
            source=source.path,
        )
    except EmbeddingsError as error:
        raise FormatError(f"{source.path} is damaged: {error}; copy or make it again") from error


def _weights(file: TensorFile) -> dict[str, npt.NDArray[np.float32]]:
    return {
        name.removeprefix(_WEIGHTS): file.tensor(name, np.float32, 2)
        for name in file.tensors
        if name.startswith(_WEIGHTS)
    }


def _decompressed(source: Source) -> bytes:
    """The content of a compressed file, which cannot be mapped."""
    return b"".join(iter(lambda: source.read(1 << 24), b""))


def _first_lines(words: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    breaks = np.flatnonzero(words == ord("\n"))
    return words if len(breaks) < count else words[: breaks[count - 1]]


def _metadata(file: TensorFile) -> Mapping[str, Any]:
    try:
        metadata = json.loads(file.metadata.get(_METADATA, "{}"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file.path} is damaged: its metadata is not JSON") from error
    if not isinstance(metadata, dict):
        raise FormatError(f"{file.path} is damaged: its metadata is no JSON object")
    return metadata


def native_in(precision: str) -> Format:
    """The native format with vectors in a precision of ``wordkit.storage.PRECISIONS``."""

    def write(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
        arrays = quantize("vectors", embeddings.vectors, precision)
        _save({**arrays, **embeddings.vocabulary.to_arrays()}, embeddings, path, compression)

    return NATIVE if precision == "fp32" else dataclasses.replace(NATIVE, write=write)


def _write(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
    tensors = {
        "vectors": embeddings.vectors,
        "norms": embeddings.norms,
        **embeddings.vocabulary.to_arrays(),
        **{_WEIGHTS + name: matrix for name, matrix in embeddings.weights.items()},
    }
    _save(tensors, embeddings, path, compression)


def _save(
    tensors: Mapping[str, npt.NDArray[Any]],
    embeddings: Embeddings,
    path: Path,
    compression: Compression | None,
) -> None:
    plain = path if compression is None else path.with_name(path.name + ".plain")
    save_tensors(plain, tensors, kind=_KIND, metadata={_METADATA: _json(embeddings)})
    if compression is not None:
        import shutil  # takes 2 ms, which a query need not spend

        with open(plain, "rb") as content, compressed_writer(path, compression) as file:
            shutil.copyfileobj(content, file)
        plain.unlink()


def _json(embeddings: Embeddings) -> str:
    try:
        return json.dumps(dict(embeddings.metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise EmbeddingsError(f"the metadata cannot be written as JSON: {error}") from error


def _check(embeddings: Embeddings) -> None:
    _json(embeddings)


NATIVE = Format(
    name="native",
    description="wordkit's own: one safetensors file, memory-mapped, with counts and settings",
    suffixes=(".safetensors",),
    read=_read,
    write=_write,
    check=_check,
)
