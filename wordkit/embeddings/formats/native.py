"""wordkit's own file: one safetensors container, memory-mapped when it is opened.

It holds ``vectors`` (V, D) and their lengths ``norms`` (V,) as float32, ``words`` as UTF-8 bytes
with one word a line, ``counts`` (V,) as int64 where they are known, metadata as JSON, and for each
matrix that a resumed training needs a tensor ``weights.NAME`` of float32. Quantized vectors
(``storage.quantization``) stand alone: no norms, no weights.

Vectors with subwords have those of the n-grams as ``ngrams`` (R, D), in the same precision and
never read before they are needed, the bucket of each as ``ngram_buckets`` (R,), int32 and ascending
(none: row i is bucket i), and the lengths of n-grams and the number of buckets as JSON.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit.config import from_record
from wordkit.embeddings.composition import Subwords
from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats.format import Format, ReadOptions
from wordkit.embeddings.formats.source import Source
from wordkit.errors import ConfigError, EmbeddingsError, FormatError
from wordkit.storage import EMBEDDINGS, TensorFile, read_tensors, save_tensors
from wordkit.storage.compression import Compression, compressed_writer
from wordkit.storage.quantization import dequantize, mapped, quantize
from wordkit.text.subwords import NGrams
from wordkit.text.vocabulary import Vocabulary

__all__ = ["NATIVE", "native_in"]

_METADATA = "about"
_SUBWORDS, _NGRAMS, _BUCKETS = "subwords", "ngrams", "ngram_buckets"
_WEIGHTS = "weights."  # prefix of the names of such tensors


def _read(source: Source, options: ReadOptions) -> Embeddings:
    content = None
    if source.compression is not None:  # then it cannot be mapped
        content = b"".join(iter(lambda: source.read(1 << 24), b""))
    file = read_tensors(source.path, kind=EMBEDDINGS, content=content)
    vectors = dequantize(file, "vectors")
    norms = file.tensor("norms", np.float32, 1) if "norms" in file.tensors else None
    words = file.tensor("words", np.uint8, 1)
    counts = file.tensor("counts", np.int64, 1) if "counts" in file.tensors else None
    if norms is None and file.tensors["vectors"].dtype == np.float32:
        norms = file.tensor("norms", np.float32, 1)  # raises, as they are missing
    rows = len(vectors)
    beside = [column for column in (norms, counts) if column is not None]
    if any(len(column) != rows for column in beside) or vectors.size == 0:
        raise FormatError(
            f"{source.path} is corrupted: it has {' and '.join(str(len(c)) for c in beside)} norms "
            f"and counts for vectors of shape {vectors.shape}; copy or make it again"
        )
    weights = {
        name.removeprefix(_WEIGHTS): file.tensor(name, np.float32, 2)
        for name in file.tensors
        if name.startswith(_WEIGHTS)
    }
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
            metadata=file.record(_METADATA) if _METADATA in file.metadata else {},
            weights=weights,
            source=source.path,
            subwords=_subwords(file),
        )
    except EmbeddingsError as error:
        raise FormatError(f"{source.path} is corrupted: {error}; copy or make it again") from error


def _subwords(file: TensorFile) -> Subwords | None:
    if _SUBWORDS not in file.metadata:
        return None
    try:
        ngrams = from_record(NGrams, file.record(_SUBWORDS))
    except ConfigError as error:
        raise FormatError(f"{file.path} is corrupted: its n-grams are unknown: {error}") from error
    matrix, scales = mapped(file, _NGRAMS)
    buckets = file.tensor(_BUCKETS, np.int32, 1) if _BUCKETS in file.tensors else None
    if buckets is None:
        fits = len(matrix) == ngrams.buckets
    else:
        fits = len(buckets) == len(matrix) and bool((np.diff(buckets) > 0).all())
    if not fits:
        raise FormatError(
            f"{file.path} is corrupted: its {len(matrix)} vectors of n-grams do not fit their "
            "buckets; copy or make it again"
        )
    return Subwords(ngrams, matrix, buckets, scales)


def _first_lines(words: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    breaks = np.flatnonzero(words == ord("\n"))
    return words if len(breaks) < count else words[: breaks[count - 1]]


def native_in(precision: str) -> Format:
    """Return the native format with vectors in a precision of ``wordkit.storage.PRECISIONS``."""

    def write(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
        _save(quantize("vectors", embeddings.vectors, precision), embeddings, path, compression,
              precision)  # fmt: skip

    return NATIVE if precision == "fp32" else dataclasses.replace(NATIVE, write=write)


def _write(embeddings: Embeddings, path: Path, compression: Compression | None) -> None:
    weights = {_WEIGHTS + name: matrix for name, matrix in embeddings.weights.items()}
    arrays = {"vectors": embeddings.vectors, "norms": embeddings.norms, **weights}
    _save(arrays, embeddings, path, compression)


def _save(
    arrays: Mapping[str, npt.NDArray[Any]],
    embeddings: Embeddings,
    path: Path,
    compression: Compression | None,
    precision: str = "fp32",
) -> None:
    tensors = {**arrays, **embeddings.vocabulary.to_arrays()}
    metadata = {_METADATA: _json(embeddings)}
    subwords = embeddings.subwords
    if subwords is not None:
        tensors |= quantize(_NGRAMS, subwords.rows(slice(None)), precision)
        metadata[_SUBWORDS] = json.dumps(dataclasses.asdict(subwords.ngrams))
        if subwords.buckets is not None:
            tensors[_BUCKETS] = subwords.buckets
    plain = path if compression is None else path.with_name(path.name + ".plain")
    save_tensors(plain, tensors, kind=EMBEDDINGS, metadata=metadata)
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
    recognize=lambda head, _: head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32,
    read=_read,
    write=_write,
    check=_check,
)
