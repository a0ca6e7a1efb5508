"""wordkit: word vectors, from raw text to answers."""

__version__ = "0.2.0"
