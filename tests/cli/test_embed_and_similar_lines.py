"""embed and similar-lines: what they write, print and refuse."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Wordkit

from wordkit.documents import DocumentVectors, similar_lines

LINES = ["The king.", "", "a\tcar and a truck", "unknown", "the woman, the queen"]
TEXT = "\n".join(LINES) + "\n"


@pytest.fixture
def text(vectors: Path) -> Path:
    path = vectors.with_name("texts.txt")
    path.write_text(TEXT)
    return path


def test_embed_writes_a_row_for_each_line(wordkit: Wordkit, text: Path, vectors: Path) -> None:
    weighting = "tfidf"
    text.with_suffix(".txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    expected = DocumentVectors(vectors, weighting).fit_transform(LINES)
    said = wordkit("embed", text, "--weighting", weighting).stderr
    assert "vectors.npy: 5 lines, 4 dimensions\n2 lines without a known word: rows of zeros" in said
    assert np.array_equal(np.load("vectors.npy"), expected)
    said = wordkit("embed", f"{text}.gz", "-o", "v.tsv", "--weighting", weighting, "-q").stderr
    assert "lines" not in said
    assert np.array_equal(np.loadtxt("v.tsv", dtype=np.float32), expected)
    wordkit("embed", "-", "-o", "v.npy", "--weighting", weighting, stdin=TEXT)
    assert np.array_equal(np.load("v.npy"), expected)


def test_embed_takes_a_tokenizer(wordkit: Wordkit, text: Path) -> None:
    wordkit("embed", text, "-t", "whitespace", "--log", "log")
    rows = np.load("vectors.npy")
    assert not rows[0].any() and rows[2].any()  # "The king." are no known words
    stages = [json.loads(line)["stage"] for line in Path("log").read_text().splitlines()]
    assert set(stages) == {"reading", "writing"}


def test_what_embed_refuses(wordkit: Wordkit, text: Path) -> None:
    assert ".npy, .tsv, .safetensors" in wordkit("embed", text, "-o", "v.txt", status=1).stderr
    assert "holds no line" in wordkit("embed", "-", status=1).stderr
    error = wordkit("embed", "-", stdin=b"the king\n\xff\n", status=1).stderr
    assert "standard input: line 2" in error
    wordkit("embed", "-", "--errors", "replace", stdin=b"the king\n\xff\n")


def test_similar_lines(wordkit: Wordkit, text: Path, vectors: Path) -> None:
    answers = similar_lines(DocumentVectors(vectors, "mean"), "a queen", LINES, 2)
    rows = [
        line.split("\t")
        for line in wordkit("similar-lines", "a queen", text, "-n", 2).stdout.splitlines()
    ]
    assert rows == [[f"{a.score:.4f}", a.text.replace("\t", " ")] for a in answers]
    printed = wordkit("similar-lines", "a queen", "-", "--json", "-n", 2, stdin=TEXT).stdout
    assert [json.loads(line) for line in printed.splitlines()] == [a._asdict() for a in answers]


def test_many_lines_are_compared_without_what_they_share(wordkit: Wordkit, vectors: Path) -> None:
    lines = LINES * (20 // len(LINES) + 1)
    [answer] = similar_lines(DocumentVectors(vectors, "sif"), "a queen", lines, 1)
    printed = wordkit("similar-lines", "a queen", "-", "-n", 1, stdin="\n".join(lines)).stdout
    assert printed.startswith(f"{answer.score:.4f}\t")


def test_what_similar_lines_refuses(wordkit: Wordkit, text: Path) -> None:
    assert "'zebra' cannot be compared" in wordkit("similar-lines", "zebra", text, status=1).stderr
    assert "holds no line" in wordkit("similar-lines", "king", "-", status=1).stderr
    error = wordkit(
        "similar-lines", "king", "-", "--weighting", "sif", stdin="king\nking\n", status=1
    ).stderr
    assert "choose mean" in error
    assert "Usage" in wordkit("similar-lines", "king", status=2).stderr
