"""Files: atomic writes and the safetensors container."""

from wordkit.storage.atomic import MARK, atomic_write, is_abandoned, new_mark
from wordkit.storage.container import (
    EMBEDDINGS,
    LANGUAGE_MODEL,
    LANGUAGE_MODEL_CHECKPOINT,
    SEQ2SEQ_CHECKPOINT,
    SEQ2SEQ_MODEL,
    WORD2VEC_CHECKPOINT,
    TensorFile,
    content_digest,
    is_of_kind,
    read_tensors,
    save_tensors,
    write_tensors,
)
from wordkit.storage.paths import (
    check_not_read_only,
    check_outputs,
    check_readable,
    check_writable,
    is_same_file,
    why_no_file,
    why_unreadable,
    why_unwritable,
)

__all__ = [
    "EMBEDDINGS",
    "LANGUAGE_MODEL",
    "LANGUAGE_MODEL_CHECKPOINT",
    "MARK",
    "SEQ2SEQ_CHECKPOINT",
    "SEQ2SEQ_MODEL",
    "WORD2VEC_CHECKPOINT",
    "TensorFile",
    "atomic_write",
    "check_not_read_only",
    "check_outputs",
    "check_readable",
    "check_writable",
    "content_digest",
    "is_abandoned",
    "is_of_kind",
    "is_same_file",
    "new_mark",
    "read_tensors",
    "save_tensors",
    "why_no_file",
    "why_unreadable",
    "why_unwritable",
    "write_tensors",
]
