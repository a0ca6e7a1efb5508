"""What README and guides show is so: examples are run, commands and links exist.

Each page is a class of tests, so that pages run in several processes.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from examples import KEPT, PAGES, ROOT, Example, Reader, examples, fault, kept_output

from wordkit_cli.commands import cli

EXAMPLES = {page: list(examples(page)) for page in PAGES}
WORDNET = Path("/usr/share/wordnet/data.noun")
FIGURES = re.compile(r"-o \w+\.(png|svg|pdf)|import.* draw_|curve_panels|attention_map")


@pytest.fixture(scope="class")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Someone who follows one page from its beginning."""
    folder = tmp_path_factory.mktemp("page") / "wordkit"
    folder.mkdir()
    return Reader(folder)


class PageOfExamples:
    """The tests of a page."""

    def test_an_example_prints_what_is_shown(self, example: Example, reader: Reader) -> None:
        if not WORDNET.exists() and re.search("compare|synonyms|hypernyms|wordnet", example.code):
            pytest.skip("there is no WordNet")
        if FIGURES.search(example.code):
            pytest.importorskip("matplotlib")
        assert (found := fault(example, reader.run(example))) is None, found


def name(example: Example) -> str:
    return f"{example.line}: {example.code[:40]}"


def class_of(page: Path) -> type[PageOfExamples]:
    run = [example for example in EXAMPLES[page] if not example.needs]
    test = pytest.mark.parametrize("example", run, ids=name)
    return test(type(f"Test{page.stem.title().replace('-', '')}", (PageOfExamples,), {}))


for _page in PAGES:
    if EXAMPLES[_page]:
        _tests = class_of(_page)
        globals()[_tests.__name__] = _tests


def test_what_python_prints_is_shown() -> None:
    blocks = [one for page in PAGES for one in EXAMPLES[page] if not one.is_shell]
    assert [one for one in blocks if bool(one.shown) != ("print(" in one.code)] == []


UNRUN = [one for page in PAGES for one in EXAMPLES[page] if one.needs]


@pytest.mark.parametrize("example", UNRUN, ids=lambda one: f"{one.page}:{name(one)}")
def test_what_is_not_run_here_is_as_its_benchmark_printed_it(example: Example) -> None:
    kept = kept_output(example)
    assert kept or not example.shown
    assert (found := fault(example, kept)) is None, found


def commands() -> Iterator[tuple[str, list[str]]]:
    """The calls of wordkit in all blocks of commands, with their page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", "").splitlines():
                call = re.match(r"(?:\$ )?(?:.*\| )?wordkit ([^|<>;]*)", line)
                if call and (line.startswith(("$ ", "wordkit "))):
                    yield page.name, shlex.split(call[1], comments=True)


def test_each_command_is_shown() -> None:
    shown = {words[0] for _, words in commands()}
    assert shown >= set(cli.list_commands(click.Context(cli)))


@pytest.mark.parametrize(("page", "words"), list(commands()))
def test_a_command_is_one_that_wordkit_takes(page: str, words: list[str]) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words[0])
        assert inner is not None, words
        command, words = inner, words[1:]
    with contextlib.suppress(click.exceptions.Exit):  # of options that show something
        command.make_context(command.name, words)  # raises for what it does not take


def test_the_links_lead_somewhere() -> None:
    targets = [
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if not re.match(r"https?:", target) and not (page.parent / target).exists()
    ]
    assert targets == []


def test_the_results_that_are_shown_exist() -> None:
    names = [name for page in PAGES for name in re.findall(r"{result} (\w+)", page.read_text())]
    assert len(names) > 10
    assert [name for name in names if not (KEPT.parent / f"{name}.txt").exists()] == []


def test_each_package_is_in_the_reference() -> None:
    shown = "".join(page.read_text() for page in (ROOT / "docs" / "api").glob("*.rst"))
    packages = {path.parent.name for path in (ROOT / "wordkit").glob("*/__init__.py")} - {"kernels"}
    assert [name for name in packages if f".. package:: wordkit.{name}" not in shown] == []


# --- what the comparison itself lets pass ---------------------------------------------------------


def shows(*lines: str, learnt: bool = False) -> Example:
    return Example("", lines, learnt=learnt)


def test_close_numbers_pass_and_others_do_not() -> None:
    assert fault(shows("truck  0.7581"), ["a note", "truck   0.76"]) is None
    assert fault(shows("truck  0.7581"), ["truck  0.80"]) is not None
    assert fault(shows("truck  0.7581"), ["lorry  0.7581"]) is not None
    assert fault(shows("12,500 words"), ["12,600 words"]) is None
    assert fault(shows("king − man"), ["king − man"]) is None


def test_the_order_counts() -> None:
    assert fault(shows("a 1", "b 2"), ["a 1", "c 3", "b 2"]) is None
    assert fault(shows("a 1", "b 2"), ["b 2", "a 1"]) is not None
    assert fault(shows("a 1", "...", "b 2"), ["a 1", "b 2"]) is None


def test_what_is_learnt_may_differ_in_part() -> None:
    shown = shows("truck 0.77", "cars 0.74", "bus 0.7", "100 words/s", learnt=True)
    assert fault(shown, ["cars 0.75", "truck 0.7", "van 0.6", "900 words/s"]) is None
    assert fault(shown, ["cars 0.95", "truck 0.7", "van 0.6", "900 words/s"]) is not None
    assert fault(shown, ["jam 0.75", "tea 0.7", "van 0.6", "100 words/s"]) is not None


def test_what_python_learns_is_told_by_its_figures() -> None:
    shown = Example("", ("1994-09-27", "459.31", "analogies 0.26"), False, learnt=True)
    assert fault(shown, ["1994-09-27", "440.2", "analogies 0.25"]) is None
    assert fault(shown, ["1994-09-27", "840.2", "analogies 0.25"]) is not None
    assert fault(shown, ["1994-09-27", "459.31", "analogies"]) is not None
    assert fault(shown, []) is not None
