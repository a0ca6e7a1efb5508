"""The settings of a sequence-to-sequence model, of its training and of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from wordkit.config import setting, settings_of
from wordkit.decoding.config import SamplingConfig
from wordkit.errors import ConfigError
from wordkit.nn.config import MAX_WIDTH, RECURRENT, NetworkConfig
from wordkit.text.detokenizer import Unit
from wordkit.text.normalization import Normalization
from wordkit.training.config import LearningConfig, Optimizer
from wordkit.training.presets import P

__all__ = [
    "AttentionKind", "ContextTo", "DecodingConfig", "Directions", "Seq2SeqConfig",
    "Seq2SeqTrainingConfig", "check_latent",
]  # fmt: skip

AttentionKind = Literal["none", "dot", "general", "additive"]
ContextTo = Literal["output", "input"]
Directions = Literal["one", "concat", "sum"]


@dataclass(frozen=True)
class Seq2SeqConfig(NetworkConfig):
    """The shape of a model: an encoder that reads the source, a decoder that writes the target."""

    OLD_DEFAULTS: ClassVar[Mapping[str, object]] = {"normalize": "none"}

    hidden: int = setting(
        256,
        "Hidden units per layer and direction; of a Transformer, the width of the model (H).",
        at_least=1,
        at_most=MAX_WIDTH,
        main=True,
    )
    tied: bool = False
    forget_bias: float = 1.0
    unit: Unit = setting(
        "char",
        "Unit of the texts: characters, words separated by white space, or pieces of words (BPE).",
        main=True,
    )
    normalize: Normalization = setting(
        "nfc",
        "Unicode normal form of the texts: nfc, canonically equal spellings are one; nfkc, "
        "compatible ones too; none, as is.",
        group="Text",
    )
    dim: int = setting(
        64,
        "Dimensions of the embedding of a character or word (E).",
        at_least=1,
        at_most=MAX_WIDTH,
    )
    directions: Directions = setting(
        "one",
        "Direction of the encoder: one, or both with their states joined by concat or sum. "
        "Schuster and Paliwal 1997; with concat the decoder is twice as wide.",
        only_with=RECURRENT,
    )
    reverse: bool = setting(
        False, "Reverse the source before it is encoded. Sutskever et al. 2014."
    )
    peeky: bool = setting(
        False,
        "Give the last encoder state to every step of the decoder and its output layer. Cho et al. "
        "2014; otherwise the first step alone gets it.",
        only_with=RECURRENT,
    )
    attention: AttentionKind = setting(
        "dot",
        "Attention of the decoder to the source. dot, general: Luong et al. 2015; additive: "
        "Bahdanau et al. 2015.",
        only_with=RECURRENT,
        main=True,
    )
    attention_width: int | None = setting(
        None,
        "Hidden units of additive attention (A).",
        none="as many as the decoder has",
        at_least=1,
        at_most=MAX_WIDTH,
        only_with={**RECURRENT, "attention": ("additive",)},
    )
    context_to: ContextTo = setting(
        "output",
        "Where the attention context goes: the output layer, or the input of the next step. The "
        "latter is input feeding, Luong et al. 2015.",
        only_with={**RECURRENT, "attention": ("dot", "general", "additive")},
    )
    latent: int | None = setting(
        None,
        "Dimensions of a latent variable, so that a source has several answers (Z). Its prior and "
        "posterior are diagonal Gaussians given the source, and given source and target; Serban et "
        "al. 2017.",
        none="no latent variable",
        at_least=1,
        at_most=MAX_WIDTH,
        only_with=RECURRENT,
    )
    autoencode: bool = setting(
        False,
        "Learn to write each text from its latent variable: a variational autoencoder. Bowman et "
        "al. 2016; the prior is the standard normal distribution.",
        only_with=RECURRENT,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.autoencode and (self.latent is None or self.attention != "none" or self.peeky):
            raise ConfigError(
                "autoencode needs latent, attention none and no peeky: the decoder knows the "
                f"latent variable alone; found latent {self.latent}, attention {self.attention}, "
                f"peeky {self.peeky}"
            )
        if self.residual and self.layers == 1 and self.dim != self.width:
            raise ConfigError(
                f"residual needs a layer whose output is as wide as its input: dim is {self.dim}, "
                f"and the output of the one layer is {self.width} wide; choose the same width, or "
                "more layers, or leave residual out"
            )

    @property
    def shape(self) -> str:
        """The layers in short: ``lstm 1 x 256``, ``transformer 3 x 256``."""
        name = self.arch if self.arch == "transformer" else self.cell
        return f"{name} {self.layers} x {self.hidden}"

    @property
    def summary(self) -> str:
        """The shape with attention and latent variable: ``lstm 1 x 256, dot attention``."""
        if self.arch == "transformer":
            return f"{self.shape}, {self.heads} heads"
        attention = "" if self.attention == "none" else f", {self.attention} attention"
        return f"{self.shape}{attention}" + (f", latent {self.latent}" if self.latent else "")

    @property
    def width(self) -> int:
        """D, the width of the outputs of the encoder's and the decoder's layers."""
        return 2 * self.hidden if self.directions == "concat" else self.hidden

    @property
    def width_of_attention(self) -> int:
        """A, the width of additive attention."""
        return self.width if self.attention_width is None else self.attention_width

    @classmethod
    def convert(cls, preset: P) -> P:
        """Return a preset for pairs as one for models of this kind."""
        return preset

    @property
    def width_in(self) -> int:
        """Width of the input of the decoder's first layer: embedding, context, encoder state, z."""
        feeds_context = self.attention != "none" and self.context_to == "input"
        return self.dim + self.width * (feeds_context + self.peeky) + (self.latent or 0)

    @property
    def width_out(self) -> int:
        """Width of the input of the output layer: hidden state, context, encoder state."""
        if self.arch == "transformer":
            return self.hidden
        takes_context = self.attention != "none" and self.context_to == "output"
        return self.width * (1 + takes_context + self.peeky)


@dataclass(frozen=True)
class Seq2SeqTrainingConfig(LearningConfig):
    """The settings of training a sequence-to-sequence model."""

    batch: int = setting(128, "Pairs per batch (B).", at_least=1)
    epochs: int | None = 10
    optimizer: Optimizer = "adam"
    clip_norm: float | None = 5.0
    teacher_forcing: float = setting(
        1.0,
        "Fraction of the decoder's steps that are given the true target so far. The others are "
        "given the prediction of the step before, Bengio et al. 2015.",
        at_least=0,
        at_most=1,
    )
    bucket: int = setting(
        1,
        "Batches sorted by length together, to reduce padding; 1: no sorting. Saves time where "
        "lengths are spread, and costs epochs where pairs of one length are alike.",
        at_least=1,
    )
    batch_tokens: int | None = setting(
        None,
        "Units per batch, of the side that has more, padding included, instead of batch, which is "
        "that of validation then.",
        none="batch decides",
        at_least=1,
    )
    min_count: int = setting(
        1, "Characters or words that occur less often become <unk>.", at_least=1, group="Text"
    )
    max_vocabulary: int | None = setting(
        None,
        "Size limit of each vocabulary: the most frequent units, <unk> and <eos> among them.",
        none="no limit, 8000 with bpe",
        at_least=3,
        group="Text",
    )
    kl_annealing: float = setting(
        0.0,
        "Fraction of the training in which the weight of the KL divergence rises from 0 to 1. "
        "Linearly, Bowman et al. 2016; 0: it is 1 from the start. While it is low the latent "
        "variable tells what the source could, which then is not learnt.",
        at_least=0,
        at_most=1,
        group="Latent variable",
    )
    free_bits: float = setting(
        2.0,
        "KL divergence in nats that costs nothing, on average over a batch. Kingma et al. 2016.",
        at_least=0,
        group="Latent variable",
    )
    word_dropout: float = setting(
        0.25,
        "Fraction of the decoder's inputs replaced by <unk> in training. Bowman et al. 2016.",
        at_least=0,
        at_most=1,
        group="Latent variable",
    )
    bag_of_words: float = setting(
        0.0,
        "Weight of the bag-of-words loss: the target without its order, predicted from the latent "
        "variable. Zhao et al. 2017.",
        at_least=0,
        group="Latent variable",
    )


def check_latent(latent: int | None, config: Seq2SeqTrainingConfig) -> None:
    """Raise a ConfigError if a setting of the latent variable is given, and there is none."""
    known = settings_of(Seq2SeqTrainingConfig)
    for name in LATENT_SETTINGS:
        value = getattr(config, name)
        if latent is None and value != known[name].default:
            raise ConfigError(
                f"{name} {value} has no effect without a latent variable; leave it out, or give "
                "the model one: latent, or of dialogues arch vhred"
            )


LATENT_SETTINGS = ("kl_annealing", "free_bits", "word_dropout", "bag_of_words")
"""The settings of the training of a latent variable."""


@dataclass(frozen=True)
class DecodingConfig(SamplingConfig):
    """The settings of decoding: greedy, by beam search, or by sampling."""

    beam: int = setting(
        1,
        "Hypotheses of the beam search per source (K); 1: greedy.",
        at_least=1,
        only_with={"sample": (False,)},
    )
    alternatives: int = setting(
        1, "Answers for each source, at most beam; or number of samples.", at_least=1
    )
    length_penalty: float = setting(
        0.6,
        "Length penalty of the beam search. Hypotheses are ranked by log p over "
        "((5 + length) / 6)^penalty, Wu et al. 2016, section 7; 0: by log p alone.",
        at_least=0,
        at_most=10,
    )
    max_length: int | None = setting(
        None,
        "Maximum length of an answer.",
        at_least=1,
        none="twice the longest target in training, and 10",
    )
    batch: int = setting(256, "Hypotheses per batch.", at_least=1)
    sample: bool = setting(
        False,
        "Draw the latent variable, where the model has one, then each unit by its probability. "
        "With top_k 1 the latent variable alone; otherwise it is its mean.",
    )
    copy_unknown: bool = setting(
        False,
        "Copy unknown units of the source to where the model would write <unk>: there the one with "
        "the most attention, Luong et al. 2015b. Otherwise <unk> is never written.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alternatives > self.hypotheses:
            raise ConfigError(
                f"alternatives must be at most beam ({self.beam}), not {self.alternatives}"
            )

    @property
    def hypotheses(self) -> int:
        """Hypotheses for each source."""
        return self.alternatives if self.sample else self.beam
