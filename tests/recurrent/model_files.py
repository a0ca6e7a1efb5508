"""Changes to the files of models, for tests of what is found out about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wordkit.storage import read_tensors, write_tensors

Content = dict[str, Any]
Change = Callable[[Content, Content, Content], object]


def rewritten(path: Path, change: Change, *, kind: str) -> None:
    """Change a file's tensors, the record of its network and what it says about itself."""
    file = read_tensors(path, kind=kind)
    tensors = {name: np.array(tensor) for name, tensor in file.tensors.items()}
    network, about = json.loads(file.metadata["network"]), json.loads(file.metadata["about"])
    change(tensors, network, about)
    metadata = {"network": json.dumps(network), "about": json.dumps(about)}
    write_tensors(path, tensors, kind=kind, metadata=metadata)


def put(**entries: Any) -> Change:
    return lambda tensors, network, about: tensors.update(entries)


def configure(**entries: Any) -> Change:
    return lambda tensors, network, about: network["config"].update(entries)


def drop(name: str) -> Change:
    return lambda tensors, network, about: tensors.pop(name)


def words_of(*words: str) -> Any:
    return np.frombuffer("\n".join(words).encode(), np.uint8)
