"""Calls of train-w2v: small ones, and what they leave."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wordkit.embeddings import load_embeddings
from wordkit_cli.train_w2v import command

SMALL = ("--dim", "8", "--epochs", "2", "--sample", "0", "--threads", "1")


def run(*arguments: str) -> None:
    """Run the command in this process, which is quicker and shows the error itself."""
    command.main([*arguments, "--quiet"], standalone_mode=False)


def assert_same_vectors(one: Path, other: Path) -> None:
    a, b = load_embeddings(one), load_embeddings(other)
    assert a.words == b.words
    assert np.array_equal(a.vectors, b.vectors)
    for name in a.weights:
        assert np.array_equal(a.weights[name], b.weights[name]), name
