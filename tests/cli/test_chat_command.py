"""wordkit chat: lines of a pipe and of a terminal, commands, and files of another kind."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Process, Wordkit
from seq2seq import toy_dialogues, toy_pairs

from wordkit.seq2seq import save_seq2seq
from wordkit.seq2seq.dialogue import DialogueModel, load_dialogue_model

_PATIENCE = 120.0  # seconds after which an answer is taken never to come
TURNS = replace(toy_dialogues.SMALL, attention="dot", attention_to="turns")


@pytest.fixture
def model(folder: Path) -> DialogueModel:
    path = folder / "dialogue.safetensors"
    toy_dialogues.random_model(TURNS).save(path)
    return load_dialogue_model(path)


# --- a pipe ---------------------------------------------------------------------------------------


def test_a_line_in_a_line_out(wordkit: Wordkit, model: DialogueModel) -> None:
    chat, lines = model.chat(), ["ab", "c", "", "ab", "?", "/again", "/reset", "ab"]
    answers = [chat.say("ab"), chat.say("c"), ""]
    chat.reset()
    answers += [chat.say("ab"), chat.say("?"), chat.again(), ""]
    answers.append(answers[0])
    text = "".join(f"{line}\n" for line in lines)
    assert wordkit("chat", stdin=text).stdout.splitlines() == answers
    assert answers[3] == answers[0] != answers[1], "a blank line begins a new dialogue"
    told = wordkit("chat", "dialogue.safetensors", "--json", stdin=text).stdout.splitlines()
    assert [json.loads(line) for line in told] == [
        {"said": line, "answer": answer or None}
        for line, answer in zip(lines, answers, strict=True)
    ]
    assert wordkit("chat").stdout == "", "nothing is said"
    assert wordkit("chat", stdin="ab").stdout == f"{answers[0]}\n", "it ends within a line"


def test_one_seed_one_conversation(wordkit: Wordkit, model: DialogueModel) -> None:
    drawn = ("chat", "-m", "dialogue.safetensors", "--sample", "--seed")
    heard = [wordkit(*drawn, seed, stdin="ab\nc\n?\n").stdout for seed in "114"]
    assert heard[0] == heard[1] != heard[2]


def test_why(wordkit: Wordkit, model: DialogueModel, folder: Path) -> None:
    chat = model.chat()
    chat.say("ab")
    answer = chat.say("c")
    weights = chat.attention()
    assert [turn for turn, _ in weights] == chat.turns[:-1]
    assert sum(weight for _, weight in weights) == pytest.approx(1)
    *_, shown = wordkit("chat", "--json", stdin="ab\nc\n/why\n").stdout.splitlines()
    found = json.loads(shown)
    assert found["said"] == "/why" and [turn for turn, _ in found["attention"]] == chat.turns[:-1]
    assert [w for _, w in found["attention"]] == pytest.approx([w for _, w in weights], abs=1e-5)
    lines = wordkit("chat", stdin="ab\nc\n/why\n").stdout.splitlines()
    assert lines[1] == answer and len(lines) == 2 + len(weights)
    assert lines[2].split()[0] == f"{weights[0].weight:.2f}" and lines[2].endswith("  ab")
    for given, said in (
        ({"attention_to": "turn"}, "attends to no turn but the last; train one with attention_to "
         "turns or both"),
        ({"attention": "none", "attention_to": "both"}, "attends to nothing; train one with "
         "attention dot"),
        ({"arch": "seq2seq", "attention_to": "both"}, "knows the last turn alone; train one with "
         "arch hred or vhred"),
    ):  # fmt: skip
        shape = replace(TURNS, **given)
        toy_dialogues.random_model(shape).save(folder / "last.safetensors")
        error = wordkit("chat", "last.safetensors", stdin="ab\n/why\n", status=1).stderr
        assert error.splitlines()[-1] == f"wordkit: the model {said}"


def test_an_evaluation_in_json(wordkit: Wordkit, model: DialogueModel, folder: Path) -> None:
    (folder / "talk.txt").write_text("ab\nc\nd\n\nc\nab\n")
    found = json.loads(wordkit("evaluate-dialogue", "talk.txt", "--top-k", "1", "--json").stdout)
    names = "perplexity kl distinct_1 distinct_2 distinct_answers bleu exact_match"
    assert {*names.split()} <= {*found} and found["turns"] == 3
    assert found["distinct_answers"] == 1, "the draws alone are of the first word"
    assert found["units"] == 7 and found["bleu"] is None, "c, d, a, b and three ends"
    shown = wordkit("evaluate-dialogue", "talk.txt").stdout
    assert "of 7 characters and ends of turns" in shown and "pairs of characters" in shown


@pytest.mark.parametrize("attention_to", ["turns", "both"])
def test_the_weights_are_those_of_each_step(attention_to: str) -> None:
    """A model that cannot tell turns apart attends to all alike, and to the units as much."""
    shape = replace(TURNS, attention_to=attention_to, context_turns=2)
    blind = toy_dialogues.random_model(shape, scale=0.0)
    chat = blind.chat()
    chat.turns = ["ab", "c", "xyz", "d"]
    (_, first), (_, last) = chat.attention()
    rows = 2 if attention_to == "turns" else 5
    assert first == pytest.approx(1 / rows) and last == pytest.approx(1 - 1 / rows)


def test_what_is_refused(wordkit: Wordkit, model: DialogueModel, folder: Path) -> None:
    save_seq2seq(toy_pairs.random_model(), folder / "pairs.safetensors")
    for arguments, said in (
        (("chat", "pairs.safetensors"), "holds a sequence model, not a dialogue model"),
        (("transform", "-m", "dialogue.safetensors"), "holds a dialogue model, not a sequence"),
        (("chat", "nope"), "cannot read nope: there is no such file"),
    ):
        error = wordkit(*arguments, stdin="ab\n", status=1).stderr
        assert said in error and len(error.splitlines()) == 1
    error = wordkit("chat", stdin="/again\n", status=1).stderr
    assert error.endswith("wordkit: nothing was said yet; say something first\n")
    error = wordkit("chat", stdin="/agian\n", status=1).stderr
    assert error.endswith("wordkit: there is no /agian; there are /again, /reset, /why\n")
    assert "line 1, byte 0" in wordkit("chat", stdin=b"\xff\n", status=1).stderr
    both = ("chat", "dialogue.safetensors", "-m", "dialogue.safetensors")
    assert "name the model once" in wordkit(*both, status=2).stderr
    os.remove("dialogue.safetensors")
    assert "wordkit train-dialogue DIALOGUES" in wordkit("chat", status=1).stderr


# --- a terminal -----------------------------------------------------------------------------------


class Terminal:
    """A conversation that someone types."""

    def __init__(self, process: Process, leader: int) -> None:
        self.process, self._leader, self._shown = process, leader, b""

    def type(self, keys: str) -> None:
        os.write(self._leader, keys.encode())

    def until(self, text: str) -> str:
        """What is shown until a text is."""
        deadline = time.monotonic() + _PATIENCE
        while text.encode() not in self._shown:
            assert time.monotonic() < deadline, self._shown
            self._shown += os.read(self._leader, 1 << 16)
        shown, _, self._shown = self._shown.partition(text.encode())
        return shown.decode()

    def interrupt(self) -> None:
        """Press Ctrl-C until the process ends: Python misses one just before it waits for a key."""
        deadline = time.monotonic() + _PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "wordkit_cli", "chat", *arguments]
    environment = {**os.environ, "TERM": "dumb", "INPUTRC": os.devnull}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment,
        start_new_session=True, bufsize=0,
    )  # fmt: skip
    os.close(follower)
    try:
        yield Terminal(process, leader)
    finally:
        process.kill()
        process.wait()
        os.close(leader)


@pytest.mark.parametrize("end", ["\x04", "Ctrl-C"])
def test_a_terminal(model: DialogueModel, end: str) -> None:
    chat = model.chat()
    answers = [chat.say("ab"), chat.again()]
    with terminal() as typed:
        assert "/again: another answer" in typed.until("> ")
        for keys, answer in (("ab", answers[0]), ("/again", answers[1]), ("", "")):
            typed.type(f"{keys}\n")
            assert answer in typed.until("> ")
        typed.type("/why\n")
        assert "1.00  ████████████████████  ab" in typed.until("> ")
        typed.type("/reset\n")
        typed.until("> ")
        typed.type("/again\n")
        assert "nothing was said yet; say something first" in typed.until("> "), "it goes on"
        typed.type("a\x1b[Dx\n")  # with the cursor to the left
        assert chat.model.chat().say("xa") in typed.until("> ")
        typed.type("\x1b[A\n")  # the line before
        typed.until("> ")
        if end == "Ctrl-C":
            typed.interrupt()
        else:
            typed.type(end)
        assert typed.process.wait(_PATIENCE) == 0
