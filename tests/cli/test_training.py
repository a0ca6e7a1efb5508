"""prepare and train-counts, from text to answers; interrupted, killed, and logged."""

from __future__ import annotations

import functools
import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine, Process, Wordkit

from wordkit.embeddings import load_embeddings


def test_from_text_to_answers(wordkit: Wordkit, corpus_txt: Path) -> None:
    done = wordkit("train-counts", corpus_txt, "--dim", "8", "--window", "3")
    assert done.stdout == ""
    assert "corpus.txt: 1,530 tokens of 20 words in 120 lines" in done.stderr
    assert "vectors.safetensors: 20 words, 8 dimensions" in done.stderr
    answers = wordkit("similar", "king", "-n", "1").stdout
    assert answers.split()[0] == "queen"
    made = json.loads(wordkit("info", "--json").stdout)["made"]
    assert made["settings"]["window"] == 3 and made["settings"]["dim"] == 8


def test_all_ways_to_give_the_text_are_one(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    import bz2
    import gzip
    import lzma

    data = corpus_txt.read_bytes()
    packed = folder / "packed"
    packed.mkdir()
    (packed / "a.gz").write_bytes(gzip.compress(data))
    (folder / "a.bz2").write_bytes(bz2.compress(data))
    (folder / "a.xz").write_bytes(lzma.compress(data))
    (folder / "bom.txt").write_bytes(b"\xef\xbb\xbf" + data)
    (folder / "wide.txt").write_bytes(data.decode().encode("utf-16"))
    half = data.index(b"\n", len(data) // 2) + 1
    (folder / "1.part").write_bytes(data[:half])
    (folder / "2.part").write_bytes(data[half:])
    wordkit("prepare", corpus_txt, "-q")
    ways = [
        ["packed"],
        ["a.bz2"],
        ["a.xz"],
        ["bom.txt"],
        ["wide.txt", "--encoding", "utf-16"],
        ["1.part", "2.part"],
        ["*.part"],
        ["corpus.ids"],
    ]
    expected = None
    for way in [["corpus.txt"], *ways]:
        wordkit("train-counts", *way, "--dim", "4", "-q", "--threads", "1", "-o", "v.txt")
        expected = expected or (folder / "v.txt").read_bytes()
        assert (folder / "v.txt").read_bytes() == expected, way
    wordkit("train-counts", "-", "--dim", "4", "-q", "-o", "v.txt", stdin=data)
    assert (folder / "v.txt").read_bytes() == expected


def test_the_same_seed_gives_the_same_bytes(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    contents = set()
    for threads in ("1", "2"):
        wordkit("train-counts", corpus_txt, "--dim", "6", "-q", "--threads", threads)
        contents.add((folder / "vectors.safetensors").read_bytes())
    assert len(contents) == 1


def test_aliases(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    wordkit("train-counts", corpus_txt, "--dim", "4", "--window", "2", "--threads", "1", "-q")
    one = (folder / "vectors.safetensors").read_bytes()
    wordkit("train-counts", corpus_txt, "--size", "4", "--ws", "2", "--workers", "1", "-q")
    assert (folder / "vectors.safetensors").read_bytes() == one


def test_quiet_says_nothing(wordkit: Wordkit, corpus_txt: Path) -> None:
    assert wordkit("train-counts", corpus_txt, "--dim", "4", "-q").stderr == ""


def test_the_log(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    wordkit("train-counts", corpus_txt, "--dim", "4", "--log", "log.jsonl")
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    stages = list(dict.fromkeys(line["stage"] for line in lines))
    assert stages[0] == "reading" and len(stages) >= 4
    assert all(line["seconds"] >= 0 and line["done"] >= 0 for line in lines)
    assert (
        "cannot write" in wordkit("train-counts", corpus_txt, "--log", "none/log", status=1).stderr
    )


def test_ptb_by_name(wordkit: Wordkit, shared_data: Path, folder: Path) -> None:
    wordkit("prepare", "ptb", "--data-dir", shared_data, "--eos", "-q")
    known = json.loads(wordkit("info", "corpus.ids", "--json").stdout)
    assert (known["tokens"], known["words"]) == (929_589, 10_000)
    assert known["settings"]["tokenizer"] == "whitespace"


def test_validation_text_takes_the_words_of_the_training_text(
    wordkit: Wordkit, shared_data: Path, folder: Path
) -> None:
    wordkit("prepare", "ptb", "--data-dir", shared_data, "--eos", "-q", "-o", "train.ids")
    wordkit(
        *("prepare", "ptb-valid", "--data-dir", shared_data, "--eos", "-q"),
        *("--vocabulary", "train.ids", "-o", "valid.ids"),
    )
    known = json.loads(wordkit("info", "valid.ids", "--json").stdout)
    assert (known["tokens"], known["words"]) == (73_760, 10_000)
    assert known["settings"]["oov"] == 0
    error = wordkit("prepare", "ptb-valid", "--vocabulary", "none", status=1).stderr
    assert "is no prepared corpus" in error


def test_what_is_known_of_ptb(wordkit: Wordkit, shared_data: Path) -> None:
    wordkit(
        *("train-counts", shared_data / "ptb" / "ptb.train.txt", "-q"),
        *("--tokenizer", "whitespace", "--window", "2", "--dim", "100"),
    )
    words = ["you", "year", "car", "toyota"]
    found = json.loads(wordkit("similar", *words, "--json").stdout)
    near = {word: {w for w, _ in found[word]} for word in words}
    assert len(near["you"] & {"we", "i", "they", "anybody", "somebody", "she", "he"}) >= 3
    assert near["year"] & {"month", "quarter"}
    assert len(near["car"] & {"auto", "vehicle", "vehicles", "cars", "truck", "luxury"}) >= 3
    assert len(near["toyota"] & {"nissan", "honda", "lexus", "mazda", "infiniti", "motor"}) >= 3


@pytest.fixture
def started(folder: Path, command_line: CommandLine) -> Callable[..., Process]:
    """Start a call whose temporary files go to ./tmp."""
    return functools.partial(command_line.start, environment={"TMPDIR": str(folder / "tmp")})


@pytest.fixture
def big_text(folder: Path) -> Path:
    """Enough text for each stage to take a while."""
    chooser = random.Random(1)
    words = [f"w{int(chooser.paretovariate(0.7))}" for _ in range(400_000)]
    path = folder / "big.txt"
    path.write_text("\n".join(" ".join(words[i : i + 20]) for i in range(0, len(words), 20)))
    (folder / "tmp").mkdir()
    return path


def stages_of(folder: Path) -> list[str]:
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line)["stage"] for line in lines]


TRAIN = ("train-counts", "big.txt", "--dim", "50", "--min-count", "1", "--log", "log")


@pytest.mark.slow
def test_ctrl_c_in_each_stage(
    wordkit: Wordkit, started: Callable[..., Process], folder: Path, big_text: Path
) -> None:
    (folder / "vectors.safetensors").write_bytes(b"old")
    wordkit(*TRAIN, "-q", "-o", "whole.safetensors")
    stages = list(dict.fromkeys(stages_of(folder)))
    assert len(stages) >= 4
    before = {p.name for p in folder.iterdir()}
    interrupted = 0
    for stage in stages:
        (folder / "log").unlink()
        process = started(*TRAIN)
        while process.poll() is None and stage not in stages_of(folder):
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1].decode()
        interrupted += process.returncode != 0
        if process.returncode != 0:  # the last stages may end before the signal comes
            assert process.returncode == 1, error
            assert error.splitlines()[-1].startswith("wordkit: stopped by Ctrl-C"), error
            assert "Traceback" not in error
        if (folder / "vectors.safetensors").read_bytes() != b"old":
            # only a run that was about to end anyway may have written the new file, whole
            assert process.returncode == 0 or stages_of(folder)[-1] == stages[-1]
            load_embeddings(folder / "vectors.safetensors").check()
            (folder / "vectors.safetensors").write_bytes(b"old")
        assert {p.name for p in folder.iterdir()} == before
        assert list((folder / "tmp").iterdir()) == []
    assert interrupted >= 1  # a quick machine may end before a signal is acted on


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new(
    wordkit: Wordkit,
    started: Callable[..., Process],
    folder: Path,
    big_text: Path,
    signal_number: int,
) -> None:
    wordkit(*TRAIN, "-q", "-o", "vectors.safetensors")
    whole = (folder / "vectors.safetensors").read_bytes()
    chooser = random.Random(2)
    began = time.monotonic()
    wordkit(*TRAIN, "-q", "-o", "vectors.safetensors")
    duration = time.monotonic() - began
    moments = [chooser.uniform(0.2, 1.0) for _ in range(4)] + [0.97, 1.0, 1.03]
    calls = [(moment * duration, False) for moment in moments]
    calls += [(seconds, True) for seconds in (0.05, 0.3)]  # while Python and modules are loaded
    for seconds, anew in calls:
        process = started(*TRAIN, anew=anew)
        time.sleep(seconds)
        process.send_signal(signal_number)
        process.communicate(timeout=60)
        assert (folder / "vectors.safetensors").read_bytes() == whole
        load_embeddings(folder / "vectors.safetensors").check()
        if signal_number == signal.SIGTERM:
            assert list((folder / "tmp").iterdir()) == []
            assert not [p for p in folder.iterdir() if p.name.endswith(".tmp")]
