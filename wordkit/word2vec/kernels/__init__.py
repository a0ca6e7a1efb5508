"""The compiled loops of word2vec on the CPU."""
