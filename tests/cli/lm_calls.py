"""Calls of train-lm: small ones, and what they leave."""

from __future__ import annotations

from wordkit_cli.train_lm import command

SMALL = (
    *("--preset", "rnnlm", "--hidden", "8", "--batch", "4", "--steps", "6", "--epochs", "2"),
    *("--threads", "1", "--device", "cpu"),
)


def run(*arguments: str) -> None:
    """Run the command in this process, which is quicker and shows the error itself."""
    command.main([*arguments, "--quiet"], standalone_mode=False)
