"""The settings of a language model and of its training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from wordkit.config import change, setting
from wordkit.errors import ConfigError
from wordkit.nn.config import MAX_WIDTH, RECURRENT, TRANSFORMER, NetworkConfig
from wordkit.training.config import LearningConfig

__all__ = ["ModelConfig", "Softmax", "StartEmbeddings", "TrainingConfig", "with_softmax"]

StartEmbeddings = Literal["random", "counts"]
Softmax = Literal["auto", "exact", "sampled", "adaptive"]

_SAMPLED_FROM = {"cpu": 4, "cuda": 100, "mps": 100}
"""Words, as multiples of the samples, from which a sampled softmax pays, by device."""


@dataclass(frozen=True)
class ModelConfig(NetworkConfig):
    """The shape of a language model: embedding, layers, output layer."""

    memory_length: int = setting(
        128,
        "Positions before each word that it attends to (N). Those of earlier windows too, without "
        "gradients, as in Transformer-XL, Dai et al. 2019.",
        at_least=1,
        at_most=MAX_WIDTH,
        only_with=TRANSFORMER,
    )
    last_hidden: int | None = setting(
        None,
        "Hidden units of the last layer.",
        none="hidden",
        at_least=1,
        at_most=MAX_WIDTH,
        only_with=RECURRENT,
    )
    dim: int | None = setting(
        None,
        "Dimensions of the input embeddings (D).",
        none="those of the last layer",
        at_least=1,
        at_most=MAX_WIDTH,
    )
    input_dropout: float | None = setting(
        None,
        "Dropout probability before the first layer.",
        none="dropout",
        at_least=0,
        below=1,
        group="Regularization",
    )
    between_dropout: float | None = setting(
        None,
        "Dropout probability between layers, or after the parts of those of a Transformer.",
        none="dropout",
        at_least=0,
        below=1,
        group="Regularization",
    )
    output_dropout: float | None = setting(
        None,
        "Dropout probability after the last layer.",
        none="dropout",
        at_least=0,
        below=1,
        group="Regularization",
    )
    locked_dropout: bool = setting(
        True,
        "Use one dropout mask for all steps of a window. Variational dropout: Gal and Ghahramani "
        "2016.",
        group="Regularization",
    )
    word_dropout: float = setting(
        0.0,
        "Dropout probability of whole words, for all steps of a window.",
        at_least=0,
        below=1,
        group="Regularization",
    )
    weight_drop: float = setting(
        0.0,
        "Dropout probability of recurrent weights, for all steps of a window. Merity et al. 2018.",
        at_least=0,
        below=1,
        only_with=RECURRENT,
        group="Regularization",
    )
    start_embeddings: StartEmbeddings = setting(
        "random",
        "Initial word embeddings. counts: vectors of the training text by PPMI and SVD.",
    )
    adaptive: bool = setting(
        False,
        "Use an adaptive softmax. Grave et al. 2017: rare words form clusters; its output "
        "embeddings are its own, so it cannot be tied.",
    )
    softmaxes: int = setting(
        1,
        "Softmaxes of the output layer, which are mixed (K). Yang et al. 2018; with an exact "
        "softmax only.",
        at_least=1,
        at_most=1000,
        group="Output layer",
    )
    unigram_bias: bool = setting(
        False, "Start the output bias with the log frequencies of the words.", group="Output layer"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adaptive and self.tied:
            raise ConfigError(
                "tied must be False with an adaptive softmax: it has output embeddings of its own"
            )
        if self.adaptive and self.softmaxes > 1:
            raise ConfigError(f"softmaxes must be 1 with an adaptive softmax, not {self.softmaxes}")

    @property
    def widths(self) -> tuple[int, ...]:
        """The width of each layer, first to last."""
        last = self.hidden if self.last_hidden is None else self.last_hidden
        return (*[self.hidden] * (self.layers - 1), last)

    @property
    def width_in(self) -> int:
        """D, the length of an input embedding."""
        return self.widths[-1] if self.dim is None else self.dim

    @property
    def width_out(self) -> int:
        """The length of an output embedding."""
        return self.width_in if self.tied else self.widths[-1]

    @property
    def shape(self) -> str:
        """The layers in short: ``lstm 200``, ``gru 2 x 650``, ``transformer 4 x 128``."""
        name = self.cell if self.arch == "recurrent" else self.arch
        return f"{name} {f'{self.layers} x ' if self.layers > 1 else ''}{self.hidden}"

    def dropout_at(self, position: Literal["input", "between", "output"]) -> float:
        """Return the dropout probability at a position in the network."""
        own = getattr(self, f"{position}_dropout")
        return self.dropout if own is None else float(own)


@dataclass(frozen=True)
class TrainingConfig(LearningConfig):
    """The settings of training a language model."""

    steps: int = setting(35, "Time steps of backpropagation through time (T).", at_least=1)
    vary_steps: bool = setting(
        False,
        "Draw the length of each window around steps. The learning rate is in proportion to it, as "
        "in AWD-LSTM.",
    )
    softmax: Softmax = setting(
        "auto",
        "Softmax that is trained: exact, sampled with an exact end, or adaptive. adaptive: rare "
        "words in clusters, Grave et al. 2017; auto: sampled where the vocabulary is large enough "
        "for it to pay. Reported losses are exact for all of them.",
        group="Output layer",
    )
    samples: int = setting(
        500,
        "Words sampled per window by the softmax sampled (S).",
        at_least=1,
        only_with={"softmax": ("auto", "sampled")},
        group="Output layer",
    )
    exact_fraction: float = setting(
        0.15,
        "Fraction of the training, at its end, that is exact with the softmax sampled.",
        at_least=0,
        at_most=1,
        only_with={"softmax": ("auto", "sampled")},
        group="Output layer",
    )
    activation_penalty: float = setting(
        0.0,
        "L2 penalty on the outputs of the last layer after dropout. Alpha in Merity et al. 2017.",
        at_least=0,
        group="Regularization",
    )
    temporal_penalty: float = setting(
        0.0,
        "L2 penalty on the change of the outputs from step to step. Beta in Merity et al. 2017.",
        at_least=0,
        group="Regularization",
    )
    freeze_embeddings: bool = setting(
        False, "Do not train the input embeddings, nor the output embeddings that are tied to them."
    )
    min_count: int | None = setting(
        None,
        "Words that occur less often become <unk>.",
        none="1 where the text has <unk>, else 2",
        at_least=1,
        group="Text",
    )
    max_vocabulary: int | None = setting(
        None,
        "Size limit of the vocabulary: the most frequent words, <unk> and <eos> among them.",
        none="no limit",
        at_least=3,
        group="Text",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.softmax in ("sampled", "adaptive") and self.label_smoothing:
            raise ConfigError(f"label_smoothing needs the softmax exact, not {self.softmax}")

    def shaped(self, model: ModelConfig) -> ModelConfig:
        """Return the model with the output layer that its training needs."""
        is_adaptive = self.softmax == "adaptive"
        return replace(model, adaptive=True, tied=False) if is_adaptive else model


def with_softmax(
    config: TrainingConfig, model: ModelConfig, words: int, device: str
) -> TrainingConfig:
    """Return the settings with a decision in the place of the softmax ``auto``.

    Args:
        config: the settings.
        model: what is trained.
        words: of its vocabulary.
        device: ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ConfigError: the output layer cannot be trained in this way.
    """
    if config.softmax == "auto":
        pays = words >= _SAMPLED_FROM[device] * config.samples
        may = not config.label_smoothing and config.has_sparse_rows and not model.adaptive
        may = may and model.softmaxes == 1
        config = change(config, softmax="sampled" if pays and may else "exact")
    if model.adaptive and config.softmax == "sampled":
        raise ConfigError("softmax must be adaptive with an adaptive model, not sampled")
    if model.softmaxes > 1 and config.softmax == "sampled":
        raise ConfigError(f"softmaxes must be 1 with the softmax sampled, not {model.softmaxes}")
    if model.softmaxes > 1 and config.label_smoothing:
        raise ConfigError(
            f"label_smoothing must be 0 with a mixture of softmaxes, not {config.label_smoothing}"
        )
    if model.adaptive and config.label_smoothing:
        raise ConfigError(
            f"label_smoothing must be 0 with an adaptive softmax, not {config.label_smoothing}"
        )
    return config
