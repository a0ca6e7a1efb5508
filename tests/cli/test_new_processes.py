"""Every command in a new process: with imports of its own it does what a fork of a warm one does.

Most tests call forks of one process that has loaded all modules; what they show is so for the
command that a person calls if both say the same and leave the same files.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CommandLine, ForkedProcess, Wordkit
from lm.models import random_model
from wordnet_files import write_wordnet

from wordkit.lm import save_language_model
from wordkit.seq2seq import (
    Pair,
    Seq2SeqConfig,
    Seq2SeqTrainingConfig,
    save_seq2seq,
    train_seq2seq,
)
from wordkit_cli.commands import cli

LM = ("--preset", "rnnlm", "--hidden", "8", "--batch", "4", "--steps", "6", "--device", "cpu")
CALLS = {
    "train-w2v": ("corpus.txt", "--dim", "8", "--epochs", "2", "--threads", "1", "-q"),
    "train-counts": ("corpus.txt", "--dim", "4", "-q"),
    "train-lm": ("corpus.txt", *LM, "--epochs", "1", "--threads", "1", "-q"),
    "train-seq2seq": ("toy.tsv", "--hidden", "8", "--epochs", "1", "--threads", "1", "-q"),
    "similar": ("king", "-n", "3"),
    "analogy": ("king", "man", "woman", "--json"),
    "vector": ("king",),
    "odd-one-out": ("king", "queen", "man", "car"),
    "synonyms": ("car", "--wordnet", "words"),
    "hypernyms": ("cars", "snow plough", "--wordnet", "words"),
    "wordnet-similarity": ("car", "ox", "--wordnet", "words"),
    "compare": ("car", "--wordnet", "words", "--counting", "vectors.safetensors"),
    "plot": ("vectors", "vectors.safetensors", "-o", "map.html"),
    "generate": ("-n", "20", "--seed", "3"),
    "predict": ("the cat",),
    "transform": ("-",),
    "attention": ("ab",),
    "evaluate": ("vectors.safetensors", "--similarity", "pairs.txt"),
    "perplexity": ("corpus.txt",),
    "score": ("-", "--words"),
    "evaluate-seq2seq": ("toy.tsv", "-q"),
    "prepare": ("corpus.txt", "--eos"),
    "convert": ("vectors.safetensors", "vectors.txt"),
    "info": ("vectors.safetensors",),
    "corpora": (),
    "tokenizers": ("It's 5.",),
    "doctor": (),
}


@pytest.fixture
def files(folder: Path, corpus_txt: Path, vectors: Path) -> Path:
    """What the calls ask and read."""
    save_language_model(random_model(text={"tokenizer": "basic"}), folder / "lm.safetensors")
    pairs = [Pair(text, text.upper()) for text in ("ab", "cde", "bad", "ace", "bed", "e")]
    (folder / "toy.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
    shape, config = Seq2SeqConfig(hidden=8, dim=4), Seq2SeqTrainingConfig(epochs=1)
    made = train_seq2seq(pairs, shape, config, device="cpu").result()
    save_seq2seq(made, folder / "seq2seq.safetensors")
    write_wordnet(folder / "words")
    (folder / "pairs.txt").write_text("king queen 9\nking car 1\nman woman 7\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files by name; the names that a corpus draws for its parts are made plain."""
    drawn = re.compile(rb"(ids|words|counts|offsets)-[-0-9a-f]+\.npy")
    return {
        drawn.sub(rb"\1", os.fsencode(path.relative_to(folder))).decode(): drawn.sub(
            rb"\1", path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def test_no_command_is_missing() -> None:
    assert list(CALLS) == cli.list_commands(cli.make_context("wordkit", ["corpora"]))


@pytest.mark.parametrize("name", CALLS)
def test_a_new_process_does_what_a_fork_does(wordkit: Wordkit, files: Path, name: str) -> None:
    """Also where one seed is to give one result: each process hashes in its own way."""
    before, results = contents(files), []
    for anew in (True, False):
        done = wordkit(name, *CALLS[name], anew=anew, stdin="The cat sat.\n")
        results.append((done.stdout, done.stderr, contents(files)))
        shutil.rmtree("corpus.ids", ignore_errors=True)
        for path in files.iterdir():
            if path.name not in before and path.is_file():
                path.unlink()
        for name_before, content in before.items():
            (files / name_before).write_bytes(content)
    assert results[0] == results[1]
    assert results[0][0] or results[0][2] != before


@pytest.mark.skipif(sys.platform != "linux", reason="there are no forks")
def test_what_a_fork_takes_over(
    command_line: CommandLine, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment that is read at use; where another kind differs the process is a new one."""
    with command_line.start("similar", "king") as process:
        assert isinstance(process, ForkedProcess)
    monkeypatch.setenv("WORDKIT_VECTORS", "nowhere")
    with command_line.start("similar", "king") as process:
        assert isinstance(process, ForkedProcess)
        assert b"nowhere" in process.stderr.read()
        assert process.wait() == 1
    for name in ("PYTHONIOENCODING", "NUMBA_CACHE_DIR", "OMP_NUM_THREADS"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1" if name.startswith("OMP") else "latin-1")
            with command_line.start("--version") as process:
                assert isinstance(process, subprocess.Popen)


def test_statuses_and_signals(command_line: CommandLine, files: Path) -> None:
    for number, status, anew in (
        (signal.SIGINT, 1, True),
        (signal.SIGINT, 1, False),
        (signal.SIGTERM, 128 + signal.SIGTERM, False),
        (signal.SIGHUP, 128 + signal.SIGHUP, False),
        (signal.SIGKILL, -signal.SIGKILL, False),
    ):
        with command_line.start("generate", "-n", "100000000", anew=anew) as process:
            assert process.stdout is not None
            assert process.poll() is None
            os.read(process.stdout.fileno(), 10)
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode == process.poll() == status
