"""Compiled arithmetic that scanning, counting and word2vec share."""
