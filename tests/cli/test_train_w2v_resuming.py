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
from wordkit.errors import ConfigError
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


def test_from_a_checkpoint_to_the_same_vectors(
    wordkit: Wordkit, big_text: Path, folder: Path
) -> None:
    """A checkpoint lies between chunks, so one thread comes to the very same vectors."""
    train = ("train-w2v", "big.txt", "--threads", "1", "-q", "--dim", "10")
    wordkit(*train, "-o", "whole.safetensors")
    stopped_midway()
    fraction = read_checkpoint("c").fraction_done
    assert 0 < fraction < 1
    before = (folder / "c").read_bytes()
    # what was set is remembered; another order of the arguments means the same
    said = wordkit("train-w2v", "--resume", "c", "big.txt", "--threads", "1").stderr
    assert f"resuming c at {fraction:.0%}" in said
    assert_same_vectors(folder / "whole.safetensors", folder / "vectors.safetensors")
    assert (folder / "c").read_bytes() == before  # there was no --checkpoint


def stopped_midway() -> None:
    """Leave the checkpoint c of a training of big.txt that is closed between two reports."""
    corpus = iter_prepare(open_text(["big.txt"])).result()
    config, plan = Word2VecConfig(dim=10), CheckpointPlan("c")
    run = iter_train_word2vec(corpus, config, threads=1, checkpoint=plan)
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
