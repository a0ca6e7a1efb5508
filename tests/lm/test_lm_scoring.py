"""Perplexity and the scores of lines: those of the model, read word by word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lm.models import SHAPES, WORDS, corpus_of, random_model

from wordkit.errors import DivergenceError, TextError
from wordkit.lm import LanguageModel, TokenStream, iter_perplexity, score_lines
from wordkit.lm import scoring as scoring_module
from wordkit.nn.network import inference
from wordkit.text import Corpus
from wordkit.text.vocabulary import EOS

TEXT = "the cat sat\nthe dog , the zebra ran .\nN\nthe <unk> sat on the mat\n"
LINES = st.lists(
    st.lists(st.sampled_from([*WORDS[3:], "zebra"]), max_size=12).map(" ".join), max_size=40
)


def word_by_word(model: LanguageModel, ids: Sequence[int]) -> list[float]:
    """log p of each word of a text, the plain way."""
    network: Any = model.network
    state, before, found = network.initial_state(1), model.eos_id, []
    with inference(network):
        for i in ids:
            features, state = network(torch.tensor([[before]]), state)
            found.append(float(network.output.log_probs(features)[0, 0, i]))
            before = i
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_those_of_the_plain_way(shape: str) -> None:
    model = random_model(**SHAPES[shape])
    score = iter_perplexity(model, corpus_of(TEXT)).result()
    stream = TokenStream(corpus_of(TEXT), model.vocabulary)
    assert iter_perplexity(model, stream).result() == score
    ids = [i for line in TEXT.splitlines() for i in model.ids([*line.split(), EOS]).tolist()]
    assert score.tokens == len(ids) == 21
    assert score.log_likelihood == pytest.approx(math.fsum(word_by_word(model, ids)), rel=1e-6)
    assert score.oov == 3  # zebra, <unk> and on
    lines = [*TEXT.splitlines(), "", "zebra", "the cat " * 40, "the"]
    for line, found in zip(lines, score_lines(model, lines), strict=True):
        words = [*line.split(), EOS]
        ids = model.ids(words).tolist()
        assert [word for word, _ in found.words] == words
        log_p = [p for _, p in found.words]
        assert log_p == pytest.approx(word_by_word(model, ids), rel=1e-5, abs=1e-6)
        assert found.log_probability == pytest.approx(math.fsum(log_p))
        assert found.oov == ids.count(model.unk_id)


@settings(max_examples=15)
@given(LINES, st.integers(1, 9), st.integers(1, 100))
def test_a_line_does_not_depend_on_the_others(lines: list[str], held: int, tokens: int) -> None:
    model = random_model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring_module, "_LINES_TOGETHER", held)
        patch.setattr(scoring_module, "_TOKENS_TOGETHER", tokens)
        together = list(score_lines(model, iter(lines)))
    for line, score in zip(lines, together, strict=True):
        if line:  # a text of no word is none
            alone = iter_perplexity(model, corpus_of(line)).result()
            assert score.log_probability == pytest.approx(alone.log_likelihood, rel=1e-5)
            assert (len(score.words), score.oov) == (alone.tokens, alone.oov)


def test_lines_are_read_as_they_are_needed() -> None:
    lines = repeat("the cat sat", 5000)
    scores = score_lines(random_model(), lines)
    for _ in range(600):
        next(scores)
    assert len(list(lines)) >= 5000 - 1024


def test_what_cannot_be_scored() -> None:
    model = random_model()
    with pytest.raises(TextError, match="holds no token"):
        iter_perplexity(model, Corpus.from_sentences([]))
    with torch.no_grad():
        model.network.output.bias.fill_(torch.nan)  # type: ignore[union-attr, operator]
    with pytest.raises(DivergenceError, match="no numbers"):
        list(score_lines(model, ["the"]))
