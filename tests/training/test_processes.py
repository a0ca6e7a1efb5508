"""Several processes that train together: to what one process alone comes to."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import free_port
from lm.toy_language import toy_corpus, toy_text
from seq2seq.toy_dialogues import toy_dialogues
from seq2seq.toy_pairs import reversed_text, toy_pairs
from training.real_tasks import DIALOGUE, LM, SEQ2SEQ, Training
from word2vec.training_cases import KINDS, of_a_kind, settings, topics

from wordkit.errors import ConfigError
from wordkit.lm.fitting import iter_fit_preset
from wordkit.runtime import Report, Run
from wordkit.storage.remote import read_ranges
from wordkit.text import Corpus
from wordkit.text.vocabulary import EOS
from wordkit.word2vec import (
    Checkpoint,
    CheckpointPlan,
    iter_train_word2vec,
    read_checkpoint,
    start_from_checkpoint,
)
from wordkit_corpora import iter_read_corpus

TESTS = Path(__file__).resolve().parents[1]

# Trains each case, in as many processes as the environment says, undisturbed and stopped in its
# midst, and prints what was reported, and as the very last how many threads of gloo still run then.
DRIVER = """
import atexit, json, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from training.test_processes import (
    CASES, VECTORS, differing, fitted, from_store, gloo_threads, learnt, read_checkpoint, reported,
)

atexit.register(lambda: print(gloo_threads()))  # what is registered later comes before it
folders = (None, sys.argv[2])
known = [{name: reported(name, folder) for name in CASES} for folder in folders]
vectors = {name: learnt(name, sys.argv[2]) for name in VECTORS}
begun = read_checkpoint(Path(sys.argv[2], "alone", "skipgram"))
vectors["begun by one"] = learnt("skipgram", checkpoint=begun)
print(json.dumps([*known, vectors, fitted(), from_store(sys.argv[2]), differing()]))
"""

SHORT = replace(LM, text=toy_corpus(250), valid=toy_corpus(100, seed=2)).with_({}, {"batch": 6})
PAIRS = replace(
    SEQ2SEQ, text=toy_pairs(65, reversed_text), valid=toy_pairs(20, reversed_text, seed=2)
)
CASES: dict[str, Training] = {
    "tied": SHORT.with_({"tied": True}, {}),
    "sampled": SHORT.with_(
        {}, {"softmax": "sampled", "samples": 4, "exact_fraction": 0.4, "clip_norm": 0.3}
    ),
    "adaptive": SHORT.with_({}, {"softmax": "adaptive", "optimizer": "sgd", "lr": 3.0}),
    "averaged": SHORT.with_({}, {
        "optimizer": "asgd", "lr": 8.0, "schedule": "constant", "averaging_patience": 1,
        "epochs": 6,
    }),
    "frozen, drawn steps": SHORT.with_(
        {"tied": True},
        {"softmax": "sampled", "samples": 4, "freeze_embeddings": True, "vary_steps": True},
    ),
    "dropout": SHORT.with_({"dropout": 0.2}, {"optimizer": "momentum", "lr": 0.3}),
    "pairs, a last batch of one": PAIRS.with_({}, {"label_smoothing": 0.1}),
    "pairs, half of the teacher": PAIRS.with_(
        {"attention": "additive", "peeky": True}, {"teacher_forcing": 0.5}
    ),
    "pairs, dropout": PAIRS.with_({"dropout": 0.2}, {}),
    "dialogue": replace(DIALOGUE, text=toy_dialogues(25), valid=toy_dialogues(8, seed=2)),
}  # fmt: skip

Reported = tuple[list[float], list[float], list[float]]


def reported(name: str, folder: str | None = None) -> Reported:
    """The losses of a training, its validations, and the sum of squares of each weight.

    Args:
        name: of a case.
        folder: of checkpoints, for a training that is stopped in its midst and resumed.
    """

    def known_losses(run: Iterable[Report]) -> Iterator[float]:
        for report in run:
            if report.stage == "training" and report.done:
                loss = report.figures["loss"]
                yield -1.0 if math.isnan(loss) else loss  # not yet known in this epoch

    case, losses = CASES[name], list[float]()
    if folder is None:
        run = case.run()
    else:
        path = Path(folder, name)
        run = case.run(path, 1e-9)
        losses = list(itertools.islice(known_losses(run), 7))[:-1]  # the last is not kept yet
        run.close()
        run = case.resumed(path)
    losses += known_losses(run)
    model = run.result()
    validations = [each["perplexity"] for each in model.metadata["training"]["validations"]]
    squares = [float(p.detach().double().square().sum()) for p in model.network.parameters()]
    return losses, validations, squares


VECTORS: dict[str, dict[str, Any]] = {
    "skipgram": {"arch": "skipgram"},
    "cbow": {"arch": "cbow"},
    "subwords": {"arch": "skipgram", "subwords": "3-5"},
    "hs": {"loss": "hs"},
    "torch-cpu": {"arch": "skipgram"},
}
TOPICS = Corpus.from_sentences(topics())


def learnt(
    name: str,
    folder: str | None = None,
    checkpoint: Checkpoint | None = None,
    text: Corpus = TOPICS,
) -> dict[str, Any]:
    """What is known of word vectors.

    Args:
        name: of a case.
        folder: where a checkpoint of the middle of the training is kept.
        checkpoint: what is resumed.
        text: what they are learnt from.
    """
    config, plan = settings(epochs=4, **VECTORS[name]), None
    start = None if checkpoint is None else start_from_checkpoint(text, config, checkpoint)
    if folder is not None:
        plan = CheckpointPlan(Path(folder, f"{name}.last"), 1e-9)
    device = name if name.startswith("torch") else "cpu"
    run = iter_train_word2vec(text, config, start=start, threads=1, device=device, checkpoint=plan)
    for report in run:
        is_half = report.figures["epochs"] < 2.5 and os.environ.get("RANK", "0") == "0"
        if plan is not None and is_half and os.path.exists(plan.path):
            shutil.copy(plan.path, Path(folder or "", name))
    vectors = run.result()
    matrices = (vectors.vectors, *vectors.weights.values())
    digest = hashlib.sha256(b"".join(matrix.tobytes() for matrix in matrices)).hexdigest()
    kinds = min(of_a_kind(vectors, kind) for kind in KINDS)
    return {"digest": digest, "kinds": kinds, **vectors.metadata["training"]}


def fitted(*speeds: float) -> str:
    """The settings that fit a text and a minute, where a process is as fast as its rank says."""
    speed = sum(speeds) or 1e9 * (1 + int(os.environ["RANK"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wordkit.lm.fitting._measure_speed", lambda *_: speed)
        return repr(iter_fit_preset(10**6, 5000, minutes=1, device="cpu").result())


def from_store(folder: str) -> list[float]:
    """The fractions of a corpus in a store that are read for vectors and for a language model."""
    place, fractions = Path(folder, f"{os.environ['RANK']}.ids"), list[float]()
    asked = list[int]()
    line = Corpus.from_sentences([[*map(str, toy_text(999)), EOS]])
    for corpus in (TOPICS, line):
        corpus.save(place)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("wordkit.text.remote_ids._BLOCK", 16)

            def read(url: str, ranges: list[tuple[int, int]]) -> list[bytes]:
                asked.extend(stop - start for start, stop in ranges)
                return read_ranges(url, ranges)

            patch.setattr("wordkit.text.remote_ids.read_ranges", read)
            asked.clear()
            there = iter_read_corpus(f"file://{place}").result()
            if corpus is TOPICS:
                assert learnt("skipgram", text=there) == learnt("skipgram")
            else:
                replace(SHORT, text=there).run().result()
            fractions.append(sum(asked) / (4 * corpus.tokens))
    return fractions


def differing() -> list[str]:
    """What is said where the second process has another text, or another seed."""
    rank, said = int(os.environ["RANK"]), list[str]()
    text = Corpus.from_sentences(topics(seed=rank))
    runs: list[Run[Any]] = [
        iter_train_word2vec(text, settings(), threads=1, device="cpu"),
        iter_train_word2vec(TOPICS, settings(seed=rank), threads=1, device="cpu"),
        iter_train_word2vec(TOPICS, settings(), threads=1 + rank, device="cpu"),
        replace(SHORT, text=toy_corpus(250, seed=rank)).run(),
        SHORT.with_({}, {"seed": rank}).run(),
    ]
    for run in runs:
        with pytest.raises(ConfigError) as error:
            run.result()
        said.append(str(error.value))
    return said


def gloo_threads() -> int:
    """Threads of this process by which gloo talks; 0 where the system does not tell."""
    return sum("gloo" in name.read_text() for name in Path("/proc/self/task").glob("*/comm"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the checkpoints that the processes write."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def printed_by_two(folder: Path) -> list[list[str]]:
    """What each of two processes, started as torchrun does, prints: see DRIVER."""
    (folder / "alone").mkdir()
    learnt("skipgram", str(folder / "alone"))
    environment = {
        **os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(TESTS), str(folder)],
            env={**environment, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    printed = []
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        printed.append(out.splitlines())
    return printed


@pytest.mark.parametrize("name", CASES)
def test_two_processes_come_to_what_one_does(name: str, printed_by_two: list[list[str]]) -> None:
    """Both know the same, also when resumed: each has its own state and its own dropout."""
    first, second = (json.loads(reports) for reports, _ in printed_by_two)
    undisturbed, resumed = (way[name] for way in first[:2])
    assert undisturbed == second[0][name] == resumed
    alone = reported(name)
    if "dropout" in name:  # each process drops other values
        assert undisturbed[0][0] != pytest.approx(alone[0][0], rel=1e-7)
        assert undisturbed[0][-1] == pytest.approx(alone[0][-1], rel=0.3)
        return
    for ours, theirs in zip(undisturbed, alone, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert alone[0][-1] < alone[0][0] - 0.02


@pytest.mark.parametrize("name", VECTORS)
def test_two_processes_learn_the_same_vectors(
    name: str, folder: Path, printed_by_two: list[list[str]]
) -> None:
    """Each chunk is trained on once, also where one process resumes what two have begun."""
    ours, theirs = (json.loads(reports)[2][name] for reports, _ in printed_by_two)
    assert ours == theirs and ours["processes"] == 2 and ours["bytes_per_word"] > 1
    checkpoint = read_checkpoint(folder / name)
    assert 0.5 < checkpoint.fraction_done < 0.63
    alone, resumed = learnt(name), learnt(name, checkpoint=checkpoint)
    for made in (ours, resumed):
        assert made["kinds"] >= 17 and "processes" not in alone
        assert made["predictions"] == alone["predictions"] and made["words"] == alone["words"]
        assert made["loss"] == pytest.approx(alone["loss"], rel=0.1)


def test_two_processes_resume_what_one_has_begun(printed_by_two: list[list[str]]) -> None:
    ours, theirs = (json.loads(reports)[2]["begun by one"] for reports, _ in printed_by_two)
    alone = learnt("skipgram")
    assert ours == theirs and ours["processes"] == 2 and ours["kinds"] >= 17
    assert ours["predictions"] == alone["predictions"] and ours["words"] == alone["words"]


def test_the_model_is_chosen_for_what_all_processes_do(printed_by_two: list[list[str]]) -> None:
    chosen = [json.loads(reports)[3] for reports, _ in printed_by_two]
    assert chosen == [fitted(1e9, 2e9)] * 2 != [fitted(1e9)] * 2


def test_each_reads_its_part_of_a_corpus_in_a_store(printed_by_two: list[list[str]]) -> None:
    fractions = [json.loads(reports)[4] for reports, _ in printed_by_two]
    assert np.all(np.less(np.abs(np.subtract(fractions, 0.5)), 0.1)) and np.sum(fractions) > 2


def test_processes_that_differ_say_so(printed_by_two: list[list[str]]) -> None:
    first, second = (json.loads(reports)[5] for reports, _ in printed_by_two)
    assert first == second
    things = [re.fullmatch(r"process 1 of .* another (.+) than process 0; .*", s)[1] for s in first]
    assert things == [
        "text", "set of settings", "device or number of threads",
        "text, model to start from or version", "set of settings",
    ]  # fmt: skip


def test_processes_leave_each_other_before_they_end(printed_by_two: list[list[str]]) -> None:
    """A thread of gloo that outlives the interpreter aborts the process, now and then."""
    assert [left for _, left in printed_by_two] == ["0", "0"]
