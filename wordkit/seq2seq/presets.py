"""Settings of sequence models that have names."""

from __future__ import annotations

from collections.abc import Mapping

from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.training import presets

__all__ = ["PRESETS", "Preset", "get_preset"]


class Preset(presets.Preset):
    """A sequence model and its training, with the fields of :class:`wordkit.lm.Preset`."""


PRESETS: Mapping[str, Preset] = {
    "characters": Preset(
        "for short texts read by characters, such as dates and sums",
        Seq2SeqConfig(),
        Seq2SeqTrainingConfig(),
    ),
    "words": Preset(
        "for some ten thousand sentences read by words",
        Seq2SeqConfig(unit="word", dim=256, directions="concat", tied=True, dropout=0.3),
        Seq2SeqTrainingConfig(batch=64, lr=3e-3, bucket=100, min_count=2, label_smoothing=0.1),
    ),
    "bahdanau": Preset(
        "Bahdanau, Cho and Bengio (2015), in their sizes; for millions of sentences",
        Seq2SeqConfig(
            cell="gru", hidden=1000, unit="word", dim=620, directions="concat",
            attention="additive", attention_width=1000, context_to="input",
        ),
        Seq2SeqTrainingConfig(
            batch=80, epochs=5, lr=1e-3, bucket=20, clip_norm=1.0, max_vocabulary=30_000
        ),
    ),
    "transformer-characters": Preset(
        "a Transformer for short texts read by characters: 2 x 128, 4 heads",
        Seq2SeqConfig(arch="transformer", hidden=128, layers=2, dim=128, tied=True),
        Seq2SeqTrainingConfig(optimizer="adamw", lr=2e-3, clip_norm=1.0, beta2=0.98),
    ),
    "transformer-words": Preset(
        "a Transformer for some ten thousand sentences read by words: 3 x 256, 4 heads",
        Seq2SeqConfig(
            arch="transformer", hidden=256, layers=3, unit="word", dim=256, tied=True, dropout=0.3
        ),
        Seq2SeqTrainingConfig(
            batch=64, optimizer="adamw", lr=1e-3, beta2=0.98, bucket=100, clip_norm=1.0,
            min_count=2, label_smoothing=0.1,
        ),
    ),
}  # fmt: skip
"""Settings by name."""


def get_preset(name: str, config: type[Seq2SeqConfig] = Seq2SeqConfig) -> Preset:
    """Return the preset of a name, for models with this class of settings.

    Raises:
        ConfigError: there is none, or it is of a Transformer and the models are recurrent.
    """
    known = {
        name: preset for name, preset in PRESETS.items()
        if config is Seq2SeqConfig or preset.model.arch == "recurrent"
    }  # fmt: skip
    return config.convert(presets.named_preset(known, name))
