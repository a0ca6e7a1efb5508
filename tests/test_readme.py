"""The README's Python runs as it stands, and its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
TEXT = (
    "The king rules. The queen rules. A man walks; a woman walks. King and queen, man and woman.\n"
)


def test_the_python_runs(tmp_path: Path) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    (tmp_path / "corpus.txt").write_text(TEXT * 20)
    code = code.replace("dim=100", "dim=5")  # the text above has fewer than 100 words
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "Neighbour(word=" in done.stdout


def test_the_commands_exist() -> None:
    from wordkit_cli.commands import cli

    named = set(re.findall(r"^(?:\$ )?wordkit ([a-z0-9-]+)", README, re.MULTILINE))
    assert named
    assert named <= set(cli.list_commands(None))  # type: ignore[arg-type, attr-defined]
