"""Scores of vectors, language models and sequence models, always with their coverage."""

from wordkit.evaluation.analogy import (
    AnalogyScores,
    AnalogySection,
    SectionScore,
    iter_evaluate_analogies,
)
from wordkit.evaluation.bleu import TranslationScore
from wordkit.evaluation.dialogue import DialogueScore
from wordkit.evaluation.exact_match import (
    Example,
    Likelihood,
    TransductionScore,
    edit_distance,
)
from wordkit.evaluation.perplexity import Perplexity
from wordkit.evaluation.similarity import (
    SimilarityScore,
    WordPair,
    WordPairs,
    evaluate_similarity,
)

__all__ = [
    "AnalogyScores",
    "AnalogySection",
    "DialogueScore",
    "Example",
    "Likelihood",
    "Perplexity",
    "SectionScore",
    "SimilarityScore",
    "TransductionScore",
    "TranslationScore",
    "WordPair",
    "WordPairs",
    "edit_distance",
    "evaluate_similarity",
    "iter_evaluate_analogies",
]
