"""The latent variable: its divergences, its loss against a slow twin, and how answers use it."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from seq2seq.networks import LATENT, VT, check_gradients, random_batch, random_network, run
from seq2seq.toy_pairs import QUICK, SMALL, random_model, toy_pairs, toy_texts, trained
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_divergence

from wordkit.errors import ConfigError
from wordkit.nn.network import inference, select
from wordkit.runtime import Run
from wordkit.seq2seq.batches import encode
from wordkit.seq2seq.config import DecodingConfig, Seq2SeqConfig, Seq2SeqTrainingConfig
from wordkit.seq2seq.latent import Gaussian, kl_divergence, kl_penalty
from wordkit.seq2seq.model import Seq2SeqModel
from wordkit.seq2seq.network import Seq2SeqNetwork
from wordkit.seq2seq.pairs import Pair
from wordkit.seq2seq.task import Seq2SeqTask
from wordkit.seq2seq.transformation import transform

DRAWN = DecodingConfig(sample=True, top_k=1, alternatives=20)


def gaussian(seed: int) -> Gaussian:
    drawn = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(seed)).double()
    return Gaussian(drawn[0], drawn[1])


def normal(known: Gaussian) -> Normal:
    return Normal(known.mean, (known.log_variance / 2).exp())


def test_the_divergence_is_that_of_torch_and_of_monte_carlo() -> None:
    q, p = gaussian(1), gaussian(2)
    assert (kl_divergence(q, q) == 0).all()
    torch.testing.assert_close(kl_divergence(q, p), torch_divergence(normal(q), normal(p)))
    z = q.sample(torch.randn(200_000, 3, 4, generator=torch.Generator().manual_seed(3)).double())
    torch.testing.assert_close(q.log_density(z), normal(q).log_prob(z).sum(-1))
    ratios = q.log_density(z) - p.log_density(z)
    error = ratios.std(0) / math.sqrt(len(z))
    assert ((ratios.mean(0) - kl_divergence(q, p).sum(-1)).abs() < 5 * error).all()


def test_the_divergence_is_annealed_and_has_free_bits() -> None:
    kl = torch.tensor([[0.1, 2.0], [0.3, 4.0]])

    def penalty(fraction: float, **settings: float) -> float:
        config = Seq2SeqTrainingConfig(**{"kl_annealing": 0.5, "free_bits": 0.0, **settings})
        return float(kl_penalty(kl, config, fraction))

    whole = float(kl.sum())
    assert [penalty(f) for f in (0, 0.25, 0.5, 1)] == pytest.approx([0, whole / 2, whole, whole])
    assert penalty(0, kl_annealing=0) == pytest.approx(whole)
    assert penalty(1, free_bits=3.0) == pytest.approx(whole) and penalty(1, free_bits=4.0) == 8


# --- the network ----------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [c for c in LATENT if not c.autoencode], ids=str)
def test_switched_off_it_is_the_model_without(config: Seq2SeqConfig) -> None:
    """With weights of 0 from z to the decoder; so too whatever z is."""
    plain, batch = random_network(replace(config, latent=None)), random_batch()
    network = Seq2SeqNetwork(config, 6, VT).double().eval()
    others = dict(plain.named_parameters())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in others and parameter.shape == others[name].shape:
                parameter.copy_(others[name])
            else:
                parameter.normal_(generator=torch.Generator().manual_seed(1))
        first = "decoder.recurrent.layers.0.weight_input"
        weight = network.get_parameter(first)
        weight[:, : -config.latent] = others[first]  # type: ignore[operator]
        assert not torch.allclose(run(network, batch)[0], run(plain, batch)[0])
        weight[:, -config.latent :] = 0  # type: ignore[operator]
    torch.testing.assert_close(run(network, batch)[0], run(plain, batch)[0])


@pytest.mark.parametrize("config", LATENT, ids=str)
def test_padding_changes_nothing(config: Seq2SeqConfig) -> None:
    network, batch = random_network(config), random_batch()
    with inference(network):
        state = network.encode(batch.sources, batch.lengths)
        posterior, prior = network.distributions(state, batch.targets)
        for pair, length in enumerate(batch.lengths.tolist()):
            steps = int((batch.targets[:, pair] >= 0).sum())
            alone = network.encode(batch.sources[:length, [pair]], batch.lengths[[pair]])
            found = network.distributions(alone, batch.targets[:steps, [pair]])
            torch.testing.assert_close(found, select((posterior, prior), torch.tensor([pair])))
            assert torch.equal(alone.latent, alone.distribution.mean)  # type: ignore[arg-type]


@pytest.mark.parametrize("config", LATENT, ids=str)
def test_gradients_are_central_differences(config: Seq2SeqConfig) -> None:
    network, batch = random_network(config), random_batch()
    settings = Seq2SeqTrainingConfig(bag_of_words=0.5, free_bits=0.01)
    noise = torch.randn(4, config.latent, generator=torch.Generator().manual_seed(2)).double()  # type: ignore[call-overload]

    def loss() -> torch.Tensor:
        state = network.encode(batch.sources, batch.lengths)
        posterior, prior = network.distributions(state, batch.targets)
        state = state._replace(latent=posterior.sample(noise))
        features, _ = network(batch.inputs, state)
        terms = kl_penalty(kl_divergence(posterior, prior), settings, 0.2)
        terms = terms + settings.bag_of_words * network.bag_loss(state, batch.targets)
        return network.output.loss(features, batch.targets) + terms

    check_gradients(network, loss)


# --- training -------------------------------------------------------------------------------------

WITH_LATENT = replace(SMALL, latent=3)


def task_of(model: Seq2SeqModel, pairs: list[Pair], **settings: Any) -> Seq2SeqTask:
    encoded = encode(pairs, *model.vocabularies, model.config.unit)
    config = replace(QUICK, batch=len(pairs), **settings)
    return Seq2SeqTask(model.network, model.vocabularies, encoded, encoded, config, {})


def test_the_loss_is_the_negative_elbo() -> None:
    """Of each pair by itself, with torch's distributions: −log p(y | z, x) + KL(q ‖ p)."""
    model = random_model(WITH_LATENT, scale=0.3)
    pairs = [Pair(text, "WXYZ"[: len(text)]) for text in toy_texts(20)]
    task = task_of(model, pairs, word_dropout=0.0, label_smoothing=0.2, kl_annealing=0.3)
    [batch] = task.batches(0, 0)
    found = task.loss(batch, 0.0)
    elbo = divergence = 0.0
    network = model.network
    for column in range(len(pairs)):
        steps = int((batch.pairs.targets[:, column] >= 0).sum())
        targets, length = batch.pairs.targets[:steps, [column]], batch.pairs.lengths[[column]]
        with inference(network):
            state = network.encode(batch.pairs.sources[: int(length), [column]], length)
            posterior, prior = network.distributions(state, targets)
            z = normal(posterior).mean + normal(posterior).stddev * batch.noise[[column]]
            features, _ = network(batch.pairs.inputs[:steps, [column]], state._replace(latent=z))
            log_p = network.output.log_probs(features)[:, 0].gather(1, targets)
        kl = float(torch_divergence(normal(posterior), normal(prior)).sum())
        divergence, elbo = divergence + kl, elbo + float(log_p.sum()) - kl
    assert found.loss is not None and float(found.loss) == pytest.approx(-elbo, rel=1e-5)
    validating = Run(task.validate())
    list(validating)
    metrics = validating.result()
    assert metrics.figures["valid_kl"] == pytest.approx(divergence / len(pairs), rel=1e-5)
    nats = metrics.loss * found.tokens / len(pairs)
    assert metrics.figures["valid_elbo"] == pytest.approx(-nats) and nats > 0
    objective = float(found.objective.detach()) * found.tokens
    late = float(task.loss(batch, 1.0).objective.detach()) * found.tokens
    free = {"kl_annealing": 0.0, "free_bits": 0.0, "word_dropout": 0.0, "label_smoothing": 0.2}
    exact = float(task_of(model, pairs, **free).loss(batch, 0.0).objective.detach())
    exact *= found.tokens
    assert objective < exact <= late and exact - objective == pytest.approx(divergence, rel=1e-4)


def test_words_are_dropped_from_the_inputs_alone() -> None:
    model, pairs = random_model(WITH_LATENT), toy_pairs(200, lambda text: "WXYZ"[: len(text)])
    [whole] = task_of(model, pairs, word_dropout=0.0).batches(0, 0)
    [batch] = task_of(model, pairs, word_dropout=0.4).batches(0, 0)
    [again] = task_of(model, pairs, word_dropout=0.4).batches(0, 0)
    assert torch.equal(batch.pairs.inputs, again.pairs.inputs)
    assert torch.equal(batch.noise, again.noise) and torch.equal(batch.noise, whole.noise)
    assert torch.equal(batch.pairs.targets, whole.pairs.targets)
    is_dropped = batch.pairs.inputs != whole.pairs.inputs
    assert (batch.pairs.inputs[is_dropped] == model.target_vocabulary.id("<unk>")).all()
    assert not is_dropped[0].any() and 0.3 < float(is_dropped[1:].double().mean()) < 0.5
    assert abs(float(batch.noise.std()) - 1) < 0.15 and batch.noise.shape == (200, 3)


@pytest.mark.parametrize("name", ["kl_annealing", "free_bits", "word_dropout", "bag_of_words"])
def test_its_settings_have_no_effect_without_it(name: str) -> None:
    says = f"{name} 0.6 has no effect without a latent variable; leave it out, or give the model"
    with pytest.raises(ConfigError, match=says):
        trained(toy_pairs(9), SMALL, replace(QUICK, **{name: 0.6}))
    trained(toy_pairs(9), WITH_LATENT, replace(QUICK, **{name: 0.6}))


# --- answers --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def several() -> tuple[Seq2SeqModel, dict[str, set[str]]]:
    """A model of sources with three answers each, by words, and these."""
    answers = {f"{a} {b}": {f"{a} yes", f"no {b} no", "who knows"} for a in "abc" for b in "xyz"}
    pairs = [Pair(source, text) for source, right in answers.items() for text in sorted(right)] * 12
    shape = Seq2SeqConfig(unit="word", hidden=32, dim=16, cell="gru", latent=16)
    config = replace(QUICK, batch=32, epochs=40, lr=1e-2, kl_annealing=0.3)
    return trained(pairs, shape, config, valid=pairs[:27]).result(), answers


def test_draws_say_different_things_and_the_mean_one(
    several: tuple[Seq2SeqModel, dict[str, set[str]]],
) -> None:
    model, answers = several
    figures = model.metadata["training"]["validations"][-1]
    assert figures["perplexity"] < 3
    drawn, right_ones = list(transform(model, answers, DRAWN)), 0
    for (source, right), found in zip(answers.items(), drawn, strict=True):
        texts = [answer.text for answer in found]
        assert len(set(texts) & right) >= 2, source
        right_ones += sum(text in right for text in texts)
    assert right_ones >= 0.75 * 20 * len(answers)
    means = list(transform(model, answers, DecodingConfig(beam=3)))
    assert means == list(transform(model, answers, DecodingConfig(beam=3)))
    assert list(transform(model, answers, DRAWN)) == drawn
    assert list(transform(model, answers, replace(DRAWN, seed=2))) != drawn
    some = [[a.text for a in found] for found in transform(model, [*answers][:2], DRAWN)]
    assert some == [[a.text for a in found] for found in drawn[:2]], "whatever else is answered"


def test_the_posterior_is_never_used_to_answer(
    several: tuple[Seq2SeqModel, dict[str, set[str]]],
) -> None:
    model, answers = several
    sources = [*answers][:3]
    modes = (DecodingConfig(), DecodingConfig(beam=2), DRAWN)
    before = [list(transform(model, sources, mode)) for mode in modes]
    poisoned = replace(model, network=copy.deepcopy(model.network))
    for name, parameter in poisoned.network.named_parameters():
        if name.startswith(("latent.target_encoder.", "latent.from_both.", "latent.bag")):
            parameter.data.fill_(torch.nan)
    assert [list(transform(poisoned, sources, mode)) for mode in modes] == before
