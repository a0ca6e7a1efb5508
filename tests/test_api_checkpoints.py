"""Checkpoints and files of the front door: what is resumed, and what is never replaced."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordkit
from wordkit import bundled
from wordkit.documents import DocumentVectors, iter_embed_lines
from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError, FormatError, StorageError
from wordkit.lm import iter_train_language_model
from wordkit.seq2seq import Pair, iter_train_seq2seq
from wordkit.storage.checkpoints import CheckpointPlan
from wordkit.text import Corpus
from wordkit.word2vec import iter_train_word2vec
from wordkit_corpora import open_text

LINES = ["the cat sat on the mat", "the dog sat on the log"]
TOKENS = [line.split() for line in LINES]


@pytest.fixture(scope="module")
def vectors() -> Embeddings:
    loaded = wordkit.load(bundled.VECTORS)
    assert isinstance(loaded, Embeddings)
    return loaded


def test_a_training_is_resumed_from_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c"
    settings: dict[str, Any] = {"dim": 4, "epochs": 2, "min_count": 1, "sample": 0.0, "threads": 1}
    made = wordkit.train_word2vec(TOKENS, checkpoint=path, resume=True, **settings)
    again = wordkit.train_word2vec(TOKENS, checkpoint=path, resume=True, threads=1)
    assert np.array_equal(made.vectors, again.vectors)
    with pytest.raises(FormatError, match="train_word2vec and wordkit train-w2v resume it"):
        wordkit.load(path)
    path = tmp_path / "lm"
    options: dict[str, Any] = {"hidden": 8, "epochs": 1, "checkpoint": path, "resume": True}
    first = wordkit.train_language_model(LINES * 50, **options)
    second = wordkit.train_language_model(LINES * 50, **options)
    assert first.generate(method="greedy") == second.generate(method="greedy")
    with pytest.raises(ConfigError, match="was begun with .*; or leave out preset"):
        wordkit.train_language_model(LINES * 50, preset="rnnlm", **options)
    with pytest.raises(FormatError, match="train_language_model and wordkit train-lm resume it"):
        wordkit.load(path)


def test_checkpoints_replace_nothing_of_use(tmp_path: Path) -> None:
    plan, corpus = CheckpointPlan(tmp_path / "c"), Corpus.from_sentences(TOKENS * 50)
    pairs = [Pair(str(n), "even" if n % 2 == 0 else "odd") for n in range(50)]
    trainings: list[tuple[Any, Any, Any]] = [
        (wordkit.train_word2vec, iter_train_word2vec, corpus),
        (wordkit.train_language_model, iter_train_language_model, corpus),
        (wordkit.train_seq2seq, iter_train_seq2seq, pairs),
    ]
    for train, iter_train, text in trainings:
        with pytest.raises(StorageError, match="there is no folder"):
            iter_train(text, checkpoint=CheckpointPlan(tmp_path / "none" / "c"))
        Path(plan.path).write_text("not to be lost")
        for resume in (False, True):
            with pytest.raises(ConfigError, match="c exists and is no .* checkpoint"):
                train(text, checkpoint=plan.path, resume=resume)
        with pytest.raises(ConfigError, match="c exists and is no .* checkpoint"):
            iter_train(text, checkpoint=plan)
        assert Path(plan.path).read_text() == "not to be lost"
        Path(plan.path).write_text("")
        run = iter_train(text, checkpoint=plan)
        while not (report := next(run)).done or report.stage != "training":
            pass
        run.close()
        stopped = Path(plan.path).read_bytes()
        for again in (train, iter_train):
            with pytest.raises(ConfigError, match=r"c holds a training that was stopped a\w+ \d"):
                again(text, checkpoint=plan)
        assert Path(plan.path).read_bytes() == stopped


def test_what_is_read_is_not_replaced(vectors: Embeddings, tmp_path: Path) -> None:
    """By vectors of lines, or the second file of the projector."""
    text, words = tmp_path / "t.tsv", tmp_path / "q.metadata.tsv"
    text.write_text("a\tb\n" * 400)
    vectors.save(own := tmp_path / "v.safetensors")
    shutil.copy(own, words)
    mapped, lines = load_embeddings(own), open_text(text)
    with pytest.raises(ConfigError, match="is read"):
        iter_embed_lines(DocumentVectors(mapped), lines, text)
    with pytest.raises(ConfigError, match="is read"):
        load_embeddings(words).save(tmp_path / "q.tsv")
    assert text.read_text() == "a\tb\n" * 400 and words.read_bytes() == own.read_bytes()
    mapped.save(own)  # whole, before the file that it is mapped from goes
    assert np.array_equal(load_embeddings(own).vectors, mapped.vectors)


def test_initial_vectors_and_a_checkpoint_that_is_resumed(
    vectors: Embeddings, tmp_path: Path
) -> None:
    """The same call twice: the vectors are where the first begins, the checkpoint the second."""
    settings: dict[str, Any] = {"init": vectors, "resume": True, "checkpoint": tmp_path / "c"}
    once, again = (wordkit.train_word2vec(TOKENS * 9, threads=1, **settings) for _ in range(2))
    assert np.array_equal(once.vectors, again.vectors)
