"""What a training ends with: embeddings, and how they were made."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from wordkit import __version__
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, DivergenceError
from wordkit.text import Corpus
from wordkit.word2vec.checkpoint_file import CorpusRecord
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.recorded_config import record_of
from wordkit.word2vec.starting_point import StartingPoint
from wordkit.word2vec.state import Engine, Tally
from wordkit.word2vec.weights import compact

__all__ = ["MADE_BY", "embeddings_of"]

Floats = npt.NDArray[np.float32]

MADE_BY = "wordkit train-w2v"
"""What the metadata of such embeddings say."""


def embeddings_of(
    corpus: Corpus,
    config: Word2VecConfig,
    start: StartingPoint,
    engine: Engine,
    tally: Tally,
) -> Embeddings:
    """The embeddings of a training that is over; its weights become theirs and are not copied.

    The vectors are those that ``config.kept`` names. The matrix that is needed beside them to
    go on is among the weights: ``output``, or ``input`` where the vectors are those that come
    out, or the sum. (From a sum, what came out is what is left without what went in: the same
    but for rounding. Three matrices would be needed to have it exactly.)

    Args:
        corpus: what was trained on.
        config: with what settings.
        start: from where; its weights must be up to date, and are of no use afterwards.
        engine: with what.
        tally: of the last epoch.

    Raises:
        DivergenceError: the vectors are not finite, or soon will not be.
        ConfigError: the starting point has been used up by an earlier training.
    """
    weights = start.state.weights
    if not weights.padded_input.flags.writeable:
        raise ConfigError("this starting point was trained from before; make another one")
    if not weights.are_bounded:
        raise DivergenceError(
            "the vectors have grown beyond all bounds; lower the learning rate (--lr), which was "
            f"{config.start_lr:g} at the start"
        )
    if config.kept == "sum":
        np.add(weights.padded_output, weights.padded_input, out=weights.padded_output)
    matrices = {
        "input": _frozen(weights.padded_input, weights.dim),
        "output": _frozen(weights.padded_output, weights.dim),
    }
    vectors = matrices.pop("input" if config.kept == "in" else "output")
    return Embeddings(
        start.vocabulary,
        vectors,
        metadata=_metadata(corpus, config, start, engine, tally),
        weights=matrices,
    )


def _frozen(padded: Floats, dim: int) -> Floats:
    """The rows without padding, in the same memory, which nobody can write to any more."""
    matrix = compact(padded, dim)
    padded.flags.writeable = False
    array: object = matrix
    while isinstance(array, np.ndarray):
        array.flags.writeable = False
        array = array.base
    return matrix


def _metadata(
    corpus: Corpus,
    config: Word2VecConfig,
    start: StartingPoint,
    engine: Engine,
    tally: Tally,
) -> dict[str, Any]:
    """How the vectors were made: the same for equal runs, so without times."""
    begun = {"start": {"kept": start.kept, "joined": start.joined}} if start.kept else {}
    return {
        "made_by": MADE_BY,
        "settings": record_of(config),
        "corpus": vars(CorpusRecord.of(corpus)),
        **begun,
        "training": {
            "device": engine.name,
            "words": config.epochs * corpus.tokens,
            "loss": tally.mean_loss if tally.predictions else None,
            "predictions": tally.predictions,
        },
        "versions": {
            "wordkit": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in engine.packages},
        },
    }
