"""--cache, --dynamic and several -m of perplexity, score and generate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Wordkit
from lm.models import random_model

from wordkit.lm import save_language_model

LINES = "the cat sat , the dog ran .\nthe dog sat , the cat ran .\n" * 6


@pytest.fixture
def models(folder: Path) -> tuple[str, str]:
    """Two models of the same words, and a text."""
    for name, seed in (("a.safetensors", 1), ("b.safetensors", 2)):
        model = random_model(seed=seed, text={"tokenizer": "whitespace"})
        save_language_model(model, folder / name)
    (folder / "text.txt").write_text(LINES)
    (folder / "valid.txt").write_text(LINES[:200])
    return "a.safetensors", "b.safetensors"


def perplexity(wordkit: Wordkit, *arguments: str) -> float:
    done = wordkit("perplexity", "text.txt", "--json", "-q", *arguments)
    return float(json.loads(done.stdout)["perplexity"])


def test_perplexity_falls(wordkit: Wordkit, models: tuple[str, str]) -> None:
    one = ("-m", models[0])
    plain = perplexity(wordkit, *one)
    cache = ("--cache", "50", "--cache-weight", "0.3", "--cache-flatness", "1")
    dynamic = ("--dynamic", "--dynamic-lr", "0.02")
    cached = perplexity(wordkit, *one, *cache)
    learnt = perplexity(wordkit, *one, *dynamic)
    both = perplexity(wordkit, *one, *cache, *dynamic)
    assert both < cached < plain and learnt < plain
    together = perplexity(wordkit, *one, "-m", models[1])
    assert together != plain and perplexity(wordkit, *one, "-m", models[1], *dynamic) < together
    assert perplexity(wordkit, *one, "--cache", "50", "--valid", "valid.txt") < plain


def test_what_was_fitted_is_said(wordkit: Wordkit, models: tuple[str, str]) -> None:
    asked = ("-m", models[0], "--cache", "50", "--dynamic", "--valid", "valid.txt")
    said = wordkit("perplexity", "text.txt", *asked).stderr
    (line,) = (line for line in said.splitlines() if line.startswith("fitted to valid.txt: "))
    options = line.partition(": ")[2].split()
    assert options[::2] == ["--dynamic-lr", "--dynamic-decay", "--cache-weight", "--cache-flatness"]
    fitted = perplexity(wordkit, *asked)
    given = perplexity(wordkit, *asked[:5], *options)
    assert given == pytest.approx(fitted, rel=0.01), "options are rounded"


def test_scores_and_text(wordkit: Wordkit, models: tuple[str, str]) -> None:
    cache = ("-m", models[0], "--cache", "50")
    rows = wordkit("score", "text.txt", *cache).stdout.splitlines()
    values = [float(row.split("\t")[0]) for row in rows]
    assert len(rows) == 12 and values[0] < values[2], "the line has been read before"
    total = json.loads(wordkit("perplexity", "text.txt", "--json", *cache).stdout)
    assert sum(values) == pytest.approx(total["log_likelihood"], abs=0.01)
    wrote = wordkit(
        "generate", "-p", "the cat", "-n", "5", "--greedy", *cache, "--dynamic", "-m", models[1]
    )
    assert wrote.stdout.startswith("the cat")


def test_what_is_refused(wordkit: Wordkit, models: tuple[str, str], folder: Path) -> None:
    other = random_model(words=20, text={"tokenizer": "whitespace"})
    save_language_model(other, folder / "other.safetensors")
    one = ("-m", models[0])
    for query in (("perplexity", "text.txt"), ("score", "text.txt"), ("generate", "-n", "3")):
        error = wordkit(*query, *one, "-m", "other.safetensors", status=1).stderr
        assert "vocabulary: that of model 2 has 20 words, that of the first 12 words;" in error
        error = wordkit(*query, *one, "--cache", "9", "--valid", "nope", status=1).stderr
        assert "nope" in error.splitlines()[-1]
        for wrong, says in (
            (("--valid", "valid.txt"), "--valid has no effect without --cache or --dynamic"),
            (("--dynamic-decay", "0.1"), "--dynamic-decay has no effect without --dynamic; give"),
            (("--cache-weight", "0.1"), "--cache-weight has no effect without --cache; give both"),
        ):
            assert says in wordkit(*query, *one, *wrong, status=2).stderr
