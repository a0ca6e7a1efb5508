"""The examples of the README: found, run, compared with what it shows, or written anew.

    python tests/readme_examples.py

runs them all and puts what they print into the README. In a block of ``sh`` a command begins with
``$`` and what it prints stands below; in a block of ``python`` lines that begin with ``# >``, at
its end, are what the block prints. ``...`` stands for lines that are left out. Behind the comment
``<!-- learnt -->`` comes an example of what is learnt while it runs, which comes out a little
differently on another processor.

The examples run in the order of the README, in one folder, with the data of the project beside it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SHOWN = "# > "
LEFT_OUT = "..."

_BLOCK = re.compile(r"(?P<learnt><!-- learnt -->\n)?```(?P<kind>sh|python)\n(?P<text>.*?)```", re.S)
_SPEED = re.compile(r"[\d.,]+[kM]? (\w+/s)")  # which is another one each time
_NUMBER = re.compile(r"[-−]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Example:
    """A command or a piece of Python, and what the README shows of what it prints."""

    code: str
    shown: tuple[str, ...]
    is_shell: bool
    learnt: bool
    line: int
    """Of the README, from 1."""


def examples(text: str) -> Iterator[Example]:
    """The examples of a README that can be run."""
    for block in _BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("text")) + 1
        learnt, lines = bool(block["learnt"]), block["text"].splitlines()
        if block["kind"] == "python":
            code = "\n".join(part for part in lines if not part.startswith(SHOWN))
            shown = tuple(part.removeprefix(SHOWN) for part in lines if part.startswith(SHOWN))
            yield Example(code, shown, False, learnt, line)
        else:
            yield from _commands(lines, learnt, line)


def _commands(lines: Sequence[str], learnt: bool, first: int) -> Iterator[Example]:
    begins = [i for i, line in enumerate(lines) if line.startswith("$ ")]
    for begin, end in zip(begins, [*begins, len(lines)][1:], strict=True):
        code_end = begin + 1
        while lines[code_end - 1].endswith("\\"):
            code_end += 1
        code = "\n".join(lines[begin:code_end]).removeprefix("$ ")
        yield Example(code, tuple(lines[code_end:end]), True, learnt, first + begin)


def environment(folder: Path) -> dict[str, str]:
    """The environment in which ``wordkit`` is this wordkit, and nothing is set."""
    command = folder.parent / "bin" / "wordkit"
    if not command.exists():
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wordkit_cli "$@"\n')
        command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WORDKIT_")}
    return kept | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "cli", ROOT / "corpora"))),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def run(example: Example, folder: Path) -> list[str]:
    """The lines that an example prints, on both outputs."""
    command = ["bash", "-c"] if example.is_shell else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, example.code], cwd=folder, env=environment(folder), check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"README.md:{example.line}: {example.code}\n{done.stdout}")
    return done.stdout.splitlines()


def fault(example: Example, printed: Sequence[str]) -> str | None:
    """What of an example is not as the README shows it; None: nothing.

    Numbers may differ by 2 %. Of what is learnt, they may differ by a tenth, three words of five
    have to be there, and each line of more than four words, or with a number that Python prints.
    """
    if example.learnt:
        return _learnt_fault(example, printed)
    rest = iter(printed)
    for line in example.shown:
        if line and line != LEFT_OUT and not any(_same(line, other, 0.02) for other in rest):
            return f"not printed, or not in this order: {line}"
    return None


def _learnt_fault(example: Example, printed: Sequence[str]) -> str | None:
    shown = example.shown
    there = set(" ".join(printed).split())
    words = [w for line in shown for w in _without_speed(line).split() if not _NUMBER.search(w)]
    missing = [word for word in words if word not in there and word != LEFT_OUT]
    if len(missing) > 0.4 * len(words):
        return f"too little of it is printed; not: {' '.join(missing)}"
    for line in shown:
        alike = [other for other in printed if _words(line) == _words(other)]
        if alike and not any(_same(line, other, 0.1) for other in alike):
            return f"other figures: {line}"
        # a list of neighbours may have others; a figure of Python's own stands alone
        told = len(_words(line)) > 4 if example.is_shell else bool(_NUMBER.search(line))
        if not alike and told and line != LEFT_OUT:
            return f"no such line: {line}"
    return None


def _same(line: str, other: str, tolerance: float) -> bool:
    """Whether two lines are the same but for white space and the last places of numbers."""
    if _words(line) != _words(other):
        return False
    pairs = zip(_numbers(line), _numbers(other), strict=True)
    return all(abs(a - b) <= tolerance * max(abs(a), 0.01) for a, b in pairs)


def _words(line: str) -> list[str]:
    return _NUMBER.sub("#", _without_speed(line)).split()


def _numbers(line: str) -> list[float]:
    found = _NUMBER.findall(_without_speed(line))
    return [float(number.replace(",", "").replace("−", "-")) for number in found]


def _without_speed(line: str) -> str:
    return _SPEED.sub(r"- \1", line)


def make_folder(parent: Path) -> Path:
    """An empty folder for the examples, with the project's data where the README says."""
    folder = parent / "wordkit"
    folder.mkdir()
    data = ROOT.parent / "shared"
    if data.exists():
        (parent / "shared").symlink_to(data)
    return folder


def main() -> None:
    """Put what the examples print into the README."""
    import tempfile

    text = README.read_text(encoding="utf-8")
    lines = text.splitlines()
    with tempfile.TemporaryDirectory() as parent:
        folder = make_folder(Path(parent))
        moved = 0
        for example in examples(text):
            sys.stderr.write(f"{example.code}\n")
            printed = run(example, folder)
            sys.stderr.write("\n".join([*printed, ""]))
            if not example.shown or LEFT_OUT in example.shown:
                continue
            before = "" if example.is_shell else SHOWN
            fresh = [before + line for line in printed if not _is_note(line)]
            begin = example.line + moved + example.code.count("\n")
            lines[begin : begin + len(example.shown)] = fresh
            moved += len(fresh) - len(example.shown)
    README.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _is_note(line: str) -> bool:
    """Whether a line says what file is asked, which the README need not show each time."""
    return bool(re.match(r"((counted )?vectors|(language|sequence) model|WordNet[ \d.]*): ", line))


if __name__ == "__main__":
    main()
