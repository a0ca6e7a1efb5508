"""The classifier: a text → the probabilities of labels.

N is the number of texts, R of words and n-grams that are known, K of labels, O of outputs (K, or
K − 1 nodes of a Huffman tree), D of dimensions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wordkit import aliases
from wordkit.classification import kernels
from wordkit.classification.config import ClassifierConfig
from wordkit.classification.features import Features, TokenTable, check_buckets
from wordkit.config import check_number, from_record
from wordkit.errors import ConfigError, DivergenceError, FormatError, VocabularyError, counted
from wordkit.runtime import ThreadPool
from wordkit.storage import CLASSIFIER, TensorFile, read_tensors, to_json, write_tensors
from wordkit.storage.quantization import check_precision, dequantize, quantize
from wordkit.text.lookup import Document, WordIds
from wordkit.text.tokenizers import Tokenizer, tokenizer_of
from wordkit.text.vocabulary import Vocabulary
from wordkit.word2vec.huffman import HuffmanTree, huffman_tree

__all__ = ["Classifier", "Prediction"]

Floats = npt.NDArray[np.float32]

_GROUP = 4096  # texts of a task of a thread
_SETTINGS, _TEXT, _MADE = "config", "text", "made"  # entries of the metadata


class Prediction(NamedTuple):
    """A label, and how probable it is."""

    label: str
    probability: float


@dataclass(frozen=True, eq=False)
class Classifier:
    """A text classifier, which :func:`wordkit.classification.train_classifier` makes.

    The logits of a text are those of its words and n-grams, in the mean: their vectors, times the
    output matrix. Where that has fewer rows than the vectors have dimensions, the product is kept:
    a score of each word and n-gram for each output.
    """

    config: ClassifierConfig
    """The settings that it was trained with."""

    labels: Vocabulary
    """K labels with their counts in the training data, most frequent first."""

    features: Features
    """The words and n-grams that are known."""

    vectors: Floats
    """The vectors of words and n-grams, shape (R, D), or their logits, (R, O)."""

    output: Floats | None = None
    """The output matrix, shape (O, D); None: the vectors are logits."""

    text: Mapping[str, Any] = field(default_factory=lambda: {"tokenizer": "basic"})
    """The settings of the text: ``tokenizer``, and where they are known ``normalize``, ``case``."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Metadata of the training, in types that JSON has."""

    def __post_init__(self) -> None:
        K, width = len(self.labels), self.vectors.shape[1]
        outputs = K - 1 if self.config.loss == "hs" else K
        rows, shape = self.features.rows, (outputs, width)
        if K < 2:
            raise VocabularyError(f"a classifier needs two labels or more, not {K}")
        if len(self.vectors) != rows or (shape if self.output is None else self.output.shape) != (
            outputs, width,
        ) or (self.output is None and width != outputs):  # fmt: skip
            raise VocabularyError(
                f"{counted(rows, 'word')} and n-grams and {counted(outputs, 'output')} do not fit "
                f"vectors of shape {self.vectors.shape}"
            )

    def __getattr__(self, name: str) -> Any:
        """Say what a name of fastText's or scikit-learn's is here."""
        fault = f"Classifier has no attribute {name!r}{aliases.hint(aliases.CLASSIFIER, name)}"
        raise AttributeError(fault, name=name, obj=self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Classifier:
        """Load the classifier of a file.

        Raises:
            StorageError: the file cannot be read.
            FormatError: it is corrupted, or of another kind.
        """
        try:
            file = read_tensors(path, kind=CLASSIFIER)
        except FormatError:
            from wordkit.embeddings.formats.fasttext import FASTTEXT_BINARY

            with open(path, "rb") as content:
                is_fasttext = FASTTEXT_BINARY.recognize(content.read(4), "")
            if is_fasttext:
                raise FormatError(
                    f"{path} is a model of fastText, whose vectors alone are read; train a "
                    "classifier on its texts by wordkit train-classifier"
                ) from None
            raise
        try:
            return _restored(file)
        except (ConfigError, VocabularyError) as error:
            raise FormatError(f"{path} is corrupted: {error}; copy or make it again") from error

    def save(self, path: str | os.PathLike[str], *, precision: str = "fp32") -> None:
        """Write the classifier to one file, atomically.

        Args:
            path: the file.
            precision: of the numbers: ``fp32``, ``fp16``, or ``int8`` in a quarter of the bytes.

        Raises:
            ConfigError: there is no such precision, the tokenizer is a function, which no file
                can hold, or JSON cannot hold the metadata.
            StorageError: the file cannot be written.
        """
        check_precision(precision)
        if not isinstance(self.text.get("tokenizer"), str):
            raise ConfigError(
                "a file cannot hold a function as the tokenizer; train with a named one"
            )
        output = {} if self.output is None else quantize("output", self.output, precision)
        # one scale for each output of many small numbers, not one for each word
        by_output = self.output is None
        vectors = self.vectors.T if by_output else self.vectors
        metadata = {
            _SETTINGS: to_json(asdict(self.config)),
            _TEXT: to_json(dict(self.text)),
            _MADE: to_json(dict(self.metadata)),
        }
        tensors = {
            **quantize("scores" if by_output else "vectors", vectors, precision),
            **output,
            "buckets": self.features.buckets,
            **self.features.vocabulary.to_arrays(),
            **{f"labels.{name}": array for name, array in self.labels.to_arrays().items()},
        }
        write_tensors(path, tensors, kind=CLASSIFIER, metadata=metadata)

    def pruned(self, max_ngrams: int) -> Classifier:
        """Return a classifier with all words, and the n-grams whose vectors have the largest norms.

        After Joulin et al., "FastText.zip: Compressing text classification models" (2016).

        Args:
            max_ngrams: how many are kept.

        Raises:
            ConfigError: it is no number above 0.
        """
        check_number("max_ngrams", max_ngrams)
        words, rows = np.split(self.vectors, [len(self.features.vocabulary)])
        kept = np.sort(np.argsort(-np.linalg.norm(rows, axis=1), kind="stable")[:max_ngrams])
        features = replace(self.features, buckets=self.features.buckets[kept])
        return replace(self, features=features, vectors=np.concatenate([words, rows[kept]]))

    # --- prediction -------------------------------------------------------------------------------

    def predict(
        self,
        texts: Document | Iterable[Document],
        k: int = 1,
        *,
        threshold: float = 0.0,
        threads: int | None = None,
    ) -> list[list[Prediction]]:
        """Return the most probable labels of each text, best first.

        Args:
            texts: strings, or lists of tokens, which are taken as they are; or one string.
            k: labels of a text, at most.
            threshold: the least probability of a label.
            threads: the number of threads; None: all cores.

        Raises:
            ConfigError: a number is out of its range, or a text is no text.
            TextError: a text is not valid Unicode.
        """
        check_number("k", k)
        check_number("threshold", threshold, float, at_least=0, at_most=1)
        found = self.probabilities(texts, threads=threads)
        k = min(k, len(self.labels))
        names = np.array(self.labels.words, object)
        best = found.argmax(axis=1)[:, None] if k == 1 else np.argsort(-found, axis=1)[:, :k]
        highest = np.take_along_axis(found, best, axis=1)
        is_kept = highest >= threshold
        kept = map(Prediction, names[best[is_kept]].tolist(), highest[is_kept].tolist())
        return [list(islice(kept, number)) for number in is_kept.sum(axis=1).tolist()]

    def probabilities(
        self, texts: Document | Iterable[Document], *, threads: int | None = None
    ) -> Floats:
        """Return the probability of each label for each text, shape (N, K).

        They add up to 1, unless the loss is ``ova``, by which each label is decided by itself.

        Args:
            texts, threads: as for :meth:`predict`.

        Raises:
            ConfigError: a text is neither a string nor a list of strings.
            TextError: it is not valid Unicode.
        """
        if not isinstance(texts, Iterable):
            raise ConfigError(f"texts must be strings or lists of tokens, not {texts!r:.50}")
        listed: list[Document] = [texts] if isinstance(texts, str) else list(texts)
        if not listed:
            return np.zeros((0, len(self.labels)), np.float32)
        table = TokenTable(self._tokenizer)
        return self.normalized(self.logits_of(table, table.read(listed), threads=threads))

    def logits_of(self, table: TokenTable, words: WordIds, *, threads: int | None = 1) -> Floats:
        """Return the logits of outputs for texts whose words a table has read, shape (N, O)."""
        find = self.features.finder(table)

        def answer(start: int) -> Floats:
            rows = find(words[start : start + _GROUP])
            hidden = np.empty((len(rows), self.vectors.shape[1]), np.float32)
            kernels.means(rows.ids, rows.offsets, self.vectors, hidden)
            return hidden if self.output is None else hidden @ self.output.T

        with ThreadPool(threads) as pool:
            return np.concatenate([*pool.map(answer, range(0, len(words), _GROUP))])

    @property
    def scores(self) -> Floats:
        """The score of each word and n-gram for each output, shape (R, O)."""
        return self.vectors if self.output is None else self.vectors @ self.output.T

    def normalized(self, logits: Floats) -> Floats:
        """Return the probabilities of labels by the logits of outputs, shape (N, K)."""
        if self.config.loss == "softmax":
            exp_logits = np.exp(logits - logits.max(axis=1, keepdims=True))
            return np.asarray(exp_logits / exp_logits.sum(axis=1, keepdims=True))
        if self.config.loss == "ova":
            return _sigmoid(logits)
        tree = self._tree  # log σ(±z) of the nodes on each path
        signed = logits[:, tree.nodes] * (1 - 2.0 * tree.codes.astype(np.float32))
        logs = -np.logaddexp(0, -signed)
        return np.asarray(np.exp(np.add.reduceat(logs, tree.starts[:-1], axis=1)), np.float32)

    @cached_property
    def _tree(self) -> HuffmanTree:
        return huffman_tree(self.labels.counts)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return tokenizer_of(self.text)

    def __repr__(self) -> str:
        words, ngrams = len(self.features.vocabulary), len(self.features.buckets)
        return (
            f"Classifier({counted(len(self.labels), 'label')}, {counted(words, 'word')}, "
            f"{counted(ngrams, 'n-gram')})"
        )


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)


def scores_of(vectors: Floats, output: Floats) -> tuple[Floats, Floats | None]:
    """Return vectors and output matrix, or their product where that is smaller."""
    if len(output) > vectors.shape[1]:
        return vectors, output
    return np.ascontiguousarray(vectors @ output.T), None


def check_finite(*matrices: Floats) -> None:
    """Raise DivergenceError if a number is not finite."""
    if not all(np.isfinite(matrix).all() for matrix in matrices):
        raise DivergenceError("the training diverged: the vectors are not finite; lower lr")


def _restored(file: TensorFile) -> Classifier:
    config = from_record(ClassifierConfig, file.record(_SETTINGS))
    check_buckets(config)
    buckets = file.tensor("buckets", np.int32, 1)
    is_sorted = len(buckets) == 0 or (buckets[0] >= 0 and buckets[-1] < config.buckets)
    if not is_sorted or (buckets[1:] <= buckets[:-1]).any():
        raise ConfigError("its buckets are out of their range or order")
    vocabulary, labels = Vocabulary.from_file(file), Vocabulary.from_file(file, "labels.")
    _ = "" in vocabulary, "" in labels  # finds a word that comes twice
    if (labels.counts[1:] > labels.counts[:-1]).any():
        raise ConfigError("its labels are not in the order of their counts")
    output = None
    if "output" in file.tensors:
        vectors, output = dequantize(file, "vectors"), dequantize(file, "output")
    else:
        vectors = np.ascontiguousarray(dequantize(file, "scores").T)
    for matrix in (vectors, output):
        if matrix is not None and not np.isfinite(matrix).all():
            raise ConfigError("some of its numbers are not finite")
    text = file.record(_TEXT)
    if not isinstance(text.get("tokenizer"), str):
        raise ConfigError("its tokenizer has no name")
    _ = tokenizer_of(text)
    features = Features(vocabulary, buckets, config)
    return Classifier(config, labels, features, vectors, output, text, file.record(_MADE))
