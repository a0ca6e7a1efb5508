"""train-w2v on an earlier training, vectors or a model; interrupted, and killed."""

from __future__ import annotations

import json
import random
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from command_line import Stop, Wordkit, call, log_of, start, wait_until
from w2v_calls import SMALL, assert_same_vectors, run

from wordkit.embeddings import load_embeddings
from wordkit.errors import ConfigError, DivergenceError, WordkitError
from wordkit.text import iter_prepare
from wordkit.word2vec import (
    CheckpointPlan,
    Word2VecConfig,
    iter_train_word2vec,
    read_checkpoint,
)
from wordkit_corpora import open_text

TRAIN = (
    *("train-w2v", "big.txt", "--dim", "20", "--epochs", "30", "--min-count", "1"),
    *("--threads", "1", "--log", "log"),
)


@pytest.fixture
def big_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Text whose training by TRAIN takes a second; temporary files go to ./tmp."""
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    chooser = random.Random(1)
    words = [f"w{int(chooser.paretovariate(0.9))}" for _ in range(100_000)]
    path = folder / "big.txt"
    path.write_text("\n".join(" ".join(words[i : i + 20]) for i in range(0, len(words), 20)))
    (folder / "tmp").mkdir()
    return path


def is_training(folder: Path) -> bool:
    """Whether something has been learnt, which alone a checkpoint is written for."""
    return any(line["stage"] == "training" and line["done"] for line in log_of(folder))


# --- going on -------------------------------------------------------------------------------------


def test_init_takes_vectors_of_any_format(wordkit: Wordkit, corpus_txt: Path, folder: Path) -> None:
    (folder / "old.txt").write_text("king 1 2 3\nqueen 4 5 6\nzebra 7 8 9\n")
    said = wordkit(
        "train-w2v", corpus_txt, "--vectors", "in", "--init", "old.txt", "--epochs", "1"
    ).stderr
    assert "2 words kept their vectors, 18 new ones joined" in said
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
    assert "20 words kept their vectors, 2 new ones joined" in said.stderr
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
    assert "1 word kept its vector, 19 new ones joined" in said
    assert "20 words, 1 dimension, loss" in said


def test_vectors_that_were_counted_can_be_gone_on_with(wordkit: Wordkit, corpus_txt: Path) -> None:
    wordkit("train-counts", corpus_txt, "--dim", "5", "-q")
    said = wordkit("train-w2v", corpus_txt, "--resume", "vectors.safetensors").stderr
    assert "20 words kept their vectors, 0 new ones joined" in said
    assert "the model holds its vectors alone" in said
    assert "20 words, 5 dimensions" in said


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
    fraction = read_checkpoint("c").fraction_done
    assert 0 < fraction < 1
    before = (folder / "c").read_bytes()
    # what was set is remembered; another order of the arguments means the same
    said = wordkit("train-w2v", "--resume", "c", "big.txt", "--threads", "1").stderr
    assert f"resuming c at {fraction:.0%}" in said
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")
    assert (folder / "c").read_bytes() == before  # there was no --checkpoint


def stopped_midway(arch: str = "cbow") -> None:
    """Leave the checkpoint c of a training of big.txt that is closed between two reports."""
    corpus = iter_prepare(open_text(["big.txt"])).result()
    config = Word2VecConfig(arch=arch, dim=10)  # type: ignore[arg-type]
    run = iter_train_word2vec(corpus, config, threads=1, checkpoint=CheckpointPlan("c"))
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
    assert "resuming c at 100%" in wordkit(*train, "--resume").stderr
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")
    assert (folder / "c").read_bytes() == before
    said = wordkit(*train, "--seed", "2").stderr
    assert "c, of a finished training, will be replaced" in said
    assert (folder / "c").read_bytes() != before


def test_the_checkpoint_of_a_stopped_training_is_not_lost(
    wordkit: Wordkit, big_text: Path, folder: Path
) -> None:
    stopped_midway()
    before = (folder / "c").read_bytes()
    error = wordkit("train-w2v", "big.txt", "--checkpoint", "c", status=1).stderr
    assert re.fullmatch(
        r"wordkit: c holds a training that was stopped at \d\d%; resume it, or to "
        r"start anew delete it, or name another file for checkpoints\n",
        error,
    )
    (folder / "d").write_bytes(before)
    with pytest.raises(ConfigError, match="c holds a training that was stopped"):
        run("big.txt", "--resume", "d", "--checkpoint", "c")
    assert (folder / "c").read_bytes() == before
    (folder / "c").write_bytes(before[:-1])
    said = wordkit("train-w2v", "big.txt", *SMALL, "--checkpoint", "c").stderr
    assert "c is corrupted, and will be replaced" in said
    assert read_checkpoint("c").fraction_done == 1


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


def test_after_a_kill_the_training_goes_on(wordkit: Wordkit, big_text: Path, folder: Path) -> None:
    wordkit(*TRAIN, "-q", "-o", "whole.safetensors")
    (folder / "log").unlink()
    process = start(*TRAIN, "--checkpoint", "c", "--checkpoint-every", "0.05s")
    wait_until((folder / "c").exists, process)
    process.kill()
    process.communicate()
    assert not (folder / "vectors.safetensors").exists()
    assert 0 < read_checkpoint(folder / "c").fraction_done < 1
    said = wordkit(*TRAIN, "--checkpoint", "c", "--resume").stderr
    assert "resuming c" in said
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")
    lines = [line for line in log_of(folder) if line["stage"] == "training"]
    assert [line["done"] for line in lines].count(0) == 1  # it began once, in the same log
    assert not [p for p in folder.iterdir() if p.name.endswith(".tmp")]


@pytest.mark.parametrize(("number", "checkpoint"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_stopped_training_saves_vectors_and_checkpoint_and_says_so(
    wordkit: Wordkit, big_text: Path, folder: Path, number: int, checkpoint: bool
) -> None:
    more = ("--checkpoint", "c") if checkpoint else ()
    done = call(*TRAIN, *more, stop=Stop(number, lambda: is_training(folder)))
    expected = ["stopped; the model so far is kept: vectors.safetensors"]
    made = load_embeddings("vectors.safetensors").metadata
    assert 0 < made["training"]["words"] < 30 * made["corpus"]["tokens"]
    if checkpoint:
        state = read_checkpoint(folder / "c")
        assert made["training"]["words"] == state.words_done
        expected.append("checkpoint saved: c; resume with --checkpoint c --resume")
    if number == signal.SIGINT:
        expected.append("wordkit: stopped by Ctrl-C; nothing half-written is left")
    assert done.status == (1 if number == signal.SIGINT else 128 + number), done
    told = [line for line in done.stderr.splitlines() if not line.startswith("big.txt: ")]
    assert told == expected
    kept = {"big.txt", "tmp", "log", "vectors.safetensors", *more[1:]}
    assert {p.name for p in folder.iterdir()} == kept
    assert list((folder / "tmp").iterdir()) == []
    if checkpoint:
        again = wordkit("train-w2v", "big.txt", "--resume", "c", "--threads", "1")
        assert "resuming c" in again.stderr


def test_a_model_that_is_trained_further_in_its_place_is_not_replaced_when_stopped(
    wordkit: Wordkit, big_text: Path, folder: Path
) -> None:
    wordkit("train-w2v", "big.txt", "--dim", "4", "--epochs", "1", "-q")
    before = (folder / "vectors.safetensors").read_bytes()
    more = ("--resume", "vectors.safetensors", "--epochs", "100", "--log", "log", "-q")
    done = call(
        "train-w2v", "big.txt", *more, stop=Stop(signal.SIGINT, lambda: is_training(folder))
    )
    assert done.status == 1 and "kept" not in done.stderr
    assert (folder / "vectors.safetensors").read_bytes() == before


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
