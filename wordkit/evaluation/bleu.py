"""BLEU and chrF, by sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wordkit.text.detokenizer import detokenize

__all__ = ["TranslationScore", "measure_translation"]


@dataclass(frozen=True)
class TranslationScore:
    """Scores of translations, each from 0 to 100."""

    bleu: float
    """BLEU on the tokens between white space (Papineni et al. 2002); sacrebleu's tokenizer none."""

    bleu_detokenized: float
    """BLEU on detokenized texts, tokenized by sacrebleu's 13a, that of the WMT (Post 2018)."""

    chrf: float
    """chrF2 (Popović 2015)."""


def measure_translation(written: Sequence[str], targets: Sequence[str]) -> TranslationScore | None:
    """Compare what was written with the targets; return None where sacrebleu is not installed.

    Args:
        written: texts whose tokens are separated by white space.
        targets: the true text of each.
    """
    try:
        from sacrebleu import corpus_bleu, corpus_chrf
    except ImportError:
        return None
    readable = [[detokenize(text.split()) for text in texts] for texts in (written, targets)]
    return TranslationScore(
        corpus_bleu(written, [targets], tokenize="none", force=True).score,
        corpus_bleu(readable[0], [readable[1]]).score,
        corpus_chrf(readable[0], [readable[1]]).score,
    )
