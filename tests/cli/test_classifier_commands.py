"""train-classifier, classify and evaluate-classifier, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Wordkit

from wordkit.classification import Classifier

LINES = "animal\tthe cat sat\nroad\ta fast car\nanimal\ta dog barks\nroad\tthe bus drives\n" * 6


@pytest.fixture
def trained(wordkit: Wordkit, folder: Path) -> Path:
    (folder / "train.tsv").write_text(LINES)
    done = wordkit("train-classifier", "train.tsv", "--dim", "8", "--threads", "1")
    assert "24 texts" in done.stderr
    assert "classifier.safetensors: 2 labels, 11 words, 14 n-grams, loss 0." in done.stderr
    return folder / "classifier.safetensors"


def test_lines_are_classified(wordkit: Wordkit, trained: Path, folder: Path) -> None:
    done = wordkit("classify", stdin="my dog\n\na car\n")
    assert "classifier: classifier.safetensors in this folder" in done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows][::2] == ["animal", "road"] and len(rows) == 3
    both = wordkit("classify", trained, "-", "-k", "3", stdin="my dog\n").stdout.split("\t")
    assert both[::2] == ["animal", "road"]
    assert float(both[1]) + float(both[3]) == pytest.approx(1, abs=2e-4)
    assert wordkit("classify", "--threshold", "1", stdin="x y\n").stdout == "\n"
    (answer,) = wordkit("classify", "--json", stdin="my dog\n").stdout.splitlines()
    assert json.loads(answer)["labels"][0][0] == "animal"
    assert "holds no line" in wordkit("classify", status=1).stderr


def test_scores_are_printed_and_written(wordkit: Wordkit, trained: Path, folder: Path) -> None:
    (folder / "test.tsv").write_text("animal\ta cat\nroad\tthe dog\nship\ta boat\n")
    done = wordkit("evaluate-classifier", "test.tsv")
    assert "does not know 'ship', labels of 1 text" in done.stderr
    assert "accuracy  33.33%  of 3 texts" in done.stdout
    assert "road  animal  1" in done.stdout.split("taken for another")[1]
    score = json.loads(wordkit("evaluate-classifier", trained, "test.tsv", "--json").stdout)
    assert score.keys() >= {"accuracy", "macro_f1", "micro_f1", "labels"}
    assert score["accuracy"] == score["micro_f1"] == pytest.approx(1 / 3)
    names = [each["label"] for each in score["labels"]]
    assert names == ["animal", "road", "ship"]
    assert score["labels"][0]["recall"] == 1


def test_other_layouts(wordkit: Wordkit, folder: Path) -> None:
    rows = [line.split("\t") for line in LINES.splitlines()]
    (folder / "fast.txt").write_text("".join(f"__label__{a} {b}\n" for a, b in rows))
    (folder / "table.csv").write_text("text,kind\n" + "".join(f'"{b}",{a}\n' for a, b in rows))
    (folder / "spaces.txt").write_text("".join(f"{a} {b}\n" for a, b in rows))
    options = ("--dim", "8", "--threads", "1", "-q", "-o")
    wordkit("train-classifier", "fast.txt", *options, "a.safetensors")
    wordkit("train-classifier", "table.csv", *options, "b.safetensors", "--columns", "kind,text")
    wordkit("train-classifier", "spaces.txt", *options, "c.safetensors", "--separator", " ")
    a, b, c = (Path(f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b == c
    small = ("d.safetensors", "--max-ngrams", "5", "--normalize", "nfkc")
    wordkit("train-classifier", "fast.txt", *options, *small)
    made = Classifier.load("d.safetensors")
    assert len(made.features.buckets) == 5 and made.text["normalize"] == "nfkc"


def test_bad_input_is_told_in_one_line(wordkit: Wordkit, folder: Path) -> None:
    (folder / "none.tsv").write_text("a\tx\nb y\n")
    (folder / "good.tsv").write_text("a\tx\nb\ty\n")
    for arguments, says in (
        (("none.tsv",), "none.tsv: line 2: it has no label"),
        (("good.tsv", "--embeddings", "good.tsv"), "good.tsv"),
        (("good.tsv", "--columns", "a"), "columns must be that of the label and that of the text"),
    ):
        assert says in wordkit("train-classifier", *arguments, status=1).stderr, arguments
    wordkit("train-classifier", "good.tsv", "--separator", "", status=2)
    assert "no classifier to ask" in wordkit("classify", stdin="x\n", status=1).stderr


def test_what_was_chosen_can_be_given(wordkit: Wordkit, folder: Path) -> None:
    (folder / "train.tsv").write_text(LINES)
    said = wordkit("train-classifier", "train.tsv", "--max-minutes", "0.02", "--dim", "4").stderr
    assert "held-out texts right, the best of" in said
    chosen = said.split("chosen: ")[1].splitlines()[0].split()
    assert chosen[chosen.index("--dim") + 1] == "4"
    wordkit("train-classifier", "train.tsv", *chosen, "-o", "again.safetensors")
    shown = json.loads(wordkit("info", "classifier.safetensors", "--json").stdout)
    again = json.loads(wordkit("info", "again.safetensors", "--json").stdout)
    assert shown["settings"] == again["settings"]
    assert shown["made"]["search"]["trials"] >= 2
    wordkit("train-classifier", "train.tsv", "--valid", "train.tsv", status=2)
    searched = ("--max-minutes", "0.02", "--valid", "train.tsv", "-q")
    wordkit("train-classifier", "train.tsv", *searched)
