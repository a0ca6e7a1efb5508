"""wordkit: word vectors and language models, from raw text to answers.

Text becomes word vectors, which answer questions about words::

    import wordkit

    vectors = wordkit.train_word2vec("corpus.txt", dim=100, epochs=5)
    vectors.most_similar("car")
    vectors.analogy("king", "man", "woman")
    vectors.save("vectors.safetensors")
    vectors = wordkit.load("vectors.safetensors")

Vectors of whole texts are a transformer of scikit-learn, :class:`DocumentVectors`. Text becomes
a language model too, which predicts, scores and writes text::

    model = wordkit.train_language_model("corpus.txt", max_minutes=5)
    model.perplexity("test.txt")
    model.generate("the river", words=40)

or a model that transforms one text into another::

    model = wordkit.train_seq2seq("dates.tsv", attention="dot")
    model.transform(["september 27, 1994"])

A text is a path, several of them, the name of a corpus ("ptb", "pydocs"), an open file, a list of
lines, a list of lists of tokens, a pandas Series, or a :class:`Corpus`, which :func:`prepare` makes
once for many trainings. Settings are keywords. The packages behind these names
(``wordkit.word2vec``, ``wordkit.lm``, …) have the functions that yield reports on the way,
``iter_train_word2vec`` and so on, and everything else.

Models that come with wordkit: ``wordkit.load(wordkit.bundled.VECTORS)``, ``bundled.COUNTS`` and
``bundled.LANGUAGE_MODEL``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.3.0"

if TYPE_CHECKING:
    from wordkit import (
        bundled,
        counts,
        documents,
        embeddings,
        evaluation,
        lm,
        plots,
        seq2seq,
        text,
        thesaurus,
        word2vec,
    )
    from wordkit.api import (
        compare,
        evaluate_analogies,
        evaluate_similarity,
        load,
        prepare,
        train_counts,
        train_language_model,
        train_seq2seq,
        train_word2vec,
    )
    from wordkit.documents import DocumentVectors
    from wordkit.embeddings import Embeddings
    from wordkit.errors import (
        ConfigError,
        CorpusError,
        DivergenceError,
        EmbeddingsError,
        FormatError,
        LostProcessError,
        ResourceError,
        StorageError,
        TextError,
        UnknownWordError,
        VersionError,
        VocabularyError,
        WordkitError,
        WordkitWarning,
    )
    from wordkit.lm import LanguageModel
    from wordkit.seq2seq import Seq2SeqModel
    from wordkit.text import Corpus, Vocabulary
    from wordkit.thesaurus import Thesaurus

_PACKAGES = (
    "bundled", "counts", "documents", "embeddings", "evaluation", "lm", "plots", "seq2seq", "text",
    "thesaurus", "word2vec",
)  # fmt: skip

_HOMES = {
    "wordkit.api": (
        "compare", "evaluate_analogies", "evaluate_similarity", "load", "prepare", "train_counts",
        "train_language_model", "train_seq2seq", "train_word2vec",
    ),
    "wordkit.text": ("Corpus", "Vocabulary"),
    "wordkit.embeddings": ("Embeddings",),
    "wordkit.documents": ("DocumentVectors",),
    "wordkit.lm": ("LanguageModel",),
    "wordkit.seq2seq": ("Seq2SeqModel",),
    "wordkit.thesaurus": ("Thesaurus",),
    "wordkit.errors": (
        "ConfigError", "CorpusError", "DivergenceError", "EmbeddingsError", "FormatError",
        "LostProcessError", "ResourceError", "StorageError", "TextError", "UnknownWordError",
        "VersionError", "VocabularyError", "WordkitError", "WordkitWarning",
    ),
}  # fmt: skip
"""The module of each name; it is imported when the name is first used."""

__all__ = [
    "ConfigError",
    "Corpus",
    "CorpusError",
    "DivergenceError",
    "DocumentVectors",
    "Embeddings",
    "EmbeddingsError",
    "FormatError",
    "LanguageModel",
    "LostProcessError",
    "ResourceError",
    "Seq2SeqModel",
    "StorageError",
    "TextError",
    "Thesaurus",
    "UnknownWordError",
    "VersionError",
    "Vocabulary",
    "VocabularyError",
    "WordkitError",
    "WordkitWarning",
    "__version__",
    "bundled",
    "compare",
    "counts",
    "documents",
    "embeddings",
    "evaluate_analogies",
    "evaluate_similarity",
    "evaluation",
    "lm",
    "load",
    "plots",
    "prepare",
    "seq2seq",
    "text",
    "thesaurus",
    "train_counts",
    "train_language_model",
    "train_seq2seq",
    "train_word2vec",
    "word2vec",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"wordkit.{name}")
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
