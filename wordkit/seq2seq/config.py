"""The settings of a sequence to sequence model and of its training, checked when they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from wordkit.config import check_above, check_choice, check_least, check_range, check_share
from wordkit.errors import ConfigError
from wordkit.recurrent.settings import Activation, CellName, StartWeights
from wordkit.seq2seq.pairs import Unit
from wordkit.training.config import LearningConfig, Optimizer, Schedule

__all__ = ["AttentionKind", "ContextTo", "Directions", "Seq2SeqConfig", "Seq2SeqTrainingConfig"]

AttentionKind = Literal["none", "dot", "general", "additive"]
ContextTo = Literal["output", "input"]
Directions = Literal["one", "concat", "sum"]

_MOST_LAYERS = 32
_MOST_WIDTH = 100_000


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The shape of a model: an encoder that reads the source, a decoder that writes the target."""

    unit: Unit = "char"
    """What texts are cut into: ``char``, their letters, or ``word``, what stands between white
    space."""

    cell: CellName = "lstm"
    """The recurrent cell of both, as for :class:`wordkit.lm.ModelConfig`: ``rnn``, ``lstm``,
    ``gru`` or ``peephole``."""

    activation: Activation = "tanh"
    """Of the cell ``rnn``; the others have their own."""

    hidden: int = 256
    """H, the width of a recurrent layer in one direction: at least 1."""

    layers: int = 1
    """Recurrent layers of the encoder, and of the decoder, from 1 to 32."""

    dim: int = 64
    """E, the length of the vector of a character or word: at least 1."""

    directions: Directions = "one"
    """Whether the encoder reads in ``one`` direction, or in two (Schuster and Paliwal 1997) whose
    states are joined by ``concat`` (the decoder is twice as wide then) or by ``sum``."""

    reverse: bool = False
    """Whether the encoder reads the source from its end (Sutskever et al. 2014)."""

    peeky: bool = False
    """Whether the encoder's last state enters every step of the decoder, and its output layer, not
    the first step alone (Cho et al. 2014)."""

    attention: AttentionKind = "dot"
    """How much each step of the decoder looks at each place of the source: ``none``; by ``dot``
    product or ``general``, with a matrix between (Luong et al. 2015); or ``additive`` (Bahdanau et
    al. 2015)."""

    attention_width: int | None = None
    """A, the width of ``additive`` attention, at least 1; None: that of the decoder."""

    context_to: ContextTo = "output"
    """Where what was looked at goes: to the ``output`` layer of the same step, or to the ``input``
    of the next one."""

    tied: bool = False
    """Whether the target's vectors that come out are the ones that go in (Press and Wolf 2017)."""

    residual: bool = False
    """Whether each layer adds what it puts out to what went in, where the widths are the same."""

    dropout: float = 0.0
    """Share of the values set to 0 in training: of what goes into the first layers, goes from layer
    to layer, and comes out of the last; never along time. From 0 to below 1."""

    start_weights: StartWeights = "uniform"
    """How weights start: ``uniform`` from −``start_scale`` to ``start_scale``, ``xavier`` or
    ``he``."""

    start_scale: float | None = None
    """Range of ``uniform`` weights, above 0; None: 1/√H."""

    orthogonal: bool = False
    """Whether the recurrent matrix of each gate starts as an orthogonal one (Saxe et al. 2014)."""

    forget_bias: float = 1.0
    """The bias that the forget gates of an LSTM start with (Jozefowicz et al. 2015)."""

    def __post_init__(self) -> None:
        check_choice(
            self,
            unit=get_args(Unit),
            cell=get_args(CellName),
            activation=get_args(Activation),
            directions=get_args(Directions),
            attention=get_args(AttentionKind),
            context_to=get_args(ContextTo),
            start_weights=get_args(StartWeights),
        )
        check_least(self, hidden=1, layers=1, dim=1, attention_width=1)
        for field in ("hidden", "dim", "attention_width"):
            width = getattr(self, field)
            if width is not None and width > _MOST_WIDTH:
                raise ConfigError(f"{field} must be at most {_MOST_WIDTH}, not {width}")
        if self.layers > _MOST_LAYERS:
            raise ConfigError(f"layers must be at most {_MOST_LAYERS}, not {self.layers}")
        if self.activation != "tanh" and self.cell != "rnn":
            raise ConfigError(f"activation is of the cell rnn; {self.cell} has its own")
        check_share(self, "dropout")
        check_above(self, "start_scale")
        if not math.isfinite(self.forget_bias):
            raise ConfigError(f"forget_bias must be a number, not {self.forget_bias}")
        self._check_effects()

    def _check_effects(self) -> None:
        """Find settings that differ from their defaults, and would change nothing."""
        if self.attention == "none" and self.context_to != "output":
            raise ConfigError(
                f"context_to {self.context_to} says where attention goes, and attention is none; "
                "choose an attention, or leave context_to out"
            )
        if self.attention != "additive" and self.attention_width is not None:
            raise ConfigError(
                f"attention_width {self.attention_width} is of additive attention, and attention "
                f"is {self.attention}; choose additive, or leave attention_width out"
            )
        if self.residual and self.layers == 1 and self.dim != self.width:
            raise ConfigError(
                f"residual needs a layer that puts out as much as goes in: dim is {self.dim}, and "
                f"what comes out of the one layer is {self.width} wide; choose the same width, or "
                "more layers, or leave residual out"
            )

    @property
    def width(self) -> int:
        """D, the width of what leaves a layer of the encoder, and of the decoder's layers."""
        return 2 * self.hidden if self.directions == "concat" else self.hidden

    @property
    def width_of_attention(self) -> int:
        """A."""
        return self.width if self.attention_width is None else self.attention_width

    @property
    def width_in(self) -> int:
        """What goes into the decoder's first layer: a vector, and what comes with it."""
        feeds_context = self.attention != "none" and self.context_to == "input"
        return self.dim + self.width * (feeds_context + self.peeky)

    @property
    def width_out(self) -> int:
        """What goes into the output layer: the top of the decoder, and what comes with it."""
        takes_context = self.attention != "none" and self.context_to == "output"
        return self.width * (1 + takes_context + self.peeky)


@dataclass(frozen=True)
class Seq2SeqTrainingConfig(LearningConfig):
    """How a sequence to sequence model is trained."""

    batch: int = 128
    """B, the pairs that are gone through side by side: at least 1."""

    epochs: int | None = 10
    """Times that the pairs are gone through, at least 1; None: as ``max_minutes`` allows."""

    optimizer: Optimizer = "adam"
    """As for language models: ``sgd``, ``momentum``, ``nesterov``, ``adagrad``, ``rmsprop``,
    ``adam``, ``adamw`` or ``asgd``."""

    schedule: Schedule = "onecycle"
    """As for language models: ``constant``, ``plateau``, ``step``, ``exponential``, ``inverse``,
    ``cosine`` or ``onecycle``."""

    clip_norm: float | None = 5.0
    """Gradients longer than this, all together, are cut to it, above 0; None: they are not."""

    teacher_forcing: float = 1.0
    """Share of the steps of the decoder that are given the true target so far; the others are given
    what it would have written itself (Bengio et al. 2015). From 0 to 1."""

    bucket: int = 1
    """Batches that are sorted by length together, so that little is padded, at least 1; 1: each
    batch is drawn from all pairs. It saves time where sources are long, and costs epochs where
    pairs of one length are alike."""

    min_count: int = 1
    """Characters or words seen less often become ``<unk>``; at least 1."""

    max_vocabulary: int | None = None
    """At most so many characters or words on each side, the most frequent ones, ``<unk>`` and
    ``<eos>`` among them; at least 3. None: no limit."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, bucket=1, min_count=1, max_vocabulary=3)
        check_range(self, 0, 1, "teacher_forcing")
