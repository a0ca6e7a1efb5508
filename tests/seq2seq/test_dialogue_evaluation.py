"""The scores of a dialogue model, against what is counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from seq2seq.test_dialogue_network import log_probs
from seq2seq.toy_dialogues import SMALL, random_model, toy_dialogues

from wordkit.decoding.config import SamplingConfig
from wordkit.errors import ConfigError
from wordkit.evaluation.dialogue import distinct
from wordkit.seq2seq.dialogue import iter_evaluate_dialogues
from wordkit.seq2seq.dialogue.batches import encode_dialogues

DIALOGUES = toy_dialogues(40)


def test_distinct_words_and_pairs() -> None:
    texts = [("a", "b", "a"), ("a", "b"), ()]
    assert distinct(texts, 1) == 2 / 5
    assert distinct(texts, 2) == 2 / 5  # a b, b a
    assert distinct([], 1) == distinct([()], 2) == 0


@pytest.mark.parametrize("shape", [{}, {"attention_to": "both", "context_turns": 1}], ids=str)
def test_scores_are_those_of_all_turns_counted_by_hand(shape: dict[str, object]) -> None:
    model = random_model(replace(SMALL, **shape))  # type: ignore[arg-type]
    score = iter_evaluate_dialogues(model, DIALOGUES, draws=4, situations=9).result()
    encoded = encode_dialogues(DIALOGUES, model.vocabulary, "char")
    log_p = log_probs(model, DIALOGUES, slice(None))
    ids = [[*encoded.targets[turn].tolist(), encoded.eos_id] for turn in range(len(encoded))]
    nats = -sum(float(log_p[s, t, i]) for t, row in enumerate(ids) for s, i in enumerate(row))
    histories = [d[:n] for d in DIALOGUES for n in range(1, len(d))]
    written = model.answer(histories)
    turns = [d[n] for d in DIALOGUES for n in range(1, len(d))]
    assert score.turns == len(turns) == len(encoded)
    assert score.perplexity == pytest.approx(
        math.exp(nats / (len("".join(turns)) + len(turns))), rel=1e-4
    )
    assert score.right == sum(a == b for a, b in zip(written, turns, strict=True))
    assert score.distinct_1 == len({*"".join(written)}) / len("".join(written))
    assert 1 < score.distinct_answers <= 4 and score.kl is None


def test_units_are_those_of_the_model_and_bleu_is_of_four_words() -> None:
    pytest.importorskip("sacrebleu")
    model = random_model(replace(SMALL, unit="word"))
    for turn, has_bleu in (("a b c", False), ("a b c d", True)):
        score = iter_evaluate_dialogues(model, [("a", turn)]).result()
        assert score.units == len(turn.split()) + 1
        assert (score.translation is not None) == has_bleu


def test_a_draw_that_is_not_left_to_chance_gives_one_answer() -> None:
    greedy = SamplingConfig(top_k=1)
    score = iter_evaluate_dialogues(random_model(), DIALOGUES, sampling=greedy).result()
    assert score.distinct_answers == 1
    with pytest.raises(ConfigError, match="there is no dialogue of two turns to evaluate on"):
        iter_evaluate_dialogues(random_model(), [("a",)])
