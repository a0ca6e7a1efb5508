"""wordkit: word vectors and recurrent language models, from raw text to answers."""

__version__ = "0.1.0"
