"""The front door: texts of any kind in, settings as keywords, values out.

Each function works to the end and returns the value; those that train are in ``door.py`` of their
packages. The packages have the same with the prefix ``iter_``, which yield reports on the way.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import wordkit
from wordkit import bundled, storage
from wordkit.config import change, check_names, check_number
from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError, TextError
from wordkit.evaluation import (
    AnalogyScores,
    AnalogySection,
    SimilarityScore,
    WordPair,
    WordPairs,
    iter_evaluate_analogies,
)
from wordkit.evaluation import evaluate_similarity as _evaluate_similarity
from wordkit.keywords import TEXT_SETTINGS, loaded, split_settings
from wordkit.runtime.progress_bar import finish
from wordkit.storage.remote import is_remote
from wordkit.text import Corpus, Vocabulary
from wordkit.text.config import PHRASE_SETTINGS
from wordkit_corpora import Text, iter_read_corpus

if TYPE_CHECKING:
    from distributed import Client

    from wordkit.classification import Classifier
    from wordkit.lm import LanguageModel
    from wordkit.seq2seq import Seq2SeqModel
    from wordkit.seq2seq.dialogue import DialogueModel
    from wordkit.text import Phrase, PhraseConfig
    from wordkit.thesaurus import Comparison, Thesaurus

__all__ = [
    "compare", "evaluate_analogies", "evaluate_similarity", "find_phrases", "load", "prepare",
]  # fmt: skip


def prepare(
    text: Text,
    folder: str | os.PathLike[str] | None = None,
    *,
    threads: int | None = None,
    client: Client | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Corpus:
    """Read a text of any kind into a corpus.

    Args:
        text: a path (of a file, plain or compressed, a folder, or a glob) or a list of them, the
            name of a corpus (``ptb``, ``pydocs``), a prepared corpus or its folder, an open file,
            an iterable of lines (a list, a generator, a pandas Series), or an iterable of lists of
            tokens, which are taken as they are. A list of strings is lines, unless they name files.
        folder: where to keep the corpus; None: a temporary folder that goes with it, or memory.
        threads: the number of threads; None: all cores.
        client: of a Dask cluster (``distributed.Client``) whose workers read files; the corpus is
            the same, byte for byte.
        progress: show a bar; None: in terminals and notebooks.
        settings: ``tokenizer`` (a name that ``wordkit tokenizers`` lists, or a callable),
            ``numbers``, ``normalize``, ``case``, ``min_count``, ``max_size``, ``unk``, ``eos``,
            ``phrases`` (2 or 3 words that are joined), ``phrase_score``, ``phrase_threshold``,
            ``phrase_min_count``, ``vocabulary``, ``encoding``, ``errors`` and ``data_dir``: see
            :func:`wordkit_corpora.iter_read_corpus`.

    Raises:
        ConfigError: it is no text, or a setting is unknown, out of its range, or has no effect.
        TextError: the text cannot be read, holds no token, or names no file and no corpus.
        CorpusError: a prepared corpus is corrupted.
        VocabularyError: no word is left.
        StorageError: the folder cannot be written.
    """
    words = ("min_count", "max_size", "unk", "eos", *PHRASE_SETTINGS, "vocabulary")
    check_names(settings, (*TEXT_SETTINGS, *words))
    run = iter_read_corpus(text, folder, threads=threads, client=client, **settings)
    return finish(run, progress)


def find_phrases(
    text: Text,
    config: PhraseConfig | None = None,
    *,
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> list[Phrase]:
    """Find neighbours that occur together more often than by chance, best first.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        config: settings; those that are given as keywords replace its own.
        threads: the number of threads; None: all cores.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.text.PhraseConfig`: ``score`` ("word2vec" or "npmi"),
            ``threshold`` (100, with npmi 0.5), ``min_count`` (5); and of the text, as for
            :func:`train_word2vec`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` says.
    """
    from wordkit.text import PhraseConfig, iter_find_phrases

    reading, given = split_settings(find_phrases, settings, (PhraseConfig, config))
    config = change(PhraseConfig(), **given)
    corpus = finish(iter_read_corpus(text, threads=threads, **reading), progress)
    return finish(iter_find_phrases(corpus, config, threads=threads), progress)


def evaluate_similarity(
    vectors: Embeddings | str | os.PathLike[str],
    pairs: WordPairs | str | os.PathLike[str] | Iterable[tuple[str, str, float]],
    **options: Any,
) -> SimilarityScore:
    """Correlate the cosines of word pairs with the scores that people gave them.

    Args:
        vectors: the vectors, or their file.
        pairs: a file such as that of WordSim-353, or word, word and score of each pair.
        options: as for :func:`wordkit.evaluation.evaluate_similarity`.

    Raises:
        WordkitError: a file cannot be read, or an option is out of its range.
    """
    from wordkit_corpora.evaluation_sets import read_word_pairs

    check_names(options, ("restrict_vocab", "case_insensitive"))
    if isinstance(pairs, str | os.PathLike):
        pairs = read_word_pairs(pairs)
    elif not isinstance(pairs, WordPairs):
        pairs = WordPairs("pairs", tuple(map(_word_pair, pairs)))
    return _evaluate_similarity(_vectors(vectors), pairs, **options)


def _word_pair(pair: Sequence[object]) -> WordPair:
    match [*pair] if isinstance(pair, Iterable) and not isinstance(pair, str) else pair:
        case [str(a), str(b), score]:
            return WordPair(a, b, check_number("score", score, float))
    raise TextError(f"a word pair has two words and a score, not {pair!r:.60}")


def evaluate_analogies(
    vectors: Embeddings | str | os.PathLike[str],
    questions: str | os.PathLike[str] | Sequence[AnalogySection] | Iterable[Sequence[str]],
    *,
    progress: bool | None = None,
    **options: Any,
) -> AnalogyScores:
    """Measure how many analogy questions the vectors answer.

    Args:
        vectors: the vectors, or their file.
        questions: a file such as ``questions-words.txt``, its sections, or four words for each
            question: a is to b as c is to d.
        progress: show a bar; None: in terminals and notebooks.
        options: as for :func:`wordkit.evaluation.iter_evaluate_analogies`.

    Raises:
        WordkitError: a file cannot be read, or an option is out of its range.
    """
    from wordkit_corpora.evaluation_sets import read_analogies

    check_names(options, ("method", "restrict_vocab", "case_insensitive", "threads"))
    if isinstance(questions, str | os.PathLike):
        sections: Sequence[AnalogySection] = read_analogies(questions)
    else:
        listed: list[Any] = list(questions)
        sections = listed
        if listed and not isinstance(listed[0], AnalogySection):
            sections = [AnalogySection("questions", tuple(map(_question, listed)))]
    return finish(iter_evaluate_analogies(_vectors(vectors), sections, **options), progress)


def _question(words: Sequence[str]) -> tuple[str, str, str, str]:
    match [*words] if isinstance(words, Iterable) and not isinstance(words, str) else words:
        case [str(a), str(b), str(c), str(d)]:
            return a, b, c, d
    raise TextError(f"a question has four words, a b c d, not {words!r:.60}")


def compare(
    word: str,
    n: int = 10,
    *,
    thesaurus: Thesaurus | None = None,
    counted: Embeddings | str | os.PathLike[str] | None = None,
    inferred: Embeddings | str | os.PathLike[str] | None = None,
    glove: Embeddings | str | os.PathLike[str] | None = None,
    subwords: Embeddings | str | os.PathLike[str] | None = None,
) -> Comparison:
    """Return the neighbours of a word by thesaurus, counting, inference, GloVe and subwords.

    Args:
        word: the word.
        n: how many neighbours of each, at most.
        thesaurus: None: the WordNet of this machine, where there is one.
        counted, inferred: vectors, or their files; None: those that come with wordkit.
        glove, subwords: vectors, or their files; None: leave them out.

    Raises:
        UnknownWordError: none of them knows the word.
    """
    from wordkit.thesaurus import compare as compare_by
    from wordkit.thesaurus import installed_wordnet, load_thesaurus

    if thesaurus is None and installed_wordnet() is not None:
        thesaurus = load_thesaurus()
    by_counting = _vectors(bundled.COUNTS if counted is None else counted, "counted")
    by_inference = _vectors(bundled.VECTORS if inferred is None else inferred, "inferred")
    more = {"glove": glove, "subwords": subwords}
    asked = {name: _vectors(given, name) for name, given in more.items() if given is not None}
    return compare_by(
        word, n, thesaurus=thesaurus, counted=by_counting, inferred=by_inference, **asked
    )


def load(
    path: str | os.PathLike[str], *, device: str = "cpu"
) -> (
    Classifier | Corpus | DialogueModel | Embeddings | LanguageModel | Seq2SeqModel | Thesaurus
    | Vocabulary
):  # fmt: skip
    """Load what a file or a folder holds: vectors of any format, a model, a corpus, a WordNet.

    Whatever it is, its ``save(path)`` writes what can be loaded again.

    Args:
        path: the file, or the folder of a prepared corpus (also its URL) or of WordNet's files.
        device: where the network of a model goes: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        StorageError: it cannot be read.
        FormatError: it is corrupted, or of another kind; a checkpoint is resumed by the training.
        CorpusError: a folder is no corpus, or a corrupted one.
    """
    if not isinstance(path, str | os.PathLike):
        raise ConfigError(f"path must name a file or a folder, not {path!r:.50}")
    from wordkit.thesaurus import is_wordnet, load_thesaurus

    if is_wordnet(path):
        return load_thesaurus(path)
    if os.path.isdir(path) or is_remote(path):
        return Corpus.open(path)
    match storage.kind_of(path):
        case storage.LANGUAGE_MODEL:
            return wordkit.LanguageModel.load(path, device)
        case storage.SEQ2SEQ_MODEL:
            return wordkit.Seq2SeqModel.load(path, device)
        case storage.DIALOGUE_MODEL:
            return wordkit.DialogueModel.load(path, device)
        case storage.CLASSIFIER:
            return wordkit.Classifier.load(path)
        case storage.VOCABULARY:
            return Vocabulary.load(path)
    return load_embeddings(path)


def _vectors(given: Embeddings | str | os.PathLike[str], name: str = "vectors") -> Embeddings:
    return loaded(name, given, Embeddings)
