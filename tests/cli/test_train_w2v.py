"""train-w2v, from text to answers; gone on with, interrupted, killed, and asked for too much."""

from __future__ import annotations

import functools
import json
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from command_line import CommandLine, Process, Wordkit

from wordkit.embeddings import load_embeddings
from wordkit.errors import ConfigError, DivergenceError, ResourceError, WordkitError
from wordkit.text import prepare
from wordkit.word2vec import (
    CheckpointPlan,
    Word2VecConfig,
    is_checkpoint,
    read_checkpoint,
    train_word2vec,
)
from wordkit_cli.train_w2v import command
from wordkit_corpora import open_text

SMALL = ("--dim", "8", "--epochs", "2", "--sample", "0", "--threads", "1")
TRAIN = (
    *("train-w2v", "big.txt", "--dim", "20", "--epochs", "30", "--min-count", "1"),
    *("--threads", "1", "--log", "log"),
)


@pytest.fixture
def big_text(folder: Path) -> Path:
    """Text whose training by TRAIN takes a few seconds."""
    chooser = random.Random(1)
    words = [f"w{int(chooser.paretovariate(0.9))}" for _ in range(400_000)]
    path = folder / "big.txt"
    path.write_text("\n".join(" ".join(words[i : i + 20]) for i in range(0, len(words), 20)))
    (folder / "tmp").mkdir()
    return path


@pytest.fixture
def started(folder: Path, command_line: CommandLine) -> Callable[..., Process]:
    """Start a call whose temporary files go to ./tmp."""
    return functools.partial(command_line.start, environment={"TMPDIR": str(folder / "tmp")})


def run(*arguments: str) -> None:
    """Run the command in this process, which is quicker and shows the error itself."""
    command.main([*arguments, "--quiet"], standalone_mode=False)


def log_of(folder: Path) -> list[dict[str, object]]:
    path = folder / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def is_training(folder: Path) -> bool:
    return any(line["stage"] == "training" for line in log_of(folder))


def assert_same_vectors(one: Path, other: Path) -> None:
    a, b = load_embeddings(one), load_embeddings(other)
    assert a.words == b.words
    assert np.array_equal(a.vectors, b.vectors)
    for name in a.weights:
        assert np.array_equal(a.weights[name], b.weights[name]), name


# --- from text to vectors -------------------------------------------------------------------------


def test_from_text_to_answers_without_a_flag(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    done = wordkit("train-w2v", corpus_txt)
    assert done.stdout == ""
    assert "corpus.txt: 1,530 tokens of 20 words in 120 lines" in done.stderr
    summary = done.stderr.splitlines()[-1]
    assert summary.startswith("vectors.safetensors: 20 words, 100 dimensions, loss ")
    assert summary.endswith(" words/s")
    made = json.loads(wordkit("info", "--json").stdout)["made"]
    assert made["made_by"] == "wordkit train-w2v"
    assert f"loss {made['training']['loss']:.3f}" in summary
    assert {p.name for p in folder.iterdir()} == {"corpus.txt", "vectors.safetensors"}


def test_words_of_one_kind_are_near_each_other(wordkit: Wordkit, folder: Path) -> None:
    """Two kinds of sentences, no word in common: only training can tell the words apart."""
    chooser = random.Random(1)
    kinds = [[f"{kind}{i}" for i in range(10)] for kind in "ab"]
    lines = [" ".join(chooser.choices(chooser.choice(kinds), k=8)) for _ in range(1500)]
    (folder / "kinds.txt").write_text("\n".join(lines))
    for arch in ("skipgram", "cbow"):
        wordkit("train-w2v", "kinds.txt", "--arch", arch, "--dim", "10", "--sample", "0", "-q")
        near = load_embeddings("vectors.safetensors").most_similar("a3", n=9)
        assert {neighbour.word[0] for neighbour in near} == {"a"}, arch


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_each_architecture_with_each_loss(
    wordkit: Wordkit, corpus_txt: Path, folder: Path, arch: str, loss: str
) -> None:
    wordkit("train-w2v", corpus_txt, "--arch", arch, "--loss", loss, *SMALL, "-q")
    vectors = load_embeddings("vectors.safetensors")
    assert vectors.metadata["settings"]["arch"] == arch
    assert vectors.metadata["settings"]["loss"] == loss
    training = vectors.metadata["training"]
    chance = {"ns": 6 * np.log(2), "hs": np.log(20) + 1, "softmax": np.log(20)}[loss]
    assert 0 < training["loss"] < chance + 0.1
    assert wordkit("similar", "king", "-n", "1").stdout


def test_all_settings_arrive(wordkit: Wordkit, corpus_txt: Path) -> None:
    given = {
        "arch": "cbow",
        "loss": "ns",
        "dim": 7,
        "window": 3,
        "negative": 2,
        "ns_exponent": -0.5,
        "sample": 0.01,
        "min_count": 2,
        "max_vocabulary": 15,
        "epochs": 3,
        "lr": 0.1,
        "min_lr": 0.001,
        "cbow_gradient": "word2vec",
        "vectors": "sum",
        "seed": 5,
    }
    options = [x for name, v in given.items() for x in (f"--{name.replace('_', '-')}", str(v))]
    wordkit("train-w2v", corpus_txt, *options, "--no-dynamic-window", "-q")
    settings = load_embeddings("vectors.safetensors").metadata["settings"]
    assert settings == {**given, "dynamic_window": False}


def test_aliases(wordkit: Wordkit, corpus_txt: Path) -> None:
    aliases = ["--size=6", "--ws=2", "--neg=3", "--iter=2", "--alpha=0.1", "--workers=1"]
    wordkit("train-w2v", corpus_txt, *aliases, "-q")
    settings = load_embeddings("vectors.safetensors").metadata["settings"]
    names = ("dim", "window", "negative", "epochs", "lr")
    assert [settings[name] for name in names] == [6, 2, 3, 2, 0.1]


def test_one_thread_and_one_seed_give_the_same_file(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    for name in "ab":
        wordkit("train-w2v", "corpus.txt", *SMALL, "-q", "-o", f"{name}.safetensors")
    run("corpus.txt", *SMALL, "--seed", "2", "-o", "c.safetensors")
    contents = [(folder / f"{name}.safetensors").read_bytes() for name in "abc"]
    assert contents[0] == contents[1] != contents[2]


def test_all_ways_to_give_the_text_are_one(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    data = corpus_txt.read_bytes()
    half = data.index(b"\n", len(data) // 2) + 1
    (folder / "1.part").write_bytes(data[:half])
    (folder / "2.part").write_bytes(data[half:])
    wordkit("prepare", corpus_txt, "-q")
    contents = set()
    for way in (["corpus.txt"], ["1.part", "2.part"], ["corpus.ids"]):
        wordkit("train-w2v", *way, *SMALL, "-q", "-o", "v.txt")
        contents.add((folder / "v.txt").read_bytes())
    wordkit("train-w2v", "-", *SMALL, "-q", "-o", "v.txt", stdin=data)
    contents.add((folder / "v.txt").read_bytes())
    assert len(contents) == 1


def test_quiet_says_nothing(wordkit: Wordkit, corpus_txt: Path) -> None:
    assert wordkit("train-w2v", corpus_txt, *SMALL, "-q").stderr == ""


def test_torch_on_the_cpu(wordkit: Wordkit, corpus_txt: Path) -> None:
    wordkit("train-w2v", corpus_txt, *SMALL, "--device", "torch-cpu", "-q")
    vectors = load_embeddings("vectors.safetensors")
    assert vectors.metadata["training"]["device"] != "1 CPU thread"
    assert "torch" in vectors.metadata["versions"]
    assert 0 < vectors.metadata["training"]["loss"] < 6 * np.log(2) + 0.1


def test_the_log(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    wordkit("train-w2v", corpus_txt, *SMALL, "--log", "log")
    lines = log_of(folder)
    assert [line["stage"] for line in lines][-1] == "training"
    last, common = lines[-1], {"seconds", "stage", "done", "total", "unit", "per_second"}
    assert set(last) == common | {"seconds_left", "loss", "epoch", "epochs", "lr"}
    assert last["done"] == last["total"] == 2 * 1530 and last["unit"] == "words"
    assert last["epoch"] == last["epochs"] == 2 and last["lr"] == 1e-4 and last["seconds_left"] == 0
    loss = load_embeddings("vectors.safetensors").metadata["training"]["loss"]
    assert last["loss"] == loss  # not rounded
    assert isinstance(last["per_second"], float) and last["per_second"] > 0


# --- going on -------------------------------------------------------------------------------------


def test_init_takes_vectors_of_any_format(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    (folder / "old.txt").write_text("king 1 2 3\nqueen 4 5 6\nzebra 7 8 9\n")
    said = wordkit(
        "train-w2v", corpus_txt, "--vectors", "in", "--init", "old.txt", "--epochs", "1"
    ).stderr
    assert "2 words kept their vectors to go on from, 18 new ones joined" in said
    vectors = load_embeddings("vectors.safetensors")
    assert vectors.dim == 3 and "zebra" not in vectors
    assert np.linalg.norm(vectors.vector("queen") - [4, 5, 6]) < 0.5  # a few small steps on
    error = wordkit("train-w2v", corpus_txt, "--init", "old.txt", "--dim", "4", status=1).stderr
    assert "dim is 4" in error and "3 dimensions" in error


def test_a_model_learns_from_new_text(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    wordkit("train-w2v", corpus_txt, "--arch", "cbow", *SMALL, "--window", "3", "-q")
    old = load_embeddings("vectors.safetensors")
    cat, king = old.vector("cat").copy(), old.vector("king").copy()
    (folder / "new.txt").write_text("The king and the zebra walk. The zebra is a king.\n" * 20)
    said = wordkit("train-w2v", "new.txt", "--resume", "vectors.safetensors", "--epochs", "1")
    assert "20 words kept their vectors to go on from, 2 new ones joined" in said.stderr
    new = load_embeddings("vectors.safetensors")  # its own place: the default of -o
    assert new.words != old.words and set(old.words) | {"zebra", "walk"} == set(new.words)
    np.testing.assert_allclose(new.vector("cat"), cat, rtol=1e-6)  # not in the new text
    assert not np.array_equal(new.vector("king"), king)
    settings = dict(new.metadata["settings"])
    assert settings == {**old.metadata["settings"], "epochs": 1}  # as they were, but for one


def test_what_is_given_holds_also_where_it_is_what_it_was(
    wordkit: Wordkit, corpus_txt: Path
) -> None:
    options = ("--lr", "0.05", "--vectors", "in")
    wordkit("train-w2v", corpus_txt, "--arch", "skipgram", *options, *SMALL, "-q")
    again = ("--resume", "vectors.safetensors", "--arch", "cbow", *options)
    wordkit("train-w2v", corpus_txt, *again, "-q")
    settings = load_embeddings("vectors.safetensors").metadata["settings"]
    assert (settings["arch"], settings["lr"], settings["vectors"]) == ("cbow", 0.05, "in")


def test_one_word_is_said_in_plain_english(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    (folder / "old.txt").write_text("2 1\nking 1\nzebra 2\n")
    said = wordkit("train-w2v", corpus_txt, "--init", "old.txt", "--epochs", "1").stderr
    assert "1 word kept its vector to go on from, 19 new ones joined" in said
    assert "20 words, 1 dimension, loss" in said


def test_vectors_that_were_counted_can_be_gone_on_with(wordkit: Wordkit, corpus_txt: Path) -> None:
    wordkit("train-counts", corpus_txt, "--dim", "5", "-q")
    said = wordkit("train-w2v", corpus_txt, "--resume", "vectors.safetensors").stderr
    assert "20 words kept their vectors to go on from, 0 new ones joined" in said
    assert "the model holds its vectors alone" in said
    assert "20 words, 5 dimensions" in said


def test_settings_that_would_have_no_say(wordkit: Wordkit, corpus_txt: Path) -> None:
    for call, told in (
        (("--loss", "hs", "--negative", "5"), "--negative has a say with --loss ns, not with hs"),
        (("--loss", "hs", "--ns-exponent", "1"), "--ns-exponent has a say with --loss ns"),
        (("--arch", "skipgram", "--cbow-gradient", "true"), "--cbow-gradient has a say with"),
    ):
        assert told in wordkit("train-w2v", corpus_txt, *call, status=2).stderr


def test_resume_from_what_is_no_checkpoint(wordkit: Wordkit, corpus_txt: Path) -> None:
    Path("junk").write_text("junk")
    done = wordkit("train-w2v", corpus_txt, "--checkpoint", "junk", "--resume", status=1)
    assert "junk is no checkpoint to go on from" in done.stderr


def test_resume_without_a_checkpoint_yet_starts_afresh(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    wordkit("train-w2v", corpus_txt, *SMALL, "-q", "-o", "whole.safetensors")
    said = wordkit("train-w2v", corpus_txt, *SMALL, "--checkpoint", "c", "--resume").stderr
    assert "there is no c yet: starting afresh" in said
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")


@pytest.mark.parametrize("arch", ["cbow", "skipgram"])
def test_from_a_checkpoint_to_the_same_vectors(
    wordkit: Wordkit, big_text: Path, folder: Path, arch: str
) -> None:
    """A checkpoint lies between chunks, so one thread comes to the very same vectors."""
    train = ("train-w2v", "big.txt", "--arch", arch, "--threads", "1", "-q", "--dim", "10")
    wordkit(*train, "-o", "whole.safetensors")
    stopped_midway(arch)
    share = read_checkpoint("c").share_done
    assert 0 < share < 1
    before = (folder / "c").read_bytes()
    # what was set is remembered; another order of the arguments means the same
    said = wordkit("train-w2v", "--resume", "c", "big.txt", "--threads", "1").stderr
    assert f"going on from c at {share:.0%}" in said
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")
    assert (folder / "c").read_bytes() == before  # there was no --checkpoint


def stopped_midway(arch: str = "cbow") -> None:
    """Leave the checkpoint c of a training of big.txt that is closed between two reports."""
    corpus = prepare(open_text(["big.txt"])).result()
    config = Word2VecConfig(arch=arch, dim=10)  # type: ignore[arg-type]
    run = train_word2vec(corpus, config, threads=1, checkpoint=CheckpointPlan("c"))
    while next(run).done < 1.5 * corpus.tokens:
        pass
    run.close()


def test_the_checkpoint_of_a_finished_training(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    """It says that it is finished, gives the vectors once more, and gives way to the next one."""
    train = ("train-w2v", "corpus.txt", *SMALL, "--checkpoint", "c")
    wordkit(*train, "-q", "-o", "whole.safetensors")
    known = json.loads(wordkit("info", "c", "--json").stdout)
    assert (known["done"], known["epoch"]) == (1, 2) and known["loss"] > 0
    made = load_embeddings("whole.safetensors").metadata["training"]
    assert known["loss"] == made["loss"]
    before = (folder / "c").read_bytes()
    assert "going on from c at 100%" in wordkit(*train, "--resume").stderr
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")
    assert (folder / "c").read_bytes() == before
    said = wordkit(*train, "--seed", "2").stderr
    assert "c, of a finished training, gives way" in said
    assert (folder / "c").read_bytes() != before


def test_the_checkpoint_of_a_stopped_training_is_not_lost(
    wordkit: Wordkit, big_text: Path, folder: Path
) -> None:
    stopped_midway()
    before = (folder / "c").read_bytes()
    error = wordkit("train-w2v", "big.txt", "--checkpoint", "c", status=1).stderr
    assert re.fullmatch(
        r"wordkit: c holds a training that was stopped at \d\d%; go on with --resume, or to start "
        r"anew delete it or name another file for checkpoints\n",
        error,
    )
    (folder / "d").write_bytes(before)
    with pytest.raises(ConfigError, match="c holds a training that was stopped"):
        run("big.txt", "--resume", "d", "--checkpoint", "c")
    assert (folder / "c").read_bytes() == before
    (folder / "c").write_bytes(before[:-1])
    said = wordkit("train-w2v", "big.txt", *SMALL, "--checkpoint", "c").stderr
    assert "c is damaged, and gives way" in said
    assert read_checkpoint("c").share_done == 1


def test_what_a_checkpoint_cannot_go_on_with(corpus_txt: Path, folder: Path) -> None:
    run("corpus.txt", *SMALL, "--lr", "0.3", "--checkpoint", "c", "--checkpoint-every", "0.0001s")
    (folder / "other.txt").write_text("some other words\n" * 20)
    for arguments, message in (
        (["corpus.txt", "--resume", "c", "--dim", "11"], "begun with dim 8"),
        (["corpus.txt", "--resume", "c", "--lr", "0.2"], "begun with lr 0.3"),
        (["other.txt", "--resume", "c"], "of a training on another text"),
        (["corpus.txt", "--init", "c"], "c holds a word2vec checkpoint, not embeddings"),
    ):
        with pytest.raises(WordkitError, match=message):
            run(*arguments)
    run("corpus.txt", *SMALL, "--arch", "cbow", "--resume", "c")  # as it was: no harm


# --- stopped --------------------------------------------------------------------------------------


def test_after_a_kill_the_training_goes_on(
    wordkit: Wordkit, started: Callable[..., Process], big_text: Path, folder: Path
) -> None:
    wordkit(*TRAIN, "-q", "-o", "whole.safetensors")
    keep = ("--checkpoint", "c", "--checkpoint-every", "0.05s")
    process = started(*TRAIN, *keep)
    while process.poll() is None and not is_checkpoint(folder / "c"):
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "vectors.safetensors").exists()
    said = wordkit(*TRAIN, *keep, "--resume").stderr
    assert "going on from c at " in said
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")
    lines = [line for line in log_of(folder) if line["stage"] == "training"]
    assert lines[0]["done"] > 0  # type: ignore[operator]
    assert not [p for p in folder.iterdir() if p.name.endswith(".tmp")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_saves_a_checkpoint_and_says_so(
    wordkit: Wordkit, started: Callable[..., Process], big_text: Path, folder: Path, number: int
) -> None:
    process = started(*TRAIN, "--checkpoint", "c")
    while process.poll() is None and not is_training(folder):
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(number)
    error = process.communicate(timeout=60)[1].decode()
    checkpoint = read_checkpoint(folder / "c")
    assert 0 < checkpoint.share_done <= 1  # 1 where the last was due at the very end
    expected = (
        f"checkpoint saved: c at {checkpoint.share_done:.0%}; go on with --checkpoint c --resume"
    )
    if number == signal.SIGINT:
        assert process.returncode == 1, error
        assert error.splitlines()[-2:] == [
            expected,
            "wordkit: stopped by Ctrl-C; nothing half-written is left",
        ]
    else:
        assert process.returncode == 128 + number, error
        assert error.splitlines()[-1] == expected
    assert {p.name for p in folder.iterdir()} == {"big.txt", "tmp", "log", "c"}
    assert list((folder / "tmp").iterdir()) == []
    assert "going on from c" in wordkit("train-w2v", "big.txt", "--resume", "c").stderr


def test_a_stopped_training_without_a_checkpoint_leaves_nothing(
    wordkit: Wordkit, started: Callable[..., Process], big_text: Path, folder: Path
) -> None:
    process = started(*TRAIN)
    while process.poll() is None and not is_training(folder):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert "checkpoint" not in error
    assert {p.name for p in folder.iterdir()} == {"big.txt", "tmp", "log"}
    assert list((folder / "tmp").iterdir()) == []


def test_divergence_is_told_and_leaves_the_last_checkpoint(
    wordkit: Wordkit, big_text: Path, folder: Path
) -> None:
    train = ("big.txt", "--dim", "10", "--epochs", "2", "--checkpoint", "c", "--checkpoint-every")
    run(*train, "0.02s")
    good = (folder / "c").read_bytes()
    mad = ("--lr", "1e6", "-o", "mad.safetensors")
    error = wordkit("train-w2v", *train, "1h", *mad, status=1).stderr
    assert "diverged" in error and "learning rate" in error and "lower" in error
    assert (folder / "c").read_bytes() == good
    for arch in ("skipgram", "cbow"):
        with pytest.raises(DivergenceError):
            run(*train, "0.001s", *mad, "--arch", arch)
        if (folder / "c").exists():  # what it has kept, if anything, is sound
            read_checkpoint("c")
            (folder / "c").unlink()
    assert not (folder / "mad.safetensors").exists()


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--dim", "0", "dim must be at least 1, not 0"),
        ("--window", "0", "window must be from 1 to 1000, not 0"),
        ("--negative", "0", "negative must be from 1 to 1000, not 0"),
        ("--sample", "nan", "sample must be from 0 to 1, not nan"),
        ("--ns-exponent", "inf", "ns_exponent must be from -10 to 10, not inf"),
        ("--min-count", "0", "min_count must be at least 1, not 0"),
        ("--max-vocabulary", "1", "max_vocabulary must be at least 2, not 1"),
        ("--epochs", "0", "epochs must be at least 1, not 0"),
        ("--lr", "-1", "lr must be above 0, not -1.0"),
        ("--min-lr", "1", "min_lr must be from 0 to the learning rate 0.2, not 1.0"),
        ("--seed", "-1", "seed must be at least 0, not -1"),
        ("--min-count", "1000", "lower the minimum count or give more text"),
        ("--resume", "none", "cannot read none: there is no such file"),
        ("--init", "none", "cannot read none: there is no such file"),
        ("--resume", "corpus.txt", "corpus.txt is no vector file that wordkit knows"),
        ("--checkpoint", "none/c", "there is no folder"),
        ("--output", "none/v", "there is no folder"),
        ("--output", "v.pdf", "v.pdf"),
    ],
)
def test_bad_values(corpus_txt: Path, folder: Path, option: str, value: str, message: str) -> None:
    with pytest.raises(WordkitError, match=re.escape(message)):
        run("corpus.txt", option, value)
    assert {p.name for p in folder.iterdir()} == {"corpus.txt"}


def test_bad_values_and_bad_usage_on_the_real_command_line(
    wordkit: Wordkit, corpus_txt: Path
) -> None:
    error = wordkit("train-w2v", "corpus.txt", "--dim", "0", status=1).stderr
    assert error == "wordkit: dim must be at least 1, not 0\n"
    error = wordkit("train-w2v", "corpus.txt", "--resume", status=2).stderr
    assert error.endswith("Error: name what to go on from: --resume FILE, or --checkpoint FILE\n")
    error = wordkit("train-w2v", "none.txt", status=1).stderr
    assert "cannot read 'none.txt': there is no such file" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'TEXT...'"),
        (["corpus.txt", "--arch", "glove"], "is not one of 'cbow', 'skipgram'"),
        (["corpus.txt", "--dim", "many"], "is not a valid integer"),
        (["corpus.txt", "--threads", "0"], "is not in the range 1<=x<=4096"),
        (["corpus.txt", "--device", "tpu"], "is not one of 'auto', 'cpu', 'cuda', 'mps'"),
        (["corpus.txt", "--resume"], "name what to go on from"),
        (["--resume", "corpus.txt"], "corpus.txt stands behind --resume"),
        (["corpus.txt", "--init", "a", "--resume", "b"], "give one of them"),
        (["corpus.txt", "--checkpoint-every", "5m"], "needs --checkpoint FILE"),
        (["corpus.txt", "--checkpoint", "c", "--checkpoint-every", "0"], "is not a duration"),
        (["corpus.txt", "--checkpoint", "c", "--checkpoint-every", "5d"], "is not a duration"),
        (["corpus.txt", "--checkpoint", "."], "is a directory"),
    ],
)
def test_bad_usage(corpus_txt: Path, folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(click.UsageError) as raised:
        run(*arguments)
    assert message in raised.value.format_message()
    assert {p.name for p in folder.iterdir()} == {"corpus.txt"}


@pytest.mark.parametrize(
    ("value", "seconds"), [("30", 30), ("1.5s", 1.5), ("5m", 300), ("2H", 7200)]
)
def test_durations(value: str, seconds: float) -> None:
    context = command.make_context(
        "train-w2v", ["corpus.txt", "--checkpoint", "c", "--checkpoint-every", value]
    )
    assert context.params["checkpoint_every"] == seconds


@pytest.mark.skipif(sys.platform == "darwin", reason="has what is asked for")
def test_a_device_that_is_not_there(corpus_txt: Path) -> None:
    with pytest.raises(ResourceError, match="device mps was asked for"):
        run("corpus.txt", "--device", "mps")


def test_too_little_memory_is_found_before_the_work(wordkit: Wordkit, corpus_txt: Path) -> None:
    error = wordkit("train-w2v", corpus_txt, "--dim", str(10**9), status=1).stderr
    assert "GiB of memory" in error and "lower dim" in error


def test_nothing_that_is_read_is_written_over(
    wordkit: Wordkit, corpus_txt: Path, folder: Path
) -> None:
    wordkit("train-w2v", corpus_txt, *SMALL, "-q")
    shutil.copy("vectors.safetensors", "w.safetensors")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    for arguments in (
        ["-o", "corpus.txt"],
        ["--log", "corpus.txt"],
        ["--checkpoint", "corpus.txt"],
        ["--init", "vectors.safetensors"],  # the default of -o
        ["--init", "w.safetensors", "-o", "./w.safetensors"],
        ["--init", "w.safetensors", "--log", "w.safetensors"],
        ["--init", "w.safetensors", "--checkpoint", "w.safetensors"],
        ["--resume", "w.safetensors", "--log", "w.safetensors"],
        ["--resume", "w.safetensors", "--checkpoint", "w.safetensors"],
        ["--checkpoint", "vectors.safetensors"],
        ["--checkpoint", "new.txt", "-o", "new.txt"],
        ["--checkpoint", "new", "--log", "new"],
    ):
        with pytest.raises(ConfigError, match="is read|is no checkpoint|written twice"):
            run("corpus.txt", *arguments)
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before, arguments
