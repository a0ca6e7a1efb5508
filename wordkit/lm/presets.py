"""Settings that have names: those of papers and textbooks."""

from __future__ import annotations

from collections.abc import Mapping

from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.training.presets import Preset, named_preset

__all__ = ["PRESETS", "Preset", "get_preset"]


PRESETS: Mapping[str, Preset] = {
    "rnnlm": Preset(
        "the textbook's LSTM of 100: SGD at 20, four epochs; its NumPy program reached 135.3",
        ModelConfig(hidden=100, tied=False, start_scale=0.1, locked_dropout=False),
        TrainingConfig(
            batch=20, steps=35, epochs=4, optimizer="sgd", lr=20.0, schedule="constant",
            clip_norm=0.25, softmax="exact",
        ),
    ),
    "zaremba-small": Preset(
        "Zaremba, Sutskever and Vinyals (2014), not regularized: 2 x 200, PTB test 114.5",
        ModelConfig(hidden=200, layers=2, tied=False, start_scale=0.1, locked_dropout=False),
        TrainingConfig(
            batch=20, steps=20, epochs=13, optimizer="sgd", lr=1.0 * 20, schedule="exponential",
            decay=0.5, decay_after=3, clip_norm=5 / 20, softmax="exact",
        ),
    ),
    "zaremba-medium": Preset(
        "Zaremba, Sutskever and Vinyals (2014): 2 x 650, dropout 0.5, PTB test 82.7",
        ModelConfig(
            hidden=650, layers=2, tied=False, dropout=0.5, start_scale=0.05, locked_dropout=False
        ),
        TrainingConfig(
            batch=20, steps=35, epochs=39, optimizer="sgd", lr=1.0 * 35, schedule="exponential",
            decay=1 / 1.2, decay_after=5, clip_norm=5 / 35, softmax="exact",
        ),
    ),
    "zaremba-large": Preset(
        "Zaremba, Sutskever and Vinyals (2014): 2 x 1500, dropout 0.65, PTB test 78.4",
        ModelConfig(
            hidden=1500, layers=2, tied=False, dropout=0.65, start_scale=0.04,
            locked_dropout=False,
        ),
        TrainingConfig(
            batch=20, steps=35, epochs=55, optimizer="sgd", lr=1.0 * 35, schedule="exponential",
            decay=1 / 1.15, decay_after=13, clip_norm=10 / 35, softmax="exact",
        ),
    ),
    "awd-lstm": Preset(
        "Merity, Keskar and Socher (2018): 3 x 1150, weight-drop; PTB test 58.8 before fine-tuning",
        ModelConfig(
            hidden=1150, layers=3, last_hidden=400, dim=400, tied=True, input_dropout=0.4,
            between_dropout=0.25, output_dropout=0.4, word_dropout=0.1, weight_drop=0.5,
        ),
        TrainingConfig(
            batch=20, steps=70, vary_steps=True, epochs=500, optimizer="asgd", lr=30.0,
            schedule="constant", clip_norm=0.25, weight_decay=1.2e-6, softmax="exact",
            activation_penalty=2.0, temporal_penalty=1.0,
        ),
    ),
    "transformer-small": Preset(
        "a Transformer for minutes on two cores: 4 x 128, 4 heads; what --arch starts from",
        ModelConfig(
            arch="transformer", hidden=128, layers=4, heads=4, memory_length=64,
            locked_dropout=False, unigram_bias=True,
        ),
        TrainingConfig(
            batch=16, steps=64, epochs=10, lr=2e-3, beta2=0.99,
            weight_decay=0.01, schedule="cosine", warmup=0.05,
        ),
    ),
    "nanogpt-cpu": Preset(
        "nanoGPT's characters of Shakespeare on a CPU: 4 x 128, 4 heads, windows of 64",
        ModelConfig(
            arch="transformer", hidden=128, layers=4, heads=4, memory_length=63,
            locked_dropout=False,
        ),
        TrainingConfig(
            batch=12, steps=64, epochs=2, lr=1e-3, beta2=0.99, weight_decay=0.1,
            schedule="cosine", warmup=0.05, softmax="exact",
        ),
    ),
    "nanogpt-char": Preset(
        "nanoGPT's characters of Shakespeare: 6 x 384, 6 heads, windows of 256, dropout 0.2",
        ModelConfig(
            arch="transformer", hidden=384, layers=6, heads=6, memory_length=255, dropout=0.2,
            output_dropout=0.0, locked_dropout=False,
        ),
        TrainingConfig(
            batch=64, steps=256, epochs=82, lr=1e-3, beta2=0.99, weight_decay=0.1,
            schedule="cosine", warmup=0.02, softmax="exact",
        ),
    ),
}  # fmt: skip
"""Settings by name. A rate that its paper applies to the loss summed over the steps of a window is
written here for the mean over all targets: times the steps, and its clip divided by them."""


def get_preset(name: str) -> Preset:
    """Return the preset of a name.

    Raises:
        ConfigError: there is none.
    """
    return named_preset(PRESETS, name)
