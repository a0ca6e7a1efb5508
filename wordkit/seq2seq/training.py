"""The training of a sequence model: from pairs of texts, or from dialogues, to a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import torch

from wordkit.config import change
from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, TextError, counted
from wordkit.nn.initialization import check_dimensions, set_embeddings
from wordkit.runtime import Report, versions
from wordkit.runtime.processes import Processes
from wordkit.seq2seq.batches import warn_of_unseen
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig, check_latent
from wordkit.seq2seq.examples import PAIRS, ExampleKind
from wordkit.seq2seq.fitting import plan_training
from wordkit.seq2seq.memory import check_training_memory
from wordkit.seq2seq.model import Seq2SeqModel, SequenceModel
from wordkit.seq2seq.network import initialize, start_from
from wordkit.seq2seq.pairs import Pair, learn_pieces, vocabulary_of
from wordkit.seq2seq.task import Seq2SeqTask
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Vocabulary
from wordkit.text.bpe import BytePairEncoding
from wordkit.training.checkpoint import TrainingCheckpoint, resumed_metadata
from wordkit.training.finetuning import check_shape, join_vocabularies
from wordkit.training.run import TrainingRun, decided

__all__ = [
    "Seq2SeqCheckpoint", "iter_train", "iter_train_seq2seq", "iter_train_texts", "read_checkpoint",
]  # fmt: skip

Seq2SeqCheckpoint = TrainingCheckpoint[Seq2SeqConfig, Seq2SeqTrainingConfig]


def read_checkpoint(path: str | os.PathLike[str]) -> Seq2SeqCheckpoint:
    """Read a checkpoint, and check all of it.

    Raises:
        StorageError: the file cannot be read.
        FormatError: it is corrupted, of another kind, or of an older version.
    """
    return PAIRS.read_checkpoint(path)


def iter_train_texts(
    kind: ExampleKind,
    read: Callable[[Any, bool], list[Any]],
    texts: Any,
    model: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    valid: Any = None,
    hold_out: float = 0.1,
    preset: str | None = None,
    init: SequenceModel | None = None,
    embeddings: Sequence[Embeddings | None] = (),
    device: str = "auto",
    resume: TrainingCheckpoint[Any, Any] | None = None,
    update: Callable[..., Any] = change,
    say: Callable[[str], object] = lambda text: None,
    **options: Any,
) -> TrainingRun[Any]:
    """Return a training on texts, whose settings that are not given are fitted to them.

    Args:
        kind: of the examples.
        read: reads a text; its second argument is true where each line is a text for an
            autoencoder.
        texts, valid: to train and to validate on, as ``read`` takes them.
        model, training, preset, update: as for :func:`wordkit.seq2seq.fitting.plan_training`.
        hold_out: the fraction to validate on where ``valid`` is None.
        init, embeddings, device, resume, options: as for :func:`iter_train`.
        say: takes lines on the data and on the settings that were chosen.
    """
    plan = plan_training(
        model, training, preset=preset, resume=resume, init=None if init is None else init.config,
        embeddings=[each for each in embeddings if each is not None], update=update,
        config=kind.model.CONFIG,
    )  # fmt: skip
    train, held_out = (
        [] if each is None else kind.normalized(read(each, plan.autoencode), plan.normalize)
        for each in (texts, valid)
    )
    if valid is None and hold_out:
        train, held_out = kind.split(train, hold_out, plan.seed)
    some = counted(len(train), kind.name.removesuffix("s"))
    turns = "" if kind is PAIRS else f" of {sum(map(len, train)):,} turns"
    say(f"{some}{turns} to train on, {len(held_out):,} to validate on")
    chosen = plan.fit(kind.pairs(train), device)
    if plan.preset is None:
        settings, units = chosen.training, chosen.training.batch_tokens
        facts = [chosen.model.summary, f"dropout {chosen.model.dropout:g}"]
        facts += [f"bucket {settings.bucket}"] if settings.bucket > 1 else []
        facts += [f"batches of {counted(units, 'unit')}" if units else f"batch {settings.batch}"]
        say(f"{chosen.description}: {', '.join(facts)}, lr {settings.lr:g}")
    return iter_train(
        kind, train, chosen.model, chosen.training, valid=held_out, init=init,
        embeddings=embeddings, device=device, resume=resume, **options,
    )  # fmt: skip


def iter_train_seq2seq(
    pairs: Sequence[Pair],
    model: Seq2SeqConfig | None = None,
    config: Seq2SeqTrainingConfig | None = None,
    *,
    valid: Sequence[Pair] = (),
    init: Seq2SeqModel | None = None,
    source_embeddings: Embeddings | None = None,
    target_embeddings: Embeddings | None = None,
    device: str = "auto",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
    resume: Seq2SeqCheckpoint | None = None,
) -> TrainingRun[Seq2SeqModel]:
    """Train a model that writes the targets of pairs.

    The same pairs, settings and seed on one machine give the same model, unless the clock ends the
    training (``config.max_minutes``), or other processes keep the cores busy while ``threads`` is
    None: sums over another number of threads are rounded differently.

    Args:
        pairs: to train on; the vocabularies are made from them alone, and of the units of ``init``.
        model: the shape of the model; None: the defaults, or that of ``init``.
        config: how it is trained; None: the defaults.
        valid: pairs to validate on, after each epoch; the best model by them is the one kept. None
            of them: the model is kept as it is in the end.
        init: a model to start from, of the same shape: its units stay, and those of the pairs join
            them.
        source_embeddings, target_embeddings: input embeddings to start from, of the model's
            dimensions, matched by unit.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: of the CPU; None: all cores, but fewer while other processes keep them busy.
        checkpoint: where to keep the state of the training, and how often.
        resume: a checkpoint of a training on the same pairs with the same settings.

    Returns:
        A run that reports the stages ``training`` (pairs done; as figures the ``epoch``, the
        ``epochs`` done, the ``loss`` in nats a unit over this epoch, the ``lr`` and, once known,
        the ``valid_perplexity`` and ``valid_exact``, the fraction of the validation pairs, of the
        first ten thousand, whose target is written exactly) and ``validating``, whose last report
        has the same figures anew. With a latent variable the loss is the negative ELBO, the
        perplexity a bound, and ``valid_elbo`` and ``valid_kl`` are in nats a pair.

    Raises:
        TextError: there is no pair, or a source is empty.
        ConfigError: a setting is invalid, or differs from that of ``resume``, or the checkpoints
            would replace another file or an unfinished training.
        ResourceError: there is too little memory, or no such device.
        DivergenceError: the loss is no finite number any more (in the run).
        StorageError: a checkpoint cannot be written.
    """
    return iter_train(
        PAIRS, pairs, model, config, valid=valid, init=init,
        embeddings=(source_embeddings, target_embeddings), device=device, threads=threads,
        checkpoint=checkpoint, resume=resume,
    )  # fmt: skip


def iter_train(
    kind: ExampleKind,
    examples: Sequence[Any],
    model: Seq2SeqConfig | None,
    config: Seq2SeqTrainingConfig | None,
    *,
    valid: Sequence[Any] = (),
    init: SequenceModel | None = None,
    embeddings: Sequence[Embeddings | None] = (),
    device: str = "auto",
    threads: int | None = None,
    checkpoint: CheckpointPlan | None = None,
    resume: TrainingCheckpoint[Any, Any] | None = None,
) -> TrainingRun[Any]:
    """Train a model on examples of a kind, as :func:`iter_train_seq2seq` does on pairs.

    Args:
        kind: of the examples.
        examples: to train on, and all else as for :func:`iter_train_seq2seq`.
        embeddings: for each of the vocabularies.
    """
    model = model or (kind.model.CONFIG() if init is None else init.config)
    config = config or kind.config()
    check_latent(model.latent, config)
    given = [vectors for vectors in embeddings if vectors is not None]
    if init is not None:
        check_shape(init.config, asdict(model))
        if given:
            raise ConfigError("init and embeddings both say what to start from; give one")
    for vectors in given:
        check_dimensions(vectors, model.dim)
    config, device = decided(
        config, device, checkpoint, resume, kind.read_checkpoint, kind.task.checkpoint_kind
    )
    if not any(len(example) > 1 for example in examples):
        raise TextError(f"there is no {kind.one} to train on; give one at least")
    examples, valid = (kind.normalized(each, model.normalize) for each in (examples, valid))
    if len(kind.model.PREFIXES) > 1:
        sides: list[Any] = [*zip(*examples, strict=True)]
    else:
        sides = [[*chain.from_iterable(examples)]]
    vocabularies, bpe = _units(examples, sides, model, config, init, resume)
    train, held_out = (
        kind.encode(each, *vocabularies, model.unit, bpe) for each in (examples, valid)
    )
    warn_of_unseen(held_out)
    metadata: dict[str, Any] = {
        "made_by": kind.model.COMMAND,
        "settings": asdict(config),
        kind.name: kind.record(examples),
        "valid": kind.record(valid) if valid else None,
        "versions": versions("torch", "numpy", "numba"),
    }  # the same for equal runs, so without times
    if bpe is not None:
        metadata["bpe"] = bpe.record()
    if init is not None:
        metadata["init"] = _by_side(
            {"words": len(old), "new_words": len(new) - len(old)}
            for old, new in zip(init.vocabularies, vocabularies, strict=True)
        )
    metadata |= resumed_metadata(resume, model, config, metadata, (kind.name, "valid"))
    sizes = [len(vocabulary) for vocabulary in vocabularies]
    check_training_memory(
        model, lambda: kind.model.NETWORK(model, *sizes), train, held_out, config, kind.task.unit
    )

    def make_task(processes: Processes) -> Generator[Report, None, Seq2SeqTask]:
        network = kind.model.NETWORK(model, *sizes)
        if resume is None and init is not None:
            found = [vocabulary_of(texts, model.unit, bpe=bpe) for texts in sides]
            start_from(network, vocabularies, init, found)
        elif resume is None:
            initialize(network, torch.Generator().manual_seed(config.seed))
            matrices = (network.encoder.embedding, network.decoder.embedding)
            known = [
                None
                if vectors is None
                else {"known": set_embeddings(matrix, words, vectors), "words": len(words)}
                for matrix, words, vectors in zip(matrices, vocabularies, embeddings, strict=False)
            ]
            if given:
                metadata["embeddings"] = _by_side(known)
        yield Report("training", 0, None, kind.task.unit)
        return kind.task(
            network.to(device), vocabularies, train, held_out, config, metadata, processes
        )

    return TrainingRun(make_task, device, threads, checkpoints=checkpoint, resume=resume)


def _units(
    examples: Sequence[Any], sides: Sequence[Sequence[str]], model: Seq2SeqConfig,
    config: Seq2SeqTrainingConfig, init: SequenceModel | None,
    resume: TrainingCheckpoint[Any, Any] | None,
) -> tuple[tuple[Vocabulary, ...], BytePairEncoding | None]:  # fmt: skip
    """Return the units of each side, joined with those of the model to start from, and pieces."""
    bpe = None if init is None else init.bpe
    if resume is not None:
        if model.unit == "bpe":
            bpe = BytePairEncoding.from_record(resume.about.get("bpe"))
        return resume.vocabularies, bpe
    if bpe is None and model.unit == "bpe":
        bpe = learn_pieces(examples, config.max_vocabulary)
    limits: dict[str, Any] = {"min_count": config.min_count, "max_size": config.max_vocabulary}
    if init is None:
        return tuple(vocabulary_of(texts, model.unit, bpe=bpe, **limits) for texts in sides), bpe
    joined = (
        join_vocabularies(old, vocabulary_of(texts, model.unit, bpe=bpe), **limits)
        for old, texts in zip(init.vocabularies, sides, strict=True)
    )
    return tuple(joined), bpe


def _by_side(found: Iterable[Any]) -> dict[str, Any]:
    """Return what was found for the one vocabulary, or by the names of sources and targets."""
    each = [*found]
    sides = zip(("source", "target"), each, strict=False)
    return each[0] if len(each) == 1 else {side: part for side, part in sides if part is not None}
