"""How good vectors and language models are: scores, always with their coverage."""

from wordkit.evaluation.analogy import (
    AnalogyScores,
    AnalogySection,
    SectionScore,
    evaluate_analogies,
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
    "Perplexity",
    "SectionScore",
    "SimilarityScore",
    "WordPair",
    "WordPairs",
    "evaluate_analogies",
    "evaluate_similarity",
]
