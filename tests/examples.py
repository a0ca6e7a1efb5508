"""The examples of the README and the guides: found, run, compared with what they show, or renewed.

    python tests/examples.py [PAGE ...]

runs those of the pages, or of all, and puts what they print into them. In a block of ``sh`` or
``console`` a command begins with ``$`` and what it prints stands below; in a block of ``python``
lines that begin with ``# >``, at its end, are what the block prints. ``...`` stands for lines that
are left out. A comment above a block marks it:

``<!-- learnt -->``
    It shows what is learnt while it runs, which comes out a little differently elsewhere.
``<!-- needs: ... -->``
    It needs what a reader may not have, or minutes. It is not run here: benchmarks/guides.py does
    that, and its kept output is what the page must show.

The examples of a page run in its order, in one folder, and those in Python share their names.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
KEPT = ROOT / "benchmarks" / "results" / "guides.txt"
SHOWN = "# > "
LEFT_OUT = "..."

_BLOCK = re.compile(
    r"(?P<marks>(?:<!-- (?:learnt|needs: [^>]+) -->\n)*)"
    r"```(?P<kind>sh|console|python)\n(?P<text>.*?)```",
    re.S,
)
_SIMPLE = re.compile(r"wordkit [^|<>;&$*`()]*")
"""A command that needs no shell."""

_SPEED = re.compile(r"[\d.,]+[kM]? (\w+/s)")  # which is another one each time
_NUMBER = re.compile(r"[-−]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Example:
    """A command or a piece of Python, and what its page shows of what it prints."""

    code: str
    shown: tuple[str, ...] = ()
    is_shell: bool = True
    learnt: bool = False
    needs: bool = False
    page: str = ""
    line: int = 1
    """Of the page, from 1."""


def examples(page: Path) -> Iterator[Example]:
    """The examples of a page."""
    text = page.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("text")) + 1
        lines = block["text"].splitlines()
        marks = {"learnt": "learnt" in block["marks"], "needs": "needs:" in block["marks"]}
        if block["kind"] == "python":
            code = "\n".join(part for part in lines if not part.startswith(SHOWN))
            shown = tuple(part.removeprefix(SHOWN) for part in lines if part.startswith(SHOWN))
            yield Example(code, shown, False, page=page.name, line=line, **marks)
        else:
            for code, shown, first in _commands(lines):
                yield Example(code, shown, True, page=page.name, line=line + first, **marks)


def _commands(lines: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...], int]]:
    begins = [i for i, line in enumerate(lines) if line.startswith("$ ")]
    for begin, end in zip(begins, [*begins, len(lines)][1:], strict=True):
        code_end = begin + 1
        while lines[code_end - 1].endswith("\\"):
            code_end += 1
        code = "\n".join(lines[begin:code_end]).removeprefix("$ ")
        yield code, tuple(lines[code_end:end]), begin


class Reader:
    """Someone who follows a page: a folder, and the names that Python has so far.

    Args:
        folder: where the examples run.
        data_dir: the folder of their own data, ``$WORDKIT_DATA``; None: they have none.
    """

    def __init__(self, folder: Path, data_dir: Path | None = None) -> None:
        self._folder, self._data_dir = folder, data_dir
        self._names: dict[str, object] = {"__name__": "__main__"}

    def run(self, example: Example) -> list[str]:
        """Return the lines that an example prints, on both outputs.

        Python and plain commands run in this process, which has loaded what they need.
        """
        before, env = Path.cwd(), dict(os.environ)
        for name in [*os.environ]:
            if name.startswith("WORDKIT_"):
                del os.environ[name]
        if self._data_dir is not None:
            os.environ["WORDKIT_DATA"] = str(self._data_dir)
        os.chdir(self._folder)
        try:
            if not example.is_shell:
                return self._run_python(example)
            if _SIMPLE.fullmatch(example.code):
                return _call(example)
            return self._run_shell(example)
        finally:
            os.chdir(before)
            os.environ.pop("WORDKIT_DATA", None)
            os.environ.update(env)

    def _run_shell(self, example: Example) -> list[str]:
        variables = environment(self._folder)
        if self._data_dir is not None:
            variables["WORDKIT_DATA"] = str(self._data_dir)
        done = subprocess.run(
            ["bash", "-c", example.code], env=variables, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"{example.page}:{example.line}: {example.code}\n{done.stdout}")
        return done.stdout.splitlines()

    def _run_python(self, example: Example) -> list[str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            exec(compile(example.code, f"{example.page}:{example.line}", "exec"), self._names)
        return printed.getvalue().splitlines()


def _call(example: Example) -> list[str]:
    from command_line import call

    words = shlex.split(example.code.replace("\\\n", ""))
    result = call(*words[1:])
    if result.status:
        raise AssertionError(f"{example.page}:{example.line}: {example.code}\n{result.stderr}")
    return [*result.stderr.splitlines(), *result.stdout.splitlines()]


def environment(folder: Path) -> dict[str, str]:
    """The environment with the ``wordkit`` and ``python`` of this test, and nothing set."""
    commands = folder.parent / "bin"
    if not commands.exists():
        commands.mkdir()
        for name, call in (("wordkit", " -m wordkit_cli"), ("python", "")):
            (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{call} "$@"\n')
            (commands / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WORDKIT_")}
    return kept | {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "cli", ROOT / "corpora"))),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def kept_output(example: Example) -> list[str]:
    """Return what benchmarks/guides.py last printed for an example."""
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
    pages = {page.name for page in PAGES}  # the heading of the next one
    for code, shown, _ in _commands(lines):
        if code == example.code:
            return [line for line in shown if line and line not in pages]
    return []


def fault(example: Example, printed: Sequence[str]) -> str | None:
    """What of an example is not as its page shows it; None: nothing.

    Numbers may differ by 2 %. Of what is learnt, they may differ by a fifth, three words of five
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
        if alike and not any(_same(line, other, 0.2) for other in alike):
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


def renew(page: Path, reader: Reader) -> None:
    """Put what the examples of a page print into it."""
    lines = page.read_text(encoding="utf-8").splitlines()
    moved = 0
    for example in examples(page):
        sys.stderr.write(f"{example.code}\n")
        printed = kept_output(example) if example.needs else reader.run(example)
        sys.stderr.write("\n".join([*printed, ""]))
        if not printed or not example.shown or LEFT_OUT in example.shown:
            continue
        before = "" if example.is_shell else SHOWN
        fresh = [before + line for line in printed if not _is_note(line)]
        begin = example.line + moved + example.code.count("\n")
        lines[begin : begin + len(example.shown)] = fresh
        moved += len(fresh) - len(example.shown)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _is_note(line: str) -> bool:
    """Whether a line says what file is asked, which a page need not show each time."""
    return bool(re.match(r"((counted )?vectors|(language|sequence) model|WordNet[ \d.]*): ", line))


def main() -> None:
    """Renew the pages that are named, or all."""
    for page in map(Path, sys.argv[1:] or PAGES):
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent, "wordkit")
            folder.mkdir()
            renew(page, Reader(folder))


if __name__ == "__main__":
    main()
