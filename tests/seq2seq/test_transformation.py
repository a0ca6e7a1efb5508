"""From texts to texts: order, what is refused, what is not known, scores and alignments."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from seq2seq import twin_network
from seq2seq.toy_pairs import (
    QUICK,
    SMALL,
    random_model,
    reversed_text,
    toy_pairs,
    toy_texts,
    trained,
)

from wordkit.config import from_record
from wordkit.errors import ConfigError, ResourceError, TextError
from wordkit.evaluation import Example, edit_distance
from wordkit.seq2seq import decoding, transformation
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig
from wordkit.seq2seq.evaluation import iter_evaluate_pairs
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.transformation import align, transform

SHORT = DecodingConfig(max_length=6)


def double(config: Seq2SeqConfig = SMALL, **more: Any) -> Seq2SeqModel:
    """In double precision: what is written must not hang on how numbers are rounded."""
    return random_model(config, dtype=torch.float64, scale=1.0, **more)


def never_ending(model: Seq2SeqModel) -> Seq2SeqModel:
    with torch.no_grad():
        model.network.output.bias[model.target_vocabulary.id("<eos>")] = -50
    return model


def log_p_of(model: Seq2SeqModel, texts: list[str]) -> list[float]:
    """Of the answer to each text: another number for whatever is read otherwise."""
    return [answers[0].log_probability for answers in transform(model, texts, SHORT)]


ATTENDING = {
    "dot": SMALL,
    "dot, to the input": replace(SMALL, attention="dot", context_to="input"),
    "transformer": Seq2SeqConfig(arch="transformer", hidden=8, dim=8, layers=2, heads=2),
    "general, to the input": replace(SMALL, attention="general", context_to="input"),
    "additive, both ways": replace(SMALL, cell="lstm", attention="additive", directions="concat"),
}


def from_the_other_end(model: Seq2SeqModel) -> Seq2SeqModel:
    """The same weights, which read from the other end."""
    config = replace(model.config, reverse=not model.config.reverse)
    sizes = len(model.source_vocabulary), len(model.target_vocabulary)
    network = Seq2SeqNetwork(config, *sizes).to(model.network.output.bias.dtype)
    network.load_state_dict(model.network.state_dict())
    return replace(model, network=network.eval())


def texts_of(model: Seq2SeqModel, texts: list[str], config: DecodingConfig = SHORT) -> list[str]:
    return [answers[0].text for answers in transform(model, texts, config)]


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 3])
def test_answers_come_in_the_order_of_the_texts(beam: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are sorted by length together, and are in a batch."""
    model, texts = double(), toy_texts(25, most=8)
    config = DecodingConfig(beam=beam, alternatives=beam, max_length=6)
    alone = [next(transform(model, [text], config)) for text in texts]
    assert len({answers[0].log_probability for answers in alone}) > 20
    for at_once, batch in ((1, 16), (7, 1), (25, 16), (4096, 4)):
        monkeypatch.setattr(transformation, "_GROUP", at_once)
        found = list(transform(model, iter(texts), replace(config, batch=batch)))
        assert [[each.text for each in answers] for answers in found] == [
            [each.text for each in answers] for answers in alone
        ]
        for answers, expected in zip(found, alone, strict=True):
            for one, other in zip(answers, expected, strict=True):
                assert one.log_probability == pytest.approx(other.log_probability)
                assert one.score == pytest.approx(other.score)


def test_texts_are_read_as_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformation, "_GROUP", 3)
    read = []

    def endless() -> Iterator[str]:
        for number in itertools.count():
            read.append(number)
            yield "abc"

    answers = transform(random_model(), endless(), SHORT)
    assert read == []
    for _ in range(4):
        next(answers)
    assert len(read) == 6


def test_white_space_around_a_text_is_no_part_of_it() -> None:
    model = double(characters="ab ")
    plain = log_p_of(model, ["ab", "a b"])
    assert log_p_of(model, ["  ab\t", "\na b\r\n"]) == plain
    assert plain[0] != plain[1], "within it, it is"


def test_a_blank_text_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformation, "_GROUP", 2)
    model = double()
    a, b, c = texts_of(model, ["a", "b", "ab"])
    found = transform(model, ["", "a", " \t", "\n", "b", "", "ab"], SHORT)
    texts = [[answer.text for answer in answers] for answers in found]
    assert texts == [[], [a], [], [], [b], [], [c]]
    assert list(transform(model, ["", " "], SHORT)) == [[], []]
    assert model.transform([" ", "a"], max_length=SHORT.max_length) == ["", a]


def test_texts_are_normalized_as_the_model_says() -> None:
    model = double(characters="\u00e9\u0301e")
    composed, decomposed = (log_p_of(model, [text]) for text in ("\u00e9", "e\u0301"))
    assert composed == decomposed
    assert align(double(characters="\u00e9"), "e\u0301").source == ("\u00e9",)
    config = from_record(Seq2SeqConfig, {})
    assert config.normalize == "none", "as files from before the setting was there mean"


def test_a_text_beyond_all_memory_is_an_error_and_no_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "available_memory", lambda: 1 << 26)
    model = random_model()
    says = "a text of 1,000,000 units needs .* GiB are free; shorten it, or ask for fewer"
    with pytest.raises(ResourceError, match=says) as caught:
        next(transform(model, ["ab" * 500_000]))
    assert "\n" not in str(caught.value)
    assert len(texts_of(model, ["ab" * 500])) == 1


def test_what_does_not_fit_in_one_batch_is_taken_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model()
    texts = ["ab" * 2000, *(["abc", "b"] * 40)]
    expected = texts_of(model, texts)
    sizes = []
    read = model.network.encode

    def counted(sources: torch.Tensor, lengths: torch.Tensor) -> object:
        sizes.append(sources.shape[1])
        return read(sources, lengths)

    monkeypatch.setattr(model.network, "encode", counted)
    assert texts_of(model, texts) == expected and sizes == [81]
    needed = decoding.decoding_bytes(model.config, 4000, 1, 6)
    monkeypatch.setattr(decoding, "available_memory", lambda: 3 * needed)
    sizes.clear()
    assert texts_of(model, texts) == expected
    assert sum(sizes) == 81 and len(sizes) > 1


def test_characters_that_are_not_known_are_read_as_one() -> None:
    """Whatever they are; a mark that is spelt out is only its characters."""
    model = double()
    known, unknown = log_p_of(model, ["abc", "aXc"])
    assert known != unknown
    others = ["aéc", "a\U0001f600c", "a\ud800c", "a c"]
    assert log_p_of(model, others) == pytest.approx([unknown] * 4, rel=1e-12)
    assert log_p_of(model, ["<eos>"]) == pytest.approx(log_p_of(model, ["XXXXX"]), rel=1e-12)


def test_words_are_written_with_a_space_between() -> None:
    model = never_ending(random_model(replace(SMALL, unit="word")))
    [text] = texts_of(model, [" a   b "])
    assert len(text.split(" ")) == 6 and set(text.split(" ")) <= set("WXYZ")
    assert texts_of(model, ["a b"]) == [text]


@pytest.mark.parametrize("directions", ["one", "concat"])
@pytest.mark.parametrize("attention", ["none", "general"])
def test_reading_from_the_end_is_reading_the_reversed_text(attention: Any, directions: Any) -> None:
    model = double(replace(SMALL, attention=attention, directions=directions, cell="lstm"))
    texts = toy_texts(20, most=7)
    config = DecodingConfig(beam=2, alternatives=2, max_length=6)
    expected = list(transform(model, [text[::-1] for text in texts], config))
    assert list(transform(from_the_other_end(model), texts, config)) == expected


def test_a_model_answers_as_it_does_in_the_end_even_while_it_is_trained() -> None:
    """Without dropout; and then it is as before."""
    model = random_model(replace(SMALL, dropout=0.5))
    expected = list(transform(model, ["abc"], SHORT))
    model.network.train()
    assert list(transform(model, ["abc"], SHORT)) == expected
    assert model.network.training


# --- decoding -------------------------------------------------------------------------------------


def log_p_alone(model: Seq2SeqModel, source: str, text: str) -> float:
    """Of a text and its end, as the twin reads both."""
    ids = [model.target_vocabulary.id(unit) for unit in text]
    eos = model.target_vocabulary.id("<eos>")
    params = {name: p.detach().numpy() for name, p in model.network.named_parameters()}
    read = [model.source_vocabulary.id(unit) for unit in source]
    log_p, _ = twin_network.log_probs(model.config, params, read, [eos, *ids])
    return float(sum(log_p[step, id_] for step, id_ in enumerate([*ids, eos])))


@pytest.mark.parametrize("config", [
    DecodingConfig(), DecodingConfig(beam=4, alternatives=3), DecodingConfig(sample=True)
])  # fmt: skip
def test_probabilities_are_those_of_reading_what_was_written(config: DecodingConfig) -> None:
    model = double(replace(SMALL, attention="additive", directions="sum"))
    texts, compared = toy_texts(12), 0
    for source, answers in zip(texts, transform(model, texts, config), strict=True):
        for answer in answers:
            if len(answer.text) < 18:  # it has ended
                expected = log_p_alone(model, source, answer.text)
                assert answer.log_probability == pytest.approx(expected)
                length = ((5 + len(answer.text) + 1) / 6) ** 0.6
                assert answer.score == pytest.approx(expected / length)
                compared += 1
        assert len({answer.text for answer in answers}) == len(answers)
    assert compared > 2


def test_samples_depend_on_the_seed_and_the_number_of_the_text_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, texts = double(), toy_texts(20)
    config = DecodingConfig(sample=True, seed=5, alternatives=3, max_length=6)
    expected = [[a.text for a in answers] for answers in transform(model, texts, config)]
    assert len({text for answers in expected for text in answers}) > 20
    for group, batch in ((3, 4), (7, 1), (100, 1000)):
        monkeypatch.setattr(transformation, "_GROUP", group)
        found = transform(model, texts, replace(config, batch=batch))
        assert [[a.text for a in answers] for answers in found] == expected
    fewer = transform(model, texts, replace(config, alternatives=1))
    assert [answers[0].text for answers in fewer] == [answers[0] for answers in expected]
    other = transform(model, texts, replace(config, seed=6))
    assert [[a.text for a in answers] for answers in other] != expected
    same_source = list(transform(model, ["abc"] * 40, replace(config, alternatives=1)))
    assert len({answers[0].text for answers in same_source}) > 2


def test_a_beam_beyond_all_memory_is_an_error_and_no_kill() -> None:
    with pytest.raises(ResourceError, match="GiB are free; .*, or ask for fewer hyp"):
        next(transform(random_model(), ["abc"], DecodingConfig(beam=10**9)))


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("shape", ["dot", "dot, to the input", "transformer"])
def test_unknown_units_are_copied_where_the_attention_is(beam: int, shape: str) -> None:
    model = double(ATTENDING[shape])
    unk = model.target_vocabulary.id("<unk>")
    with torch.no_grad():
        model.network.output.bias[unk] += 50  # it writes nothing else
    config = DecodingConfig(copy_unknown=True, beam=beam, max_length=4)
    texts = ["aXbY", "abc", "dZ"]
    copied, known, only = texts_of(model, texts, config)
    plain = texts_of(model, texts, replace(config, copy_unknown=False))
    weights = transformation._attention(model, "aXbY", (unk,) * 4)
    assert copied == "".join("XY"[int(row[3] > row[1])] for row in weights)
    assert only == "ZZZZ"
    assert known == plain[1] and "<unk>" not in "".join(plain)
    with pytest.raises(ConfigError, match="copy_unknown needs a model with attention"):
        texts_of(double(replace(SMALL, attention="none")), ["a"], config)


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 3])
def test_a_score_is_what_a_slow_count_comes_to(beam: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordkit.seq2seq.evaluation._GROUP", 16)
    model = trained(toy_pairs(200, reversed_text), SMALL, replace(QUICK, epochs=7)).result()
    pairs = toy_pairs(50, reversed_text, seed=2)
    config = DecodingConfig(beam=beam, max_length=5)
    run = iter_evaluate_pairs(model, pairs, config, examples=3)
    reports = list(run)
    assert [(r.stage, r.done, r.total, r.unit) for r in reports] == [
        ("transforming", done, 50, "pairs") for done in (0, 16, 32, 48, 50)
    ]
    score = run.result()
    written = texts_of(model, [pair.source for pair in pairs], config)
    edits = [edit_distance(pair.target, text) for pair, text in zip(pairs, written, strict=True)]
    assert score.pairs == 50 and score.right == edits.count(0) and score.edits == sum(edits)
    assert 3 < score.right < 47, "some are right, some are wrong"
    assert score.exact_match == edits.count(0) / 50
    assert score.units == sum(len(pair.target) for pair in pairs)
    assert score.error_rate == sum(edits) / score.units
    assert score.unknown == 0
    examples = [Example(*pair, text) for pair, text in zip(pairs, written, strict=True)]
    right = [each for each, distance in zip(examples, edits, strict=True) if not distance]
    wrong = [each for each, distance in zip(examples, edits, strict=True) if distance]
    assert score.examples_right == tuple(right[:3])
    assert score.examples_wrong == tuple(wrong[:3])


def test_words_are_what_is_counted_where_they_are_the_units() -> None:
    model = never_ending(random_model(replace(SMALL, unit="word")))
    [written] = texts_of(model, ["a b"])
    words = written.split()
    assert len(words) > 1
    wrong = " ".join(["other", *words[1:]])
    pairs = [Pair("a b", written), Pair("a b", wrong), Pair("a   b", "  ".join(words))]
    score = iter_evaluate_pairs(model, pairs, SHORT).result()
    assert (score.right, score.edits, score.units) == (2, 1, 3 * len(words))
    spellings = ([Pair("a b", f"{written} {letter}")] for letter in ("é", "e\u0301"))
    one, other = (iter_evaluate_pairs(model, each, SHORT).result() for each in spellings)
    assert one.translation == other.translation, "the targets are normalized, as the model's are"


def test_units_that_are_not_known_are_counted() -> None:
    """Those of the sources; a target that holds some cannot be written."""
    model = random_model()
    pairs = [Pair("abc", "W"), Pair("aXéa", "W"), Pair("YYY", "q")]
    score = iter_evaluate_pairs(model, pairs, SHORT).result()
    assert score.unknown == 2 + 3
    words = random_model(replace(SMALL, unit="word"))
    score = iter_evaluate_pairs(words, [Pair("a <eos> ab <unk>", "W")], SHORT).result()
    assert score.unknown == 2, "<unk> says of itself that it is one"


def test_targets_that_are_all_empty_have_a_rate_too() -> None:
    model = random_model()
    eos = model.target_vocabulary.id("<eos>")
    for bias, right in ((50.0, 2), (-50.0, 0)):
        with torch.no_grad():
            model.network.output.bias[eos] = bias
        score = iter_evaluate_pairs(model, [Pair("a", ""), Pair("b", "")], SHORT).result()
        assert score.right == right and score.units == 0
        assert (score.error_rate == 0) == bool(right)


def test_there_is_nothing_to_evaluate_on() -> None:
    with pytest.raises(ConfigError, match="there is no pair to evaluate on"):
        iter_evaluate_pairs(random_model(), [])
    with pytest.raises(TextError, match="the source of pair 2 is empty"):
        iter_evaluate_pairs(random_model(), [Pair("a", "W"), Pair("", "W")]).result()


# --- alignments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ATTENDING)
def test_an_alignment_is_a_distribution_over_the_source_for_each_unit(shape: str) -> None:
    model = never_ending(double(ATTENDING[shape]))
    for text in ("abcd", "a", "dXab"):
        found = align(model, f" {text}\n")
        assert found.source == tuple(text)
        [answers] = transform(model, [text])
        assert "".join(found.written) == answers[0].text
        assert found.weights.shape == (len(found.written), len(text))
        assert (found.weights >= 0).all()
        sums = found.weights.sum(1)
        if model.config.context_to == "input":  # with the first unit nothing is seen yet
            assert sums[0] == 0
            sums = sums[1:]
        np.testing.assert_allclose(sums, 1, rtol=1e-6)
    assert len(found.written) > 1 and np.ptp(found.weights, axis=1).max() > 1e-3


@pytest.mark.parametrize("shape", ATTENDING)
def test_columns_are_in_the_order_of_the_text_from_whichever_end_it_is_read(shape: str) -> None:
    model = double(ATTENDING[shape])
    backwards = from_the_other_end(model)
    for text in ("abcd", "dca", "b"):
        plain, found = align(model, text), align(backwards, text[::-1])
        assert found.source == plain.source[::-1] and found.written == plain.written
        np.testing.assert_array_equal(found.weights, plain.weights[:, ::-1])


def test_an_alignment_is_of_one_head_or_of_their_mean() -> None:
    model = never_ending(double(ATTENDING["transformer"]))
    heads = np.stack([align(model, "abcd", head).weights for head in (1, 2)])
    assert np.abs(heads[0] - heads[1]).max() > 1e-3
    np.testing.assert_allclose(align(model, "abcd").weights, heads.mean(0), rtol=1e-6)
    for wrong, head in ((model, 3), (model, 0), (random_model(), 2)):
        with pytest.raises(ConfigError, match=r"head must be from 1 to \d for this model, not"):
            align(wrong, "abc", head)


def test_an_alignment_of_nothing_has_no_rows() -> None:
    model = random_model()
    with torch.no_grad():
        model.network.output.bias[model.target_vocabulary.id("<eos>")] = 50
    found = align(model, "abc")
    assert found.written == () and found.weights.shape == (0, 3)


def test_what_cannot_be_aligned() -> None:
    with pytest.raises(ConfigError, match="has no attention; train one with"):
        align(random_model(replace(SMALL, attention="none")), "abc")
    with pytest.raises(TextError, match="there is no text to align; give one"):
        align(random_model(), " \n")
