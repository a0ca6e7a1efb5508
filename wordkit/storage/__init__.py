"""Files: atomic writes and the safetensors container."""

from wordkit.storage.atomic import atomic_write
from wordkit.storage.container import (
    TensorFile,
    content_digest,
    read_tensors,
    save_tensors,
    to_json,
    write_tensors,
)
from wordkit.storage.kinds import (
    CLASSIFIER,
    DIALOGUE_CHECKPOINT,
    DIALOGUE_MODEL,
    EMBEDDINGS,
    GLOVE_CHECKPOINT,
    LANGUAGE_MODEL,
    LANGUAGE_MODEL_CHECKPOINT,
    SEQ2SEQ_CHECKPOINT,
    SEQ2SEQ_MODEL,
    VOCABULARY,
    WORD2VEC_CHECKPOINT,
    kind_of,
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
    "CLASSIFIER", "DIALOGUE_CHECKPOINT", "DIALOGUE_MODEL", "EMBEDDINGS", "GLOVE_CHECKPOINT",
    "LANGUAGE_MODEL", "LANGUAGE_MODEL_CHECKPOINT", "SEQ2SEQ_CHECKPOINT", "SEQ2SEQ_MODEL",
    "VOCABULARY", "WORD2VEC_CHECKPOINT", "TemporaryFolder", "TensorFile", "atomic_write",
    "check_outputs", "check_readable", "check_writable", "content_digest", "is_same_file",
    "kind_of", "read_tensors", "save_tensors", "to_json", "user_cache", "why_no_file",
    "why_unreadable", "why_unwritable", "write_tensors",
]  # fmt: skip
