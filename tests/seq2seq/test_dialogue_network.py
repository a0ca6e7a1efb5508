"""HRED: what it computes, and what batches, padding and the way of reading must not change."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from seq2seq.toy_dialogues import random_model, toy_dialogues

from wordkit.nn.network import inference
from wordkit.seq2seq.config import Seq2SeqConfig
from wordkit.seq2seq.dialogue.batches import encode_dialogues, pad_dialogues
from wordkit.seq2seq.dialogue.config import DialogueConfig
from wordkit.seq2seq.dialogue.model import DialogueModel
from wordkit.seq2seq.dialogue.network import read_turns
from wordkit.seq2seq.network import Seq2SeqNetwork

BASE = DialogueConfig(unit="char", hidden=6, dim=5, tied=False, attention="none")
SHAPES = [
    BASE,
    replace(BASE, cell="gru", layers=2, directions="concat", peeky=True),
    replace(BASE, attention="dot", context_turns=2),
    replace(BASE, attention="general", attention_to="turns", directions="sum", reverse=True),
    replace(BASE, cell="gru", attention="dot", attention_to="both", context_turns=2),
    replace(BASE, attention="additive", attention_to="both", context_to="input", tied=True),
    replace(BASE, arch="seq2seq", attention="dot"),
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


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_a_batch_is_its_turns_each_with_all_before(config: DialogueConfig) -> None:
    """The state that goes from turn to turn is that of the whole history; padding is nothing."""
    model = random_model(config, dtype=torch.float64)
    together, turn = log_probs(model, DIALOGUES, slice(None)), 0
    for dialogue in DIALOGUES:
        for end in range(2, len(dialogue) + 1):
            alone = log_probs(model, [dialogue[:end]], slice(-1, None))
            torch.testing.assert_close(together[: len(alone), turn : turn + 1], alone)
            turn += 1
    assert turn == together.shape[1]


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


@pytest.mark.parametrize("config", [BASE, SHAPES[1], replace(BASE, attention="dot")], ids=str)
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


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_state_of_the_context_may_be_kept_from_turn_to_turn(cell: str) -> None:
    context = random_model(replace(BASE, cell=cell, layers=2), dtype=torch.float64).network.context  # type: ignore[arg-type]
    assert context is not None
    vectors, turns = torch.randn(5, 6, dtype=torch.float64), torch.arange(5).split(1)
    whole, state = read_turns(context, vectors, turns), None
    for number, turn in enumerate(turns):
        state = read_turns(context, vectors, (turn,), state)
        for layer, expected in zip(state, whole, strict=True):
            for part, every in zip(layer, expected, strict=True):
                torch.testing.assert_close(part, every[number : number + 1])


@pytest.mark.parametrize(
    "config",
    [SHAPES[3], replace(BASE, cell="gru", attention="dot", attention_to="turns", context_turns=2)],
    ids=str,
)
def test_attention_reads_each_turn_with_the_state_after_it(config: DialogueConfig) -> None:
    network = random_model(config, dtype=torch.float64).network
    vocabulary, dialogue = random_model(config).vocabulary, DIALOGUES[4][:4]
    encoded, known = encode_dialogues([dialogue], vocabulary, "char"), config.context_turns or 3
    batch = pad_dialogues(
        encoded, np.array([2]), reverse=config.reverse, context_turns=config.window
    )
    turns = [encode_dialogues([(turn, "")], vocabulary, "char") for turn in dialogue[3 - known : 3]]
    expected, state = [], None
    assert network.context is not None
    with inference(network):
        found = network.encode_dialogues(batch.sources, batch.lengths, batch.history).values
        for turn in turns:
            alone = pad_dialogues(turn, np.array([0]), reverse=config.reverse, context_turns=None)
            vector = network.read(alone.sources, alone.lengths)[1][-1][0]
            state = read_turns(network.context, vector, (torch.tensor([0]),), state)
            expected.append(vector + state[-1][0])
    torch.testing.assert_close(found, torch.stack(expected, 1))
