"""The safetensors container: arrays by name, with metadata.

Every model is one safetensors file (a length, a JSON header, then the tensors), written by the
safetensors package and read through a memory map, so that opening a file costs nothing that is not
used.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, FormatError, StorageError, counted
from wordkit.storage.atomic import atomic_write
from wordkit.storage.kinds import check_kind
from wordkit.storage.paths import check_readable, why_unreadable

__all__ = [
    "TensorFile", "content_digest", "read_tensors", "save_tensors", "to_json", "write_tensors",
]  # fmt: skip

# The number types of the safetensors format that wordkit reads. (BF16 has no NumPy counterpart.)
_DTYPES: dict[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_MAX_SIZE, _MAX_DIMENSIONS = 1 << 60, 8  # of a tensor; NumPy's own limits lie above
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors package itself
_FORMAT_VERSION = 1
_METADATA = "wordkit"  # the header's only entry of metadata: a JSON object of strings


@dataclass(frozen=True)
class TensorFile:
    """The content of a safetensors file: read-only, memory-mapped arrays and metadata."""

    path: Path
    tensors: Mapping[str, npt.NDArray[Any]]
    metadata: Mapping[str, str]

    def tensor(self, name: str, dtype: npt.DTypeLike, dimensions: int) -> npt.NDArray[Any]:
        """Return the tensor of this name, checked for number type and number of dimensions.

        Raises:
            FormatError: it is missing, or of another type or shape.
        """
        if name not in self.tensors:
            raise FormatError(f"{self.path} is corrupted: it has no tensor {name!r}; make it again")
        tensor = self.tensors[name]
        if tensor.dtype != np.dtype(dtype) or tensor.ndim != dimensions:
            raise FormatError(
                f"{self.path} is corrupted: tensor {name!r} should be {np.dtype(dtype)} with "
                f"{dimensions} dimensions, but is {tensor.dtype} with {tensor.ndim}; make it again"
            )
        return tensor

    def record(self, name: str) -> dict[str, Any]:
        """Return an entry of the metadata that :func:`to_json` wrote.

        Raises:
            FormatError: it is missing, or no JSON object.
        """
        try:
            value = json.loads(self.metadata.get(name, ""))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            fault = f"its entry {name!r} is missing or no JSON object"
            raise FormatError(f"{self.path} is corrupted: {fault}; copy or make it again")
        return value


def to_json(record: Mapping[str, Any]) -> str:
    """Return an entry of the metadata as JSON.

    Raises:
        ConfigError: JSON cannot hold it.
    """
    try:
        return json.dumps(record, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the metadata cannot be written as JSON: {error}") from error


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, npt.NDArray[Any]],
    *,
    kind: str,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays as one safetensors file, atomically.

    Args:
        path: the file.
        tensors: arrays by name.
        kind: what the file is ("embeddings"); readers of another kind refuse it.
        metadata: further text by name; structured values as JSON.

    Raises:
        StorageError: the file cannot be written.
    """
    with atomic_write(path) as temporary:
        save_tensors(temporary, tensors, kind=kind, metadata=metadata)


def save_tensors(
    path: Path,
    tensors: Mapping[str, npt.NDArray[Any]],
    *,
    kind: str,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write as :func:`write_tensors`, but not atomically.

    Raises:
        OSError: the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    about = {
        "format": "wordkit",
        "kind": kind,
        "format_version": str(_FORMAT_VERSION),
        **(metadata or {}),
    }
    # one entry, because the package writes several in any order, and equal runs give equal bytes
    header = {_METADATA: json.dumps(about, ensure_ascii=False)}
    contiguous = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(contiguous, path, metadata=header)
    except SafetensorError as error:  # the package's name for a failed write
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise OSError(str(error)) from error
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
    os.chmod(path, stat.S_IMODE(mode))  # the package makes a file that others cannot read


def read_tensors(
    path: str | os.PathLike[str], *, kind: str, content: bytes | None = None
) -> TensorFile:
    """Open a safetensors file of wordkit's; its arrays are memory-mapped and read-only.

    Args:
        path: the file.
        kind: what it has to be.
        content: what is in it, where the file itself is compressed.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is no safetensors file, is truncated or corrupted, or of another kind.
    """
    buffer = _map(path) if content is None else np.frombuffer(content, dtype=np.uint8)
    path = Path(path)
    header, start = _read_header(path, buffer)
    metadata = _read_metadata(path, header.pop("__metadata__", None))
    check_kind(path, metadata.get("kind"), kind)
    version = str(metadata.get("format_version", ""))
    if version != str(_FORMAT_VERSION):
        raise FormatError(
            f"{path} is of format version {version[:20] or 'unknown'}, and this wordkit reads "
            f"{_FORMAT_VERSION}; update wordkit"
        )
    tensors = {
        str(name): _tensor(path, str(name), entry, buffer[start:]) for name, entry in header.items()
    }
    return TensorFile(path, tensors, {str(k): str(v) for k, v in metadata.items()})


def content_digest(text: str, tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return a hexadecimal digest of a text and of arrays by name."""
    import hashlib  # a query need not wait for it

    digest = hashlib.sha256(text.encode(errors="surrogatepass"))
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor).data)
    return digest.hexdigest()


def _map(path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    try:
        check_readable(path)
        if (size := os.path.getsize(path)) < 8:
            raise FormatError(f"{path} is truncated: it has {counted(size, 'byte')}; make it again")
        return cast("npt.NDArray[np.uint8]", np.memmap(path, dtype=np.uint8, mode="r"))
    except OSError as error:
        raise StorageError(f"cannot read {path}: {why_unreadable(path, error)}") from error


def _read_header(path: Path, buffer: npt.NDArray[np.uint8]) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(buffer[:8].tobytes(), "little")
    if length > min(_MAX_HEADER_BYTES, len(buffer) - 8):
        raise FormatError(
            f"{path} is no safetensors file, or is truncated: its header should have {length} "
            f"bytes, and {len(buffer) - 8} follow; copy or make it again"
        )
    try:
        header = json.loads(buffer[8 : 8 + length].tobytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no safetensors file: its header is not JSON") from error
    if not isinstance(header, dict):
        raise FormatError(f"{path} is no safetensors file: its header is not a JSON object")
    return header, 8 + length


def _read_metadata(path: Path, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or _METADATA not in entry:
        raise FormatError(
            f"{path} is a safetensors file, but not one of wordkit's; "
            "save its vectors as word2vec text and convert that"
        )
    try:
        metadata = json.loads(entry[_METADATA])
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"{path} is corrupted: its metadata is not JSON") from error
    if not isinstance(metadata, dict):
        raise FormatError(f"{path} is corrupted: its metadata is not a JSON object")
    return metadata


def _tensor(path: Path, name: str, entry: Any, data: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Return the array that a header entry describes, checked against the bytes of the file."""
    try:
        dtype = np.dtype(_DTYPES[entry["dtype"]])
        shape = tuple(map(_whole, entry["shape"]))
        start, end = map(_whole, entry["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path} is corrupted: bad header entry for tensor {name!r}") from error
    size = dtype.itemsize
    for n in shape:  # Python's integers do not overflow
        size *= n
    if not 0 <= start <= end <= len(data):
        raise FormatError(
            f"{path} is truncated: tensor {name!r} should end at byte {end} of its data, "
            f"which has {len(data)}; copy or make it again"
        )
    if size != end - start or max(shape, default=0) > _MAX_SIZE or len(shape) > _MAX_DIMENSIONS:
        raise FormatError(
            f"{path} is corrupted: tensor {name!r} of shape {shape} should take {size} bytes, "
            f"but takes {end - start}; copy or make it again"
        )
    return data[start:end].view(dtype).reshape(shape)


def _whole(number: Any) -> int:
    """Check that a number can be a size."""
    if type(number) is not int or number < 0:
        raise ValueError(f"{number} is no size")
    return number
