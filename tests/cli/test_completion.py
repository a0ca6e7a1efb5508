"""Completion in the shell: what its script asks for, and the script in a real bash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import Wordkit
from examples import environment


def offered(wordkit: Wordkit, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """What is offered for the last word of a line, each with its kind."""
    words = line.split(" ")
    monkeypatch.setenv("_WORDKIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    return wordkit().stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("wordkit tra", ["plain,train-w2v", "plain,train-counts", "plain,train-lm"]),
        ("wordkit plot ", ["plain,neighbours", "plain,training", "plain,vectors"]),
        ("wordkit train-w2v --m", ["plain,--min-count", "plain,--min-lr"]),
        ("wordkit train-w2v --arch ", ["plain,cbow", "plain,skipgram"]),
        ("wordkit train-w2v corp", ["file,corp"]),
        ("wordkit similar car --model v", ["file,v"]),
        ("wordkit plot vectors x.safetensors --method t", ["plain,tsne"]),
    ],
)
def test_what_is_offered(
    wordkit: Wordkit, monkeypatch: pytest.MonkeyPatch, line: str, some: list[str]
) -> None:
    assert set(some) <= set(offered(wordkit, monkeypatch, line))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script(wordkit: Wordkit, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_WORDKIT_COMPLETE", f"{shell}_source")
    assert f"_WORDKIT_COMPLETE={shell}_complete" in wordkit().stdout


def test_another_shell(wordkit: Wordkit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WORDKIT_COMPLETE", "csh_source")
    assert "is 'csh_source'; expected bash_source" in wordkit(status=1).stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_in_bash(tmp_path: Path) -> None:
    """The line that a person puts into .bashrc, and then what the key does."""
    line = 'eval "$(_WORDKIT_COMPLETE=bash_source wordkit)"'
    press = "COMP_WORDS=(wordkit train-w); COMP_CWORD=1; _wordkit_completion wordkit"
    script = f'{line}\n{press}\necho "${{COMPREPLY[@]}}"'
    folder = tmp_path / "folder"
    folder.mkdir()
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(folder), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["train-w2v"] and done.stderr == ""
