"""What is written: greedily against a slow twin, and by beam search against all that there is."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from seq2seq.toy_pairs import SMALL, toy_texts
from seq2seq.toy_pairs import random_model as float32_model

from wordkit.errors import ConfigError, ResourceError
from wordkit.recurrent.answering import answering
from wordkit.seq2seq.batches import batch_of, encode
from wordkit.seq2seq.decoder import DecoderState
from wordkit.seq2seq.decoding import DecodingConfig, Hypothesis, beam_search, greedy
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.transforming import transform, write_all

SHAPES = {
    "attention to the output": SMALL,
    "attention to the input": replace(SMALL, attention="general", context_to="input"),
    "no attention, peeky": replace(SMALL, cell="lstm", attention="none", peeky=True),
    "additive, both ways": replace(
        SMALL, cell="lstm", attention="additive", directions="concat", layers=2, reverse=True
    ),
}
SCALES = {"flat": 0.3, "even": 0.7, "sharp": 1.6}


def random_model(*arguments: Any, **more: Any) -> Seq2SeqModel:
    """In double precision: what is written must not hang on how numbers are rounded."""
    return float32_model(*arguments, **more, dtype=torch.float64)


def written(model: Seq2SeqModel, texts: list[str], **config: Any) -> list[list[Hypothesis]]:
    pairs = [Pair(text, "") for text in texts]
    encoded = encode(pairs, model.source_vocabulary, model.target_vocabulary, model.config.unit)
    return write_all(model, encoded, DecodingConfig(**config))


def begun(model: Seq2SeqModel, *texts: str) -> tuple[DecoderState, int, torch.Tensor]:
    """The state before the first step; ``<eos>``; and what is never written, ``<unk>``."""
    pairs = [Pair(text, "") for text in texts]
    encoded = encode(pairs, model.source_vocabulary, model.target_vocabulary, model.config.unit)
    sources = batch_of(encoded, range(len(pairs)), reverse=model.config.reverse).sources
    with answering(model.network):
        state = model.network.start(torch.from_numpy(sources))
    return state, encoded.eos_id, torch.tensor([model.target_vocabulary.id("<unk>")])


def all_log_probabilities(model: Seq2SeqModel, text: str, ids: tuple[int, ...]) -> torch.Tensor:
    """log p of each unit after each beginning of what was written, all read from the start."""
    state, eos, banned = begun(model, text)
    with answering(model.network):
        decoded = model.network.decode(torch.tensor([eos, *ids]).unsqueeze(1), state)
        log_p = model.network.log_probabilities(decoded.features).double()
    log_p[:, banned] = -math.inf
    return log_p


def log_probability(model: Seq2SeqModel, text: str, answer: Hypothesis) -> float:
    """log p of all that was written, by letting the decoder read it."""
    eos = model.target_vocabulary.id("<eos>")
    log_p = all_log_probabilities(model, text, answer.ids)
    units = [*answer.ids, eos] if answer.ended else answer.ids
    return sum(float(log_p[step, unit]) for step, unit in enumerate(units))


def slow_greedy(model: Seq2SeqModel, text: str, most: int) -> Hypothesis:
    """Each unit from the whole beginning, which is read anew for it."""
    ids: tuple[int, ...] = ()
    total = 0.0
    while len(ids) < most:
        last = all_log_probabilities(model, text, ids)[-1]
        best = int(last.argmax())
        total += float(last[best])
        if best == model.target_vocabulary.id("<eos>"):
            return Hypothesis(ids, total, True)
        ids = (*ids, best)
    return Hypothesis(ids, total, False)


def assert_same(found: Hypothesis, expected: Hypothesis) -> None:
    assert (found.ids, found.ended) == (expected.ids, expected.ended)
    assert found.log_probability == pytest.approx(expected.log_probability, rel=1e-9, abs=1e-9)


# --- the most probable unit at each step ----------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_greedy_is_its_slow_twin(shape: str) -> None:
    """With texts of all lengths side by side, each of which leaves when it has ended."""
    texts = toy_texts(8, most=9)
    lengths = set()
    for seed, scale in itertools.product(range(3), SCALES.values()):
        model = random_model(SHAPES[shape], seed=seed, scale=scale)
        with torch.no_grad():
            model.network.bias[model.target_vocabulary.id("<eos>")] = scale
        for text, [answer] in zip(texts, written(model, texts, max_length=10), strict=True):
            assert_same(answer, slow_greedy(model, text, 10))
            lengths.add((len(answer.ids), answer.ended))
    assert len(lengths) > 3, "not all answers are alike"


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_batch_of_mixed_lengths_is_each_text_alone(shape: str, beam: int) -> None:
    texts = toy_texts(10, most=9)
    for scale in SCALES.values():
        model = random_model(SHAPES[shape], scale=scale)
        config = {"beam": beam, "alternatives": beam, "max_length": 10}
        together = written(model, texts, **config)
        for batch in (1, 12):
            for found, expected in zip(
                written(model, texts, batch=batch, **config), together, strict=True
            ):
                for one, other in zip(found, expected, strict=True):
                    assert_same(one, other)


def test_what_is_longer_than_the_limit_is_cut() -> None:
    model = random_model(longest_target=6)
    with torch.no_grad():
        model.network.bias[model.target_vocabulary.id("<eos>")] = -50
    for beam in (1, 3):
        for most in (1, 2, 7):
            for answers in written(model, ["a", "abcd"], beam=beam, max_length=most):
                assert len(answers[0].ids) == most and not answers[0].ended
        [[answer]] = written(model, ["abc"], beam=beam)
        assert len(answer.ids) == 2 * 6 + 10


@pytest.mark.parametrize("beam", [1, 4])
def test_a_high_limit_takes_no_memory(beam: int) -> None:
    """A model that ends is not asked for room that it does not use."""
    model = random_model(longest_target=10**9)
    with torch.no_grad():
        model.network.bias[model.target_vocabulary.id("<eos>")] = 3
    [[usual]] = written(model, ["abc"], beam=beam, max_length=20)
    assert usual.ended
    for most in (None, 2**31 - 1):
        [[answer]] = written(model, ["abc"], beam=beam, max_length=most)
        assert_same(answer, usual)


def test_an_unknown_unit_is_never_written() -> None:
    for seed in range(3):
        model = random_model(seed=seed)
        unk = model.target_vocabulary.id("<unk>")
        with torch.no_grad():
            model.network.bias[unk] = 50
        for beam in (1, 3):
            answers = written(model, toy_texts(5), beam=beam, alternatives=beam, max_length=6)
            assert all(unk not in answer.ids for some in answers for answer in some)


def test_in_single_precision_it_is_nearly_the_same() -> None:
    texts = toy_texts(12, most=9)
    for shape in SHAPES.values():
        exact, model = (make(shape, scale=0.5, seed=5) for make in (random_model, float32_model))
        expected = written(exact, texts, max_length=6)
        for [answer], [wanted] in zip(written(model, texts, max_length=6), expected, strict=True):
            assert answer.ids == wanted.ids
            assert answer.log_probability == pytest.approx(wanted.log_probability, rel=1e-4)


# --- beam search ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_a_beam_of_one_is_greedy(shape: str) -> None:
    texts = toy_texts(10, most=7)
    model = random_model(SHAPES[shape])
    state, eos, banned = begun(model, *texts)
    with answering(model.network):
        expected = greedy(model.network, state, eos, banned, 9)
        found = beam_search(model.network, state, eos, banned, 9, DecodingConfig(beam=1))
    assert found == [[answer] for answer in expected]


@pytest.mark.parametrize("letters", ["W", "WX", "UVWXYZ"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_answer_is_never_less_probable_than_the_greedy_one(
    shape: str, letters: str
) -> None:
    """Nor with fewer units than hypotheses; and it is often more probable."""
    texts = toy_texts(8, most=6)
    better = 0
    for scale, beam in itertools.product(SCALES.values(), (2, 3, 12)):
        model = random_model(SHAPES[shape], written=letters, scale=scale, seed=beam)
        state, eos, banned = begun(model, *texts)
        with answering(model.network):
            least = greedy(model.network, state, eos, banned, 8)
            for penalty in (0, 0.6, 2):
                config = DecodingConfig(beam=beam, length_penalty=penalty)
                found = beam_search(model.network, state, eos, banned, 8, config)
                for [best], answer in zip(found, least, strict=True):
                    assert best.log_probability >= answer.log_probability
                    better += best.log_probability > answer.log_probability
    assert better or letters == "W"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_beam_as_wide_as_all_finds_the_best_of_all(shape: str) -> None:
    """Every text of up to three units is weighed by itself, and they are put in order."""
    most = 3
    for seed, scale in enumerate(SCALES.values()):
        model = random_model(SHAPES[shape], written="XY", seed=seed, scale=scale)
        letters = [model.target_vocabulary.id(unit) for unit in "XY"]
        everything = [
            Hypothesis(ids, 0.0, length < most)
            for length in range(most + 1)
            for ids in itertools.product(letters, repeat=length)
        ]
        assert len(everything) == 15
        for text in ("a", "dcba"):
            weighed = sorted(
                (each._replace(log_probability=log_probability(model, text, each))
                 for each in everything),
                key=lambda each: -each.log_probability,
            )  # fmt: skip
            beam = len(model.target_vocabulary) ** most
            [found] = written(
                model, [text], beam=beam, alternatives=beam, length_penalty=0, max_length=most
            )
            assert len(found) == 15
            for answer, expected in zip(found, weighed, strict=True):
                assert_same(answer, expected)
            assert sum(math.exp(answer.log_probability) for answer in found) <= 1 + 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities_are_those_of_reading_what_was_written(shape: str) -> None:
    texts = toy_texts(6, most=7)
    for scale in SCALES.values():
        model = random_model(SHAPES[shape], scale=scale)
        for beam in (1, 5):
            found = written(model, texts, beam=beam, alternatives=beam, max_length=7)
            for text, answers in zip(texts, found, strict=True):
                for answer in answers:
                    expected = log_probability(model, text, answer)
                    assert answer.log_probability == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("penalty", [0, 0.6, 2])
def test_alternatives_are_different_and_in_order(penalty: float) -> None:
    """By their score, but those that are less probable than the greedy one behind the others."""
    texts = toy_texts(10, most=7)
    for seed, scale in itertools.product(range(3), SCALES.values()):
        model = random_model(seed=seed, scale=scale)
        least = written(model, texts, max_length=8)
        found = written(model, texts, beam=5, alternatives=5, length_penalty=penalty, max_length=8)
        for answers, [answer] in zip(found, least, strict=True):
            assert len({(each.ids, each.ended) for each in answers}) == len(answers) == 5
            bound = answer.log_probability - 1e-9
            ranks = [(each.log_probability >= bound, each.score(penalty)) for each in answers]
            assert ranks == sorted(ranks, reverse=True)


def slow_beam(
    model: Seq2SeqModel, text: str, beam: int, penalty: float, most: int
) -> list[Hypothesis]:
    """Beam search to the very last step, each hypothesis read anew for each of its units.

    What ends is set aside where it is among the best 2 · K, so that K others go on.
    """
    eos, least = model.target_vocabulary.id("<eos>"), slow_greedy(model, text, most)
    open_ones, found = [((), 0.0)], {(least.ids, least.ended): least}
    for _ in range(most):
        grown = []
        for ids, total in open_ones:
            log_p = all_log_probabilities(model, text, ids)[-1].tolist()
            grown += [(total + p, (*ids, unit)) for unit, p in enumerate(log_p) if p > -math.inf]
        grown = sorted(grown, reverse=True)[: 2 * beam]
        for total, ids in grown:
            if ids[-1] == eos:
                found.setdefault((ids[:-1], True), Hypothesis(ids[:-1], total, True))
        open_ones = [(ids, total) for total, ids in grown if ids[-1] != eos][:beam]
    for ids, total in open_ones:
        found.setdefault((ids, False), Hypothesis(ids, total, False))
    bound = least.log_probability - 1e-12
    return sorted(
        found.values(),
        key=lambda answer: (answer.log_probability >= bound, answer.score(penalty)),
        reverse=True,
    )[:beam]


@pytest.mark.parametrize("penalty", [0, 0.6, 2])
def test_a_beam_is_its_slow_twin(penalty: float) -> None:
    """Which never ends early: what is found then cannot be improved on."""
    lengths = set()
    for (number, shape), scale in itertools.product(enumerate(SHAPES.values()), SCALES.values()):
        model = random_model(shape, written="XYZ", scale=scale, seed=number)
        with torch.no_grad():
            model.network.bias[model.target_vocabulary.id("<eos>")] = scale
        for text, beam in (("ab", 2), ("dcba", 4)):
            expected = slow_beam(model, text, beam, penalty, 6)
            for alternatives in range(1, beam + 1):
                config = {"alternatives": alternatives, "length_penalty": penalty, "max_length": 6}
                [found] = written(model, [text], beam=beam, **config)
                for one, other in zip(found, expected[:alternatives], strict=True):
                    assert_same(one, other)
            lengths.add(len(found[0].ids))
    assert len(lengths) > 2


@pytest.mark.parametrize("penalty", [0, 0.6, 2])
def test_the_first_answer_is_the_same_however_many_are_asked_for(penalty: float) -> None:
    """Though with one the search may end as soon as nothing can stand before it."""
    texts = toy_texts(10, most=7)
    for seed, scale in itertools.product(range(3), SCALES.values()):
        model = random_model(seed=seed, scale=scale)
        config = {"beam": 4, "length_penalty": penalty, "max_length": 12}
        several = written(model, texts, alternatives=4, **config)
        for [first], answers in zip(written(model, texts, **config), several, strict=True):
            assert_same(first, answers[0])


def test_a_score_is_log_p_in_relation_to_the_length() -> None:
    ended, cut = Hypothesis((3, 4), -6.0, True), Hypothesis((3, 4), -6.0, False)
    assert ended.score(0) == cut.score(0) == -6
    assert ended.score(1) == -6 / (8 / 6) and cut.score(1) == -6 / (7 / 6)
    assert Hypothesis((), -0.5, True).score(2) == -0.5, "a length of 1 is the measure"
    model = random_model()
    with torch.no_grad():
        model.network.bias[model.target_vocabulary.id("<eos>")] = 3
    for answers in transform(model, ["abc"], DecodingConfig(beam=4, alternatives=4)):
        for text, log_p, score in answers:
            assert score == pytest.approx(log_p / ((5 + len(text) + 1) / 6) ** 0.6)


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("beam", 0, "at least 1, not 0"),
        ("alternatives", 0, "at least 1, not 0"),
        ("alternatives", 2, r"at most beam \(1\), not 2"),
        ("length_penalty", -0.1, "from 0 to 10, not -0.1"),
        ("length_penalty", 1000, "from 0 to 10, not 1000"),
        ("length_penalty", math.nan, "a finite number, from 0 to 10, not nan"),
        ("max_length", 0, "at least 1, not 0"),
        ("batch", 0, "at least 1, not 0"),
    ],
)
def test_a_bad_value_is_named_with_its_field(field: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=f"^{field} must be {says}$"):
        DecodingConfig(**{field: value})


def test_the_highest_penalty_can_be_computed() -> None:
    assert Hypothesis((1,) * 10_000, -1.0, True).score(10) < 0
    [[answer]] = written(random_model(), ["abc"], beam=3, length_penalty=10, max_length=50)
    assert math.isfinite(answer.score(10))


@pytest.mark.parametrize("attention", ["none", "dot"])
def test_a_beam_beyond_all_memory_is_an_error_and_no_kill(attention: Any) -> None:
    model = random_model(replace(SMALL, attention=attention))
    with pytest.raises(ResourceError, match="GiB are free; .*, or lower beam") as caught:
        written(model, ["abc"], beam=10**9)
    assert "\n" not in str(caught.value)
