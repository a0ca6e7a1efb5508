"""train-w2v, from text to answers, and asked for too much."""

from __future__ import annotations

import inspect
import json
import random
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from command_line import Wordkit, log_of
from w2v_calls import SMALL, run

from wordkit.embeddings import load_embeddings
from wordkit.errors import ConfigError, WordkitError
from wordkit.word2vec import Word2VecConfig
from wordkit_cli.train_w2v import command

# --- from text to vectors -------------------------------------------------------------------------


def test_from_text_to_answers_without_a_flag(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    done = wordkit("train-w2v", corpus_txt)
    assert done.stdout == ""
    assert "corpus.txt: 1,530 tokens of 20 words in 120 lines" in done.stderr
    summary = done.stderr.splitlines()[-1]
    assert summary.startswith("vectors.safetensors: 20 words, 100 dimensions, loss ")
    assert summary.endswith(" words/s")
    made = json.loads(wordkit("info", "--json").stdout)["made"]
    assert made["made_by"] == "wordkit train-w2v"
    assert f"loss {made['training']['loss']:.3f}" in summary
    assert {p.name for p in folder.iterdir()} == {"corpus.txt", "vectors.safetensors"}


def test_words_of_one_kind_are_near_each_other(wordkit: Wordkit, folder: Path) -> None:
    """Two kinds of sentences, no word in common: only training can tell the words apart."""
    chooser = random.Random(1)
    kinds = [[f"{kind}{i}" for i in range(10)] for kind in "ab"]
    lines = [" ".join(chooser.choices(chooser.choice(kinds), k=8)) for _ in range(1500)]
    (folder / "kinds.txt").write_text("\n".join(lines))
    for arch in ("skipgram", "cbow"):
        wordkit("train-w2v", "kinds.txt", "--arch", arch, "--dim", "10", "--sample", "0", "-q")
        near = load_embeddings("vectors.safetensors").most_similar("a3", n=9)
        assert {neighbour.word[0] for neighbour in near} == {"a"}, arch


def test_the_defaults_of_other_programs(wordkit: Wordkit, corpus_txt: Path) -> None:
    def trained(*options: str) -> Any:
        wordkit("train-w2v", corpus_txt, "--epochs", "1", "-q", *options)
        settings = load_embeddings("vectors.safetensors").metadata["settings"]
        names = ("arch", "lr", "min_lr", "sample", "cbow_gradient", "vectors")
        return tuple(settings[name] for name in names)

    assert trained("--like", "word2vec") == ("cbow", 0.05, 5e-6, 1e-3, "word2vec", "in")
    assert trained("--like", "fasttext") == ("skipgram", 0.05, 0, 1e-4, "true", "in")
    changed = trained("--like", "gensim", "--arch", "skipgram", "--vectors", "out")
    assert changed == ("skipgram", 0.025, 1e-4, 1e-3, "true", "out")


def test_settings_like_gensim_are_its_defaults() -> None:
    gensim = pytest.importorskip("gensim.models")
    theirs = inspect.signature(gensim.Word2Vec).parameters
    config = Word2VecConfig.like("gensim")
    names = {"vector_size": "dim", "alpha": "lr", "min_alpha": "min_lr"} | {
        name: name
        for name in ("window", "min_count", "sample", "negative", "ns_exponent", "epochs")
    }
    for name, ours in names.items():
        assert theirs[name].default == getattr(config, ours), name
    with pytest.raises(ConfigError, match="like must be one of word2vec, gensim, fasttext"):
        Word2VecConfig.like("glove")


def test_torch_on_the_cpu(wordkit: Wordkit, corpus_txt: Path) -> None:
    wordkit("train-w2v", corpus_txt, *SMALL, "--device", "torch-cpu", "-q")
    vectors = load_embeddings("vectors.safetensors")
    assert vectors.metadata["training"]["device"] != "1 CPU thread"
    assert "torch" in vectors.metadata["versions"]
    assert 0 < vectors.metadata["training"]["loss"] < 6 * np.log(2) + 0.1


def test_the_log(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    wordkit("train-w2v", corpus_txt, *SMALL, "--log", "log")
    lines = log_of(folder)
    assert [line["stage"] for line in lines][-1] == "training"
    last, common = lines[-1], {"seconds", "stage", "done", "total", "unit", "per_second"}
    assert set(last) == common | {"seconds_left", "loss", "epoch", "epochs", "lr"}
    assert last["done"] == last["total"] == 2 * 1530 and last["unit"] == "words"
    assert last["epoch"] == last["epochs"] == 2 and last["lr"] == 1e-4 and last["seconds_left"] == 0
    loss = load_embeddings("vectors.safetensors").metadata["training"]["loss"]
    assert last["loss"] == loss  # not rounded
    assert isinstance(last["per_second"], float) and last["per_second"] > 0


# --- subwords -------------------------------------------------------------------------------------


def test_subwords_give_vectors_to_other_words(wordkit: Wordkit, corpus_txt: Path) -> None:
    wordkit("train-w2v", corpus_txt, *SMALL, "--subwords", "3-6", "--arch", "skipgram", "-q")
    done = wordkit("similar", "kings", "-n", "3")
    assert "composed of character n-grams, as it is no word of these vectors: kings" in done.stderr
    settings = load_embeddings("vectors.safetensors").metadata["settings"]
    assert (settings["subwords"], settings["buckets"], settings["vectors"]) == (
        "3-6", 2_000_000, "in",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--subwords 6-3", "the shorter length comes first, as in 3-6"),
        ("--subwords 3", "lengths of the shortest and the longest n-grams, as in 3-6, not '3'"),
        ("--subwords 0-0", "min_n must be from 1 to 100, not 0"),
        ("--subwords 3-6 --buckets 0", "buckets must be from 1 to 2147483647, not 0"),
        ("--subwords 3-6 --buckets 9999999999", "buckets must be from 1 to 2147483647"),
        ("--buckets 9", "buckets 9 has no effect without subwords"),
        ("--subwords 3-6 --vectors sum", "vectors must be in with subwords, not sum"),
    ],
)
def test_impossible_subwords(
    wordkit: Wordkit, corpus_txt: Path, options: str, message: str
) -> None:
    assert message in wordkit("train-w2v", corpus_txt, *options.split(), status=2).stderr


def test_subwords_are_not_for_torch(wordkit: Wordkit, corpus_txt: Path) -> None:
    options = ("--subwords", "3-6", "--device", "torch-cpu")
    error = wordkit("train-w2v", corpus_txt, *SMALL, *options, status=1).stderr
    assert "subwords are trained on the CPU, not on torch-cpu; choose device cpu" in error


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--min-count", "1000", "lower the minimum count or give more text"),
        ("--resume", "none", "cannot read none: there is no such file"),
        ("--init", "none", "cannot read none: there is no such file"),
        ("--resume", "corpus.txt", "corpus.txt is no vector file that wordkit knows"),
        ("--checkpoint", "none/c", "there is no folder"),
        ("--output", "none/v.safetensors", "there is no folder"),
        ("--output", "v.pdf", "v.pdf"),
    ],
)
def test_bad_values(corpus_txt: Path, folder: Path, option: str, value: str, message: str) -> None:
    with pytest.raises(WordkitError, match=re.escape(message)):
        run("corpus.txt", option, value)
    assert {p.name for p in folder.iterdir()} == {"corpus.txt"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["corpus.txt", "--dim", "0"], "dim must be at least 1, not 0"),
        (["corpus.txt", "--resume"], "name what to resume"),
        (["--resume", "corpus.txt"], "corpus.txt was taken as the file of --resume"),
        (["corpus.txt", "--init", "a", "--resume", "b"], "give one of them"),
        (["corpus.txt", "--checkpoint-every", "5m"], "needs --checkpoint FILE"),
        (["corpus.txt", "--checkpoint", "c", "--checkpoint-every", "0"], "is not a duration"),
        (["corpus.txt", "--checkpoint", "c", "--checkpoint-every", "5d"], "is not a duration"),
        (["corpus.txt", "--checkpoint", "."], "is a directory"),
    ],
)
def test_bad_usage(corpus_txt: Path, folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(click.UsageError) as raised:
        run(*arguments)
    assert message in raised.value.format_message()
    assert {p.name for p in folder.iterdir()} == {"corpus.txt"}


@pytest.mark.parametrize(
    ("value", "seconds"), [("30", 30), ("1.5s", 1.5), ("5m", 300), ("2H", 7200)]
)
def test_durations(value: str, seconds: float) -> None:
    context = command.make_context(
        "train-w2v", ["corpus.txt", "--checkpoint", "c", "--checkpoint-every", value]
    )
    assert context.params["checkpoint_every"] == seconds


def test_too_little_memory_is_found_before_the_work(wordkit: Wordkit, corpus_txt: Path) -> None:
    error = wordkit("train-w2v", corpus_txt, "--dim", str(10**9), status=1).stderr
    assert "GiB of memory" in error and "lower dim" in error


def test_nothing_that_is_read_is_written_over(corpus_txt: Path, folder: Path) -> None:
    """Also by the default of -o; ``test_corruption`` tries every file that is read."""
    run("corpus.txt", *SMALL)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    for arguments in (
        ["--init", "vectors.safetensors"],
        ["--resume", "vectors.safetensors", "-o", "v.txt", "--log", "vectors.safetensors"],
        ["--checkpoint", "vectors.safetensors", "-o", "v.txt"],
        ["--checkpoint", "corpus.txt", "--resume", "-o", "v.txt"],
        ["--checkpoint", "new.txt", "-o", "new.txt"],
        ["--checkpoint", "new", "--log", "new"],
    ):
        with pytest.raises(ConfigError, match="is read|is no word2vec checkpoint|written twice"):
            run("corpus.txt", *arguments)
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before, arguments
