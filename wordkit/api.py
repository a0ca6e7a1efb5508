"""The front door: texts of any kind in, settings as keywords, values out.

Each function trains or measures to the end and returns the value. The packages behind it have the
same with the prefix ``iter_``, which yield reports on the way.
"""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from wordkit import bundled
from wordkit.config import Settings, change, check_names, check_number, settings_of
from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError, FormatError, TextError, missing_hint
from wordkit.evaluation import (
    AnalogyScores,
    AnalogySection,
    SimilarityScore,
    WordPair,
    WordPairs,
    iter_evaluate_analogies,
)
from wordkit.evaluation import evaluate_similarity as _evaluate_similarity
from wordkit.runtime.progress_bar import finish
from wordkit.storage import (
    CLASSIFIER,
    DIALOGUE_CHECKPOINT,
    DIALOGUE_MODEL,
    GLOVE_CHECKPOINT,
    LANGUAGE_MODEL,
    LANGUAGE_MODEL_CHECKPOINT,
    SEQ2SEQ_CHECKPOINT,
    SEQ2SEQ_MODEL,
    VOCABULARY,
    WORD2VEC_CHECKPOINT,
    is_of_kind,
)
from wordkit.storage.checkpoints import CheckpointPlan, resumed_checkpoint
from wordkit.text import Corpus, Vocabulary
from wordkit.text.corpus import UNTOLD
from wordkit_corpora import Text, iter_open_lines, iter_read_corpus

if TYPE_CHECKING:
    from distributed import Client

    from wordkit.classification import Classifier
    from wordkit.counts import CountsConfig, GloveConfig
    from wordkit.lm import LanguageModel, ModelConfig, TrainingConfig
    from wordkit.seq2seq import Pair, Seq2SeqConfig, Seq2SeqModel, Seq2SeqTrainingConfig
    from wordkit.seq2seq.dialogue import DialogueModel
    from wordkit.text import Phrase, PhraseConfig
    from wordkit.thesaurus import Comparison, Thesaurus
    from wordkit.word2vec import Word2VecConfig

__all__ = [
    "compare",
    "evaluate_analogies",
    "evaluate_similarity",
    "find_phrases",
    "load",
    "prepare",
    "train_counts",
    "train_glove",
    "train_language_model",
    "train_seq2seq",
    "train_word2vec",
]

_CHECKPOINTS = {
    WORD2VEC_CHECKPOINT: "train_word2vec",
    GLOVE_CHECKPOINT: "train_glove",
    LANGUAGE_MODEL_CHECKPOINT: "train_language_model",
    SEQ2SEQ_CHECKPOINT: "train_seq2seq",
    DIALOGUE_CHECKPOINT: "train_dialogue",
}
_FILE_SETTINGS = ("encoding", "errors", "data_dir")
_TEXT_SETTINGS = ("tokenizer", "numbers", "normalize", "case", *_FILE_SETTINGS)


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
    phrases = ("phrases", "phrase_score", "phrase_threshold", "phrase_min_count")
    known = (*_TEXT_SETTINGS, "min_count", "max_size", "unk", "eos", *phrases, "vocabulary")
    check_names(settings, known)
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

    reading, given = _split(find_phrases, settings, (PhraseConfig, config))
    config = change(PhraseConfig(), **given)
    corpus = finish(iter_read_corpus(text, threads=threads, **reading), progress)
    return finish(iter_find_phrases(corpus, config, threads=threads), progress)


def train_word2vec(
    text: Text = (),
    config: Word2VecConfig | None = None,
    *,
    init: Embeddings | str | os.PathLike[str] | None = None,
    resume: Embeddings | str | os.PathLike[str] | bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Embeddings:
    """Train word vectors by word2vec.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        config: settings; those that are given as keywords replace its own.
        init: vectors to start from, or their file; not used where a checkpoint is resumed.
        resume: a model whose training is resumed on this text, which new words join, or its file;
            True: the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        device, threads: as for :func:`wordkit.word2vec.iter_train_word2vec`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.word2vec.Word2VecConfig`, such as ``dim`` (100),
            ``epochs`` (5), ``window`` (5), ``min_count`` (5), ``negative`` (5), ``sample`` (1e-3),
            ``arch`` ("cbow" or "skipgram"), ``loss`` ("ns", "hs" or "softmax"), ``lr``, ``seed``;
            and of the text: ``tokenizer``, ``numbers``, ``normalize``, ``case``, ``encoding``,
            ``errors`` and ``data_dir``.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.word2vec.iter_train_word2vec` say.
    """
    from wordkit.word2vec import Word2VecConfig, begin_training, iter_train_word2vec

    reading, given = _split(train_word2vec, settings, (Word2VecConfig, config))
    plan = _plan(checkpoint)
    beginning = begin_training(given, init=init, resume=resume, checkpoint=plan)
    corpus = finish(iter_read_corpus(text, threads=threads, **reading), progress)
    run = iter_train_word2vec(
        corpus, beginning.config, start=beginning.start(corpus), device=device, threads=threads,
        checkpoint=plan,
    )  # fmt: skip
    return finish(run, progress)


def train_counts(
    text: Text,
    config: CountsConfig | None = None,
    *,
    memory: int | None = None,
    threads: int | None = None,
    client: Client | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Embeddings:
    """Make word vectors by counting: co-occurrence, PPMI, truncated SVD.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        config: settings; those that are given as keywords replace its own.
        memory, threads, client: as for :func:`wordkit.counts.iter_train_counts`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.counts.CountsConfig`, such as ``dim`` (100), ``window``
            (10), ``min_count`` (5), ``weighting`` ("harmonic"), ``shift`` (1), ``smoothing`` (1),
            ``seed``; and of the text, as for :func:`train_word2vec`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.counts.iter_train_counts` say.
    """
    from wordkit.counts import CountsConfig, iter_train_counts

    reading, given = _split(train_counts, settings, (CountsConfig, config))
    config = change(CountsConfig(), **given)
    reader = iter_read_corpus(text, threads=threads, client=client, **reading)
    corpus = finish(reader, progress)
    run = iter_train_counts(corpus, config, memory=memory, threads=threads, client=client)
    return finish(run, progress)


def train_glove(
    text: Text,
    config: GloveConfig | None = None,
    *,
    resume: bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    memory: int | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Embeddings:
    """Train word vectors by GloVe: least squares on the logarithms of co-occurrence.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        config: settings; those that are given as keywords replace its own.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        memory, threads: as for :func:`wordkit.counts.iter_train_glove`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.counts.GloveConfig`, such as ``dim`` (100), ``window``
            (15), ``epochs`` (25), ``x_max`` (100), ``alpha`` (0.75), ``min_count`` (5), ``lr``,
            ``seed``; and of the text, as for :func:`train_word2vec`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.counts.iter_train_glove` say.
    """
    from wordkit.counts import GloveConfig, begin_glove, iter_train_glove

    reading, given = _split(train_glove, settings, (GloveConfig, config))
    plan = _plan(checkpoint)
    chosen, resumed, _ = begin_glove(given, resume=resume, checkpoint=plan)
    corpus = finish(iter_read_corpus(text, threads=threads, **reading), progress)
    run = iter_train_glove(
        corpus, chosen, resume=resumed, memory=memory, threads=threads, checkpoint=plan
    )
    return finish(run, progress)


def train_language_model(
    text: Text,
    model: ModelConfig | None = None,
    config: TrainingConfig | None = None,
    *,
    valid: Text | None = None,
    hold_out: float | None = None,
    preset: str | None = None,
    embeddings: Embeddings | str | os.PathLike[str] | None = None,
    init: LanguageModel | str | os.PathLike[str] | None = None,
    resume: bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> LanguageModel:
    """Train a language model: RNN, LSTM, GRU or Transformer.

    Without ``preset``, ``epochs`` or ``max_minutes`` the training takes five minutes, and the
    model is the one that learns most in them.

    Args:
        text: what :func:`prepare` takes, or a corpus.
        model, config: settings of the model and of the training; those that are given as keywords
            replace their own.
        valid: a text to validate on; the best model by it is the one returned.
        hold_out: the fraction of ``text``, its end, to validate on without ``valid`` (0.05).
        preset: a name of ``wordkit.lm.PRESETS``; None: settings fitted to the text and the time.
        embeddings: word vectors to start from, or their file.
        init: a language model to fine-tune, or its file: its words stay, those of the text join
            them, and the text is tokenized as its own was.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        device, threads: as for :func:`wordkit.lm.iter_train_language_model`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.lm.ModelConfig`, such as ``arch`` ("recurrent"),
            ``cell`` ("lstm"), ``hidden``, ``layers`` (1), ``dropout``, ``tied``; of
            :class:`wordkit.lm.TrainingConfig`, such as ``epochs``, ``max_minutes``, ``batch``,
            ``steps``, ``lr``, ``optimizer``, ``patience``, ``max_vocabulary``, ``seed``; and of the
            text, as for :func:`train_word2vec`.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        WordkitError: as :func:`prepare` and :func:`wordkit.lm.iter_train_language_model` say.
    """
    from wordkit.lm import (
        LanguageModel,
        ModelConfig,
        TrainingConfig,
        iter_train_language_model,
        read_checkpoint,
    )
    from wordkit.lm import hold_out as split_corpus
    from wordkit.lm.fitting import plan_training
    from wordkit.training.config import check_validation

    reading, of_model, of_training = _split(
        train_language_model, settings, (ModelConfig, model), (TrainingConfig, config)
    )
    vectors = None if embeddings is None else _vectors(embeddings)
    check_validation(of_training, valid=valid is not None, hold_out=hold_out)
    fraction = 0.05 if hold_out is None else hold_out
    writing = _plan(checkpoint)
    resumed, _ = resumed_checkpoint(
        writing, read_checkpoint, kind=LANGUAGE_MODEL_CHECKPOINT, resume=resume
    )
    start: LanguageModel | None = _start(init, LanguageModel)
    plan = plan_training(
        of_model, of_training, preset=preset, resume=resumed, embeddings=vectors,
        init=None if start is None else start.config,
    )  # fmt: skip
    words = dict[str, Any]()
    if start is not None:
        words = {"like": start.text_settings}
        for name in UNTOLD.keys() & reading.keys():
            if isinstance(reading[name], str) and reading[name] != words["like"][name]:
                raise ConfigError(
                    f"{name} has no effect with init: the text is read as the model's own text "
                    "was; leave it out"
                )
    elif reading.get("tokenizer") == "bpe":  # it learns from what is trained on
        words = {"max_size": of_training.get("max_vocabulary")}
        words["learnt_fraction"] = 1.0 if valid is not None else 1 - fraction
    train = finish(iter_read_corpus(text, eos=True, threads=threads, **reading, **words), progress)
    validation: Corpus | None = None
    if valid is not None:
        like = {**UNTOLD, **train.settings, **reading}
        files = {name: value for name, value in reading.items() if name not in UNTOLD}
        validation = finish(
            iter_read_corpus(valid, eos=True, threads=threads, like=like, **files), progress
        )
    elif fraction:
        train, validation = split_corpus(train, fraction)
    chosen = finish(plan.iter_fit(train, device=device, threads=threads), progress)
    run = iter_train_language_model(
        train, chosen.model, chosen.training, valid=validation, embeddings=vectors, init=start,
        device=device, threads=threads, checkpoint=writing, resume=resumed,
    )  # fmt: skip
    return finish(run, progress)


def train_seq2seq(
    pairs: Text | Iterable[tuple[str, str]],
    model: Seq2SeqConfig | None = None,
    config: Seq2SeqTrainingConfig | None = None,
    *,
    valid: Text | Iterable[tuple[str, str]] | None = None,
    hold_out: float | None = None,
    preset: str | None = None,
    init: Seq2SeqModel | str | os.PathLike[str] | None = None,
    source_embeddings: Embeddings | str | os.PathLike[str] | None = None,
    target_embeddings: Embeddings | str | os.PathLike[str] | None = None,
    separator: str = "\t",
    resume: bool = False,
    checkpoint: str | os.PathLike[str] | CheckpointPlan | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Seq2SeqModel:
    """Train a sequence-to-sequence model on pairs of texts.

    Settings that are not given are fitted to the pairs: to their unit, their lengths, and how often
    the training sees them.

    Args:
        pairs: pairs of strings, source and target; or a text, a pair a line; with ``autoencode``
            any text, whose lines are learnt.
        model, config: settings of the model and of the training; those that are given as keywords
            replace their own.
        valid: pairs to validate on; the best model by them is the one returned.
        hold_out: the fraction of the sources to validate on without ``valid`` (0.1).
        preset: a name of ``wordkit.seq2seq.PRESETS``; None: fitted settings.
        init: a model to fine-tune, or its file: its units stay, those of the pairs join them.
        source_embeddings, target_embeddings: vectors to start from, or their files.
        separator: what stands between source and target in a line.
        resume: resume the training of ``checkpoint``, where there is one already.
        checkpoint: a file for the state of the training, written every five minutes.
        device, threads: as for :func:`wordkit.seq2seq.iter_train_seq2seq`.
        progress: show a bar; None: in terminals and notebooks.
        settings: fields of :class:`wordkit.seq2seq.Seq2SeqConfig`, such as ``unit`` ("char",
            "word" or "bpe"), ``hidden`` (256), ``attention``, ``directions``, ``reverse``; of
            :class:`wordkit.seq2seq.Seq2SeqTrainingConfig`, such as ``epochs``, ``max_minutes``,
            ``batch``, ``lr``, ``seed``; and ``encoding``, ``errors``, ``data_dir`` of files. There
            is no tokenizer: words are separated by white space.

    Raises:
        ConfigError: a setting is unknown, out of its range, or has no effect.
        TextError: a text cannot be read, or a line is no pair.
        WordkitError: as :func:`wordkit.seq2seq.iter_train_seq2seq` says.
    """
    from wordkit.seq2seq import (
        Seq2SeqConfig,
        Seq2SeqModel,
        Seq2SeqTrainingConfig,
        iter_train_seq2seq,
        read_checkpoint,
        split_pairs,
    )
    from wordkit.seq2seq.fitting import plan_training
    from wordkit.seq2seq.pairs import normalized_pairs
    from wordkit.training.config import check_validation

    reading, of_model, of_training = _split(
        train_seq2seq,
        settings,
        (Seq2SeqConfig, model),
        (Seq2SeqTrainingConfig, config),
        text=_FILE_SETTINGS,
    )
    writing = _plan(checkpoint)
    resumed, _ = resumed_checkpoint(
        writing, read_checkpoint, kind=SEQ2SEQ_CHECKPOINT, resume=resume
    )
    check_validation(of_training, valid=valid is not None, hold_out=hold_out)
    fraction = 0.1 if hold_out is None else hold_out
    start: Seq2SeqModel | None = _start(init, Seq2SeqModel)
    vectors = {
        name: _vectors(given)
        for name, given in (
            ("source_embeddings", source_embeddings), ("target_embeddings", target_embeddings)
        )
        if given is not None
    }  # fmt: skip
    plan = plan_training(
        of_model, of_training, preset=preset, resume=resumed,
        init=None if start is None else start.config, embeddings=[*vectors.values()],
    )  # fmt: skip
    read = partial(_pairs, separator=separator, reading=reading, autoencode=plan.autoencode)
    train = normalized_pairs(read(pairs), plan.normalize)
    if valid is not None:
        valid = read(valid)
    elif fraction:
        train, valid = split_pairs(train, fraction, plan.seed)
    chosen = plan.fit(train, device)
    run = iter_train_seq2seq(
        train, chosen.model, chosen.training, valid=valid or (), init=start, device=device,
        threads=threads, checkpoint=writing, resume=resumed, **vectors,
    )  # fmt: skip
    return finish(run, progress)


def _pairs(
    pairs: Text | Iterable[tuple[str, str]], *, separator: str, reading: Mapping[str, Any],
    autoencode: bool,
) -> list[Pair]:  # fmt: skip
    """Return pairs of strings, or read those of a text; for an autoencoder, each line twice."""
    from wordkit.seq2seq import Pair, read_pairs, read_texts

    if autoencode:
        return [*read_texts(iter_open_lines(pairs, **reading).result().source)]

    if isinstance(pairs, Mapping) or hasattr(pairs, "columns"):
        raise ConfigError(f"pairs must be a file or pairs of strings, not a {type(pairs).__name__}")
    if not isinstance(pairs, str | os.PathLike) and isinstance(pairs, Iterable):
        listed: list[Any] = list(pairs)
        in_lines = listed and isinstance(listed[0], str | bytes | os.PathLike | io.IOBase)
        if listed and not in_lines:
            return [_pair(pair, number) for number, pair in enumerate(listed, 1)]
        pairs = listed
    source = iter_open_lines(pairs, **reading).result().source
    return [Pair(*pair) for pair in read_pairs(source, separator)]


def _pair(pair: Any, number: int) -> Pair:
    from wordkit.seq2seq import Pair

    texts = [] if isinstance(pair, str | bytes) or not isinstance(pair, Iterable) else [*pair]
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        raise TextError(
            f"pair {number} must be a source and a target, strings, not {pair!r:.60}"
            f"{missing_hint(*texts)}"
        )
    return Pair(*(text.strip() for text in texts))


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
    by_counting = _vectors(bundled.COUNTS if counted is None else counted)
    by_inference = _vectors(bundled.VECTORS if inferred is None else inferred)
    more = {"glove": glove, "subwords": subwords}
    asked = {name: _vectors(given) for name, given in more.items() if given is not None}
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
        path: the file, or the folder of a prepared corpus or of WordNet's files.
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
    if os.path.isdir(path):
        return Corpus.open(path)
    if is_of_kind(path, LANGUAGE_MODEL):
        from wordkit.lm import load_language_model

        return load_language_model(path, device)
    if is_of_kind(path, SEQ2SEQ_MODEL):
        from wordkit.seq2seq import load_seq2seq

        return load_seq2seq(path, device)
    if is_of_kind(path, CLASSIFIER):
        from wordkit.classification import Classifier

        return Classifier.load(path)
    if is_of_kind(path, DIALOGUE_MODEL):
        from wordkit.seq2seq.dialogue import load_dialogue_model

        return load_dialogue_model(path, device)
    if is_of_kind(path, VOCABULARY):
        return Vocabulary.load(path)
    for kind, training in _CHECKPOINTS.items():
        if is_of_kind(path, kind):
            raise FormatError(
                f"{path} is a checkpoint, which holds no finished model; resume it by "
                f"wordkit.{training} with checkpoint and resume=True"
            )
    return load_embeddings(path)


# --- arguments ---------------------------------------------------------------------------------


def _start(init: Any, kind: Any) -> Any:
    """The model to start from, given itself or by its file."""
    if init is None or isinstance(init, kind):
        return init
    if not isinstance(init, str | os.PathLike):
        raise ConfigError(f"init must be a {kind.__name__} or its file, not {init!r:.50}")
    return kind.load(init)


def _vectors(vectors: Embeddings | str | os.PathLike[str]) -> Embeddings:
    return vectors if isinstance(vectors, Embeddings) else load_embeddings(vectors)


def _plan(checkpoint: str | os.PathLike[str] | CheckpointPlan | None) -> CheckpointPlan | None:
    if checkpoint is None or isinstance(checkpoint, CheckpointPlan):
        return checkpoint
    return CheckpointPlan(checkpoint)


def _split(
    train: Callable[..., Any],
    settings: Mapping[str, Any],
    *kinds: tuple[type[Settings], Settings | None],
    text: tuple[str, ...] = _TEXT_SETTINGS,
) -> list[dict[str, Any]]:
    """Return the settings of the text, then those of each class, of its instance or given."""
    names = [text, *(tuple(settings_of(kind)) for kind, _ in kinds)]
    parameters = inspect.signature(train).parameters.values()
    arguments = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    check_names(settings, [name for group in (arguments, *reversed(names)) for name in group])
    given = [{name: settings[name] for name in group if name in settings} for group in names]
    for (kind, config), fields in zip(kinds, given[1:], strict=True):
        if config is not None:
            if not isinstance(config, kind):
                raise ConfigError(f"expected a {kind.__name__}, not {config!r:.50}")
            fields |= {name: getattr(config, name) for name in settings_of(kind)} | fields
    return given
