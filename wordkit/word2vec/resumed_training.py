"""Where a training that goes on starts: with a model on new text, or where it was stopped.

V is the number of words of the model, D of dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError, counted
from wordkit.text import Corpus, Vocabulary
from wordkit.text.vocabulary import EOS
from wordkit.word2vec.checkpoint_file import Checkpoint
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.memory import check_memory
from wordkit.word2vec.recorded_config import config_of
from wordkit.word2vec.result import MADE_BY
from wordkit.word2vec.starting_point import (
    StartingPoint,
    carry_rows,
    check_vectors,
    rows_in,
)
from wordkit.word2vec.state import TrainingState
from wordkit.word2vec.weights import Weights, output_rows

__all__ = ["start_from_checkpoint", "start_from_model", "trained_config"]

Floats = npt.NDArray[np.float32]

_AFTERWARDS = {"vectors"}  # settings that matter when the training is over


def start_from_model(
    corpus: Corpus, config: Word2VecConfig, embeddings: Embeddings
) -> StartingPoint:
    """The words of a trained model with their weights, and the new words of a corpus.

    All words of the model keep their vectors, and those that the corpus holds are trained on,
    however rare they are in it. Words of the corpus that are new and frequent enough (after
    ``config.min_count`` and ``config.max_vocabulary``) join, with random vectors. Counts add up.

    What comes out is carried over where the model holds it and the loss is the same; the nodes
    of hierarchical softmax only while its tree is the same. Else it starts at zero, and the note
    of the starting point says so.

    Args:
        corpus: what will be trained on.
        config: the settings.
        embeddings: the model: what :func:`wordkit.word2vec.train_word2vec` returned, or the file
            of it in the native format. Other vectors with counts will do.

    Raises:
        ConfigError: the vectors have another number of dimensions.
        VocabularyError: the model has no counts; or the corpus has no word of it, and none that
            is frequent enough.
        FormatError: the model comes from a damaged file.
        ResourceError: there is too little memory.
    """
    check_vectors(embeddings, config)
    vocabulary = _joined_vocabulary(corpus, config, embeddings)
    V = len(vocabulary)
    check_memory(V, config)
    embeddings.check()
    weights = Weights.initial(V, output_rows(V, config), config)
    note = _carry(_model_of(embeddings), vocabulary, config, weights)
    rows = rows_in(vocabulary, corpus.vocabulary.words)
    kept = len(embeddings)
    return StartingPoint(vocabulary, rows, TrainingState(weights), kept, V - kept, note)


def _joined_vocabulary(
    corpus: Corpus, config: Word2VecConfig, embeddings: Embeddings
) -> Vocabulary:
    """The words of a model and those that join, most frequent first, ties as they were."""
    old = embeddings.vocabulary
    if not old.has_counts:
        raise VocabularyError(
            "the model has no counts of its words, which training needs; start from its vectors "
            "with --init, which takes the words of the text"
        )
    seen = {
        word: int(n) for word, n in zip(corpus.vocabulary, corpus.vocabulary.counts, strict=True)
    }
    new = [word for word in _frequent_words(corpus, config) if word not in old]
    if not new and not any(word in old for word in seen):
        raise VocabularyError(
            f"the text has no word of the model, and none that occurs {config.min_count} times; "
            "lower the minimum count, give more text, or preprocess it as that of the model was"
        )
    counts = {word: int(n) + seen.get(word, 0) for word, n in zip(old, old.counts, strict=True)}
    counts.update((word, seen[word]) for word in new)
    if len(counts) < 2:
        raise VocabularyError(
            f"word2vec needs at least 2 words, and the model with the words of the text that "
            f"occur {config.min_count} times has {len(counts)}; lower the minimum count"
        )
    return Vocabulary.from_counts(counts)


def _frequent_words(corpus: Corpus, config: Word2VecConfig) -> tuple[str, ...]:
    """The words of a corpus that are frequent enough, which may be none."""
    vocabulary = corpus.vocabulary
    frequent = np.flatnonzero(vocabulary.counts >= config.min_count)
    if all(vocabulary.words[i] == EOS for i in frequent[:2]):
        return ()
    return vocabulary.cut(min_count=config.min_count, max_size=config.max_vocabulary).words


@dataclass(frozen=True)
class _Model:
    """What a training left."""

    vocabulary: Vocabulary
    input: Floats
    output: Floats | None
    output_is_sum: bool = False
    config: Word2VecConfig | None = None


def trained_config(embeddings: Embeddings) -> Word2VecConfig | None:
    """The settings that vectors were trained with by word2vec; None for others."""
    if embeddings.metadata.get("made_by") != MADE_BY:
        return None
    try:
        return config_of(embeddings.metadata.get("settings"))
    except ConfigError:  # those of a later version
        return None


def _model_of(embeddings: Embeddings) -> _Model:
    config = trained_config(embeddings)
    vocabulary, vectors, weights = embeddings.vocabulary, embeddings.vectors, embeddings.weights
    if config is None or not weights:
        return _Model(vocabulary, vectors, None)
    other = weights.get("output" if config.kept == "in" else "input")
    rows = output_rows(len(vectors), config)
    if other is None or other.shape != (rows, embeddings.dim):
        raise embeddings.damaged("its weights do not fit its vectors")
    if config.kept == "in":
        return _Model(vocabulary, vectors, other, config=config)
    return _Model(vocabulary, other, vectors, config.kept == "sum", config)


def _carry(
    model: _Model, vocabulary: Vocabulary, config: Word2VecConfig, weights: Weights
) -> str | None:
    """Put the weights of a model where its words are now; say what had to be left behind."""
    ids = rows_in(model.vocabulary, vocabulary.words)
    carry_rows(model.input, ids, weights.input)
    if model.output is None or model.config is None:
        return (
            "the model holds its vectors alone, without what they were trained against, which "
            "starts at zero"
        )
    if model.config.loss != config.loss:
        return (
            f"the model was trained with loss {model.config.loss}, not {config.loss}: what its "
            "vectors are trained against starts at zero"
        )
    if config.loss == "hs":
        if not _same_tree(model.vocabulary, vocabulary):
            return (
                "the new counts make another tree for loss hs: its nodes, which the vectors are "
                "trained against, start at zero"
            )
        weights.output[:] = model.output
        return None
    carry_rows(model.output, ids, weights.output)
    if model.output_is_sum:
        known = ids >= 0
        np.subtract(weights.output, weights.input, out=weights.output, where=known[:, np.newaxis])
    return None


def _same_tree(old: Vocabulary, new: Vocabulary) -> bool:
    """Whether two vocabularies have the same Huffman tree."""
    if old.words != new.words:
        return False
    a, b = huffman_tree(old.counts), huffman_tree(new.counts)
    return (
        np.array_equal(a.starts, b.starts)
        and np.array_equal(a.nodes, b.nodes)
        and np.array_equal(a.turns, b.turns)
    )


def start_from_checkpoint(
    corpus: Corpus, config: Word2VecConfig, checkpoint: Checkpoint
) -> StartingPoint:
    """Where a training was when it wrote a checkpoint.

    Args:
        corpus: the same as then.
        config: the same as then, but for ``vectors``, which matters at the end alone.
        checkpoint: what :func:`wordkit.word2vec.read_checkpoint` returned.

    Raises:
        ConfigError: the corpus or a setting is another one.
        ResourceError: there is too little memory.
    """
    then = checkpoint.corpus
    if corpus.fingerprint != then.fingerprint:
        raise ConfigError(
            f"the checkpoint is of a training on another text: {counted(then.tokens, 'token')} and "
            f"fingerprint {then.fingerprint:.8}, not {corpus.tokens:,} and "
            f"{corpus.fingerprint:.8}; give the same text, preprocessed in the same way"
        )
    _check_settings(config, checkpoint.config)
    check_memory(len(checkpoint.vocabulary), config)
    state = checkpoint.state
    weights = Weights.copied(state.weights.input, state.weights.output)
    return StartingPoint(
        checkpoint.vocabulary,
        rows_in(checkpoint.vocabulary, corpus.vocabulary.words),
        TrainingState(weights, state.epoch, state.position, state.tally, state.seconds),
        checkpoint.kept,
        checkpoint.joined,
    )


def _check_settings(config: Word2VecConfig, then: Word2VecConfig) -> None:
    for name in (field.name for field in fields(config)):
        now, before = getattr(config, name), getattr(then, name)
        if name == "lr":
            now, before = config.start_lr, then.start_lr
        if now != before and name not in _AFTERWARDS:
            raise ConfigError(
                f"the training was begun with {name} {before}, and cannot go on with {now}; "
                f"leave {name} as it was, or start again"
            )
