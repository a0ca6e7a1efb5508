"""Perplexity and the scores of lines: exact, whole, and the same however they are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lm.models import SHAPES, WORDS, corpus_of, random_model, uniform_model

from wordkit.errors import ConfigError, DivergenceError, TextError
from wordkit.lm.language_model import LanguageModel
from wordkit.lm.scoring import LineScore, perplexity, score_lines
from wordkit.lm.stream import TokenStream
from wordkit.recurrent.answering import answering
from wordkit.text import Corpus
from wordkit.text.vocabulary import EOS

TEXT = "the cat sat\nthe dog , the zebra ran .\nN\nthe <unk> sat on the mat\n"


def token_by_token(model: LanguageModel, ids: Sequence[int]) -> list[float]:
    """log p of each word of a text, the plain way: one step after the other, in float64."""
    module = model.module
    state = module.start_state(1)
    before, found = model.eos_id, []
    with answering(module):
        for i in ids:
            features = module(torch.tensor([[before]]), state)
            state = features.state
            if module.adaptive is None:
                logits = module.outgoing(features.top)[0].double() @ module.output.double().T
                log_p = torch.log_softmax(logits + module.bias.double(), 0)
            else:
                log_p = module.log_probabilities(features.top)[0].double()
            found.append(float(log_p[i]))
            before = i
    return found


def ids_of(model: LanguageModel, text: str) -> list[int]:
    lines = text.splitlines()
    return [i for line in lines for i in model.ids([*line.split(), EOS]).tolist()]


@pytest.mark.parametrize("shape", SHAPES)
def test_perplexity_is_that_of_the_plain_way(shape: str) -> None:
    model = random_model(**SHAPES[shape])
    score = perplexity(model, corpus_of(TEXT)).result()
    ids = ids_of(model, TEXT)
    expected = token_by_token(model, ids)
    assert score.tokens == len(ids) == 21
    assert score.log_likelihood == pytest.approx(math.fsum(expected), rel=1e-6)
    assert score.oov == 3  # zebra, <unk> and on
    unknown = [p for i, p in zip(ids, expected, strict=True) if i == model.unk_id]
    assert score.oov_log_likelihood == pytest.approx(math.fsum(unknown), rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from([*WORDS, "zebra"]), min_size=1, max_size=60),
    st.integers(1, 70),
    st.integers(1, 70),
)
def test_where_the_text_is_cut_changes_nothing(words: list[str], one: int, other: int) -> None:
    model, corpus = random_model(layers=2), corpus_of(" ".join(words))
    a, b = (perplexity(model, corpus, steps=steps).result() for steps in (one, other))
    assert (a.tokens, a.oov) == (b.tokens, b.oov)
    assert a.log_likelihood == pytest.approx(b.log_likelihood, rel=1e-6)
    assert a.oov_log_likelihood == pytest.approx(b.oov_log_likelihood, rel=1e-6)


@pytest.mark.parametrize("words", [12, 64, 1000])
def test_the_perplexity_of_a_uniform_model_is_the_number_of_its_words(words: int) -> None:
    score = perplexity(uniform_model(words=words), corpus_of(TEXT)).result()
    assert score.perplexity == pytest.approx(words, rel=1e-6)
    assert score.perplexity_excluding_oov == pytest.approx(words, rel=1e-6)
    assert score.bits_per_word == pytest.approx(math.log2(words), rel=1e-6)


def test_the_entropy_of_a_known_language_is_reached() -> None:
    """An Elman network without memory, set to the bigrams of a text that follows them exactly."""
    model = random_model(cell="rnn", hidden=12, tied=False)
    V, eos = 12, model.eos_id
    table = np.full((V, V), 1e-9)
    table[eos, [0, 4]] = 0.75, 0.25  # a line begins with "the" or "cat",
    table[[0, 4], eos] = 1  # and ends behind it
    with torch.no_grad():
        for parameter in model.module.parameters():
            parameter.zero_()
        model.module.embedding.copy_(torch.eye(V) * 30)  # tanh gives 1 for the word before
        model.module.layers[0].weight_input.copy_(torch.eye(V))
        model.module.output.copy_(torch.from_numpy(np.log(table).T))
    score = perplexity(model, corpus_of("the\nthe\ncat\nthe\n" * 50)).result()
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / 2  # two tokens a line
    assert score.cross_entropy == pytest.approx(entropy, rel=1e-5)


def test_the_model_is_left_as_it_was() -> None:
    model = random_model(dropout=0.5)
    model.module.train()
    model.module.precision = "bf16"
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    twice = [perplexity(model, corpus_of(TEXT)).result() for _ in range(2)]
    assert twice[0] == twice[1], "without dropout"
    list(score_lines(model, ["the cat"]))
    assert model.module.training and model.module.precision == "bf16"
    assert torch.is_grad_enabled()
    assert all(torch.equal(t, before[name]) for name, t in model.module.state_dict().items())
    model.module.precision = "fp32"
    assert perplexity(model, corpus_of(TEXT)).result() == twice[0], "in full precision"
    assert all(parameter.grad is None for parameter in model.module.parameters())


def test_gradients_are_on_between_two_reports() -> None:
    for report in perplexity(random_model(), corpus_of(TEXT), steps=3):
        assert torch.is_grad_enabled()
        assert report.total == 21 and report.unit == "tokens"
    assert report.done == 21 and report.figures["perplexity"] > 1


def test_a_stream_of_the_words_of_a_model_is_taken_as_it_is() -> None:
    model = random_model()
    corpus = corpus_of(TEXT)
    stream = TokenStream(corpus, model.vocabulary)
    assert perplexity(model, stream).result() == perplexity(model, corpus).result()


def test_what_cannot_be_scored() -> None:
    model = random_model()
    with pytest.raises(ConfigError, match="steps must be at least 1"):
        perplexity(model, corpus_of(TEXT), steps=0).result()
    with pytest.raises(TextError, match="no token"):
        perplexity(model, Corpus.from_sentences([], vocabulary=model.vocabulary))
    with torch.no_grad():
        model.module.bias.fill_(torch.nan)
    with pytest.raises(DivergenceError, match="no numbers"):
        perplexity(model, corpus_of(TEXT)).result()
    with pytest.raises(DivergenceError, match="no numbers"):
        list(score_lines(model, ["the"]))


# --- lines ---------------------------------------------------------------------------------------


def check_line(model: LanguageModel, line: str, score: LineScore) -> None:
    words = [*line.split(), EOS]
    ids = model.ids(words).tolist()
    assert [word for word, _ in score.words] == words
    found = [log_p for _, log_p in score.words]
    assert found == pytest.approx(token_by_token(model, ids), rel=1e-5, abs=1e-6)
    assert score.log_probability == pytest.approx(math.fsum(found))
    assert score.oov == ids.count(model.unk_id)


@pytest.mark.parametrize("shape", SHAPES)
def test_lines_come_in_order_each_by_itself(shape: str) -> None:
    model = random_model(**SHAPES[shape])
    lines = [*TEXT.splitlines(), "", "zebra", "the cat " * 40, "the"]
    scores = list(score_lines(model, lines))
    assert len(scores) == len(lines)
    for line, score in zip(lines, scores, strict=True):
        check_line(model, line, score)


LINES = st.lists(
    st.lists(st.sampled_from([*WORDS[3:], "zebra"]), max_size=12).map(" ".join), max_size=90
)


@settings(deadline=None, max_examples=25)
@given(LINES)
def test_a_line_does_not_depend_on_the_others(lines: list[str]) -> None:
    model = random_model()
    together = list(score_lines(model, iter(lines)))
    for line, score in zip(lines, together, strict=True):
        (alone,) = score_lines(model, [line])
        assert score.log_probability == pytest.approx(alone.log_probability, rel=1e-5)


@settings(deadline=None, max_examples=25)
@given(LINES.filter(bool))
def test_scores_add_up_to_the_perplexity_of_the_lines(lines: list[str]) -> None:
    model = random_model()
    for line, score in zip(lines, score_lines(model, lines), strict=True):
        if not line:  # a text of no word is none
            continue
        whole = perplexity(model, corpus_of(line)).result()
        assert score.log_probability == pytest.approx(whole.log_likelihood, rel=1e-5)
        assert (len(score.words), score.oov) == (whole.tokens, whole.oov)


def test_long_lines_and_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is held and read together, the scores are the same."""
    from wordkit.lm import scoring

    model = random_model()
    chooser = np.random.default_rng(4)
    lines = [" ".join(chooser.choice(WORDS, chooser.integers(0, 50))) for _ in range(60)]
    lines[7] = " ".join(chooser.choice(WORDS, 3000))
    whole = [score.log_probability for score in score_lines(model, lines)]
    for name, value in {
        "_STEPS": 7, "_LINES_TOGETHER": 9, "_TOKENS_TOGETHER": 100,
        "_LINES_IN_BATCH": 4, "_TOKENS_IN_BATCH": 64,
    }.items():  # fmt: skip
        monkeypatch.setattr(scoring, name, value)
    again = [score.log_probability for score in score_lines(model, lines)]
    assert again == pytest.approx(whole, rel=1e-5)


def test_lines_are_read_as_they_are_needed() -> None:
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield "the cat sat"

    scores = score_lines(random_model(), endless())
    for _ in range(600):
        next(scores)
    assert read <= 1024
