"""gensim's word2vec under wordkit's settings, for the benchmarks to compare with."""

from __future__ import annotations

import time
from pathlib import Path

from gensim.models import Word2Vec

from wordkit.embeddings import Embeddings
from wordkit.text import Corpus
from wordkit.word2vec import Word2VecConfig

__all__ = ["DEFAULT_LR", "Gensim", "script"]

DEFAULT_LR = 0.025
"""gensim's own, for both architectures."""


class Gensim:
    """A model of gensim with the vocabulary of a corpus; ready to be trained.

    Args:
        corpus: whose words and counts it takes.
        config: the settings; where no ``lr`` is set, gensim's default is taken.
        threads: gensim's ``workers``.
    """

    def __init__(self, corpus: Corpus, config: Word2VecConfig, *, threads: int) -> None:
        self._model = Word2Vec(
            vector_size=config.dim,
            alpha=DEFAULT_LR if config.lr is None else config.lr,
            min_alpha=config.min_lr,
            window=config.window,
            min_count=config.min_count,
            sample=config.sample,
            seed=config.seed,
            workers=threads,
            sg=int(config.arch == "skipgram"),
            negative=config.negative,
            ns_exponent=config.ns_exponent,
            epochs=config.epochs,
        )
        counts = dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True))
        self._model.build_vocab_from_freq(counts, corpus_count=corpus.sentences)

    def train(self, tokens: Path, words: int) -> float:
        """Train anew on a file of tokens; return the seconds.

        Args:
            tokens: a sentence a line.
            words: how many tokens the file has.
        """
        model = self._model
        model.init_weights()
        model.min_alpha_yet_reached = float(model.alpha)  # or it would warn of the second training
        began = time.perf_counter()
        model.train(corpus_file=str(tokens), total_words=words, epochs=model.epochs)
        return time.perf_counter() - began

    def embeddings(self) -> Embeddings:
        """The vectors, for wordkit's evaluation."""
        return Embeddings(self._model.wv.index_to_key, self._model.wv.vectors)


def script(tokens: Path, output: Path, config: Word2VecConfig, threads: int) -> str:
    """Return the script with gensim to get from a file of tokens to a file of vectors."""
    return (
        "from gensim.models import Word2Vec\n"
        f"model = Word2Vec(corpus_file={str(tokens)!r}, vector_size={config.dim}, "
        f"window={config.window}, min_count={config.min_count}, sample={config.sample}, "
        f"negative={config.negative}, sg={int(config.arch == 'skipgram')}, workers={threads}, "
        f"epochs={config.epochs})\n"
        f"model.wv.save({str(output)!r})\n"
    )
