"""The settings of a language model and of its training, checked when they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from wordkit.config import check_above, check_choice, check_least, check_range, check_share
from wordkit.errors import ConfigError
from wordkit.recurrent.settings import Activation, CellName, StartWeights
from wordkit.training.config import LearningConfig

__all__ = [
    "ModelConfig",
    "Softmax",
    "StartEmbeddings",
    "TrainingConfig",
]

StartEmbeddings = Literal["random", "counts"]
Softmax = Literal["auto", "exact", "sampled", "adaptive"]

_MOST_LAYERS = 32
_MOST_WIDTH = 100_000


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a language model: embedding, recurrent layers, output layer."""

    cell: CellName = "lstm"
    """The recurrent cell: ``rnn`` (Elman 1990), ``lstm`` (Hochreiter and Schmidhuber 1997, with
    the forget gate of Gers et al. 2000), ``gru`` (Cho et al. 2014) or ``peephole`` (an LSTM whose
    gates see the cell: Gers and Schmidhuber 2000)."""

    activation: Activation = "tanh"
    """Of the cell ``rnn``; the others have their own."""

    hidden: int = 200
    """H, the width of a recurrent layer: at least 1."""

    layers: int = 1
    """Recurrent layers, from 1 to 32."""

    last_hidden: int | None = None
    """Width of the last layer, as AWD-LSTM narrows it to that of the vectors; None: ``hidden``."""

    dim: int | None = None
    """D, the length of a word's vector that goes in: at least 1; None: that of the last layer."""

    tied: bool = True
    """Whether the vectors that come out are the ones that go in: one matrix for both (Press and
    Wolf 2017). A projection stands between where the last layer has another width."""

    residual: bool = False
    """Whether each layer adds what it puts out to what went in, where the widths are the same."""

    dropout: float = 0.0
    """Share of the values set to 0 in training: of what goes into the first layer, goes from
    layer to layer, and comes out of the last; never along time. From 0 to below 1."""

    input_dropout: float | None = None
    """Of what goes into the first layer; None: ``dropout``."""

    between_dropout: float | None = None
    """Of what goes from layer to layer; None: ``dropout``."""

    output_dropout: float | None = None
    """Of what comes out of the last layer; None: ``dropout``."""

    locked_dropout: bool = True
    """Whether the dropout mask of a track stays the same for all steps of a window ("variational":
    Gal and Ghahramani 2016) instead of being drawn anew for each."""

    word_dropout: float = 0.0
    """Share of the words whose vectors are set to 0 wherever they go in, for a window; from 0 to
    below 1."""

    weight_drop: float = 0.0
    """Share of the recurrent weights set to 0 for a window (Merity et al. 2018); from 0 to
    below 1."""

    start_weights: StartWeights = "uniform"
    """How weights start: ``uniform`` from −``start_scale`` to ``start_scale``, ``xavier`` (Glorot
    and Bengio 2010) or ``he`` (He et al. 2015), both drawn evenly."""

    start_scale: float | None = None
    """Range of ``uniform`` weights, above 0; None: 1/√H for the layers and 0.1 for vectors."""

    orthogonal: bool = False
    """Whether the recurrent matrix of each gate starts as an orthogonal one (Saxe et al. 2014)."""

    forget_bias: float = 0.0
    """The bias that the forget gates of an LSTM start with (1 as in Jozefowicz et al. 2015)."""

    start_embeddings: StartEmbeddings = "random"
    """The word vectors that training starts from: ``random``, or ``counts``: vectors of the
    training text itself by PPMI and SVD (wordkit.counts)."""

    adaptive: bool = False
    """Whether the words come out of an adaptive softmax (Grave et al. 2017), which puts the rare
    ones in clusters; it has its own vectors, so it cannot be ``tied``."""

    unigram_bias: bool = False
    """Whether the output bias starts with the logarithms of the words' frequencies, so that the
    first prediction is theirs."""

    def __post_init__(self) -> None:
        check_choice(
            self,
            cell=get_args(CellName),
            activation=get_args(Activation),
            start_weights=get_args(StartWeights),
            start_embeddings=get_args(StartEmbeddings),
        )
        check_least(self, hidden=1, layers=1, last_hidden=1, dim=1)
        for field in ("hidden", "last_hidden", "dim"):
            width = getattr(self, field)
            if width is not None and width > _MOST_WIDTH:
                raise ConfigError(f"{field} must be at most {_MOST_WIDTH}, not {width}")
        if self.activation != "tanh" and self.cell != "rnn":
            raise ConfigError(f"activation is of the cell rnn; {self.cell} has its own")
        if self.layers > _MOST_LAYERS:
            raise ConfigError(f"layers must be at most {_MOST_LAYERS}, not {self.layers}")
        check_share(
            self, "dropout", "input_dropout", "between_dropout", "output_dropout",
            "word_dropout", "weight_drop",
        )  # fmt: skip
        check_above(self, "start_scale")
        if not math.isfinite(self.forget_bias):
            raise ConfigError(f"forget_bias must be a number, not {self.forget_bias}")
        if self.adaptive and self.tied:
            raise ConfigError("tied must be off with an adaptive softmax: it has its own vectors")

    @property
    def widths(self) -> tuple[int, ...]:
        """The width of each recurrent layer, first to last."""
        last = self.hidden if self.last_hidden is None else self.last_hidden
        return (*[self.hidden] * (self.layers - 1), last)

    @property
    def width_in(self) -> int:
        """D, the length of a word's vector that goes in."""
        return self.widths[-1] if self.dim is None else self.dim

    @property
    def width_out(self) -> int:
        """The length of a word's vector that comes out."""
        return self.width_in if self.tied else self.widths[-1]

    def dropout_at(self, place: Literal["input", "between", "output"]) -> float:
        """The share dropped at a place."""
        own = getattr(self, f"{place}_dropout")
        return self.dropout if own is None else float(own)


@dataclass(frozen=True)
class TrainingConfig(LearningConfig):
    """How a language model is trained."""

    batch: int = 20
    """B, the tracks that the text is laid out in, side by side: at least 1."""

    steps: int = 35
    """T, the steps of a window that gradients go back through: at least 1."""

    vary_steps: bool = False
    """Whether the length of each window is drawn around ``steps``, as AWD-LSTM does, with the
    learning rate in proportion to it."""

    softmax: Softmax = "auto"
    """How the words' probabilities are trained: ``exact``; ``sampled``, against a few words drawn
    at random, with an exact ending; ``adaptive``, rare words in clusters (Grave et al. 2017); or
    ``auto``: sampled where the vocabulary is large enough for it to pay. Reports are exact for
    all of them."""

    samples: int = 500
    """S, the words drawn for each window with the softmax ``sampled``: at least 1."""

    exact_share: float = 0.15
    """Share of the training, at its end, that is exact with the softmax ``sampled``; 0 to 1."""

    activation_penalty: float = 0.0
    """α, times the mean square of what comes out of the last layer after dropout, is added to the
    loss (Merity et al. 2017); at least 0."""

    temporal_penalty: float = 0.0
    """β, times the mean square of its change from step to step, is added to the loss; at
    least 0."""

    freeze_embeddings: bool = False
    """Whether the vectors that go in stay as they start; where they are tied, also those that come
    out."""

    min_count: int | None = None
    """Words seen less often become ``<unk>``; at least 1. None: 1 where the text has ``<unk>``
    already, else 2."""

    max_vocabulary: int | None = None
    """At most so many words, the most frequent ones, ``<unk>`` and ``<eos>`` among them; at
    least 3. None: no limit."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, softmax=get_args(Softmax))
        check_least(
            self, steps=1, samples=1, min_count=1, max_vocabulary=3, activation_penalty=0,
            temporal_penalty=0,
        )  # fmt: skip
        check_range(self, 0, 1, "exact_share")
        if self.softmax in ("sampled", "adaptive") and self.label_smoothing:
            raise ConfigError(f"label_smoothing needs the softmax exact, not {self.softmax}")
