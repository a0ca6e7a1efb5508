"""perplexity, score, generate, predict, and convert and info on language models."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from command_line import Wordkit, start
from lm.models import WORDS, random_model, uniform_model

from wordkit.lm import save_language_model

LINES = "The cat sat, the zebra ran.\nthe dog\n"
TOKENS = 12  # of these lines as the tokenizer basic cuts them, with two line ends


@pytest.fixture(autouse=True)
def no_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORDKIT_LM", raising=False)


@pytest.fixture
def lm(folder: Path) -> Path:
    """A model of twelve words, as ./lm.safetensors."""
    path = folder / "lm.safetensors"
    save_language_model(random_model(text={"tokenizer": "basic", "numbers": "keep"}), path)
    return path


@pytest.fixture
def text(folder: Path) -> Path:
    path = folder / "text.txt"
    path.write_text(LINES)
    return path


# --- perplexity ----------------------------------------------------------------------------------


def test_perplexity(wordkit: Wordkit, lm: Path, text: Path) -> None:
    done = wordkit("perplexity", text, "--json")
    assert "language model: lm.safetensors in this folder" in done.stderr
    known = json.loads(done.stdout)
    assert list(known)[:4] == ["perplexity", "perplexity_excluding_oov", "tokens", "oov"]
    assert (known["tokens"], known["oov"], known["base"]) == (TOKENS, 1, "e")
    assert known["perplexity"] == pytest.approx(math.exp(-known["log_likelihood"] / TOKENS))
    assert known["bits_per_token"] == pytest.approx(math.log2(known["perplexity"]))
    assert known["bits_per_word"] == known["bits_per_token"], "its earlier name"
    assert known["perplexity_excluding_oov"] != known["perplexity"]
    shown = wordkit("perplexity", lm, text, "-q")
    assert shown.stderr == ""
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert rows[0][:4] == ["perplexity", f"{known['perplexity']:.2f}", "base", "e:"]
    assert rows[2][:2] == ["tokens", str(TOKENS)] and rows[3][:2] == ["oov", "1"]
    again = wordkit("perplexity", "-", "-m", lm, "--json", stdin=LINES)
    assert json.loads(again.stdout) == known


def test_perplexity_of_a_prepared_corpus(wordkit: Wordkit, lm: Path, text: Path) -> None:
    expected = json.loads(wordkit("perplexity", text, "--json").stdout)
    for name, eos in (("a.ids", ["--eos"]), ("b.ids", [])):
        wordkit("prepare", text, "-o", name, *eos, "-q")
        done = wordkit("perplexity", name, "--json")
        assert json.loads(done.stdout) == expected
    wordkit("prepare", text, "-o", "c.ids", "-t", "whitespace", "-q")
    done = wordkit("perplexity", "c.ids", "--json")
    assert "tokenized by whitespace, and the model's training data by basic" in done.stderr
    assert json.loads(done.stdout)["oov"] > 1


def test_progress_is_logged_in_tokens(wordkit: Wordkit, lm: Path, text: Path) -> None:
    wordkit("perplexity", text, "--log", "log.jsonl", "-q")
    lines = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert lines[-1]["stage"] == "scoring" and lines[-1]["unit"] == "tokens"
    assert lines[-1]["done"] == lines[-1]["total"] == TOKENS and lines[-1]["perplexity"] > 1


def test_perplexity_refuses(wordkit: Wordkit, lm: Path, text: Path, folder: Path) -> None:
    (folder / "blank.txt").write_text("\n \n")
    assert "holds no token" in wordkit("perplexity", "blank.txt", status=1).stderr
    assert "no language model" in wordkit("perplexity", text, text, status=1).stderr
    both = wordkit("perplexity", lm, "-", "--cache", 2, "--valid", "-", stdin=LINES, status=1)
    assert "standard input (-) is named twice, and can be read only once" in both.stderr
    assert "not 3 files" in wordkit("perplexity", lm, text, text, status=2).stderr
    assert "name the model once" in wordkit("perplexity", lm, text, "-m", lm, status=2).stderr
    assert "Usage: wordkit perplexity" in wordkit("perplexity", status=2).stderr


# --- score ---------------------------------------------------------------------------------------


def test_score(wordkit: Wordkit, lm: Path, text: Path) -> None:
    rows = [line.split("\t") for line in wordkit("score", text).stdout.splitlines()]
    assert [row[1:] for row in rows] == [
        ["9", "1", "The cat sat, the zebra ran."],
        ["3", "0", "the dog"],
    ]
    lines = wordkit("score", "-", "--json", "--words", stdin=LINES).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [list(line) for line in found] == [
        ["text", "log_probability", "tokens", "oov", "words"]
    ] * 2
    for row, line in zip(rows, found, strict=True):
        assert float(row[0]) == pytest.approx(line["log_probability"], abs=1e-4)
        assert sum(p for _, p in line["words"]) == pytest.approx(line["log_probability"])
    assert [word for word, _ in found[1]["words"]] == ["the", "dog", "<eos>"]
    words = [line.split("\t") for line in wordkit("score", text, "--words").stdout.splitlines()]
    assert len(words) == TOKENS
    assert [(row[0], row[2]) for row in words[9:]] == [("2", w) for w in ("the", "dog", "<eos>")]


def test_a_row_for_every_line(wordkit: Wordkit, lm: Path) -> None:
    lines = wordkit("score", "-", stdin="the\n\n\tcat\tsat \r\nthe").stdout.splitlines()
    assert [line.split("\t", 3)[3] for line in lines] == ["the", "", "cat sat", "the"]
    assert lines[0] == lines[3]


def test_score_refuses(wordkit: Wordkit, lm: Path) -> None:
    assert "standard input holds no line" in wordkit("score", "-", status=1).stderr
    error = wordkit("score", "-", status=1, stdin=b"the\n\xff\n").stderr
    assert "standard input: line 2, byte 4: not UTF-8" in error
    assert wordkit("score", "-", "--errors", "replace", stdin=b"the\n\xff\n").stdout
    assert "Usage: wordkit score" in wordkit("score", status=2).stderr


# --- generate ------------------------------------------------------------------------------------


def test_generate(wordkit: Wordkit, lm: Path) -> None:
    one = wordkit("generate", "--seed", "4")
    assert one.stderr == "language model: lm.safetensors in this folder\n"
    assert one.stdout == wordkit("generate", "--seed", "4").stdout
    assert one.stdout.endswith("\n") and " ." not in one.stdout and " ," not in one.stdout
    assert one.stdout != wordkit("generate", "--seed", "5").stdout
    anew = wordkit("generate", "-n", "20", "-m", lm)
    assert anew.stderr.startswith("seed: ")
    seed = anew.stderr.split()[1]
    assert wordkit("generate", "-n", "20", "-m", lm, "--seed", seed).stdout == anew.stdout


def test_generate_behind_a_prompt(wordkit: Wordkit, lm: Path) -> None:
    text = wordkit("generate", "--prompt", "The cat, the dog", "-n", "5", "--greedy").stdout
    assert text.startswith("the cat, the dog")
    known = json.loads(
        wordkit("generate", "-p", "The cat, the dog", "-n", "5", "--greedy", "--json").stdout
    )
    assert known["prompt"] == "The cat, the dog" and known["seed"] is None
    (sample,) = known["samples"]
    assert len(sample["words"]) == 5 and sample["text"].rstrip("\n") == text.rstrip("\n")
    lines = wordkit("generate", "-p", "the cat\nthe", "-n", "1", "--greedy").stdout
    assert lines.startswith("the cat\nthe")


def test_samples(wordkit: Wordkit, lm: Path) -> None:
    common = ("generate", "-n", "8", "--seed", "1", "--ban", "<eos>")
    known = json.loads(wordkit(*common, "--samples", "3", "--json").stdout)
    texts = [sample["text"] for sample in known["samples"]]
    assert len(set(texts)) == 3 and known["seed"] == 1
    assert wordkit(*common, "--samples", "3").stdout == "\n\n".join(texts) + "\n"
    assert wordkit(*common).stdout == texts[0] + "\n"


def test_words_that_never_come(wordkit: Wordkit, folder: Path) -> None:
    model = uniform_model(text={"tokenizer": "basic", "numbers": "N"})
    save_language_model(model, folder / "lm.safetensors")
    common = ("generate", "-n", "300", "--seed", "1", "--json")

    def words(*more: str) -> set[str]:
        return set(json.loads(wordkit(*common, *more).stdout)["samples"][0]["words"])

    assert words() == set(WORDS) - {"<unk>", "N"}
    assert words("--allow", "N") == set(WORDS) - {"<unk>"}
    assert words("--ban", "cat", "--ban", "dog") == set(WORDS) - {"<unk>", "N", "cat", "dog"}
    assert "the model does not know 'zzqx'" in wordkit(*common, "--ban", "zzqx").stderr
    assert "'zzqx' is not one of" in wordkit(*common, "--allow", "zzqx", status=2).stderr


def test_generate_refuses(wordkit: Wordkit, lm: Path) -> None:
    for option in (["--temperature", "2"], ["--samples", "2"], ["--seed", "1"]):
        for way in (["--greedy"], ["--beam", "3"]):
            error = wordkit("generate", *way, *option, status=2).stderr
            assert f"has no effect with {way[0]}" in error
    assert "two ways" in wordkit("generate", "--greedy", "--beam", "3", status=2).stderr
    error = wordkit("generate", "--prompt", "qat zebra", status=1).stderr
    assert "'qat' is not in the vocabulary; did you mean cat" in error
    assert "'zebra' is not in the vocabulary, and nothing" in error
    done = wordkit("generate", "--prompt", "the zebra", "--greedy", "-n", "2")
    assert "warning: the model does not know 'zebra', and reads <unk> instead\n" in done.stderr


def test_a_reader_that_has_gone(lm: Path) -> None:
    with start("generate", "-n", "100000000") as process:
        assert process.stdout is not None and process.stderr is not None
        assert os.read(process.stdout.fileno(), 10), "long before the end"
        process.stdout.close()
        error = process.stderr.read().decode()
        assert process.wait(timeout=60) == 1
    assert "Traceback" not in error and "Exception" not in error


# --- predict -------------------------------------------------------------------------------------


def test_predict(wordkit: Wordkit, lm: Path) -> None:
    rows = [line.split() for line in wordkit("predict", "the cat", "-n", "5").stdout.splitlines()]
    assert len(rows) == 5
    known = json.loads(wordkit("predict", "the", "cat", "-n", "12", "--json").stdout)
    assert list(known) == ["the cat"]
    assert [(word, f"{p:.4f}") for word, p in known["the cat"][:5]] == [tuple(row) for row in rows]
    assert sum(p for _, p in known["the cat"]) == pytest.approx(1)
    assert len(wordkit("predict").stdout.splitlines()) == 10, "the first word of a sentence"
    assert "the model knows no word" in wordkit("predict", "zebra", status=1).stderr
    assert "-n" in wordkit("predict", "the", "-n", "0", status=2).stderr


# --- the model -----------------------------------------------------------------------------------

QUERIES = (["perplexity", "text.txt"], ["score", "text.txt"], ["generate"], ["predict", "the"])


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[0])
def test_which_model_is_asked(
    wordkit: Wordkit, folder: Path, lm: Path, text: Path, monkeypatch: pytest.MonkeyPatch,
    query: list[str],
) -> None:  # fmt: skip
    moved = lm.rename(folder / "other.safetensors")
    said = wordkit(*query).stderr
    assert "language model: bundled with wordkit" in said and "wordkit train-lm TEXT" in said
    monkeypatch.setenv("WORDKIT_LM", str(moved))
    assert f"language model: {moved} ($WORDKIT_LM)" in wordkit(*query).stderr
    assert "language model" not in wordkit(*query, "--model", moved).stderr
    assert "there is no such file" in wordkit(*query, "-m", "none", status=1).stderr


def test_files_of_another_kind(wordkit: Wordkit, lm: Path, text: Path, vectors: Path) -> None:
    for query in (["similar", "the"], ["vector", "the"], ["odd-one-out", "a", "b", "c"]):
        error = wordkit(*query, "-m", lm, status=1).stderr
        assert "lm.safetensors holds a language model, not embeddings; wordkit perplexity" in error
    for query in QUERIES:
        error = wordkit(*query, "-m", vectors, status=1).stderr
        assert "vectors.safetensors holds embeddings, not a language model; wordkit sim" in error


# --- convert and info ----------------------------------------------------------------------------


def test_convert_takes_out_the_embedding_layer(wordkit: Wordkit, lm: Path) -> None:
    from wordkit.embeddings import load_embeddings
    from wordkit.lm import load_language_model

    done = wordkit("convert", "lm.safetensors", "v.safetensors")
    assert done.stderr == "v.safetensors: 12 words, 6 dimensions\n"
    vectors, model = load_embeddings("v.safetensors"), load_language_model(lm)
    assert vectors.vectors.tolist() == model.network.embedding.tolist()
    assert vectors.vocabulary == model.vocabulary
    assert vectors.metadata["source"] == "lm.safetensors"
    assert "embedding layer" in vectors.metadata["made_from"]
    assert vectors.metadata["language_model"] == dict(model.metadata)
    assert wordkit("similar", "cat", "-m", "v.safetensors").stdout
    wordkit("convert", lm, "v.txt", "--limit", "3", "-q")
    assert load_embeddings("v.txt").words == model.vocabulary.words[:3]


def test_convert_to_fewer_bytes(wordkit: Wordkit, lm: Path, text: Path) -> None:
    done = wordkit("convert", lm, "small.safetensors", "--to", "lm", "--precision", "int8")
    assert done.stderr.startswith("small.safetensors: ") and done.stderr.endswith(" bytes\n")
    found = [
        json.loads(wordkit("perplexity", model, text, "--json", "-q").stdout)["perplexity"]
        for model in (lm, "small.safetensors")
    ]
    assert found[1] == pytest.approx(found[0], rel=0.03) and found[1] != found[0]
    for option in (["--limit", "3"], ["--vectors-only"], ["--from", "native"]):
        assert "--to lm keeps the whole model" in (
            wordkit("convert", lm, "x.safetensors", "--to", "lm", *option, status=2).stderr
        )


def test_info(wordkit: Wordkit, lm: Path) -> None:
    known = json.loads(wordkit("info", lm, "--json").stdout)
    assert (known["kind"], known["words"], known["dimensions"]) == ("language model", 12, 6)
    assert known["network"]["cell"] == "lstm" and known["first_words"][0] == "the"
    assert known["parameters"] == 12 * 6 + 12 + 24 * 6 * 2 + 24
    assert known["made"]["text"] == {"tokenizer": "basic", "numbers": "keep"}
    shown = wordkit("info", lm).stdout
    assert "network.hidden" in shown and "made.text.tokenizer" in shown
