"""Language models that adapt to the text that they read, and several that answer together."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

from torch import Tensor, nn

from wordkit.config import check_names
from wordkit.decoding.cache import (
    USUAL_FLATNESS,
    USUAL_WEIGHT,
    CacheNetwork,
    cache_steps,
    fit_cache,
)
from wordkit.decoding.config import AdaptationConfig
from wordkit.decoding.dynamic import (
    USUAL_DECAY,
    USUAL_LR,
    DynamicEvaluation,
    measure_gradients,
    tune_dynamic,
)
from wordkit.decoding.ensemble import Ensemble
from wordkit.errors import ConfigError, VocabularyError, counted
from wordkit.lm.data import TokenStream
from wordkit.lm.model import Ids, LanguageModel, Reading
from wordkit.lm.network import LanguageModelNetwork
from wordkit.runtime import Report, as_run, require_memory
from wordkit.text.detokenizer import UNIT_NOUNS
from wordkit.training.adaptive_threads import adapting_threads
from wordkit_corpora import iter_read_corpus

if TYPE_CHECKING:
    from wordkit_corpora import Text

__all__ = ["AdaptedModel", "iter_adapt"]

_BYTES_PER_SCORE = 24  # of the cache: similarities, probabilities, words and copies of them


@dataclass(frozen=True, eq=False)
class AdaptedModel(LanguageModel):
    """One or several language models, with a cache or dynamic evaluation: see :func:`iter_adapt`.

    Each text is begun anew, with an empty cache and the trained weights. It has no file.
    """

    members: tuple[nn.Module, ...] = ()
    """The networks of the models."""

    adaptation: AdaptationConfig = field(default_factory=AdaptationConfig)
    """The settings, with all that was fitted."""

    scales: tuple[Sequence[Tensor], ...] = ()
    """The gradients of each network, for dynamic evaluation."""

    def begin(self) -> Reading:  # noqa: D102 - see LanguageModel
        config = self.adaptation
        if not config.dynamic:
            steps = None if config.cache is None else cache_steps(config.cache)
            return Reading(self.network, steps)
        lr = USUAL_LR if config.dynamic_lr is None else config.dynamic_lr
        decay = USUAL_DECAY if config.dynamic_decay is None else config.dynamic_decay
        learners = [
            DynamicEvaluation(network, scales, lr=lr, decay=decay)
            for network, scales in zip(self.members, self.scales, strict=True)
        ]

        def learn(inputs: Ids, targets: Ids) -> None:
            for learner in learners:
                learner(inputs, targets)

        network = _joined([learner.network for learner in learners], config)
        return Reading(network, config.dynamic_steps, learn)

    def embeddings(self) -> NoReturn:
        """Raise a ConfigError, as the models have embeddings of their own."""
        raise ConfigError("an adapted model has no embeddings; ask each of its models for its own")

    def __repr__(self) -> str:
        adaptation = self.adaptation
        told = [f"{len(self.members)} models"] if len(self.members) > 1 else []
        told += [] if adaptation.cache is None else [f"cache of {adaptation.cache:,} words"]
        told += ["dynamic"] if adaptation.dynamic else []
        return f"AdaptedModel({', '.join([super().__repr__(), *told])})"


@as_run
def iter_adapt(
    models: LanguageModel | Sequence[LanguageModel],
    config: AdaptationConfig | None = None,
    *,
    valid: Text | None = None,
    **reading: Any,
) -> Generator[Report, None, AdaptedModel]:
    """Return a model that adapts to what it reads; several models answer together.

    The probabilities of several are the mean of theirs. With ``cache`` each of the last words comes
    again the more probably, the more its place is like the present one; with ``dynamic`` the
    networks are trained on each text as it is read, anew for each, of an ensemble each by itself.

    Args:
        models: one, or several with the same vocabulary.
        config: the settings; None: the models answer together, and do not adapt.
        valid: a text that the settings that are None are fitted to: what :func:`wordkit.prepare`
            takes, tokenized as the first model's text. Without it they are usual values.
        reading: ``encoding``, ``errors`` and ``data_dir`` of files.

    Raises (as it runs):
        ConfigError: there is no model, one cannot be adapted, or ``valid`` has no effect.
        VocabularyError: a model has other words than the first.
        ResourceError: the cache does not fit into memory.
        WordkitError: the text cannot be read, or holds no token.
    """
    models = [models] if isinstance(models, LanguageModel) else [*models]
    check_names(reading, ("encoding", "errors", "data_dir"))
    adapting = _adapt(models, config or AdaptationConfig(), valid, reading)
    return (yield from adapting_threads(adapting))


def _adapt(
    models: Sequence[LanguageModel], config: AdaptationConfig, valid: Text | None,
    reading: Mapping[str, Any],
) -> Generator[Report, None, AdaptedModel]:  # fmt: skip
    if not models:
        raise ConfigError("there is no model to ask; give one at least")
    for number, model in enumerate(models, 1):
        if not isinstance(model, LanguageModel):
            raise ConfigError(
                f"model {number} must be a language model, not {model!r:.50}; load it from its file"
            )
        if isinstance(model, AdaptedModel):
            raise ConfigError(
                f"model {number} is adapted already; give the models that it is of, and all "
                "settings at once"
            )
        if model.vocabulary.words != models[0].vocabulary.words:
            nouns = [UNIT_NOUNS[each.unit] for each in (model, models[0])]
            known = [each.vocabulary.words for each in (model, models[0])]
            found, wanted = map(counted, map(len, known), nouns)
            if found == wanted:
                pairs = zip(*known, strict=True)
                place, words = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
                found, wanted = (f"{word!r} as {nouns[0]} {place}" for word in words)
            raise VocabularyError(
                f"models that answer together need the same vocabulary: that of model {number} has "
                f"{found}, that of the first {wanted}; train all on the same text with the same "
                "settings"
            )
    for name in ("cache_weight", "cache_flatness"):
        if config.cache is None and getattr(config, name) is not None:
            raise ConfigError(f"{name} has no effect without cache; give both")
    undecided = [] if config.cache is None else ["cache_weight", "cache_flatness"]
    undecided += ["dynamic_lr", "dynamic_decay"] if config.dynamic else []
    if valid is not None and all(getattr(config, name) is not None for name in undecided):
        raise ConfigError(
            "valid has no effect: there is no setting of a cache or of dynamic evaluation to fit "
            "to it; leave it out"
        )
    networks = [model.network for model in models]
    _check_memory(networks, config)
    first = models[0]
    adapted = AdaptedModel(
        _joined(networks, config), first.vocabulary, first.metadata, tuple(networks), config
    )
    if config.dynamic:
        scales = []
        for network in networks:
            measuring = measure_gradients(network, first=first.eos_id, steps=config.dynamic_steps)
            scales.append((yield from measuring))
        adapted = replace(adapted, scales=tuple(scales))
    if valid is None:
        return adapted
    like = first.text_settings
    corpus = yield from iter_read_corpus(valid, like=like, eos=True, **reading)
    stream = TokenStream(corpus, first.vocabulary, like)
    if config.dynamic:
        lr, decay = yield from tune_dynamic(
            networks[0], adapted.scales[0], stream, first=first.eos_id, steps=config.dynamic_steps,
            lr=config.dynamic_lr, decay=config.dynamic_decay,
        )  # fmt: skip
        config = replace(config, dynamic_lr=lr, dynamic_decay=decay)
    if config.cache is not None:
        cached, steps, learn = replace(adapted, adaptation=config).begin()
        weight, flatness = yield from fit_cache(
            cast("CacheNetwork", cached), stream, first=first.eos_id, steps=steps, learn=learn,
            weight=config.cache_weight, flatness=config.cache_flatness,
        )  # fmt: skip
        config = replace(config, cache_weight=weight, cache_flatness=flatness)
    return replace(adapted, network=_joined(networks, config), adaptation=config)


def _joined(networks: Sequence[nn.Module], config: AdaptationConfig) -> LanguageModelNetwork:
    """Return one network of all, with the cache of the settings."""
    network: Any = networks[0] if len(networks) == 1 else Ensemble(networks)
    if config.cache is not None:
        weight = USUAL_WEIGHT if config.cache_weight is None else config.cache_weight
        flatness = USUAL_FLATNESS if config.cache_flatness is None else config.cache_flatness
        network = CacheNetwork(network, config.cache, weight, flatness)
    network.words, network.config = networks[0].words, networks[0].config
    return network  # type: ignore[no-any-return]


def _check_memory(networks: Sequence[LanguageModelNetwork], config: AdaptationConfig) -> None:
    """Raise a ResourceError if the cache does not fit into memory."""
    if config.cache is not None:
        width = sum(network.config.hidden for network in networks)
        steps = max(cache_steps(config.cache), config.dynamic_steps)
        needed = 2 * 4 * config.cache * width + _BYTES_PER_SCORE * steps * (config.cache + steps)
        require_memory(f"a cache of {counted(config.cache, 'word')} needs", needed, "lower cache")
