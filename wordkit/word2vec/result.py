"""The embeddings that a training by word2vec results in."""

from __future__ import annotations

import numpy as np

from wordkit.embeddings import Embeddings
from wordkit.errors import DivergenceError
from wordkit.runtime import versions
from wordkit.text import Corpus
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.engine import Engine
from wordkit.word2vec.start import MADE_BY
from wordkit.word2vec.state import TrainingState

__all__ = ["embeddings_of"]


def embeddings_of(
    corpus: Corpus, config: Word2VecConfig, state: TrainingState, engine: Engine
) -> Embeddings:
    """Make embeddings of a trained state; its weights become theirs and are not copied.

    The vectors are those that ``config.kept`` names. The matrix needed beside them to resume is
    among the weights: ``output``, or ``input`` where the vectors are the output embeddings or the
    sum. (The output embeddings of a sum are what is left without the input embeddings, but for
    rounding; to have them exactly would take three matrices.) With subwords the vectors are
    composed, and ``input`` are the words' own rows.

    Raises:
        DivergenceError: the vectors are not finite, or soon will not be.
        ConfigError: the state has been used up by an earlier training.
    """
    weights = state.weights
    state.check_unused()
    if not weights.are_bounded:
        raise DivergenceError(
            "the vectors have grown beyond all bounds; lower lr, the learning rate, which was "
            f"{config.start_lr:g} at the start"
        )
    if config.kept == "sum":
        np.add(weights.padded_output, weights.padded_input, out=weights.padded_output)
    matrices = dict(zip(("input", "output"), weights.frozen(), strict=True))
    subwords = None
    if state.components is None:
        vectors = matrices.pop("input" if config.kept == "in" else "output")
    else:
        subwords = state.components.subwords(matrices["input"])
        matrices["input"] = matrices["input"][: len(state.vocabulary)]
        vectors = subwords.compose(state.vocabulary.words, matrices["input"])
    start = {"start": {"kept": state.kept, "joined": state.joined}} if state.kept else {}
    metadata = {  # the same for equal runs, so without times
        "made_by": MADE_BY,
        "settings": config.record(),
        "corpus": corpus.record,
        **start,
        "training": {
            "device": engine.name,
            "words": state.epoch * corpus.tokens + state.position,
            "loss": state.loss_sum.mean_loss if state.loss_sum.predictions else None,
            "predictions": state.loss_sum.predictions,
            **engine.figures,
        },
        "versions": versions(*engine.packages),
    }
    return Embeddings(
        state.vocabulary, vectors, metadata=metadata, weights=matrices, subwords=subwords
    )
