"""The settings of a dialogue model and of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from wordkit.config import setting, settings_of
from wordkit.errors import ConfigError
from wordkit.nn.config import MAX_WIDTH
from wordkit.seq2seq.config import Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.text.detokenizer import Unit
from wordkit.training.presets import P

__all__ = ["AttentionTo", "DialogueArchitecture", "DialogueConfig", "DialogueTrainingConfig"]

DialogueArchitecture = Literal["seq2seq", "hred", "vhred"]
AttentionTo = Literal["turn", "turns", "both"]

_WITH_CONTEXT = {"arch": ("hred", "vhred")}
_LATENT = 32  # dimensions of the latent variable of vhred by default


@dataclass(frozen=True)
class DialogueConfig(Seq2SeqConfig, fixed={"arch": "recurrent"}):
    """The shape of a model: an encoder of turns, a context RNN over them, a decoder of the next."""

    OLD_DEFAULTS: ClassVar[Mapping[str, object]] = {}

    arch: DialogueArchitecture = setting(  # type: ignore[assignment]
        "hred",
        "Architecture: hred, an RNN over the vectors of all turns so far, whose state the decoder "
        "starts from; vhred, a latent variable beside it, so that a turn has several answers; "
        "seq2seq, the decoder knows the last turn alone. Serban et al. 2016; Serban et al. 2017.",
        main=True,
    )
    unit: Unit = "word"
    dim: int = 256
    tied: bool = True
    latent: int | None = setting(
        None,
        "Dimensions of the latent variable of vhred (Z). Its prior and posterior are diagonal "
        "Gaussians given the context, and given context and next turn.",
        none="32 with vhred",
        at_least=1,
        at_most=MAX_WIDTH,
        only_with={"arch": ("vhred",)},
    )
    context_turns: int | None = setting(
        None,
        "Turns before the next one that the model knows.",
        none="all of the dialogue",
        at_least=1,
        only_with=_WITH_CONTEXT,
        main=True,
    )
    attention_to: AttentionTo = setting(
        "both",
        "What the decoder attends to: the units of the last turn, the vectors of all turns, each "
        "with the state of the context RNN after it, or both.",
        only_with={**_WITH_CONTEXT, "attention": ("dot", "general", "additive")},
    )

    def __post_init__(self) -> None:
        if self.arch == "vhred" and self.latent is None:
            object.__setattr__(self, "latent", _LATENT)
        super().__post_init__()
        if self.autoencode:
            raise ConfigError("autoencode has no effect with dialogues; leave it out")

    @classmethod
    def convert(cls, preset: P) -> P:
        """Return a preset for pairs as one for dialogues."""
        model = {name: getattr(preset.model, name) for name in settings_of(Seq2SeqConfig)}
        del model["arch"]
        training = vars(preset.training) | {"batch": DialogueTrainingConfig.batch, "bucket": 1}
        return replace(preset, model=cls(**model), training=DialogueTrainingConfig(**training))

    @property
    def shape(self) -> str:
        """The layers in short: ``hred of lstm 1 x 256``."""
        return f"{self.arch} of {super().shape}"

    @property
    def attends_to(self) -> AttentionTo:
        """``attention_to``, but the last turn without attention or a context RNN."""
        has_turns = self.arch != "seq2seq" and self.attention != "none"
        return self.attention_to if has_turns else "turn"

    @property
    def window(self) -> int | None:
        """Turns before the next one that the model knows; None: all."""
        return 1 if self.arch == "seq2seq" else self.context_turns


@dataclass(frozen=True)
class DialogueTrainingConfig(Seq2SeqTrainingConfig):
    """The settings of training a dialogue model."""

    batch: int = setting(4, "Dialogues per batch (B).", at_least=1)
    batch_tokens: int | None = setting(
        None,
        "Units of turns per batch instead of batch, which is that of validation then.",
        none="batch decides",
        at_least=1,
    )
