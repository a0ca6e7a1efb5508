"""Document vectors: lines of text as weighted means of the vectors of their words.

N is the number of documents, V of words, D of dimensions. :class:`DocumentVectors` is a transformer
of scikit-learn::

    model = make_pipeline(DocumentVectors("vectors.safetensors"), LogisticRegression())
    model.fit(lines, labels)
"""

from wordkit.documents.lines import SUFFIXES, SimilarLine, iter_embed_lines, similar_lines
from wordkit.documents.vectors import WEIGHTINGS, DocumentVectors
from wordkit.text.lookup import Document

__all__ = [
    "SUFFIXES",
    "WEIGHTINGS",
    "Document",
    "DocumentVectors",
    "SimilarLine",
    "iter_embed_lines",
    "similar_lines",
]
