"""How good vectors are, by word similarity and by analogies: scores with their coverage."""

from wordkit.evaluation.analogy import (
    AnalogyScores,
    AnalogySection,
    SectionScore,
    evaluate_analogies,
)
from wordkit.evaluation.similarity import (
    SimilarityScore,
    WordPair,
    WordPairs,
    evaluate_similarity,
)

__all__ = [
    "AnalogyScores",
    "AnalogySection",
    "SectionScore",
    "SimilarityScore",
    "WordPair",
    "WordPairs",
    "evaluate_analogies",
    "evaluate_similarity",
]
