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

Labelled texts become a classifier::

    classifier = wordkit.train_classifier("train.tsv")
    classifier.predict("How far is it from Denver to Aspen ?")

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
    from wordkit import bundled as bundled
    from wordkit import classification as classification
    from wordkit import counts as counts
    from wordkit import documents as documents
    from wordkit import embeddings as embeddings
    from wordkit import evaluation as evaluation
    from wordkit import lm as lm
    from wordkit import plots as plots
    from wordkit import seq2seq as seq2seq
    from wordkit import text as text
    from wordkit import thesaurus as thesaurus
    from wordkit import word2vec as word2vec
    from wordkit.api import compare as compare
    from wordkit.api import evaluate_analogies as evaluate_analogies
    from wordkit.api import evaluate_similarity as evaluate_similarity
    from wordkit.api import find_phrases as find_phrases
    from wordkit.api import load as load
    from wordkit.api import prepare as prepare
    from wordkit.classification import Classifier as Classifier
    from wordkit.classification import evaluate_classifier as evaluate_classifier
    from wordkit.classification import train_classifier as train_classifier
    from wordkit.counts.door import train_counts as train_counts
    from wordkit.counts.door import train_glove as train_glove
    from wordkit.documents import DocumentVectors as DocumentVectors
    from wordkit.embeddings import Embeddings as Embeddings
    from wordkit.errors import ConfigError as ConfigError
    from wordkit.errors import CorpusError as CorpusError
    from wordkit.errors import DivergenceError as DivergenceError
    from wordkit.errors import EmbeddingsError as EmbeddingsError
    from wordkit.errors import FormatError as FormatError
    from wordkit.errors import LostProcessError as LostProcessError
    from wordkit.errors import ResourceError as ResourceError
    from wordkit.errors import StorageError as StorageError
    from wordkit.errors import TextError as TextError
    from wordkit.errors import UnknownWordError as UnknownWordError
    from wordkit.errors import VersionError as VersionError
    from wordkit.errors import VocabularyError as VocabularyError
    from wordkit.errors import WordkitError as WordkitError
    from wordkit.errors import WordkitWarning as WordkitWarning
    from wordkit.lm import LanguageModel as LanguageModel
    from wordkit.lm.door import train_language_model as train_language_model
    from wordkit.seq2seq import Seq2SeqModel as Seq2SeqModel
    from wordkit.seq2seq.dialogue import DialogueModel as DialogueModel
    from wordkit.seq2seq.dialogue import train_dialogue as train_dialogue
    from wordkit.seq2seq.door import train_seq2seq as train_seq2seq
    from wordkit.text import Corpus as Corpus
    from wordkit.text import Vocabulary as Vocabulary
    from wordkit.thesaurus import Thesaurus as Thesaurus
    from wordkit.word2vec.door import train_word2vec as train_word2vec

_PACKAGES = (
    "bundled", "classification", "counts", "documents", "embeddings", "evaluation", "lm", "plots",
    "seq2seq", "text", "thesaurus", "word2vec",
)  # fmt: skip

_HOMES = {
    "wordkit.api": (
        "compare", "evaluate_analogies", "evaluate_similarity", "find_phrases", "load", "prepare",
    ),
    "wordkit.word2vec.door": ("train_word2vec",),
    "wordkit.counts.door": ("train_counts", "train_glove"),
    "wordkit.lm.door": ("train_language_model",),
    "wordkit.seq2seq.door": ("train_seq2seq",),
    "wordkit.text": ("Corpus", "Vocabulary"),
    "wordkit.embeddings": ("Embeddings",),
    "wordkit.classification": ("Classifier", "evaluate_classifier", "train_classifier"),
    "wordkit.documents": ("DocumentVectors",),
    "wordkit.lm": ("LanguageModel",),
    "wordkit.seq2seq": ("Seq2SeqModel",),
    "wordkit.seq2seq.dialogue": ("DialogueModel", "train_dialogue"),
    "wordkit.thesaurus": ("Thesaurus",),
    "wordkit.errors": (
        "ConfigError", "CorpusError", "DivergenceError", "EmbeddingsError", "FormatError",
        "LostProcessError", "ResourceError", "StorageError", "TextError", "UnknownWordError",
        "VersionError", "VocabularyError", "WordkitError", "WordkitWarning",
    ),
}  # fmt: skip
"""The module of each name; it is imported when the name is first used."""

_FAMILIAR = {
    "Word2Vec": "train_word2vec", "KeyedVectors": "Embeddings",
    "FastText": "train_word2vec(text, subwords='3-6')",
    "Glove": "train_glove", "GloVe": "train_glove", "Phrases": "find_phrases",
    "Phraser": "find_phrases",
    "train_unsupervised": "train_word2vec(text, subwords='3-6')", "load_model": "load",
    "LineSentence": "prepare", "TextClassifier": "classification.TextClassifier",
    "load_facebook_model": "load", "load_facebook_vectors": "load",
    "train_supervised": "train_classifier",
}  # fmt: skip
"""Names of gensim and fastText, with ours."""


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"wordkit.{name}")
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    hint = f"; use wordkit.{_FAMILIAR[name]}" if name in _FAMILIAR else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    names = [name for group in _HOMES.values() for name in group]
    return sorted([*names, *_PACKAGES, "__version__"])
