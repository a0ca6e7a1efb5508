"""HRED: what it computes, and what batches, padding and the way of reading must not change."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch
from seq2seq.toy_dialogues import QUICK, random_model, toy_dialogues

from wordkit.nn.dropout import Dropout
from wordkit.nn.network import inference
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.dialogue.batches import encode_dialogues, pad_dialogues
from wordkit.seq2seq.dialogue.config import DialogueConfig
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.dialogue.network import DialogueNetwork
from wordkit.seq2seq.dialogue.task import DialogueTask
from wordkit.seq2seq.latent import kl_divergence
from wordkit.seq2seq.network import Seq2SeqNetwork

BASE = DialogueConfig(unit="char", hidden=6, dim=5, tied=False, attention="none")
SHAPES = [
    BASE,
    replace(BASE, cell="gru", layers=2, directions="concat", peeky=True),
    replace(BASE, attention="dot", attention_to="turn", context_turns=2),
    replace(BASE, attention="general", attention_to="turns", directions="sum", reverse=True),
    replace(BASE, cell="gru", attention="dot", context_turns=2),
    replace(BASE, attention="additive", context_to="input", tied=True),
    replace(BASE, arch="seq2seq", attention="dot"),
]
MORE = [
    replace(BASE, cell="peephole", directions="concat", layers=2, dropout=0.3, attention="dot"),
    replace(BASE, cell="rnn", dropout=0.3, attention="general"),
    replace(BASE, arch="vhred", latent=3, cell="gru", dropout=0.3, attention="dot", peeky=True),
]
DIALOGUES = [*toy_dialogues(4), ("ab", "c", "?d", "xyz", "a", "zz", "b"), ("dd", "abcdxyz?")]


def log_probs(model: DialogueModel, dialogues: list[tuple[str, ...]], rows: slice) -> torch.Tensor:
    """log p of every unit at every step of some next turns, (T, M, V)."""
    encoded = encode_dialogues(dialogues, model.vocabulary, "char")
    numbers = np.arange(len(encoded))[rows]
    batch = pad_dialogues(
        encoded, numbers, reverse=model.config.reverse, context_turns=model.config.window
    )
    with inference(model.network):
        state = model.network.encode_dialogues(batch.sources, batch.lengths, batch.history)
        features, _ = model.network(batch.inputs, state)
        return model.network.output.log_probs(features)


def turn_loss(
    network: DialogueNetwork, turns: list[list[int]], target: list[int], eos: int,
    noise: torch.Tensor | None,
) -> Any:  # fmt: skip
    """−log p of a next turn, and its KL divergence: turn by turn, then unit by unit."""
    config, context, of_turns = network.config, network.context, []
    state = None if context is None else context.initial_state(1)
    for turn in turns[-(config.window or 0) :]:
        ids = torch.tensor(turn[::-1] if config.reverse else turn).unsqueeze(1)
        outputs, layers, _ = network.read(ids, torch.tensor([len(turn)]))
        if context is not None and state is not None:
            vector = layers[-1][0]
            _, layers = context(vector.unsqueeze(0), state)
            of_turns.append(vector + layers[-1][0])
            state = layers
    attended = {"turn": [outputs], "turns": of_turns, "both": [*outputs.split(1), *of_turns]}
    values = torch.cat([part.view(-1, 1, config.width) for part in attended[config.attention_to]])
    before = network._with_latent(network.decoder.initial_state(values, layers, None))
    inputs, right, loss = torch.tensor([eos, *target]), torch.tensor([*target, eos]), 0.0
    if noise is not None:
        posterior, prior = network.distributions(before, right.unsqueeze(1))
        before = before._replace(latent=posterior.sample(noise), distribution=None)
        loss = kl_divergence(posterior, prior).sum()
    for unit, next_unit in zip(inputs, right, strict=True):
        features, before = network(unit.view(1, 1), before)
        loss = loss - network.output.logits(features).log_softmax(-1)[0, 0, next_unit]
    return loss


@pytest.mark.parametrize("config", [*SHAPES, *MORE], ids=str)
def test_loss_and_gradients_of_a_batch_are_those_of_its_turns(
    config: DialogueConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that goes from turn to turn is that of the whole history; padding is nothing."""
    # values are dropped that would be wherever they stand
    monkeypatch.setattr(Dropout, "forward", lambda self, x: x * (x.sin() < 0.5) / (1 - self.p))
    model = random_model(config, dtype=torch.float64)
    encoded = encode_dialogues(DIALOGUES, model.vocabulary, "char")
    training = replace(QUICK, batch=len(DIALOGUES), free_bits=0.0, word_dropout=0.0)
    task = DialogueTask(model.network, [model.vocabulary], encoded, encoded, training, {})
    [rows], [batch] = task._rows(0), task.batches(0, 0)
    if batch.noise is not None:
        batch = replace(batch, noise=batch.noise.double())
    losses = []
    for column, row in enumerate(rows.tolist()):
        turns = [encoded.sources[n].tolist() for n in range(encoded.firsts[row], row + 1)]
        noise = None if batch.noise is None else batch.noise[column : column + 1]
        target = encoded.targets[row].tolist()
        losses.append(turn_loss(model.network, turns, target, encoded.eos_id, noise))
    expected, found = torch.stack(losses).sum() / batch.tokens, task.loss(batch, 1.0).objective
    torch.testing.assert_close(found, expected)
    parameters = dict(model.network.named_parameters())
    gradients = [
        torch.autograd.grad(loss, [*parameters.values()], allow_unused=True, materialize_grads=True)
        for loss in (found, expected)
    ]
    for name, *pair in zip(parameters, *gradients, strict=True):
        torch.testing.assert_close(*pair, msg=lambda text, name=name: f"{name}: {text}")


def test_the_turns_before_matter_within_the_window_alone() -> None:
    for config, known in ((BASE, 6), (SHAPES[2], 2), (SHAPES[4], 2), (SHAPES[6], 1)):
        model = random_model(config, dtype=torch.float64)
        dialogue = DIALOGUES[4]
        whole = log_probs(model, [dialogue], slice(-1, None))
        for turn in range(6):
            other = (*dialogue[:turn], "xa", *dialogue[turn + 1 :])
            changed = log_probs(model, [other], slice(-1, None))
            assert torch.equal(changed, whole) != (turn >= 6 - known)
        last = log_probs(model, [dialogue[6 - known :]], slice(-1, None))
        torch.testing.assert_close(last, whole)


@pytest.mark.parametrize("config", [BASE, *SHAPES[1:3]], ids=str)
def test_two_turns_are_a_sequence_model_with_a_step_of_the_context_between(
    config: DialogueConfig,
) -> None:
    model = random_model(config, dtype=torch.float64)
    shape = {name: value for name, value in asdict(config).items()
             if name not in ("arch", "context_turns", "attention_to")}  # fmt: skip
    words = len(model.vocabulary)
    plain = Seq2SeqNetwork(Seq2SeqConfig(**shape), words, words).double().eval()
    weights = dict(model.network.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(weights[name])
    assert {name for name in weights if not name.startswith("context.")} == {
        name for name, _ in plain.named_parameters()
    }
    dialogues = [("abc", "dx"), ("d", "?a"), ("zyxx", "ab")]
    encoded = encode_dialogues(dialogues, model.vocabulary, "char")
    batch = pad_dialogues(encoded, np.arange(3), reverse=False, context_turns=None)
    order, context = batch.history.last, model.network.context
    assert context is not None
    with inference(plain):
        outputs, layers, mask = plain.read(batch.sources[:, order], batch.lengths[order])
        _, bridged = context(layers[-1][0].unsqueeze(0), context.initial_state(3))
        features, _ = plain(batch.inputs, plain.decoder.initial_state(outputs, bridged, mask))
        expected = plain.output.log_probs(features)
        state = model.network.encode(batch.sources[:, order], batch.lengths[order])
        one_by_one = model.network.output.log_probs(model.network(batch.inputs, state)[0])
    torch.testing.assert_close(log_probs(model, dialogues, slice(None)), expected)
    torch.testing.assert_close(one_by_one, expected)
