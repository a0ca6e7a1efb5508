"""BLEU and chrF of translations: what is compared, and by which tokens."""

from __future__ import annotations

import sys

import pytest

from wordkit.evaluation.bleu import measure_translation

TARGETS = ["a man , in a red shirt , does n't eat .", "two dogs run on the beach ."]


def test_scores_are_those_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    same = measure_translation(TARGETS, TARGETS)
    assert same is not None
    assert (same.bleu, same.bleu_detokenized, same.chrf) == pytest.approx((100, 100, 100))
    written = ["a man in a red shirt does n't eat .", "two dogs are on the beach ."]
    score = measure_translation(written, TARGETS)
    assert score is not None
    plain = sacrebleu.BLEU(tokenize="none", force=True)
    assert score.bleu == plain.corpus_score(written, [TARGETS]).score
    readable = [
        ["a man in a red shirt doesn't eat.", "two dogs are on the beach."],
        ["a man, in a red shirt, doesn't eat.", "two dogs run on the beach."],
    ]
    assert score.bleu_detokenized == sacrebleu.BLEU().corpus_score(readable[0], readable[1:]).score
    assert score.bleu_detokenized != score.bleu
    assert score.chrf == sacrebleu.CHRF().corpus_score(readable[0], readable[1:]).score


def test_there_is_no_score_without_sacrebleu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    assert measure_translation(TARGETS, TARGETS) is None
