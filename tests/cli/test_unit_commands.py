"""Language and sequence models of characters and of pieces of words, on the command line."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
from command_line import Wordkit
from lm_calls import SMALL

from wordkit.lm import load_language_model
from wordkit.seq2seq import load_seq2seq
from wordkit.text import Corpus

TRAIN = "Der Hund kam.\n\n  Am Tag, da er kam, war es warm!\nÉtwas Neues.\n" * 12
VALID = "Am Tag kam der Hund.\n\nDa war es warm!\n"
UNITS = {"char": ["-t", "char"], "bpe": ["-t", "bpe", "--max-vocabulary", "280"]}


@pytest.fixture
def german(folder: Path) -> Path:
    (folder / "train.txt").write_text(TRAIN, encoding="utf-8")
    (folder / "valid.txt").write_text(VALID, encoding="utf-8")
    return folder


@pytest.mark.parametrize("unit", UNITS)
def test_from_text_to_text(wordkit: Wordkit, german: Path, unit: str) -> None:
    given = ["--valid", "valid.txt", "--test", "valid.txt"]
    said = wordkit("train-lm", "train.txt", *given, *UNITS[unit], *SMALL)
    known = json.loads(wordkit("perplexity", "valid.txt", "--json").stdout)
    nats, words = -known["log_likelihood"], len(VALID.split()) + VALID.count("\n")
    assert known["oov"] == 0 and (unit == "bpe" or known["tokens"] == len(VALID))
    assert known["nats_per_character"] == pytest.approx(nats / len(VALID))
    assert known["bits_per_character"] == pytest.approx(nats / len(VALID) / math.log(2))
    assert known["bits_per_byte"] == pytest.approx(nats / len(VALID.encode()) / math.log(2))
    assert known["perplexity_per_word"] == pytest.approx(math.exp(nats / words))
    figure = f"{known['nats_per_character']:.4f} nats and"
    assert f"validation: {figure}" in said.stderr and f"test: {figure}" in said.stderr
    assert "nats per character" in wordkit("perplexity", "valid.txt").stdout

    model = load_language_model("lm.safetensors")
    text = "Am  Tag\n\nÉ日\n" if unit == "bpe" else "Am  Tag\n\nÉ\n"
    assert model.detokenize(model.vocabulary.decode(model.encode(text))) == text
    [line] = model.score(["Am  Tag\r\n"])
    assert model.encode("Am\r\nTag\rDa").tolist() == model.encode("Am\nTag\nDa").tolist()
    assert line == model.score("Am  Tag")[0]
    done = wordkit("generate", "--seed", "1", "-p", "Am  Tag\n", "-n", "40")
    assert done.stdout.startswith("Am  Tag\n")
    sample = json.loads(wordkit("generate", "--seed", "1", "-p", "Am  Tag\n", "--json").stdout)
    [made] = sample["samples"]
    assert made["words"] == made["tokens"], "the earlier name"
    assert "".join(made["tokens"]).replace("<eos>", "\n") == made["text"].removeprefix("Am  Tag\n")
    rows = wordkit("score", "-", "--words", stdin="Am  Tag!\t\x1b\n").stdout.splitlines()
    assert "".join(row.split("\t")[2] for row in rows) == r"Am  Tag!\t\x1b<eos>"
    assert wordkit("predict", "Am Ta", "-n", "3").stdout.count("\n") == 3
    assert (
        model.perplexity(["Am Tag kam der Hund.", "", "Da war es warm!"]).tokens == known["tokens"]
    )


def test_unknown_characters_leave_nothing_to_compare(wordkit: Wordkit, german: Path) -> None:
    (german / "test.txt").write_text("Am Tag日\n", encoding="utf-8")
    said = wordkit("train-lm", "train.txt", *UNITS["char"], "--test", "test.txt", *SMALL)
    assert "test: nothing is known per character, as 12.5% of the tokens are <unk>" in said.stderr
    known = json.loads(wordkit("perplexity", "-", "--json", stdin="Am Tag日\n").stdout)
    assert known["oov"] == 1 and known["nats_per_character"] is None
    assert known["perplexity_per_word"] is None and known["bits_per_byte"] is None
    assert "not known: oov" in wordkit("perplexity", "-", stdin="Am Tag日\n").stdout


def test_words_compare_too(wordkit: Wordkit, german: Path) -> None:
    (german / "t.txt").write_text("a b\n\nb a a\n" * 20)
    wordkit("train-lm", "t.txt", "-t", "whitespace", "--valid", "t.txt", *SMALL, "-q")
    known = json.loads(wordkit("perplexity", "t.txt", "--json").stdout)
    assert known["perplexity_per_word"] == pytest.approx(known["perplexity"])
    assert known["nats_per_character"] == pytest.approx(-known["log_likelihood"] / (11 * 20))


def test_a_prepared_corpus_of_pieces(wordkit: Wordkit, german: Path) -> None:
    wordkit("prepare", "train.txt", *UNITS["bpe"], "-o", "train.ids")
    wordkit("prepare", "valid.txt", "--vocabulary", "train.ids", "-o", "valid.ids")
    valid = Corpus.open("valid.ids")
    assert valid.settings["tokenizer"] == "bpe" and valid.settings["oov"] == 0
    wordkit("train-lm", "train.ids", "--valid", "valid.ids", *SMALL, "-q")
    known = json.loads(wordkit("perplexity", "valid.ids", "--json").stdout)
    assert json.loads(wordkit("perplexity", "valid.txt", "--json").stdout) == known
    assert known["nats_per_character"] is not None
    wordkit("prepare", "valid.txt", "-t", "bpe", "-o", "other.ids")
    wordkit("prepare", "valid.txt", "-t", "char", "-o", "char.ids")
    for other, noun, known in (("other.ids", "pieces", "others"), ("char.ids", "characters", "pi")):
        cut = f"valid.txt is cut into {noun}, and that of the model into {known}"
        for query in (
            ("perplexity", other), ("perplexity", "valid.txt", "--cache", "9", "--valid", other),
            ("train-lm", "train.ids", "--valid", other, *SMALL),
        ):  # fmt: skip
            assert wordkit(*query, status=1).stderr.splitlines()[-1].startswith(f"wordkit: {cut}")
    for tokenizer in ("char", "basic"):
        given = ("--vocabulary", "train.ids", "-t", tokenizer, "-o", "n.ids")
        error = wordkit("prepare", "valid.txt", *given, status=1).stderr
        assert f"train.ids holds pieces, and the tokenizer {tokenizer} makes others" in error
    said = wordkit("train-lm", "train.ids", "--max-vocabulary", "100", *SMALL, status=1).stderr
    assert "all of which are needed" in said
    assert "settings.bpe.merges" in wordkit("info", "train.ids").stdout


def test_vectors_of_characters(wordkit: Wordkit, german: Path) -> None:
    small = ["--dim", "4", "--epochs", "1", "--min-count", "1", "--threads", "1", "-q"]
    wordkit("train-w2v", "train.txt", "-t", "char", "-o", "v.safetensors", *small)
    assert wordkit("similar", "a", "-m", "v.safetensors", "-n", "2").stdout.count("\n") == 2
    assert "not in the voc" in wordkit("similar", "Hund", "-m", "v.safetensors", status=1).stderr
    wordkit("train-w2v", "train.txt", *UNITS["bpe"], "-o", "v.safetensors", *small)
    found = wordkit("similar-lines", "am Tag", "valid.txt", "-m", "v.safetensors", "-n", "1")
    assert found.stdout.count("\n") == 1


def test_case(wordkit: Wordkit, german: Path) -> None:
    wordkit("prepare", "train.txt", "--case", "keep", "-o", "c.ids")
    assert {"Hund", "Étwas"} < set(Corpus.open("c.ids").vocabulary)
    wordkit("train-lm", "c.ids", *SMALL, "-q")
    model = load_language_model("lm.safetensors")
    assert model.tokens("Der Hund") == ["Der", "Hund"]


# --- bad input ------------------------------------------------------------------------------------


def test_a_package_that_a_model_needs(
    wordkit: Wordkit, german: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wordkit("train-lm", "train.txt", *UNITS["bpe"], *SMALL, "-q")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    wordkit("generate", "-n", "3")
    error = wordkit("score", "valid.txt", status=1).stderr
    assert "pip install 'wordkit[bpe]'" in error
    error = wordkit("prepare", "train.txt", "-t", "bpe", "-o", "n.ids", status=1).stderr
    assert "needs tokenizers, which is not installed" in error and not Path("n.ids").exists()


def test_a_word_list_of_a_model_of_characters(wordkit: Wordkit, german: Path) -> None:
    wordkit("train-lm", "train.txt", *UNITS["char"], *SMALL, "-q")
    error = wordkit("convert", "lm.safetensors", "v.txt", status=1).stderr
    assert "the units of lm.safetensors are characters, not words" in error


def test_a_hint_where_words_have_no_spaces_between(wordkit: Wordkit, german: Path) -> None:
    (german / "zh.txt").write_text("我们今天去北京大学玩。\n今天很热。\n", encoding="utf-8")
    hint = "--tokenizer chinese or japanese finds words, and char and bpe need none"
    assert wordkit("prepare", "zh.txt", "-o", "a.ids").stderr.count(hint) == 1
    (german / "zh.txt").write_text("我们今天去北京大学玩。\n今天很热。\n" * 20, encoding="utf-8")
    assert wordkit("train-lm", "zh.txt", "--valid", "zh.txt", *SMALL).stderr.count(hint) == 1
    assert hint not in wordkit("perplexity", "zh.txt").stderr
    assert hint not in wordkit("prepare", "train.txt", "-o", "b.ids").stderr
    assert hint not in wordkit("prepare", "zh.txt", "-t", "char", "-o", "c.ids").stderr


def test_pairs_of_pieces(wordkit: Wordkit, german: Path) -> None:
    pairs = "der Hund\tthe dog\nder Tag\tthe day\nein Hund\ta dog\nein Tag\ta day\n" * 3
    (german / "p.tsv").write_text(pairs)
    small = ["--hidden", "8", "--epochs", "1", "--threads", "1", "--device", "cpu", "-q"]
    wordkit("train-seq2seq", "p.tsv", "--unit", "bpe", "--max-vocabulary", "270", *small)
    model = load_seq2seq("seq2seq.safetensors")
    assert model.bpe is not None and len(model.source_vocabulary) == 270
    done = wordkit("transform", "-", stdin="der Hund 日本\n")
    assert "<unk>" not in done.stdout and "does not know" not in done.stderr
    for given, message in (
        (["--max-vocabulary", "100"], "at least 258 with the unit bpe"),
        (["--min-count", "2"], "min_count has no effect with the unit bpe"),
    ):
        assert message in wordkit("train-seq2seq", "p.tsv", "--unit", "bpe", *given, *small,
                                  status=1).stderr  # fmt: skip
