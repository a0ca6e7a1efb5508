"""wordkit info: what a file holds."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wordkit_cli.models import load_model, load_vectors
from wordkit_cli.options import json_option, model_option
from wordkit_cli.output import print_json, print_table

if TYPE_CHECKING:
    from wordkit.counts import GloveCheckpoint
    from wordkit.seq2seq.model import SequenceModel
    from wordkit.training.checkpoint import TrainingCheckpoint
    from wordkit.word2vec import Checkpoint as Word2VecCheckpoint

__all__ = ["command"]

_MAX_SHOWN = 100  # entries of a list


@click.command("info")
@click.argument("path", metavar="[FILE]", required=False)
@model_option
@json_option
def command(path: str | None, model: str | None, as_json: bool) -> None:
    """Show what FILE holds and how it was made: vectors, a model, a corpus, a checkpoint.

    All of it is read, so corruption is found. Without FILE: the vectors that a query would ask.

    \b
    Examples:
      wordkit info vectors.safetensors
      wordkit info lm.safetensors
      wordkit info corpus.ids --json
      wordkit info training.checkpoint
    """
    if path is not None and model is not None:
        raise click.UsageError("name the file once: as FILE or with --model")
    path = path if model is None else model
    known = _known(path)
    if as_json:
        print_json(known)
    else:
        print_table([(name, _text(value)) for name, value in _flat(known)])


def _known(path: str | None) -> dict[str, Any]:
    from wordkit import seq2seq, storage
    from wordkit.seq2seq import dialogue
    from wordkit.text.corpus import is_corpus

    kinds: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
        storage.WORD2VEC_CHECKPOINT: ("checkpoint of wordkit train-w2v", _word2vec_checkpoint),
        storage.GLOVE_CHECKPOINT: ("checkpoint of wordkit train-glove", _glove_checkpoint),
        storage.LANGUAGE_MODEL: ("language model", _language_model),
        storage.SEQ2SEQ_MODEL: (
            "sequence to sequence model",
            lambda path: _sequence_model(seq2seq.load_seq2seq(path)),
        ),
        storage.DIALOGUE_MODEL: (
            "dialogue model",
            lambda path: _sequence_model(dialogue.load_dialogue_model(path)),
        ),
        storage.LANGUAGE_MODEL_CHECKPOINT: (
            "checkpoint of wordkit train-lm",
            _language_model_checkpoint,
        ),
        storage.VOCABULARY: ("vocabulary", _vocabulary),
        storage.CLASSIFIER: ("classifier", _classifier),
        storage.SEQ2SEQ_CHECKPOINT: (
            "checkpoint of wordkit train-seq2seq",
            lambda path: _checkpoint(seq2seq.read_checkpoint(path)),
        ),
        storage.DIALOGUE_CHECKPOINT: (
            "checkpoint of wordkit train-dialogue",
            lambda path: _checkpoint(dialogue.read_dialogue_checkpoint(path)),
        ),
    }
    if path is None:
        return _vectors(path)
    if is_corpus(path):
        return _corpus(path)
    if (kind := storage.kind_of(path)) in kinds:
        title, describe = kinds[kind]
        return {"file": path, "kind": title, **describe(path), "bytes": os.path.getsize(path)}
    return _vectors(path)


def _corpus(path: str) -> dict[str, Any]:
    from wordkit.text import Corpus

    corpus = Corpus.open(path)
    corpus.check()
    is_here = isinstance(corpus.folder, Path)
    return {
        "file": path,
        "kind": "corpus",
        "tokens": corpus.tokens,
        "words": len(corpus.vocabulary),
        "lines": corpus.sentences,
        "bytes": sum(e.stat().st_size for e in Path(path).iterdir()) if is_here else None,
        "fingerprint": corpus.fingerprint,
        "most_frequent": list(corpus.vocabulary.words[:10]),
        "settings": corpus.settings,
    }


def _vocabulary(path: str) -> dict[str, Any]:
    from wordkit.text import Vocabulary

    vocabulary = Vocabulary.load(path)
    return {
        "words": len(vocabulary),
        "tokens": int(vocabulary.counts.sum()) if vocabulary.has_counts else None,
        "first_words": list(vocabulary.words[:10]),
    }


def _classifier(path: str) -> dict[str, Any]:
    from wordkit.classification import Classifier

    model = Classifier.load(path)
    return {
        "labels": dict(zip(model.labels, model.labels.counts.tolist(), strict=True)),
        "words": len(model.features.vocabulary),
        "ngrams": len(model.features.buckets),
        "text": dict(model.text),
        "settings": asdict(model.config),
        "made": dict(model.metadata),
    }


def _language_model(path: str) -> dict[str, Any]:
    model = load_model(path, "cpu")
    counts = model.vocabulary.counts
    return {
        "words": len(model.vocabulary),
        "dimensions": model.config.width_in,
        "parameters": sum(weights.numel() for weights in model.network.parameters()),
        "tokens": int(counts.sum()),
        "first_words": list(model.vocabulary.words[:10]),
        "network": asdict(model.config),
        "made": dict(model.metadata),
    }


def _sequence_model(model: SequenceModel) -> dict[str, Any]:
    units = zip(model.PREFIXES, model.vocabularies, strict=True)
    return {
        "parameters": sum(weights.numel() for weights in model.network.parameters()),
        **{f"{side}units": len(vocabulary) for side, vocabulary in units},
        model.LONGEST: getattr(model, model.LONGEST),
        "network": asdict(model.config),
        "made": dict(model.metadata),
    }


def _language_model_checkpoint(path: str) -> dict[str, Any]:
    from wordkit.lm import read_checkpoint

    checkpoint = read_checkpoint(path)
    return {
        "words": len(checkpoint.vocabulary),
        "first_words": list(checkpoint.vocabulary.words[:10]),
        **_checkpoint(checkpoint),
    }


def _checkpoint(checkpoint: TrainingCheckpoint[Any, Any]) -> dict[str, Any]:
    state = checkpoint.state
    return {
        f"{checkpoint.unit}s_done": state.seen,
        "epochs_done": state.epoch,
        "validations": len(state.validations),
        "best_perplexity": math.exp(state.best_loss) if state.best_loss < math.inf else None,
        "seconds": round(state.seconds, 3),
        "network": asdict(checkpoint.model),
        "settings": asdict(checkpoint.training),
        "made": dict(checkpoint.about),
    }


def _word2vec_checkpoint(path: str) -> dict[str, Any]:
    from wordkit.word2vec import read_checkpoint

    checkpoint = read_checkpoint(path)
    state, loss_sum = checkpoint.state, checkpoint.state.loss_sum
    loss = loss_sum.mean_loss if loss_sum.predictions else None
    known = _vectors_checkpoint(checkpoint, loss, checkpoint.config.record())
    return {**known, "kept": state.kept, "joined": state.joined}


def _glove_checkpoint(path: str) -> dict[str, Any]:
    from wordkit.counts import read_glove_checkpoint

    checkpoint = read_glove_checkpoint(path)
    loss = checkpoint.state.mean_loss if checkpoint.state.steps else None
    return _vectors_checkpoint(checkpoint, loss, asdict(checkpoint.config))


def _vectors_checkpoint(
    checkpoint: Word2VecCheckpoint | GloveCheckpoint, loss: float | None, settings: dict[str, Any]
) -> dict[str, Any]:
    state, config = checkpoint.state, checkpoint.config
    return {
        "words": len(state.vocabulary),
        "dimensions": config.dim,
        "done": round(checkpoint.fraction_done, 4),
        "epoch": min(state.epoch + 1, config.epochs),
        "loss": loss,
        "seconds": round(state.seconds, 3),
        "first_words": list(state.vocabulary.words[:10]),
        "corpus": dict(checkpoint.corpus),
        "settings": settings,
    }


def _vectors(path: str | None) -> dict[str, Any]:
    from wordkit.embeddings.formats import detect_format
    from wordkit_cli.models import VECTORS, find

    path = find(VECTORS, path)
    vectors = load_vectors(path)
    vectors.check()
    counts = vectors.vocabulary
    return {
        "file": path,
        "kind": "vectors",
        "format": detect_format(path).name,
        "words": len(vectors),
        "dimensions": vectors.dim,
        "bytes": os.path.getsize(path),
        "tokens": int(counts.counts.sum()) if counts.has_counts else None,
        "first_words": list(vectors.words[:10]),
        "ngrams": None if vectors.subwords is None else len(vectors.subwords.matrix),
        "weights": list(vectors.weights) or None,
        "made": dict(vectors.metadata),
    }


def _flat(known: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested values as names with dots."""
    rows: list[tuple[str, Any]] = []
    for name, value in known.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif value is not None:
            rows.append((prefix + name, value))
    return rows


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple) and len(value) > _MAX_SHOWN:
        return f"{_text(value[:10])} and {len(value) - 10:,} more"
    if isinstance(value, list | tuple):
        return " ".join(_text(entry) for entry in value)
    return str(value)
