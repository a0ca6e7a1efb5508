"""Files: atomic writes and the safetensors container."""

from wordkit.storage.atomic import atomic_write
from wordkit.storage.container import (
    CLASSIFIER,
    EMBEDDINGS,
    LANGUAGE_MODEL,
    LANGUAGE_MODEL_CHECKPOINT,
    SEQ2SEQ_CHECKPOINT,
    SEQ2SEQ_MODEL,
    VOCABULARY,
    WORD2VEC_CHECKPOINT,
    TensorFile,
    content_digest,
    is_of_kind,
    read_tensors,
    save_tensors,
    write_tensors,
)
from wordkit.storage.paths import (
    check_outputs,
    check_readable,
    check_writable,
    is_same_file,
    user_cache,
    why_no_file,
    why_unreadable,
    why_unwritable,
)
from wordkit.storage.temporary import TemporaryFolder

__all__ = [
    "CLASSIFIER",
    "EMBEDDINGS",
    "LANGUAGE_MODEL",
    "LANGUAGE_MODEL_CHECKPOINT",
    "SEQ2SEQ_CHECKPOINT",
    "SEQ2SEQ_MODEL",
    "VOCABULARY",
    "WORD2VEC_CHECKPOINT",
    "TemporaryFolder",
    "TensorFile",
    "atomic_write",
    "check_outputs",
    "check_readable",
    "check_writable",
    "content_digest",
    "is_of_kind",
    "is_same_file",
    "read_tensors",
    "save_tensors",
    "user_cache",
    "why_no_file",
    "why_unreadable",
    "why_unwritable",
    "write_tensors",
]
