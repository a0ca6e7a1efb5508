"""Names in gensim, fastText, scikit-learn and PyTorch, with ours, for messages."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CLASSIFIER", "EMBEDDINGS", "SETTINGS", "hint"]

SETTINGS: Mapping[str, str] = {
    "size": "dim", "vector_size": "dim", "embedding_dim": "dim", "ws": "window",
    "neg": "negative", "ns": "negative", "iter": "epochs", "workers": "threads",
    "thread": "threads", "alpha": "lr", "learning_rate": "lr", "min_freq": "min_count",
    "max_vocab_size": "max_vocabulary", "vocab_size": "max_vocabulary", "sg": "arch='skipgram'",
    "skipgram": "arch='skipgram'", "model": "arch='skipgram'", "hs": "loss='hs'",
    "hidden_size": "hidden", "num_layers": "layers", "n_hidden": "hidden", "batch_size": "batch",
    "n_layer": "layers", "n_head": "heads", "num_heads": "heads", "n_embd": "hidden",
    "d_model": "hidden", "mem_len": "memory_length", "block_size": "steps",
    "seq_len": "steps", "bptt": "steps", "max_length": "words", "length": "words", "n": "words",
    "validation": "valid", "verbose": "progress", "topn": "n", "restrict_vocab": "restrict",
    "sentences": "text", "corpus_file": "text", "input": "text", "minn": "subwords='3-6'",
    "maxn": "subwords='3-6'", "min_n": "subwords='3-6'", "max_n": "subwords='3-6'",
    "pretrained_vectors": "embeddings", "pretrainedVectors": "embeddings", "n_jobs": "threads",
    "autotuneDuration": "max_minutes", "autotuneValidationFile": "valid", "eta": "lr",
    "random_state": "seed", "scoring": "score",
}  # fmt: skip
"""Settings by their names in other libraries."""

EMBEDDINGS: Mapping[str, str] = {
    "wv": "the vectors themselves", "key_to_index": "vocabulary.id(word)", "index_to_key": "words",
    "get_vector": "vector(word)", "vector_size": "dim", "distance": "1 - similarity(a, b)",
    "similar_by_word": "most_similar", "similar_by_vector": "most_similar",
    "get_mean_vector": "mean_vector", "save_word2vec_format": "save(path)",
    "most_similar_cosmul": "analogy(a, b, c, method='mul')", "index2word": "words",
    "vocab": "vocabulary", "get_vecattr": "vocabulary.counts",
    "evaluate_word_pairs": "wordkit.evaluate_similarity",
    "evaluate_word_analogies": "wordkit.evaluate_analogies", "get_word_vector": "vector(word)",
    "get_sentence_vector": "mean_vector", "get_nearest_neighbors": "most_similar",
    "get_analogies": "analogy", "get_words": "words", "get_dimension": "dim",
    "save_model": "save(path)", "similar_by_key": "most_similar",
    "n_similarity": "similarity(mean_vector(a), mean_vector(b))",
    "wmdistance": "1 - similarity(mean_vector(a), mean_vector(b))",
    "rank": "most_similar(word, n=len(vectors))", "closer_than": "most_similar",
    "words_closer_than": "most_similar", "distances": "1 - similarity(a, b)",
    "most_similar_to_given": "similarity(a, b)", "get_index": "vocabulary.id(word)",
    "has_index_for": "word in vectors", "syn0": "vectors",
    "load_word2vec_format": "wordkit.load(path)", "vectors_ngrams": "subwords.matrix",
    "get_subwords": "subwords.ngrams",
}  # fmt: skip
"""Attributes of embeddings by their names in gensim's KeyedVectors and fastText's models."""

CLASSIFIER: Mapping[str, str] = {
    "get_labels": "labels", "classes_": "labels", "predict_proba": "probabilities",
    "get_words": "features.vocabulary", "words": "features.vocabulary", "save_model": "save(path)",
    "quantize": "save(path, precision='int8')", "test": "wordkit.evaluate_classifier",
    "test_label": "wordkit.evaluate_classifier", "score": "wordkit.evaluate_classifier",
}  # fmt: skip
"""Attributes of classifiers by their names in fastText and scikit-learn."""


def hint(names: Mapping[str, str], name: str) -> str:
    """Return the end of a message that gives our name for one of these; else nothing."""
    return f"; use {names[name]}" if name in names else ""
