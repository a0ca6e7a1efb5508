"""--init of train-lm and train-seq2seq, and the options beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Wordkit, call
from lm.models import random_model
from lm_calls import SMALL

from wordkit.lm import load_language_model, save_language_model
from wordkit.seq2seq import load_seq2seq

TEXT = "The emu sat on the cat.\nThe cat ran.\n" * 40
QUICK = ("--epochs", "1", "--batch", "4", "--threads", "1", "--device", "cpu")


@pytest.fixture
def lm(folder: Path) -> str:
    save_language_model(random_model(text={"tokenizer": "basic"}), folder / "a.safetensors")
    (folder / "text.txt").write_text(TEXT)
    return "a.safetensors"


def test_a_language_model_is_fine_tuned(wordkit: Wordkit, lm: str) -> None:
    before = Path(lm).read_bytes()
    said = wordkit("train-lm", "text.txt", "--init", lm, *QUICK, "-o", "b.safetensors").stderr
    assert "a.safetensors: its 12 words stay, 2 of the text join them, 0 are <unk>\n" in said
    model = load_language_model("b.safetensors")
    assert {"emu", "on", "mat", "<unk>"} < {*model.vocabulary}
    assert model.config.hidden == 6 and model.metadata["text"]["tokenizer"] == "basic"
    assert Path(lm).read_bytes() == before
    again = ("--init", lm, *QUICK, "--softmax", "exact", "--softmaxes", "1", "--average")
    wordkit("train-lm", "text.txt", *again, "--max-vocabulary", "13", "-o", "c.safetensors", "-q")
    preset = ("--preset", "rnnlm", *QUICK, "-o", "d.safetensors")
    said = wordkit("train-lm", "text.txt", "--init", lm, *preset).stderr
    assert "a.safetensors: its shape stays; the preset rnnlm sets training and regul" in said
    assert len(load_language_model("c.safetensors").vocabulary) == 13


def test_what_a_language_model_cannot_start_from(
    wordkit: Wordkit, lm: str, vectors: Path, folder: Path
) -> None:
    (folder / "x.tsv").write_text("ab\tAB\nb\tB\n" * 9)
    wordkit("train-seq2seq", "x.tsv", "--hidden", "8", "--epochs", "1", "-o", "s.lm", "-q")
    train = ("train-lm", "text.txt", *QUICK, "-o", "b.safetensors")
    for more, says in (
        (("--init", vectors), "holds embeddings, not a language model"),
        (("--init", "s.lm"), "s.lm holds a sequence model, not a language model"),
        (("--init", lm, "--hidden", "9"), "hidden must be that of the model to start from, 6, not"),
        (("--init", lm, "--embeddings", vectors), "--init and --embeddings both say what to"),
        (("--softmaxes", "3", "--softmax", "sampled"), "softmaxes must be 1 with the softmax samp"),
        (("--softmaxes", "3", "--label-smoothing", "0.1"), "label_smoothing must be 0 with a mix"),
    ):
        done = call(*train, *more)
        assert done.status in (1, 2) and says in done.stderr.splitlines()[-1], (more, done.stderr)
        assert "Traceback" not in done.stderr and not (folder / "b.safetensors").exists()
    assert "average has no effect with --optimizer asgd" in (
        wordkit(*train, "--average", "--optimizer", "asgd", status=2).stderr
    )


def test_a_mixture_of_softmaxes_and_an_average_are_trained(wordkit: Wordkit, lm: str) -> None:
    more = ("--softmaxes", "3", "--average", "--average-decay", "0.9", "-o", "m.safetensors")
    wordkit("train-lm", "text.txt", *SMALL, *more, "-q")
    model = load_language_model("m.safetensors")
    assert model.config.softmaxes == 3 and model.metadata["settings"]["average"]
    assert wordkit("perplexity", "text.txt", "-m", "m.safetensors").stdout
    assert wordkit("generate", "-n", "5", "-m", "m.safetensors").stdout


def test_a_sequence_model_is_fine_tuned(wordkit: Wordkit, folder: Path) -> None:
    (folder / "a.tsv").write_text("ab\tAB\nba\tBA\n" * 20)
    (folder / "b.tsv").write_text("abc\tABC\nca\tCA\n" * 20)
    (folder / "v.txt").write_text("2 3\na 1 2 3\nB 4 5 6\n")
    small = ("--hidden", "8", "--epochs", "1", "--threads", "1", "--device", "cpu")
    said = wordkit(
        "train-seq2seq", "a.tsv", *small, "-o", "a.s2s",
        "--source-embeddings", "v.txt", "--target-embeddings", "v.txt",
    ).stderr  # fmt: skip
    assert "sources: 1 of 4 units have vectors to start from" in said
    assert "targets: 1 of 4 units have vectors to start from" in said
    assert load_seq2seq("a.s2s").config.dim == 3
    said = wordkit("train-seq2seq", "b.tsv", "--init", "a.s2s", *small[2:], "-o", "b.s2s").stderr
    assert "sources: 4 units of the model stay, 1 join them" in said
    model = load_seq2seq("b.s2s")
    assert "c" in model.source_vocabulary and model.config == load_seq2seq("a.s2s").config
    train = ("train-seq2seq", "b.tsv", "-o", "c.s2s", *small[2:])
    for more, says in (
        (("--init", "a.s2s", "--attention", "none"), "attention must be that of the model to st"),
        (("--source-embeddings", "v.txt", "--dim", "4"), "set dim to 3 or give other vectors"),
        (("--source-embeddings", "nope"), "cannot read nope"),
    ):
        assert says in wordkit(*train, *more, status=1).stderr.splitlines()[-1]
    both = wordkit(*train, "--init", "a.s2s", "--target-embeddings", "v.txt", status=2).stderr
    assert "--init and --target-embeddings both say what to start from; give one" in both
