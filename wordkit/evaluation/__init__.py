"""How good vectors and language models are: scores, always with their coverage."""

from wordkit.evaluation.analogy import (
    AnalogyScores,
    AnalogySection,
    SectionScore,
    evaluate_analogies,
)
from wordkit.evaluation.edit_distance import edit_distance
from wordkit.evaluation.perplexity import Perplexity
from wordkit.evaluation.similarity import (
    SimilarityScore,
    WordPair,
    WordPairs,
    evaluate_similarity,
)
from wordkit.evaluation.transduction import Example, TransductionScore

__all__ = [
    "AnalogyScores",
    "AnalogySection",
    "Example",
    "Perplexity",
    "SectionScore",
    "SimilarityScore",
    "TransductionScore",
    "WordPair",
    "WordPairs",
    "edit_distance",
    "evaluate_analogies",
    "evaluate_similarity",
]
