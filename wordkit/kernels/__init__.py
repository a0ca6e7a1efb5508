"""Compilation of kernels, and the vector arithmetic of those of word2vec."""
