"""The variational autoencoder of texts: texts as vectors, and vectors as texts.

Bowman et al. 2016: the vector of a text is the mean of the posterior of its latent variable, whose
prior is the standard normal distribution; the decoder knows the vector alone.

Notation: N texts, Z dimensions of the latent variable.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from wordkit.config import check_number
from wordkit.errors import ConfigError, TextError
from wordkit.nn.network import device_of
from wordkit.seq2seq.config import DecodingConfig
from wordkit.seq2seq.decoding import batches_that_fit, decode_states, encode_pairs, read_sources
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.transformation import as_answer, stripped_texts, warn_of_unknown

__all__ = ["decode_vectors", "encode_texts", "interpolate", "sample_texts"]

_MAX_TEXTS = 10_000

Vectors = npt.NDArray[np.float32]


def encode_texts(model: Seq2SeqModel, texts: str | Iterable[str]) -> Vectors:
    """Return the vector of each text, (N, Z): the mean of its posterior.

    Args:
        model: an autoencoder.
        texts: white space around each is stripped.

    Raises:
        ConfigError: the model is no autoencoder.
        TextError: a text is blank, or no string.
        ResourceError: a text is too long for the memory that is free.

    Warns:
        WordkitWarning: the model does not know a character or word, and reads ``<unk>`` instead.
    """
    Z = _dimensions(model)
    texts = stripped_texts(model, [texts] if isinstance(texts, str) else texts)
    if "" in texts:
        raise TextError(f"text {texts.index('') + 1} is blank; give it a word at least")
    encoded = encode_pairs(model, [(text, "") for text in texts])
    warn_of_unknown(encoded.sources, set())
    vectors = np.zeros((len(texts), Z), np.float32)
    for rows in batches_that_fit(model, encoded, DecodingConfig()):
        _, state = read_sources(model, encoded, rows)
        vectors[rows] = state.latent.cpu().numpy()  # type: ignore[union-attr]
    return vectors


def decode_vectors(
    model: Seq2SeqModel, vectors: npt.ArrayLike, config: DecodingConfig | None = None
) -> list[str]:
    """Return the text of each vector.

    Args:
        model: an autoencoder.
        vectors: shape (N, Z), or (Z,) for one.
        config: how they are decoded; None: greedily.

    Raises:
        ConfigError: the model is no autoencoder, or the vectors are not of its dimensions.
    """
    Z, network, config = _dimensions(model), model.network, config or DecodingConfig()
    rows = np.atleast_2d(np.asarray(vectors, np.float32))
    if rows.ndim != 2 or rows.shape[1] != Z or not np.isfinite(rows).all():
        raise ConfigError(
            f"the vectors must be finite, of {Z} dimensions as the model's, not of the shape "
            f"{' × '.join(map(str, rows.shape))}"
        )
    texts = list[str]()
    for start in range(0, len(rows), config.batch):
        z = torch.from_numpy(rows[start : start + config.batch]).to(device_of(network))
        state = network.initial_state(len(z))._replace(latent=z, distribution=None)
        found = decode_states(model, state, range(start, start + len(z)), config)
        texts += [as_answer(model, best, config).text for best, *_ in found]
    return texts


def sample_texts(
    model: Seq2SeqModel, n: int = 1, seed: int = 1, config: DecodingConfig | None = None
) -> list[str]:
    """Return the texts of vectors that are drawn from the prior.

    Args:
        model: an autoencoder.
        n: how many, from 1 to 10,000.
        seed: of the vectors.
        config: how they are decoded; None: greedily.

    Raises:
        ConfigError: the model is no autoencoder, or a number is out of its range.
    """
    Z = _dimensions(model)
    check_number("n", n, at_most=_MAX_TEXTS)
    random = np.random.default_rng(check_number("seed", seed, at_least=0))
    return decode_vectors(model, random.standard_normal((n, Z)), config)


def interpolate(
    model: Seq2SeqModel, first: str, second: str, n: int = 6, config: DecodingConfig | None = None
) -> list[str]:
    """Return the texts of vectors at equal distances on the line between those of two texts.

    Args:
        model: an autoencoder.
        first, second: the two; the texts of their own vectors come first and last.
        n: how many texts, from 2 to 10,000.
        config: how they are decoded; None: greedily.

    Raises:
        ConfigError: the model is no autoencoder, or n is out of its range.
        TextError: a text is blank, or no string.
    """
    check_number("n", n, at_least=2, at_most=_MAX_TEXTS)
    one, other = encode_texts(model, [first, second])
    fractions = np.linspace(0, 1, n)[:, None]
    return decode_vectors(model, (1 - fractions) * one + fractions * other, config)


def _dimensions(model: Seq2SeqModel) -> int:
    """Return Z."""
    if not model.config.autoencode or model.config.latent is None:
        raise ConfigError(
            "the model is no autoencoder; train one with wordkit train-seq2seq --autoencode"
        )
    return model.config.latent
