"""Decoding over any sequence network: greedy, sampling, beam search, and scoring."""
