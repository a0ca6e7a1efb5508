"""Corrupted inputs and impossible outputs of every command: one plain line, and nothing is lost."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Place
from corruption import CORRUPTIONS, REFUSED
from every_command import COMMANDS, TEXTS, Call, all_calls, command_names

CALLS = all_calls()
INPUTS = {(name, file): call for name, call in reversed(CALLS.values()) for file in call.reads}
OUTPUTS = {(name, file): call for name, call in reversed(CALLS.values()) for file in call.writes}
VECTORS = ("train-w2v", "train-counts", "convert")
WRITING = [title for title, (_, call) in CALLS.items() if call.writes]


def test_every_command_has_a_row() -> None:
    assert sorted(COMMANDS) == sorted(command_names())


@pytest.mark.parametrize(("name", "file"), INPUTS)
def test_corrupted_inputs(place: Place, name: str, file: str) -> None:
    """What is read is told by its name, and what was there stays as it was.

    Where several commands read files of a kind, each tries every other corruption of content.
    """
    call, wrong = INPUTS[name, file], []
    kind = call.reads[file]
    alike = [key for key, other in INPUTS.items() if other.reads[key[1]] == kind]
    turn = alike.index((name, file)) if len(alike) > 1 else None
    for number, (title, corrupt) in enumerate(CORRUPTIONS.items()):
        if turn is not None and number > 1 and (number + turn) % 2:
            continue
        path = corrupted = place.folder / file
        if path.is_dir() and title not in ("missing", "a folder"):  # a corpus: one of its files
            parts = sorted(path.iterdir())
            corrupted = parts[number % len(parts)]
        place.fill(call)
        corrupt(corrupted)
        before = place.content()
        done = place.run(name, call)
        # a shorter text may be refused for what it holds; Click refuses folders as bad usage
        named = file in done.stderr or (kind == "text" and title not in REFUSED[kind])
        instead = title == "missing" and "bundled with wordkit" in done.stderr
        good = done.status == 0 and (instead or title not in REFUSED[kind])
        refused = (done.status == 1 and named) or (done.status == 2 and title == "a folder")
        if not (good or (refused and place.content() == before)):
            wrong.append((title, corrupted.name, done))
        place.tidy()
    assert not wrong


TEXTUAL = {*TEXTS, "vectors.txt"}
READING = [
    title
    for title, (name, call) in CALLS.items()
    if (call.stdin or {*call.reads} & TEXTUAL)
    and not (name.startswith(("train-", "plot ")) or "-q" in call.arguments)  # which say nothing
]


@pytest.mark.parametrize("title", READING)
def test_all_line_ends_are_read(place: Place, title: str) -> None:
    """Of texts, lists, pairs, vectors and standard input."""
    name, call = CALLS[title]
    expected = place.run(name, call)
    for end in ("\r", "\r\n"):
        place.tidy()
        for path in (place.folder / file for file in {*call.reads} & TEXTUAL):
            path.write_bytes(path.read_bytes()[:-1].replace(b"\n", end.encode()) + b"\n")
        changed = replace(call, stdin=call.stdin[:-1].replace("\n", end) + "\n")
        assert place.run(name, changed) == expected, end


def with_output(call: Call, file: str, output: str) -> Call:
    """The call with another output in the place of one of its own."""
    arguments = tuple(output if part == file else part for part in call.arguments)
    return replace(call, arguments=arguments)


@pytest.mark.parametrize(("name", "file"), OUTPUTS)
def test_impossible_outputs(place: Place, name: str, file: str) -> None:
    call, suffix = OUTPUTS[name, file], "".join(Path(file).suffixes)
    place.fill(call)
    (place.folder / f"there{suffix}").mkdir()
    (place.folder / f"there{suffix}" / "thesis.tex").write_text("a thesis")
    outputs = [f"none/x{suffix}", f"there{suffix}", "corpus.txt/x" + suffix]
    if sys.platform == "linux":
        (place.folder / f"full{suffix}").symlink_to("/dev/full")
        outputs.append(f"/proc/x{suffix}")
        if file != "log":  # one that fills up costs nothing else: see test_by_products.py
            outputs.append(f"full{suffix}")
    before = place.content()
    for output in outputs:
        done = place.run(name, with_output(call, file, output))
        assert done.status in (1, 2) and output.removesuffix(suffix) in done.stderr, (output, done)
        assert place.content() == before, output


@pytest.mark.parametrize("title", WRITING)
def test_nothing_that_is_read_is_written_over(place: Place, title: str) -> None:
    """Each file that is read, by names of all kinds, in the place of each that is written."""
    name, call = CALLS[title]
    place.fill(call)
    before = place.content()
    for read in {*call.reads} - {*call.writes}:
        path = place.folder / read
        file = next(path.iterdir()) if path.is_dir() else path  # of a corpus: one of its files
        inside = str(file.relative_to(place.folder))
        for written in call.writes:
            suffix = "".join(Path(written).suffixes)
            (link := place.folder / f"link{suffix}").symlink_to(file)
            os.link(file, other := place.folder / f"other{suffix}")
            before |= (extra := {f.name: place.content()[f.name] for f in (link, other)})
            for target in (inside, link.name, other.name, f"none/../{inside}", f"./{link.name}"):
                done = place.run(name, with_output(call, written, target))
                assert done.status in (1, 2), (target, done)
                assert place.content() == before, target
            for extra_name in extra:
                (place.folder / extra_name).unlink()
                del before[extra_name]


@pytest.mark.parametrize("title", WRITING)
def test_read_only_files_are_not_replaced(place: Place, title: str) -> None:
    """Also not by the superuser, whom the system would let; and one output is not two."""
    name, call = CALLS[title]
    for written in call.writes:
        place.fill(call)
        path, before = place.folder / written, place.content()
        for file in (path, *path.rglob("*")):
            file.chmod(0o555 if file.is_dir() else 0o444)
        done = place.run(name, call)
        assert done.status == 1 and "read-only" in done.stderr, done
        assert place.content() == before
        place.tidy()
    if len(call.writes) > 1:
        first, *others = call.writes
        done = place.run(name, with_output(call, others[0], f"tmp/../{first}"))
        assert done.status in (1, 2) and first in done.stderr, done


@pytest.mark.parametrize("title", [title for title in WRITING if CALLS[title][0] in VECTORS])
def test_the_second_file_of_a_projector_is_guarded_too(place: Place, title: str) -> None:
    """Its words, where they would replace what is read or written otherwise, or read-only."""
    name, call = CALLS[title]
    call = with_output(call, call.writes[0], "q.tsv")
    words = place.folder / "q.metadata.tsv"
    if "--to" in call.arguments:  # a model has no second file
        return
    for file in {*call.reads, *call.writes[1:]}:
        place.fill(call)
        if (place.folder / file).is_file():
            (place.folder / file).rename(words)
        before = place.content()
        done = place.run(name, with_output(call, file, words.name))
        assert done.status == 1 and words.name in done.stderr, done
        assert place.content() == before
        place.tidy()
    words.write_bytes(b"years of work")
    words.chmod(0o444)
    assert "read-only" in place.run(name, call).stderr
    assert words.read_bytes() == b"years of work"


@pytest.mark.parametrize("title", WRITING)
@pytest.mark.parametrize("most", [1, 700])
def test_a_full_disk(place: Place, title: str, most: int) -> None:
    """A limit on the size of files, also of temporary ones, stands for the disk."""
    name, call = CALLS[title]
    place.fill(call)
    before = place.content()
    done = place.run(name, call, max_file_bytes=most)
    if done.status == 0:  # what it writes is that small
        paths = [place.folder / path for path in call.writes]
        files = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
        assert all(file.stat().st_size <= most for file in files)
    else:
        assert done.status == 1 and "cannot " in done.stderr, done
        assert place.content() == before
