"""train-w2v, from text to answers, and asked for too much."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from command_line import Wordkit, log_of
from w2v_calls import SMALL, run

from wordkit.embeddings import Embeddings, load_embeddings
from wordkit.errors import ConfigError
from wordkit.word2vec import Word2VecConfig
from wordkit_cli.progress import Progress
from wordkit_cli.train_w2v import command
from wordkit_cli.vectors import say_trained

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


def test_the_last_line_under_torchrun(capsys: pytest.CaptureFixture[str]) -> None:
    training = {"loss": 1.5, "processes": 2, "bytes_per_word": 17.31}
    vectors = Embeddings(["word"], np.ones((1, 2)), metadata={"training": training})
    say_trained(vectors, "v.txt", Progress(), "words")
    said = "v.txt: 1 word, 2 dimensions, loss 1.500, 17.3 bytes sent per word\n"
    assert capsys.readouterr().err == said


def test_the_defaults_of_other_programs(wordkit: Wordkit, corpus_txt: Path) -> None:
    def trained(*options: str) -> Any:
        wordkit("train-w2v", corpus_txt, "--epochs", "1", "-q", *options)
        settings = load_embeddings("vectors.safetensors").metadata["settings"]
        names = ("arch", "lr", "min_lr", "sample", "cbow_gradient", "vectors")
        return tuple(settings[name] for name in names)

    assert trained("--like", "word2vec") == ("cbow", 0.05, 5e-6, 1e-3, "word2vec", "in")
    assert trained("--like", "word2vec", "--arch", "skipgram")[:3] == ("skipgram", 0.025, 2.5e-6)
    assert trained("--like", "fasttext") == ("skipgram", 0.05, 0, 1e-4, "true", "in")
    assert load_embeddings("vectors.safetensors").metadata["settings"]["ns_exponent"] == 0.5
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


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
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


def test_nothing_that_is_read_is_written_over(corpus_txt: Path, folder: Path) -> None:
    """Also by the default of -o; ``test_corruption`` tries every file that is read."""
    run("corpus.txt", *SMALL)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    for arguments in (
        ["--init", "vectors.safetensors"],
        ["--checkpoint", "vectors.safetensors", "-o", "v.txt"],
        ["--checkpoint", "corpus.txt", "--resume", "-o", "v.txt"],
    ):
        with pytest.raises(ConfigError, match="is read|is no word2vec checkpoint"):
            run("corpus.txt", *arguments)
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before, arguments
