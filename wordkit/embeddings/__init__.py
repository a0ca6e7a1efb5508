"""Word vectors: the questions one can ask of them, and the files that hold them."""

from wordkit.embeddings.composition import Subwords
from wordkit.embeddings.embeddings import Embeddings
from wordkit.embeddings.formats import load_embeddings, save_embeddings

__all__ = ["Embeddings", "Subwords", "load_embeddings", "save_embeddings"]
