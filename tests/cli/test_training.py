"""prepare and train-counts, from text to answers; interrupted, killed, and logged."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest
from command_line import Stop, Wordkit, call, log_of


def test_from_text_to_answers(wordkit: Wordkit, corpus_txt: Path) -> None:
    done = wordkit("train-counts", corpus_txt, "--dim", "8", "--window", "3")
    assert done.stdout == ""
    assert "corpus.txt: 1,530 tokens of 20 words in 120 lines" in done.stderr
    assert "vectors.safetensors: 20 words, 8 dimensions" in done.stderr
    answers = wordkit("similar", "king", "-n", "1").stdout
    assert answers.split()[0] == "queen"
    made = json.loads(wordkit("info", "--json").stdout)["made"]
    assert made["settings"]["window"] == 3 and made["settings"]["dim"] == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("word\n", "1 token of 1 word in 1 line"),
        ("a b " * 600, "1,200 tokens of 2 words in 1 line"),
    ],
)
def test_what_was_read_is_said_in_plain_english(
    wordkit: Wordkit, folder: Path, text: str, said: str
) -> None:
    (folder / "a.txt").write_text(text)
    assert wordkit("prepare", "a.txt").stderr == f"a.txt: {said}\n"
    (folder / "ptb-test").mkdir()
    (folder / "a.txt").rename(folder / "ptb-test" / "a.txt")
    error = wordkit("prepare", "ptb-test").stderr
    assert "ptb-test is a folder here and is read as such" in error and said in error


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
    ways = "corpus.txt|packed|a.bz2|a.xz|bom.txt|wide.txt --encoding utf-16|1.part 2.part|*.part"
    expected = None
    for way in f"{ways}|corpus.ids".split("|"):
        wordkit("train-counts", *way.split(), "--dim", "4", "-q", "--threads", "1", "-o", "v.txt")
        expected = expected or (folder / "v.txt").read_bytes()
        assert (folder / "v.txt").read_bytes() == expected, way
    wordkit("train-counts", "-", "--dim", "4", "-q", "-o", "v.txt", stdin=data)
    assert (folder / "v.txt").read_bytes() == expected


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
    """Its validation text takes the words of the training text."""
    prepare = ("prepare", "--data-dir", shared_data, "--eos", "-q")
    wordkit(*prepare, "ptb", "-o", "train.ids")
    known = json.loads(wordkit("info", "train.ids", "--json").stdout)
    assert (known["tokens"], known["words"]) == (929_589, 10_000)
    assert known["settings"]["tokenizer"] == "whitespace"
    wordkit(*prepare, "ptb-valid", "--vocabulary", "train.ids", "-o", "valid.ids")
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
def big_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enough text for each stage to take a while; temporary files go to ./tmp."""
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    chooser = random.Random(1)
    words = [f"w{int(chooser.paretovariate(0.7))}" for _ in range(200_000)]
    path = folder / "big.txt"
    path.write_text("\n".join(" ".join(words[i : i + 20]) for i in range(0, len(words), 20)))
    (folder / "tmp").mkdir()
    return path


TRAIN = ("train-counts", "big.txt", "--dim", "50", "--min-count", "1", "--log", "log")


def stages_of(folder: Path) -> list[object]:
    return [line["stage"] for line in log_of(folder)]


def test_ctrl_c_in_each_stage(wordkit: Wordkit, folder: Path, big_text: Path) -> None:
    wordkit(*TRAIN, "-q", "-o", "new.safetensors")
    old, stages = {p.name for p in folder.iterdir()}, list(dict.fromkeys(stages_of(folder)))
    assert len(stages) >= 4
    statuses = []
    for stage in stages:
        (folder / "log").unlink()
        ctrl_c = Stop(signal.SIGINT, lambda: stage in stages_of(folder))  # noqa: B023
        done = call(*TRAIN, stop=ctrl_c)
        statuses.append(done.status)
        if done.status == 1:  # else it was quicker
            last = done.stderr.splitlines()[-1]
            assert last == "wordkit: stopped by Ctrl-C; nothing half-written is left"
        assert list((folder / "tmp").iterdir()) == []
        if (path := folder / "vectors.safetensors").exists():
            assert done.status == 0 or stage == stages[-1]
            path.unlink()
        assert {p.name for p in folder.iterdir()} == old
    assert 1 in statuses


RELEASED = Path(__file__).parents[1] / "released" / "0.1.0"


@pytest.mark.parametrize(("command", "kind"), [("train-lm", "lm"), ("train-seq2seq", "seq2seq")])
def test_a_stopped_training_of_an_older_version_is_not_replaced(
    wordkit: Wordkit, corpus_txt: Path, folder: Path, command: str, kind: str
) -> None:
    before = (RELEASED / f"stopped-{kind}.safetensors").read_bytes()
    (folder / "c").write_bytes(before)
    (folder / "pairs.tsv").write_text("ab\tAB\ncd\tCD\n" * 9)
    text = corpus_txt if kind == "lm" else "pairs.tsv"
    done = wordkit(command, text, "--checkpoint", "c", "--epochs", "1", status=1)
    assert "is of wordkit 0.1, whose trainings cannot be resumed" in done.stderr
    assert (folder / "c").read_bytes() == before
