"""similar, analogy, vector, odd-one-out, convert, info: what they print and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Wordkit
from fasttext_files import Model


def test_similar(wordkit: Wordkit, vectors: Path) -> None:
    done = wordkit("similar", "king", "-n", "2")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["queen", "man"]
    assert done.stderr == "vectors: vectors.safetensors in this folder\n"
    assert wordkit("similar", "king", "-n", "2", "-m", vectors).stderr == ""


def test_similar_json_and_words_from_stdin(wordkit: Wordkit, vectors: Path) -> None:
    done = wordkit("similar", "-", "--json", "-n", "1", stdin="king\n\ncar\n")
    answers = json.loads(done.stdout)
    assert list(answers) == ["king", "car"]
    word, score = answers["car"][0]
    assert word == "truck" and 0.9 < score <= 1


def test_analogy(wordkit: Wordkit, vectors: Path) -> None:
    lines = wordkit("analogy", "king", "man", "woman", "-n", "1").stdout.splitlines()
    assert lines[0] == "king − man + woman"
    assert lines[1].split()[0] == "queen"
    found = json.loads(wordkit("analogy", "king", "man", "woman", "--json").stdout)
    assert found["equation"] == "king − man + woman"
    assert found["answers"][0][0] == "queen"
    mul = wordkit("analogy", "king", "man", "woman", "--method", "mul").stdout
    assert mul.splitlines()[1].split()[0] == "queen"


def test_vector(wordkit: Wordkit, vectors: Path) -> None:
    assert wordkit("vector", "king").stdout == "king 1.0 0.0 2.0 0.0\n"
    found = json.loads(wordkit("vector", "--mean", "king", "queen", "zebra", "--json").stdout)
    assert found == {"king queen zebra": [0.5, 0.5, 2.0, 0.0]}


def test_odd_one_out(wordkit: Wordkit, vectors: Path) -> None:
    assert wordkit("odd-one-out", "king", "queen", "man", "car").stdout == "car\n"
    assert "at least three" in wordkit("odd-one-out", "king", "man", status=2).stderr


def test_words_are_found_in_equal_spellings(wordkit: Wordkit, folder: Path) -> None:
    (folder / "n.txt").write_text("bar 0 1\nnai\u0308ve 1 1\n", encoding="utf-8")
    done = wordkit("similar", "-", "-m", "n.txt", stdin="\ufeffbar\n\ufeffna\u00efve\n")
    assert done.stdout.count("\n  ") == 2


@pytest.mark.parametrize(
    "command",
    ["similar", "vector", "analogy", "odd-one-out", "plot vectors", "plot neighbours"],
)
def test_each_unknown_word_has_suggestions(wordkit: Wordkit, vectors: Path, command: str) -> None:
    error = wordkit(*command.split(), "kng", "man", "quen", "-m", vectors, status=1).stderr
    assert "did you mean king?; 'quen' is not in the vocabulary; did you mean queen?" in error


def test_unknown_words_do_not_lose_the_known_ones(wordkit: Wordkit, vectors: Path) -> None:
    alone = wordkit("similar", "king", "-n", "1").stdout
    done = wordkit("similar", "-", "-n", "1", stdin="king\nquen\n", status=1)
    assert done.stdout == "king\n  " + alone
    assert "'quen' is not in the vocabulary; did you mean queen" in done.stderr
    done = wordkit("similar", "quen", "king", "zzzq", "quen", "-n", "1", "--json", status=1)
    assert list(json.loads(done.stdout)) == ["king"]
    assert done.stderr.splitlines()[-1] == (
        "wordkit: 'quen' is not in the vocabulary; did you mean queen?; "
        "'zzzq' is not in the vocabulary, and nothing is spelt nearly so; ask another word"
    )
    assert wordkit("similar", "quen", "zzzq", "--json", status=1).stdout == ""
    done = wordkit("vector", "king", "zebra", status=1)
    assert done.stdout == "king 1.0 0.0 2.0 0.0\n" and "'zebra' is not in" in done.stderr
    assert wordkit("vector", "zebra", "--json", status=1).stdout == ""


def test_no_word_on_standard_input(wordkit: Wordkit, vectors: Path) -> None:
    for nothing in ("", "\n"):
        error = wordkit("similar", "-", stdin=nothing, status=1).stderr
        assert error == "wordkit: standard input holds no word; give one a line\n"


def test_a_name_that_is_empty(wordkit: Wordkit, vectors: Path) -> None:
    for command in (
        ["similar", "king", "-m", ""],
        ["compare", "king", "--counting", ""],
        ["synonyms", "king", "--wordnet", ""],
        ["perplexity", str(vectors), "-m", ""],
        ["plot", "training", ""],
        ["evaluate", "--similarity", ""],
    ):
        error = wordkit(*command, status=1).stderr.splitlines()[-1]
        assert "is empty; name " in error, command


def test_which_vectors_are_asked(
    wordkit: Wordkit, folder: Path, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wordkit("similar", "king").stderr == "vectors: vectors.safetensors in this folder\n"
    moved = vectors.rename(folder / "other.safetensors")
    bundled = wordkit("similar", "king")
    assert "queen" in bundled.stdout
    assert "vectors: bundled with wordkit" in bundled.stderr
    assert "wordkit train-w2v TEXT" in bundled.stderr
    monkeypatch.setenv("WORDKIT_VECTORS", str(moved))
    assert wordkit("similar", "king").stderr == f"vectors: {moved} ($WORDKIT_VECTORS)\n"
    assert wordkit("similar", "king", "-m", moved).stderr == ""
    assert "there is no such file" in wordkit("similar", "a", "-m", "none", status=1).stderr


@pytest.mark.parametrize("name", ["v.txt", "v.bin.gz"])
def test_convert_there_and_back(wordkit: Wordkit, vectors: Path, name: str) -> None:
    wordkit("convert", vectors, name, "-q")
    done = wordkit("similar", "king", "--json", "-m", name)
    assert json.loads(done.stdout) == json.loads(
        wordkit("similar", "king", "--json", "-m", vectors).stdout
    )
    wordkit("convert", name, "back.safetensors", "--limit", "3", "-q")
    assert json.loads(wordkit("info", "back.safetensors", "--json").stdout)["words"] == 3


def test_convert_keeps_what_training_needs_unless_told_not_to(
    wordkit: Wordkit, folder: Path
) -> None:
    import numpy as np

    from wordkit.embeddings import Embeddings, save_embeddings

    output = np.ones((500, 3), np.float32)
    words = [f"w{i}" for i in range(500)]
    made = {"made_by": "wordkit train-w2v", "training": {"loss": 1.25, "words": 12_000}}
    trained = Embeddings(words, output, metadata=made, weights={"output": output})
    save_embeddings(trained, "v.safetensors")
    wordkit("convert", "v.safetensors", "w.safetensors")
    assert Path("w.safetensors").read_bytes() == Path("v.safetensors").read_bytes()
    assert json.loads(wordkit("info", "w.safetensors", "--json").stdout)["weights"] == ["output"]
    rows = [line.split(maxsplit=1) for line in wordkit("info", "v.safetensors").stdout.splitlines()]
    assert ["weights", "output"] in rows and ["made.training.words", "12,000"] in rows
    assert ["made.training.loss", "1.25"] in rows and ["made.made_by", made["made_by"]] in rows
    wordkit("convert", "v.safetensors", "small.safetensors", "--vectors-only")
    assert json.loads(wordkit("info", "small.safetensors", "--json").stdout)["weights"] is None
    assert Path("v.safetensors").stat().st_size - Path("small.safetensors").stat().st_size > 6000
    wordkit("convert", "v.safetensors", "v.txt", "--vectors-only")
    assert "weights" not in wordkit("info", "v.txt").stdout


def test_convert_to_fewer_bytes(wordkit: Wordkit, vectors: Path) -> None:
    wordkit("convert", vectors, "small.safetensors", "--precision", "int8", "-q")
    whole = json.loads(wordkit("analogy", "king", "man", "woman", "--json").stdout)
    small = json.loads(
        wordkit("analogy", "king", "man", "woman", "--json", "-m", "small.safetensors").stdout
    )
    assert small["answers"][0][0] == whole["answers"][0][0] == "queen"
    assert small["answers"][0][1] == pytest.approx(whole["answers"][0][1], abs=0.01)
    error = wordkit("convert", vectors, "v.txt", "--precision", "int8", status=1).stderr
    assert "precision int8 is for native files" in error and not Path("v.txt").exists()


def test_convert_for_the_projector(wordkit: Wordkit, vectors: Path, folder: Path) -> None:
    wordkit("convert", vectors, "map.tsv")
    assert (folder / "map.tsv").read_text().splitlines()[2] == "1.0\t0.0\t2.0\t0.0"
    assert (folder / "map.metadata.tsv").read_text().splitlines()[3] == "king\t40"


def test_convert_refuses(wordkit: Wordkit, vectors: Path, folder: Path) -> None:
    (folder / "old.txt").write_text("old")
    for arguments, message in (
        ((vectors, "x.docx"), "no format has the suffix"),
        ((vectors, "/dev/null"), "it is a device"),
        (("/dev/null", "old.txt"), "cannot read"),
    ):
        assert message in wordkit("convert", *arguments, status=1).stderr
    error = wordkit("convert", vectors, "-", "--to", "word2vec", status=2).stderr
    assert "not standard output" in error
    assert (folder / "old.txt").read_text() == "old"
    assert sorted(p.name for p in folder.iterdir()) == ["old.txt", "vectors.safetensors"]


def test_info(wordkit: Wordkit, vectors: Path, corpus_txt: Path) -> None:
    known = json.loads(wordkit("info", "--json").stdout)
    assert (known["kind"], known["format"]) == ("vectors", "native")
    assert (known["words"], known["dimensions"], known["tokens"]) == (6, 4, 210)
    wordkit("prepare", corpus_txt, "-o", "c.ids", "--numbers", "N", "-q")
    known = json.loads(wordkit("info", "c.ids", "--json").stdout)
    assert known["kind"] == "corpus" and known["settings"]["numbers"] == "N"
    assert "most_frequent" in wordkit("info", "c.ids").stdout


def test_info_finds_damage(wordkit: Wordkit, vectors: Path, corpus_txt: Path) -> None:
    wordkit("prepare", corpus_txt, "-o", "c.ids", "-q")
    ids = next(Path("c.ids").glob("ids-*"))
    content = bytearray(ids.read_bytes())
    content[-3] ^= 1
    ids.write_bytes(content)
    assert "does not have its fingerprint" in wordkit("info", "c.ids", status=1).stderr
    content = bytearray(vectors.read_bytes())
    start = content.index(b"\x00\x00\x80\x3f")  # a 1.0 becomes NaN
    content[start : start + 4] = b"\x00\x00\xc0\x7f"
    vectors.write_bytes(content)
    assert "is corrupted" in wordkit("info", vectors, status=1).stderr


def test_usage(wordkit: Wordkit) -> None:
    assert "Usage: wordkit similar" in wordkit("similar", status=2).stderr
    assert "No such command 'simlar'. Did you mean 'similar'?" in wordkit("simlar", status=2).stderr
    assert "No such command 'xyzzy'." in wordkit("xyzzy", status=2).stderr
    assert "-n" in wordkit("similar", "a", "-n", "0", status=2).stderr
    assert wordkit("--version").stdout.startswith("wordkit ")


def test_lists(wordkit: Wordkit) -> None:
    names = [c["name"] for c in json.loads(wordkit("corpora", "--json").stdout)]
    assert names == ["ptb", "ptb-valid", "ptb-test", "pydocs"]
    text = wordkit("corpora").stdout
    assert all(name in text for name in names) and "licence" in text
    found = json.loads(wordkit("tokenizers", "It's 5.", "--json").stdout)
    assert found[0] == {
        "name": "basic",
        "description": found[0]["description"],
        "install": None,
        "tokens": ["it's", "5", "."],
    }
    assert found[3]["name"] == "char" and "".join(found[3]["tokens"]) == "It's 5."
    assert (found[4]["install"], found[4]["tokens"]) == ("wordkit[bpe]", None)
    assert "treebank" in wordkit("tokenizers").stdout


# --- subwords -------------------------------------------------------------------------------------


def test_words_that_are_composed_are_said_to_be(wordkit: Wordkit, folder: Path) -> None:
    (folder / "model.bin").write_bytes(Model().to_bytes())
    said = "composed of character n-grams, as it is no word of these vectors: them\n"
    done = wordkit("similar", "the", "them", "-m", "model.bin", "-n", "2")
    assert done.stderr == said and done.stdout.count("\n  ") == 4
    assert wordkit("similar", "the", "-m", "model.bin").stderr == ""
    for command in (["analogy", "the", "them", "then"], ["vector", "them"]):
        assert wordkit(*command, "-m", "model.bin").stderr == said
    wordkit("odd-one-out", "the", "them", "then", "-m", "model.bin")
    (folder / "pairs.txt").write_text("the then 5\nthe them 3\nthem naïve 1\n")
    lines = wordkit("evaluate", "model.bin", "--similarity", "pairs.txt").stdout.splitlines()
    assert [line.split()[-3:] for line in lines] == [
        ["used", "skipped", "composed"], ["3", "0", "2"],
    ]  # fmt: skip
    known = json.loads(wordkit("info", "model.bin", "--json").stdout)
    assert known["format"] == "fasttext-binary" and known["ngrams"] == 50


def test_a_model_of_fasttext_becomes_other_files(wordkit: Wordkit, folder: Path) -> None:
    (folder / "model.bin").write_bytes(Model().to_bytes())
    wordkit("convert", "model.bin", "model.vec")
    wordkit("convert", "model.bin", "model.safetensors")
    asked = ("vector", "the", "-m")
    assert wordkit(*asked, "model.vec").stdout == wordkit(*asked, "model.bin").stdout
    asked = ("vector", "them", "-m")
    assert wordkit(*asked, "model.safetensors").stdout == wordkit(*asked, "model.bin").stdout
    assert "'them' is not in the vocabulary" in wordkit(*asked, "model.vec", status=1).stderr
    error = wordkit("convert", "model.bin", "x", "--to", "fasttext-binary", status=2).stderr
    assert "--to" in error
