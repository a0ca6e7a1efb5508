"""The README's examples print what it shows, and its other commands and links exist."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from readme_examples import README, ROOT, Example, examples, fault, make_folder, run

from wordkit_cli.commands import cli

TEXT = README.read_text(encoding="utf-8")
EXAMPLES = list(examples(TEXT))
DATA = ROOT.parent / "shared" / "data"
WORDNET = Path("/usr/share/wordnet/data.noun")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run one after the other: later ones ask what earlier ones have made."""
    return make_folder(tmp_path_factory.mktemp("readme"))


def first_words(example: Example) -> str:
    return f"{example.line}: {example.code[:40]}"


@pytest.mark.parametrize("example", EXAMPLES, ids=first_words)
def test_an_example_prints_what_is_shown(example: Example, folder: Path) -> None:
    if not DATA.exists() and example.line > first_line_with_data():
        pytest.skip("the data of the project are not here, and this or an earlier one asks them")
    if not WORDNET.exists() and re.search("compare|synonyms|hypernyms|wordnet", example.code):
        pytest.skip("there is no WordNet")
    assert (found := fault(example, run(example, folder))) is None, found


def first_line_with_data() -> int:
    return min(example.line for example in EXAMPLES if "../shared" in example.code) - 1


def test_what_python_prints_is_shown() -> None:
    blocks = [example for example in EXAMPLES if not example.is_shell]
    assert all(bool(example.shown) == ("print(" in example.code) for example in blocks)


def test_each_command_is_shown() -> None:
    behind_pipes = re.findall(r"^\$ .*\| wordkit ([a-z0-9-]+)", TEXT, re.MULTILINE)
    shown = {words[0] for words in commands()} | {*behind_pipes}
    assert shown >= set(cli.list_commands(click.Context(cli)))


SMALL = {
    "train-w2v": ["--dim", "5", "--min-count", "1", "--epochs", "1"],
    "train-counts": ["--dim", "5", "--min-count", "1"],
    "train-lm": ["--hidden", "8", "--epochs", "1"],
    "train-seq2seq": ["--hidden", "8", "--epochs", "1"],
}


def test_commands_that_are_only_listed_run(tmp_path: Path) -> None:
    """In their order, on a small text in the place of the reader's own."""
    folder = make_folder(tmp_path)
    text = "the king is a man and the queen is a woman .\n" * 40
    text += "".join(f"w{number} and w{number + 1}\n" for number in range(150)) * 3
    for name in ("corpus.txt", "news.txt"):
        (folder / name).write_text(text)
    (folder / "pairs.tsv").write_text("ab\tAB\ncd\tCD\nef\tEF\ngh\tGH\n")
    (folder / "addition.txt").write_text("1+1_2\n2+2_4\n3+3_6\n4+4_8\n")
    for name in ("lstm", "gru"):
        log = [
            {"stage": "training", "done": n, "seconds": n, "epochs": n, "loss": 4 - n}
            for n in (1, 2)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    (folder / "glove.txt").write_text("the 1 2 3 4 5\nking 5 4 3 2 1\n")
    listed = list(commands(only_listed=True))
    assert len(listed) > 10
    for words in listed:
        given = [*words, *SMALL.get(words[0], [])]
        example = Example("wordkit " + shlex.join(given), (), True, False, 0)
        run(example, folder)


def commands(*, only_listed: bool = False) -> Iterator[list[str]]:
    """The commands of all blocks, or of those that only list some, as words."""
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL):
        for line in block.replace("\\\n", "").splitlines():
            if line.startswith("wordkit ") or (line.startswith("$ wordkit ") and not only_listed):
                bare = line.removeprefix("$ ").partition(" | ")[0]
                yield shlex.split(bare, comments=True)[1:]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_a_command_and_its_options_exist(words: list[str]) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words.pop(0))
        assert inner is not None
        command = inner
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    assert {word for word in words if re.match("--?[a-z]", word)} <= known


def test_the_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


# --- what the comparison itself lets pass ---------------------------------------------------------


def example(*shown: str, learnt: bool = False) -> Example:
    return Example("", shown, True, learnt, 1)


def test_close_numbers_pass_and_others_do_not() -> None:
    assert fault(example("truck  0.7581"), ["a note", "truck   0.76"]) is None
    assert fault(example("truck  0.7581"), ["truck  0.80"]) is not None
    assert fault(example("truck  0.7581"), ["lorry  0.7581"]) is not None
    assert fault(example("12,500 words"), ["12,600 words"]) is None
    assert fault(example("king − man"), ["king − man"]) is None


def test_the_order_counts() -> None:
    assert fault(example("a 1", "b 2"), ["a 1", "c 3", "b 2"]) is None
    assert fault(example("a 1", "b 2"), ["b 2", "a 1"]) is not None
    assert fault(example("a 1", "...", "b 2"), ["a 1", "b 2"]) is None


def test_what_is_learnt_may_differ_in_part() -> None:
    shown = example("truck 0.77", "cars 0.74", "bus 0.7", "100 words/s", learnt=True)
    assert fault(shown, ["cars 0.75", "truck 0.7", "van 0.6", "900 words/s"]) is None
    assert fault(shown, ["cars 0.95", "truck 0.7", "van 0.6", "900 words/s"]) is not None
    assert fault(shown, ["jam 0.75", "tea 0.7", "van 0.6", "100 words/s"]) is not None


def test_what_python_learns_is_told_by_its_figures() -> None:
    shown = Example("", ("1994-09-27", "459.31", "analogies 0.26"), False, True, 1)
    assert fault(shown, ["1994-09-27", "440.2", "analogies 0.25"]) is None
    assert fault(shown, ["1994-09-27", "840.2", "analogies 0.25"]) is not None
    assert fault(shown, ["1994-09-27", "459.31", "analogies"]) is not None
    assert fault(shown, []) is not None
