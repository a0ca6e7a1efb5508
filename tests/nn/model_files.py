"""Changes to the files of models, for tests of what is found out about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wordkit.nn.network_file import _joined
from wordkit.storage import content_digest, read_tensors, write_tensors

Content = dict[str, Any]
Change = Callable[[Content, Content, Content], object]


def rewritten(path: Path, change: Change, *, kind: str) -> None:
    """Change a file's tensors and its two records, with a digest that fits."""
    file = read_tensors(path, kind=kind)
    tensors = {name: np.array(tensor) for name, tensor in file.tensors.items()}
    network, about = json.loads(file.metadata["network"]), json.loads(file.metadata["about"])
    change(tensors, network, about)
    metadata = {"network": json.dumps(network), "about": json.dumps(about)}
    metadata["sha256"] = content_digest(_joined(metadata), tensors)
    write_tensors(path, tensors, kind=kind, metadata=metadata)


def put(**entries: Any) -> Change:
    return lambda tensors, network, about: tensors.update(entries)


def configure(**entries: Any) -> Change:
    return lambda tensors, network, about: network["config"].update(entries)


def drop(name: str) -> Change:
    return lambda tensors, network, about: tensors.pop(name)


def words_of(*words: str) -> Any:
    return np.frombuffer("\n".join(words).encode(), np.uint8)
