"""Ways to begin a training: afresh, from vectors, or from a trained model.

To resume from a checkpoint there is :mod:`wordkit.word2vec.checkpoint`. V is the number of words
of the model, D of dimensions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wordkit.config import from_record
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, VocabularyError, counted
from wordkit.text import Corpus, Vocabulary
from wordkit.text.vocabulary import EOS
from wordkit.word2vec.components import Components, components_of
from wordkit.word2vec.config import Word2VecConfig
from wordkit.word2vec.huffman import huffman_tree
from wordkit.word2vec.state import TrainingState
from wordkit.word2vec.weights import Weights, blocks, check_weights_memory, output_rows

__all__ = ["MADE_BY", "start_afresh", "start_from_model", "start_from_vectors", "trained_config"]

Floats = npt.NDArray[np.float32]

MADE_BY = "wordkit train-w2v"
"""The ``made_by`` of the metadata of embeddings that word2vec trained."""


def trained_config(embeddings: Embeddings) -> Word2VecConfig | None:
    """Return the settings that vectors were trained with by word2vec; None for other vectors.

    Raises:
        FormatError: the settings are malformed, or of a later version.
    """
    if embeddings.metadata.get("made_by") != MADE_BY:
        return None
    try:
        return from_record(Word2VecConfig, embeddings.metadata.get("settings"))
    except ConfigError as error:
        raise embeddings.corrupted(f"its settings cannot be read: {error}") from error


def start_afresh(corpus: Corpus, config: Word2VecConfig) -> TrainingState:
    """Begin with random vectors for the words of a corpus that are frequent enough.

    Raises:
        VocabularyError: fewer than two words are left.
        ResourceError: there is too little memory.
    """
    vocabulary = _words_to_train(corpus, config)
    V, (components, weights) = len(vocabulary), _initial_weights(vocabulary, config)
    return TrainingState(vocabulary, weights, joined=V, components=components)


def _initial_weights(
    vocabulary: Vocabulary, config: Word2VecConfig
) -> tuple[Components | None, Weights]:
    """The input rows of words, and random weights, after a check of the memory."""
    V, components = len(vocabulary), components_of(vocabulary.words, config)
    inputs = None if components is None else components.input_rows
    check_weights_memory(V, config, inputs)
    return components, Weights.initial(V, config, inputs)


def start_from_vectors(
    corpus: Corpus, config: Word2VecConfig, embeddings: Embeddings
) -> TrainingState:
    """Begin with given vectors for the words of a corpus that are frequent enough.

    They become input embeddings; the other words, and all output embeddings, begin as in
    :func:`start_afresh`.

    Args:
        corpus: the training data.
        config: the settings.
        embeddings: vectors from anywhere, of ``config.dim`` dimensions. Words that the corpus
            lacks are left out.

    Raises:
        ConfigError: the vectors have another number of dimensions.
        VocabularyError: fewer than two words are left, or none of them has a vector.
        FormatError: the vectors come from a corrupted file.
        ResourceError: there is too little memory.
    """
    _check_vectors(embeddings, config)
    vocabulary = _words_to_train(corpus, config)
    V = len(vocabulary)
    embeddings.check()
    found = map(embeddings.vocabulary.find, vocabulary)
    known = np.array([-1 if i is None else i for i in found], dtype=np.int32)
    kept = int(np.count_nonzero(known >= 0))
    if kept == 0:
        raise VocabularyError(
            f"none of the {V:,} words of the text is among the {len(embeddings):,} that have "
            "vectors; preprocess it as their text was, or start without them"
        )
    components, weights = _initial_weights(vocabulary, config)
    _copy_inputs(embeddings, embeddings.vectors, known, components, weights)
    return TrainingState(vocabulary, weights, kept, V - kept, components=components)


def start_from_model(
    corpus: Corpus, config: Word2VecConfig, embeddings: Embeddings
) -> TrainingState:
    """Begin with the words of a trained model and their weights, and the new words of a corpus.

    All words of the model keep their vectors, and those that the corpus holds are trained on,
    however rare they are in it. Words of the corpus that are new and frequent enough (after
    ``config.min_count`` and ``config.max_vocabulary``) join with random vectors. Counts add up.

    Output embeddings are taken over where the model holds them and the loss is the same; the
    nodes of hierarchical softmax only where the tree is the same. Else they start at zero, and
    the note of the state tells which.

    Args:
        corpus: the training data.
        config: the settings.
        embeddings: the model: the result of :func:`wordkit.word2vec.iter_train_word2vec`, or its
            file in the native format. Other vectors with counts will do.

    Raises:
        ConfigError: the vectors have another number of dimensions.
        VocabularyError: the model has no counts; or the corpus has no word of it, and none that
            is frequent enough.
        FormatError: the model comes from a corrupted file.
        ResourceError: there is too little memory.
    """
    _check_vectors(embeddings, config)
    vocabulary = _joined_vocabulary(corpus, config, embeddings.vocabulary)
    V = len(vocabulary)
    embeddings.check()
    components, weights = _initial_weights(vocabulary, config)
    note = _copy_model(embeddings, vocabulary, config, components, weights)
    kept = len(embeddings)
    return TrainingState(vocabulary, weights, kept, V - kept, components=components, note=note)


def _words_to_train(corpus: Corpus, config: Word2VecConfig) -> Vocabulary:
    """The words of a corpus that are frequent enough: the first ones of its vocabulary."""
    vocabulary = config.cut(corpus.vocabulary)
    if len(vocabulary) < 2:
        raise VocabularyError(
            f"word2vec needs at least 2 words that occur {counted(config.min_count, 'time')} or "
            f"more, and the corpus has {len(vocabulary)}; lower the minimum count or give more text"
        )
    return vocabulary


def _check_vectors(embeddings: Embeddings, config: Word2VecConfig) -> None:
    """Check what can be checked before all vectors are read."""
    if embeddings.dim != config.dim:
        raise ConfigError(
            f"dim is {config.dim}, and the vectors to start from have {embeddings.dim} "
            f"dimensions; set dim to {embeddings.dim} or give other vectors"
        )
    _ = "" in embeddings  # builds the word table, which finds duplicates


def _joined_vocabulary(corpus: Corpus, config: Word2VecConfig, old: Vocabulary) -> Vocabulary:
    """The words of a model and those that join, most frequent first, ties as they were."""
    if not old.has_counts:
        raise VocabularyError(
            "the model has no counts of its words, which training needs; start from its vectors "
            "as init, which takes the words of the text"
        )
    counts = corpus.vocabulary.counts.tolist()
    seen = dict(zip(corpus.vocabulary, counts, strict=True))
    new = [word for word in _frequent_words(corpus, config) if word not in old]
    if not new and not any(word in old for word in seen):
        raise VocabularyError(
            f"the text has no word of the model, and none that occurs {config.min_count} times; "
            "lower the minimum count, give more text, or preprocess it as that of the model was"
        )
    totals = {word: int(n) + seen.get(word, 0) for word, n in zip(old, old.counts, strict=True)}
    totals.update((word, seen[word]) for word in new)
    if len(totals) < 2:
        raise VocabularyError(
            f"word2vec needs at least 2 words, and the model with the words of the text that "
            f"occur {config.min_count} times has {len(totals)}; lower the minimum count"
        )
    return Vocabulary.from_counts(totals)


def _frequent_words(corpus: Corpus, config: Word2VecConfig) -> tuple[str, ...]:
    """The words of a corpus that are frequent enough, which may be none."""
    vocabulary = corpus.vocabulary
    frequent = np.flatnonzero(vocabulary.counts >= config.min_count)
    if all(vocabulary.words[i] == EOS for i in frequent[:2]):
        return ()
    return config.cut(vocabulary).words


def _copy_model(
    model: Embeddings,
    vocabulary: Vocabulary,
    config: Word2VecConfig,
    components: Components | None,
    weights: Weights,
) -> str | None:
    """Copy the weights of a model to where its words are now; say what had to be left out."""
    before, ids = trained_config(model), model.vocabulary.ids(vocabulary)
    if before is None or not model.weights:
        _copy_inputs(model, model.vectors, ids, components, weights)
        return "the model holds its vectors alone: the output embeddings start at zero"
    input_, output = _matrices_of(model, before)
    _copy_inputs(model, input_, ids, components, weights)
    if before.loss != config.loss:
        return (
            f"the model was trained with loss {before.loss}, not {config.loss}: the output "
            "embeddings start at zero"
        )
    if config.loss == "hs":
        if not _have_same_tree(model.vocabulary, vocabulary):
            return (
                "the new counts make another Huffman tree for loss hs: the output embeddings of "
                "its nodes start at zero"
            )
        weights.output[:] = output
        return None
    _copy_rows(output, ids, weights.output)
    if before.kept == "sum":
        known = (ids >= 0)[:, np.newaxis]
        np.subtract(weights.output, weights.input, out=weights.output, where=known)
    return None


def _copy_inputs(
    model: Embeddings,
    vectors: Floats,
    ids: npt.NDArray[np.int32],
    components: Components | None,
    weights: Weights,
) -> None:
    """Copy vectors of a model to where its words are now, with those of its n-grams.

    Where it lacks the words' own rows, they become such that the words have the same vectors.
    """
    subwords = model.subwords
    if components is None:
        _copy_rows(vectors, ids, weights.input)
        return
    is_same = subwords is not None and subwords.ngrams == components.ngrams
    if is_same and subwords is not None:
        rows = subwords.rows_of(components.buckets)
        for start, end in blocks(len(rows), model.dim):
            known = np.flatnonzero(rows[start:end] >= 0)
            weights.input[len(ids) + start + known] = subwords.rows(rows[start + known])
    own = model.weights.get("input")
    if is_same and own is not None and own.shape == model.vectors.shape:
        _copy_rows(own, ids, weights.input)
    else:
        components.fit(weights.input, vectors, ids)


def _matrices_of(model: Embeddings, config: Word2VecConfig) -> tuple[Floats, Floats]:
    """Input and output embeddings of a model (or their sum in the place of the latter)."""
    is_input = config.kept == "in"
    other = model.weights.get("output" if is_input else "input")
    if other is None or other.shape != (output_rows(len(model), config), model.dim):
        raise model.corrupted("its weights do not fit its vectors")
    return (model.vectors, other) if is_input else (other, model.vectors)


def _copy_rows(source: Floats, ids: npt.NDArray[np.int32], target: Floats) -> None:
    """Copy row ``ids[i]`` of the source to row i of the target, where ``ids[i]`` is not −1."""
    for start, end in blocks(len(ids), target.shape[1]):
        part = ids[start:end]
        known = np.flatnonzero(part >= 0)
        target[start + known] = source[part[known]]


def _have_same_tree(old: Vocabulary, new: Vocabulary) -> bool:
    if old.words != new.words:
        return False
    a, b = huffman_tree(old.counts), huffman_tree(new.counts)
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("starts", "nodes", "codes")
    )
