"""plot: figures, pages and characters from the command line, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Wordkit

STARTS = {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<?xml", ".pdf": b"%PDF-", ".html": b"<!DOCTYPE"}


@pytest.fixture
def log(folder: Path) -> Path:
    """What a training has logged."""
    path = folder / "lm.jsonl"
    known = {"seconds": 1.0, "stage": "training", "total": 9, "unit": "tokens", "lr": 0.1}
    lines = [{**known, "done": n, "epochs": n / 3, "loss": 4 - n / 9} for n in range(9)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("suffix", STARTS)
def test_a_map(wordkit: Wordkit, vectors: Path, folder: Path, suffix: str) -> None:
    if suffix != ".html":
        pytest.importorskip("matplotlib")
    done = wordkit("plot", "vectors", vectors, "-o", f"map{suffix}")
    assert done.stdout == ""
    assert done.stderr == f"map{suffix}: 6 words, PCA\n"
    assert (folder / f"map{suffix}").read_bytes().startswith(STARTS[suffix])


def test_a_map_in_the_terminal(wordkit: Wordkit, vectors: Path) -> None:
    done = wordkit("plot", "vectors", vectors)
    assert sorted(done.stdout.split()) == sorted(["man", "woman", "king", "queen", "car", "truck"])
    assert done.stderr == "vectors.safetensors: 6 words, PCA\n"
    some = wordkit("plot", "vectors", vectors, "king", "car")
    assert sorted(some.stdout.split()) == ["car", "king"]
    assert sorted(wordkit("plot", "vectors", vectors, "--top", "2").stdout.split()) == [
        "man",
        "woman",
    ]
    skipped = wordkit("plot", "vectors", vectors, "--skip", "3")
    assert sorted(skipped.stdout.split()) == ["car", "queen", "truck"]


def test_a_map_of_the_vectors_that_a_query_would_ask(
    wordkit: Wordkit, vectors: Path, folder: Path
) -> None:
    """Where the first argument is no file, it is a word; behind --model all are."""
    done = wordkit("plot", "vectors")
    assert done.stdout == wordkit("plot", "vectors", "--top", "6").stdout
    assert sorted(done.stdout.split()) == sorted(["man", "woman", "king", "queen", "car", "truck"])
    asked = "vectors: vectors.safetensors in this folder\n"
    assert done.stderr == f"{asked}vectors.safetensors: 6 words, PCA\n"
    named = wordkit("plot", "vectors", "king", "car")
    assert sorted(named.stdout.split()) == ["car", "king"]
    assert named.stderr == f"{asked}vectors.safetensors: 2 words, PCA\n"
    (folder / "king").write_text("car 1 2\nqueen 3 1\nlake 2 2\n")
    of_a_file = wordkit("plot", "vectors", "king", "car", "lake")
    assert sorted(of_a_file.stdout.split()) == ["car", "lake"]
    assert of_a_file.stderr == "king: 2 words, PCA\n"
    behind = wordkit("plot", "vectors", "-m", vectors, "king", "car")
    assert (behind.stdout, behind.stderr) == (named.stdout, named.stderr.removeprefix(asked))


def test_what_takes_long_is_said_before(wordkit: Wordkit, folder: Path) -> None:
    rows = "".join(f"w{n} {n % 7} {n % 11} {n % 13}\n" for n in range(1100))
    Path("many.txt").write_text(f"1100 3\n{rows}")
    said = "placing 1,000 words by t-SNE: this takes a while"
    done = wordkit("plot", "vectors", "many.txt", "-o", "map.html")
    assert done.stderr.splitlines() == [said, "map.html: 1,000 words, t-SNE"]
    last = wordkit("plot", "vectors", "many.txt", "--top", "2000", "--skip", "1090")
    assert last.stderr == "many.txt: 10 words, PCA\n"


def test_a_map_of_any_format(wordkit: Wordkit, vectors: Path) -> None:
    wordkit("convert", vectors, "vectors.txt", "-q")
    assert "truck" in wordkit("plot", "vectors", "vectors.txt").stdout
    wordkit("plot", "vectors", "vectors.txt", "-o", "map.html")
    assert '"counts"' not in Path("map.html").read_text().split("</script>")[0]


def test_words_without_room_are_named(wordkit: Wordkit, folder: Path) -> None:
    rows = "".join(f"{'x' * 70}{n} {n} 1\n" for n in range(40))
    Path("long.txt").write_text(f"40 2\n{rows}")
    done = wordkit("plot", "vectors", "long.txt")
    shown = len(done.stdout.split())
    assert f"no room for {40 - shown} words: xxxxx" in done.stderr


def test_neighbours(wordkit: Wordkit, vectors: Path, folder: Path) -> None:
    done = wordkit("plot", "neighbours", "king", "car", "-n", "2")
    lines = done.stdout.splitlines()
    assert lines[0] == "king" and lines[1].split()[0] == "queen"
    assert lines[4] == "car" and lines[5].split()[0] == "truck"
    assert done.stderr == "vectors: vectors.safetensors in this folder\n"
    pytest.importorskip("matplotlib")
    drawn = wordkit("plot", "neighbours", "king", "car", "-m", vectors, "-o", "n.svg", "--dark")
    assert drawn.stderr == "n.svg: the neighbours of king, car\n"
    assert "truck" in (folder / "n.svg").read_text()


def test_a_training(wordkit: Wordkit, log: Path, folder: Path) -> None:
    done = wordkit("plot", "training", log)
    lines = done.stdout.splitlines()
    assert lines[0].strip() == "training loss, nats"
    assert any(line.endswith(" lm") for line in lines)
    assert lines[-1].endswith("epochs")
    assert wordkit("plot", "training", log, "--by", "seen").stdout.endswith("tokens seen\n")
    pytest.importorskip("matplotlib")
    drawn = wordkit("plot", "training", log, "-o", "curve.png")
    assert drawn.stderr == "curve.png: training loss, nats\n"
    assert (folder / "curve.png").read_bytes().startswith(STARTS[".png"])


def test_the_logs_of_all_trainings(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    (folder / "pairs.tsv").write_text("".join(f"{n}\t{n % 7}\n" for n in range(40)))
    small = ("--hidden", "8", "--threads", "1", "-q")
    wordkit("train-w2v", corpus_txt, "--dim", "4", "-q", "--log", "w2v.jsonl", "-o", "a.txt")
    lm = ("--preset", "rnnlm", "--batch", "4", "--steps", "6", "--epochs", "2", *small)
    wordkit("train-lm", corpus_txt, "--valid", corpus_txt, *lm, "--log", "lm.jsonl")
    wordkit("train-seq2seq", "pairs.tsv", "--epochs", "2", *small, "--log", "s2s.jsonl")
    done = wordkit("plot", "training", "w2v.jsonl", "lm.jsonl", "s2s.jsonl")
    assert done.stderr == ""
    named = ("training loss, nats", "validation perplexity", "validation texts right, %")
    panels = [part for part in done.stdout.split("\n\n") if part]
    assert [panel.splitlines()[0].strip() for panel in panels] == list(named)
    drawn = [{n for n in ("w2v", "lm", "s2s") if f" {n}\n" in panel} for panel in panels]
    assert drawn == [{"w2v", "lm", "s2s"}, {"lm", "s2s"}, {"s2s"}]
    for log in ("lm.jsonl", "s2s.jsonl"):
        last = json.loads(Path(log).read_text().splitlines()[-1])
        assert last["stage"] == "validating" and last["epochs"] == 2
        assert last["valid_perplexity"] >= 1


def test_what_would_have_no_say(wordkit: Wordkit, vectors: Path) -> None:
    for call, told in (
        (
            ("vectors", "king", "man", "--dark"),
            "--dark applies to figures in files: name one with -o",
        ),
        (("vectors", "king", "man", "--dark", "-o", "m.html"), "dark where the browser is"),
        (("neighbours", "king", "--dark"), "name one with -o"),
    ):
        assert told in wordkit("plot", *call, "-m", vectors, status=2).stderr
    done = wordkit("plot", "vectors", "king", "man", "--method", "tsne", "-m", vectors)
    assert "too few words for t-SNE: 2" in done.stderr and "2 words, PCA" in done.stderr


def test_what_is_refused(wordkit: Wordkit, vectors: Path, corpus_txt: Path, folder: Path) -> None:
    for arguments, message in (
        (
            ("vectors", vectors, "--skip", "9"),
            "a map needs two words at least, not 0, of the 6 that there are; name more of them, "
            "raise top, or lower skip\n",
        ),
        (("vectors", vectors, "--top", "1"), "name more of them, or raise top\n"),
        (("vectors", "none.vec.gz", "king"), "cannot read none.vec.gz: there is no such file"),
        (("vectors", "none/king", "man"), "cannot read none/king"),
        (("vectors", "none", "king"), "'none' is not in the vocabulary"),
        (("vectors", "-m", vectors, vectors, "king"), f"{vectors}' is not in the vocabulary"),
        (("vectors", vectors, "-o", "map.jpg"), "end its name in .png, .svg, .pdf or .html"),
        (("training", "corpus.txt"), "corpus.txt, line 1, is not JSON"),
    ):
        before = sorted(folder.iterdir())
        assert message in wordkit("plot", *arguments, status=1).stderr
        assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [("maps",), ("neighbours",), ("training",), ("vectors", "a", "--method", "umap")],
)
def test_bad_usage(wordkit: Wordkit, folder: Path, arguments: tuple[str, ...]) -> None:
    wordkit("plot", *arguments, status=2)
