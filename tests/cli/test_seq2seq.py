"""train-seq2seq, transform, evaluate-seq2seq and attention; the task is to write upper case."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import Result, Wordkit, call, log_of

from wordkit.seq2seq import (
    Pair,
)

SMALL = ["--hidden", "32", "--dim", "16", "--batch", "32", "--epochs", "16", "--lr", "0.02"]


def toy_pairs(count: int) -> list[Pair]:
    letters = random.Random(1)
    texts = ["".join(letters.choices("abcde f", k=letters.randint(1, 5))) for _ in range(count)]
    return [Pair(text.strip(), text.strip().upper()) for text in texts if text.strip()]


def write_pairs(path: Path, count: int) -> Path:
    path.write_text("".join(f"{a}\t{b}\n" for a, b in toy_pairs(count)))
    return path


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of a training that has learnt the task well, and what it said."""
    folder = tmp_path_factory.mktemp("seq2seq")
    pairs = write_pairs(folder / "pairs.tsv", 1200)
    outputs = ("-o", folder / "seq2seq.safetensors", "--log", folder / "log")
    return folder, call("train-seq2seq", pairs, *SMALL, *outputs)


@pytest.fixture
def trained(training: tuple[Path, Result]) -> Path:
    """The model of that training, with attention."""
    return training[0] / "seq2seq.safetensors"


@pytest.fixture(autouse=True)
def no_sequence_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORDKIT_SEQ2SEQ", raising=False)


@pytest.fixture
def pairs(folder: Path) -> Path:
    return write_pairs(folder / "pairs.tsv", 200)


def test_from_pairs_to_answers(
    wordkit: Wordkit, training: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, done = training
    monkeypatch.chdir(folder)
    assert done.status == 0 and done.stdout == ""
    assert "pairs to train on" in done.stderr and "to validate on" in done.stderr
    assert "seq2seq.safetensors: lstm 1 x 32, dot attention, 16 epochs, " in done.stderr
    log = log_of(folder)
    assert log[-1]["stage"] == "validating" and log[-1]["unit"] == "pairs"
    figures = [line for line in log if line["stage"] == "training"][-1]
    assert {"epoch", "loss", "lr", "valid_perplexity", "valid_exact"} <= figures.keys()
    answered = wordkit("transform", stdin="ab\nc d\n")
    assert "sequence model: seq2seq.safetensors in this folder" in answered.stderr
    assert answered.stdout == "AB\nC D\n"
    known = json.loads(wordkit("evaluate-seq2seq", "pairs.tsv", "--json", "-q").stdout)
    assert list(known)[:3] == ["exact_match", "error_rate", "pairs"]
    assert known["exact_match"] > 0.9 and known["pairs"] == len(toy_pairs(1200))
    shown = wordkit("evaluate-seq2seq", "seq2seq.safetensors", "pairs.tsv", "-q").stdout
    exact, rate, *_ = shown.splitlines()
    right = round(known["exact_match"] * known["pairs"])
    assert exact.startswith("exact match ") and f" {right:,} of {known['pairs']:,} pairs" in exact
    assert known["perplexity"] > 1 and known["kl"] is None and "\nperplexity " in shown
    assert rate.split()[:3] == ["error", "rate", f"{known['error_rate']:.2%}"]
    info = json.loads(wordkit("info", "seq2seq.safetensors", "--json").stdout)
    assert info["kind"] == "sequence to sequence model" and info["network"]["attention"] == "dot"


def test_words_have_settings_and_scores_of_their_own(
    wordkit: Wordkit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["one", "two", "three", "four"]
    lines = [f"{a} {b} {c}\t{c} {b} {a}" for a in names for b in names for c in names]
    (folder / "pairs.tsv").write_text("\n".join(lines))
    done = wordkit(
        "train-seq2seq", "pairs.tsv", "--unit", "word", "--hidden", "8", "--epochs", "1",
        "--hold-out", "0",
    )  # fmt: skip
    assert "fitted to 64 pairs of 3 and 3 words for about 1.0 epochs: lstm 1 x 8" in done.stderr
    preset = ("--preset", "characters", "--hidden", "8", "--epochs", "1", "-o", "c.safetensors")
    assert "fitted to" not in wordkit("train-seq2seq", "pairs.tsv", *preset).stderr
    for command, batch in (("train-seq2seq", "64"), ("train-dialogue", "4")):
        shown = wordkit(command, "--show-preset", "words").stdout
        assert shown.startswith("words: for ") and f" --batch {batch} " in " ".join(shown.split())
        assert ("--autoencode" in shown) == (command == "train-seq2seq"), "what can be given"
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    none = wordkit("evaluate-seq2seq", "pairs.tsv", "--json")
    assert "BLEU and chrF need sacrebleu; pip install 'wordkit[bleu]'" in none.stderr
    scores = ("bleu", "bleu_detokenized", "chrf")
    assert [json.loads(none.stdout)[name] for name in scores] == [None] * 3
    monkeypatch.delitem(sys.modules, "sacrebleu")
    pytest.importorskip("sacrebleu")
    some = json.loads(wordkit("evaluate-seq2seq", "pairs.tsv", "--json", "--copy-unknown").stdout)
    assert all(0 <= some[name] <= 100 for name in scores)
    assert "\nBLEU " in wordkit("evaluate-seq2seq", "pairs.tsv").stdout


def test_which_model_is_asked(
    wordkit: Wordkit, folder: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = wordkit("transform", stdin="ab\n", status=1)
    assert "no sequence model to ask" in refused.stderr and "train-seq2seq PAIRS" in refused.stderr
    (folder / "text").write_text("ab\n")
    assert wordkit("transform", trained, "text").stdout == "AB\n"
    assert wordkit("transform", trained, stdin="ab\n").stdout == "AB\n"
    monkeypatch.setenv("WORDKIT_SEQ2SEQ", str(trained))
    done = wordkit("transform", "text")
    assert done.stdout == "AB\n" and "$WORDKIT_SEQ2SEQ" in done.stderr
    assert wordkit("transform", "-", stdin="ab\n").stdout == "AB\n"


def test_alternatives_and_scores(wordkit: Wordkit, trained: Path) -> None:
    text = "ab\nfade\n"
    done = wordkit("transform", trained, "--alternatives", "3", "--json", stdin=text)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["source"] for line in lines] == ["ab", "fade"]
    for line in lines:
        answers = line["answers"]
        assert len({answer["text"] for answer in answers}) == 3
        assert answers[0]["text"] == line["source"].upper()
        assert answers[0]["log_probability"] > answers[1]["log_probability"]
    shown = wordkit("transform", trained, "--alternatives", "3", stdin=text).stdout.splitlines()
    assert [row.split("\t") for row in shown] == [[a["text"] for a in x["answers"]] for x in lines]
    assert wordkit("transform", trained, "--beam", "4", stdin=text).stdout == "AB\nFADE\n"
    assert wordkit("transform", trained, "--max-length", "2", stdin="fade\n").stdout == "FA\n"


def test_unknown_letters_are_counted(wordkit: Wordkit, trained: Path, folder: Path) -> None:
    (folder / "odd.tsv").write_text("aß\tAß\nb\tB\n")
    done = wordkit("evaluate-seq2seq", trained, "odd.tsv")
    assert "1  characters of the sources, <unk> to the model" in done.stdout
    assert "aß" in done.stdout and "not Aß" in done.stdout
    said = wordkit("transform", trained, stdin="aß\nß\n").stderr.splitlines()
    assert said == ["warning: the model does not know 'ß', and reads <unk> instead"]
    assert (
        json.loads(wordkit("evaluate-seq2seq", trained, "odd.tsv", "--json").stdout)["unknown"] == 1
    )


def test_attention(wordkit: Wordkit, trained: Path, folder: Path) -> None:
    known = json.loads(wordkit("attention", trained, "ab cd", "--json").stdout)
    assert known["source"] == list("ab cd") and known["written"] == list("AB CD")
    weights = np.array(known["weights"])
    assert weights.shape == (5, 5)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    rows = wordkit("attention", trained, "ab cd").stdout.splitlines()
    assert rows[0].split() == list("ab␣cd") and [row[0] for row in rows[1:]] == list("AB␣CD")
    for row, cells in zip(rows[1:], weights, strict=True):
        shades = row[3:].ljust(10)[::2]
        darkest = max(range(5), key=lambda place: " ░▒▓█".index(shades[place]))
        assert cells[darkest] == pytest.approx(cells.max(), abs=0.2)
    done = wordkit("attention", trained, "ab cd", "-o", "map.png")
    assert done.stdout == "" and "map.png: AB CD" in done.stderr
    assert (folder / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_latent_variable(wordkit: Wordkit, folder: Path) -> None:
    """Its bound and KL are told; answers are drawn; a resumed training is an undisturbed one."""
    lines = [f"{a}\t{a}{b}\n" for a in "abcdef" for b in "xyz"] * 10
    (folder / "pairs.tsv").write_text("".join(lines))
    options = ["--latent", "8", "--hidden", "16", "--batch", "32", "--threads", "1"]
    options += ["--schedule", "constant", "--lr", "0.02", "--kl-annealing", "0", "--log", "log"]
    done = wordkit("train-seq2seq", "pairs.tsv", *options, "--epochs", "9", "-o", "whole")
    assert "whole: lstm 1 x 16, dot attention, latent 8, 9 epochs, " in done.stderr
    assert ", perplexity at most " in done.stderr and " nats a pair, KL " in done.stderr
    last = log_of(folder)[-1]
    assert last["valid_kl"] > 0 and last["valid_elbo"] < -last["valid_kl"]
    wordkit("plot", "training", "log", "-o", "curve.svg")
    assert "KL divergence, nats" in (folder / "curve.svg").read_text()
    draws = ["--sample", "--top-k", "1", "--alternatives", "9"]
    drawn, again, other = (
        wordkit("transform", "whole", *draws, "--seed", seed, stdin="a\nb\n").stdout
        for seed in ("1", "1", "2")
    )
    assert drawn == again != other and len(set(drawn.splitlines()[0].split("\t"))) > 1


def test_an_autoencoder(wordkit: Wordkit, folder: Path, trained: Path) -> None:
    texts = ["we see", "they like", "no", "who knows it", "cats sleep", "all day long"]
    (folder / "texts").write_text("\n".join(texts * 30))
    options = ["--hidden", "24", "--dim", "16", "--latent", "4", "--epochs", "20", "--lr", "0.01"]
    options += ["--threads", "1", "--hold-out", "0", "--dropout", "0", "-o", "vae.safetensors"]
    done = wordkit("train-seq2seq", "--autoencode", "texts", *options)
    assert "180 pairs to train on" in done.stderr and "latent 4, 20 epochs" in done.stderr
    between = wordkit("interpolate", "vae.safetensors", "we see", "they like", "-n", "4").stdout
    assert len(between.splitlines()) == 4
    ends = wordkit("transform", "vae.safetensors", stdin="we see\nthey like\n").stdout
    assert between.splitlines()[::3] == ends.splitlines()
    call = ("interpolate", "vae.safetensors", "we see", "they like", "-n", "4", "--json")
    assert json.loads(wordkit(*call).stdout) == {"texts": between.splitlines()}
    ask = ("evaluate-seq2seq", "vae.safetensors", "texts", "--samples", "3")
    score = json.loads(wordkit(*ask, "--json").stdout)
    assert score["pairs"] == 180 and score["samples"] == 3 and score["perplexity"] > 1
    assert score["kl"] > 0 > score["elbo"]
    shown = wordkit(*ask).stdout
    assert "of a word, by importance sampling with 3 draws" in shown and "\nELBO " in shown
    for arguments, said, status in (
        (("interpolate", trained, "a", "b"), "no autoencoder; train one with wordkit", 1),
        (("interpolate", "vae.safetensors", "we", " "), "text 2 is blank", 1),
        (("interpolate", "we"), "put each text in quotation marks", 2),
        (("interpolate", "we", "they", "-n", "1"), "1 is not in the range 2<=x<=10000", 2),
        (("train-seq2seq", "--autoencode", "texts", "--peeky"), "autoencode needs latent", 2),
        (("train-seq2seq", "--autoencode", "texts", "--arch", "transformer"), "no effect", 2),
    ):
        assert said in wordkit(*arguments, status=status).stderr


def test_bad_input(wordkit: Wordkit, pairs: Path, trained: Path, folder: Path) -> None:
    (folder / "text").write_text("ab\n\ncd\n")
    for arguments, said, status in (
        (("similar", "a", "-m", trained), "holds a sequence model, not embeddings", 1),
        (("evaluate-seq2seq", trained, "text"), "line 1: expected two texts with a tab", 1),
        (("attention", trained, " "), "there is no text to align", 1),
        (("train-seq2seq", pairs, "--checkpoint", "text"), "is no sequence model checkpoint", 1),
        (("train-seq2seq", pairs, "--resume"), "name it with --checkpoint", 2),
        (("train-seq2seq", pairs, "--checkpoint-every", "3m"), "needs --checkpoint FILE", 2),
        (("train-seq2seq", pairs, "--separator", ""), "it is empty", 2),
        (("train-seq2seq", pairs, "--residual"), "residual needs a layer whose output is as", 2),
        (("transform", trained, "--top-k", "3"), "--top-k has no effect without --sample", 2),
        (("transform", trained, "--sample", "--beam", "3"), "--beam has no effect with --samp", 2),
        (("transform", "a", "b", "c"), "give a MODEL and one FILE", 2),
        (("attention", "a", "b", "c"), "put the text in quotation marks", 2),
    ):
        assert said in wordkit(*arguments, status=status).stderr
