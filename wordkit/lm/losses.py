"""The losses of the output layer: exact, sampled and adaptive."""

from wordkit.lm.adaptive import AdaptiveOutput, default_cutoffs
from wordkit.lm.sampled_loss import SharedNegatives, sampled_cross_entropy
from wordkit.recurrent.exact_loss import (
    linear_cross_entropy,
    log_probabilities,
    token_log_probabilities,
)

__all__ = [
    "AdaptiveOutput",
    "SharedNegatives",
    "default_cutoffs",
    "linear_cross_entropy",
    "log_probabilities",
    "sampled_cross_entropy",
    "token_log_probabilities",
]
