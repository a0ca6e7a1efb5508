"""On a Dask cluster all comes out as on one machine, also where workers are killed."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
import random
import signal
import socket
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import Stop, call, free_port, log_of
from slow_tokenizer import slowly

import wordkit
from wordkit.counts import CountsConfig, cluster_counts, iter_count_cooccurrences, iter_train_counts
from wordkit.counts.csr import CsrParts, Rows
from wordkit.counts.stored_rows import Block, RowsWriter, read_block
from wordkit.errors import (
    ConfigError,
    LostProcessError,
    ResourceError,
    StorageError,
    TextError,
    WordkitWarning,
)
from wordkit.runtime import Run
from wordkit.runtime.cluster import _PACKAGES, Cluster, _about, _Needs
from wordkit.runtime.scheduler import connected
from wordkit.storage import parts
from wordkit.storage.atomic import fsync
from wordkit.storage.parts import PartFolder
from wordkit.text import Corpus, cluster_preparation
from wordkit_corpora import iter_read_corpus

pytest.importorskip("distributed")

FILES = ["a.txt", "b.txt.gz", "c"]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with connected("local", 2) as client:
        yield client


@pytest.fixture(autouse=True)
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of 3,000 words, in parts of some hundred lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster_preparation, "_PART_BYTES", 20_000)
    monkeypatch.setattr(cluster_preparation, "_FAN_IN", 3)
    chosen = np.random.default_rng(1)
    words = [*(f"w{number}" for number in range(3000)), "<unk>", "É", "e\u0301", "7", "4.5"]
    lines = [
        " ".join(words[i] for i in chosen.zipf(1.3, chosen.integers(0, 30)).clip(max=3005) - 1)
        for _ in range(4000)
    ]
    Path("a.txt").write_text("\r\n".join(lines[:3000]), encoding="utf-8")
    Path("b.txt.gz").write_bytes(gzip.compress("\n".join(lines[3000:3500]).encode(), 0))
    Path("c").mkdir()
    for number in range(20):
        text = "\n".join(lines[3500 + number * 25 : 3525 + number * 25])
        Path("c", f"{number:02}.txt").write_text(text, encoding="utf-8")


def content(corpus: Corpus) -> dict[str, object]:
    """All that a corpus has on the disk, but the names of its files."""
    assert corpus.folder is not None
    arrays = {path.name.split("-")[0]: path.read_bytes() for path in corpus.folder.glob("*.npy")}
    return {**arrays, "settings": corpus.settings, "fingerprint": corpus.fingerprint}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tokenizer": "whitespace", "eos": True, "unk": True, "min_count": 3},
        {"tokenizer": "basic", "numbers": "N", "max_size": 50},
        {"tokenizer": "char"},
        {"tokenizer": "bpe", "max_size": 300},
    ],
)
def test_a_corpus_is_the_same(client: Any, settings: dict[str, Any]) -> None:
    one = wordkit.prepare(FILES, "one.ids", **settings)
    many = wordkit.prepare(FILES, "many.ids", client=client, **settings)
    assert content(many) == content(one)
    assert {path.name for path in Path().iterdir()} == {*FILES, "one.ids", "many.ids"}
    given = wordkit.prepare("c", "valid.ids", vocabulary=one.vocabulary)
    again = wordkit.prepare("c", "again.ids", vocabulary=one.vocabulary, client=client)
    assert content(again) == content(given)


@pytest.mark.parametrize(
    "config",
    [
        CountsConfig(window=5, min_count=2, dim=40),
        CountsConfig(window=3, side="left", smoothing=0.75, weighting="flat", dim=8, min_count=2),
    ],
)
def test_counts_are_the_same(
    client: Any, config: CountsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_counts, "_FAN_IN", 2)
    monkeypatch.setattr(cluster_counts, "_MIN_PART_BYTES", 4)
    monkeypatch.setattr(cluster_counts, "_MIN_BLOCK_BYTES", 8)
    corpus = wordkit.prepare("a.txt", "a.ids")
    words, memory = corpus.vocabulary.size_at(min_count=2), 2 << 20
    one = CsrParts.of(
        iter_count_cooccurrences(
            corpus, config.cooccurrence(), vocabulary_size=words, memory=memory
        ).result()
    )
    with PartFolder("parts") as folder:
        counting = cluster_counts.Counting(
            str(Path("a.ids").resolve()), corpus.fingerprint, words, config.cooccurrence(), memory
        )
        cluster = Cluster(client, folder.path)
        blocks = Run(cluster_counts.count_blocks(counting, corpus.tokens, cluster, folder)).result()
        many = [read_block(block) for block in blocks]
        assert len(many) > 2
        np.testing.assert_array_equal(np.concatenate([each.indices for each in many]), one.indices)
        np.testing.assert_array_equal(np.concatenate([each.data for each in many]), one.data)
        more = replace(counting, memory=4 * memory)  # an attempt that goes on from the same parts
        again = Run(cluster_counts.count_blocks(more, corpus.tokens, cluster, folder)).result()
        assert [block.part.path for block in again] == [block.part.path for block in blocks]
    local = iter_train_counts(corpus, config).result()
    far = iter_train_counts(corpus, config, memory=memory, client=client).result()
    for name in ("largest", "smallest", "share_of_squares"):
        values = [each.metadata["singular_values"][name] for each in (far, local)]
        assert values[0] == pytest.approx(values[1], rel=1e-4)
    np.testing.assert_allclose(far.vectors, local.vectors, atol=1e-2)
    assert {path.name for path in Path().iterdir()} == {*FILES, "a.ids"}


def test_small_counts_are_one_part(client: Any) -> None:
    corpus = wordkit.prepare("a.txt", "a.ids")
    run = iter_train_counts(corpus, CountsConfig(dim=8, min_count=5), client=client)
    reports = list(run)
    assert {report.figures["parts"] for report in reports if report.stage == "counting"} == {1}
    assert {report.total for report in reports if report.stage == "merging rows"} == {1}


def kill_one(client: Any, chooser: random.Random) -> bool:
    found = client.run(os.getpid, on_error="ignore")
    if not found:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(chooser.choice(list(found.values())), signal.SIGKILL)
    return True


def test_killed_workers(client: Any) -> None:
    chooser = random.Random(1)
    one = wordkit.prepare(FILES, "one.ids", tokenizer=slowly)
    run = iter_read_corpus(FILES, "many.ids", tokenizer=slowly, client=client)
    moments = {"reading": chooser.randrange(1, 6), "numbering": 0}
    for report in run:
        if moments.get(report.stage) == 0 and kill_one(client, chooser):
            del moments[report.stage]
        elif report.stage in moments:
            moments[report.stage] -= 1
    assert not moments
    assert content(run.result()) == content(one)
    counting = iter_train_counts(run.result(), CountsConfig(dim=8, min_count=2), client=client)
    for number, _ in enumerate(counting):
        if number == 1:
            kill_one(client, chooser)
    far = counting.result().metadata["singular_values"]
    local = wordkit.train_counts(one, dim=8, min_count=2).metadata["singular_values"]
    assert far == pytest.approx(local, rel=1e-4)


def test_a_lost_scheduler(client: Any) -> None:
    """The job ends in a plain line, and the next attempt reuses what is done."""
    one = wordkit.prepare(FILES, "one.ids")
    with connected("local", 1) as lost:
        run = iter_read_corpus(FILES, "many.ids", client=lost)
        next(report for report in run if report.stage == "ordering the words")
    with pytest.raises(LostProcessError, match="start the same again, which reuses the parts") as e:
        run.result()
    assert "\n" not in str(e.value)
    assert not Path("many.ids").exists()
    before = {path.name for path in Path("many.ids.parts").iterdir()}
    again = iter_read_corpus(FILES, "many.ids", client=client)
    next(report for report in again if report.stage == "ordering the words")
    after = {path.name for path in Path("many.ids.parts").iterdir()}
    assert before <= after
    assert {name for name in after - before if name.startswith(("text", "words"))} == set()
    assert content(again.result()) == content(one)
    assert not Path("many.ids.parts").exists()


def test_the_command_line(client: Any) -> None:
    Path("cluster.json").write_text(json.dumps({"address": client.scheduler.address}))
    urls = [f"file://{Path(name).resolve()}" for name in FILES]
    for where in ([], ["--scheduler", "cluster.json", "--log", "log"]):
        done = call("prepare", *urls, "--eos", "-o", f"{len(where)}.ids", *where)
        assert done.status == 0, done
        done = call("train-counts", f"{len(where)}.ids", "--dim", "8", "-o", f"{len(where)}.txt",
                    "--memory", "4M", *where[:2])  # fmt: skip
        assert done.status == 0, done
    assert {report.get("undivided") for report in log_of(Path()) if "parts" in report} == {1}
    assert content(Corpus.open("4.ids")) == content(Corpus.open("0.ids"))
    one, many = (wordkit.load(f"{number}.txt") for number in (0, 4))
    assert one.words == many.words
    np.testing.assert_allclose(one.vectors, many.vectors, atol=1e-3)


def test_an_error_that_cannot_be_sent_is_one_line(client: Any, tmp_path: Path) -> None:
    cluster = Cluster(client, tmp_path)
    code = "import threading; raise RuntimeError('no text') from OSError(threading.Lock())"
    with pytest.raises(ResourceError, match=r"a worker has failed \(read\): .*no text") as caught:
        cluster.result(cluster.submit("read", exec, code))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("finished", [False, True])
def test_finished_parts_stay_where_a_text_is_bad(finished: bool) -> None:
    folder = PartFolder("parts")
    folder.part("text").new_array(np.int32).close()
    if finished:
        folder.part("text").write({})
    with pytest.raises(TextError), folder:
        raise TextError("not UTF-8")
    assert Path("parts").exists() == finished


def test_workers_leave_ctrl_c_to_the_command(client: Any) -> None:
    masks = client.run(signal.pthread_sigmask, signal.SIG_BLOCK, [])
    assert {signal.SIGINT in mask for mask in masks.values()} == {True}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_ctrl_c_says_what_stays(client: Any) -> None:
    command = "prepare", *FILES, "-o", "x.ids", "--scheduler", client.scheduler.address
    stop = Stop(signal.SIGINT, lambda: [*Path().glob("x.ids.parts/*.part")])
    done = call(*command, stop=stop)
    kept = f"{Path('x.ids.parts').resolve()} keeps finished parts for the same command; start it ag"
    assert done.status == 1 and f"wordkit: stopped by Ctrl-C; {kept}" in done.stderr, done
    assert call(*command).status == 0
    assert not Path("x.ids.parts").exists()


def test_a_corpus_in_a_folder_that_cannot_be_written(client: Any, tmp_path: Path) -> None:
    wordkit.prepare("a.txt", "a.ids")
    Path("b").mkdir()
    Path("b", "link.ids").symlink_to(tmp_path / "a.ids")
    run = iter_train_counts(
        Corpus.open("b/link.ids"), CountsConfig(dim=8, min_count=5), client=client
    )
    next(run)
    assert list(Path("b").glob("link.ids.*.parts"))
    run.close()
    with pytest.raises(StorageError, match=r"cannot make a.txt/x.parts: .*: link that \(ln -s\) i"):
        PartFolder("a.txt/x.parts")


def test_a_worker_that_joins_later(client: Any, tmp_path: Path) -> None:
    cluster = Cluster(client, tmp_path, ["rjieba"])
    needs = cluster._needs
    newer = [(name, "9.9" if name == "rjieba" else here) for name, here in needs.versions]
    cluster._needs = replace(needs, versions=tuple(newer))
    with pytest.raises(ConfigError, match=r"rjieba is 9.9 here and .* on the worker tcp://"):
        cluster.result(cluster.submit("read", int))
    cluster._needs = replace(needs, folder=str(tmp_path / "elsewhere"))
    with pytest.raises(StorageError, match=r"the worker tcp://\S+ on \S+ cannot write into .*else"):
        cluster.result(cluster.submit("read", int))
    cluster._needs = needs
    assert cluster.result(cluster.submit("read", int)) == 0


def test_jobs_at_the_same_time(client: Any) -> None:
    """Those of other counts do not disturb each other; the same one is refused."""
    corpus = wordkit.prepare("a.txt", "a.ids")
    two, three, same = (
        iter_train_counts(corpus, CountsConfig(dim=8, window=n, min_count=5), client=client)
        for n in (2, 3, 2)
    )
    next(two)
    next(three)
    with pytest.raises(StorageError, match=r"another process works in .*parts now; wait until"):
        next(same)
    three.result()
    two.result()
    assert {path.name for path in Path().iterdir()} == {*FILES, "a.ids"}


def test_bad_input(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for protocol in ("tcp", "tls"):  # of which no certificate is known
        address = f"{protocol}://127.0.0.1:{free_port()}"
        done = call("prepare", "a.txt", "--scheduler", address)
        assert done.status == 1 and done.stderr.count("\n") == 1, done
        assert f"wordkit: no scheduler answers at {address} within 5 s" in done.stderr
    monkeypatch.setattr("wordkit.runtime.scheduler._PORT", port := free_port())
    done = call("prepare", "a.txt", "--scheduler", "127.0.0.1")
    assert done.status == 1 and f"no scheduler answers at 127.0.0.1:{port} within" in done.stderr
    monkeypatch.setattr("wordkit.runtime.scheduler._ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = call("prepare", "a.txt", "--scheduler", address)
        assert done.status == 1 and f"no scheduler answers at {address} within 1 s" in done.stderr
    for nothing in ("", "tcp://"):
        with pytest.raises(ConfigError, match=f"scheduler must be an address, .*, not '{nothing}'"):
            connected(nothing).__enter__()
    Path("s.json").write_text('{"id": 1}')
    for name, reason in (("s.json", "'address'"), ("no.json", "No such file or directory")):
        with pytest.raises(
            ConfigError, match=rf"{name} has no address of a scheduler \({reason}\)"
        ):
            connected(name).__enter__()
    for text, settings, message in (
        (["a line"], {}, "the text is in the memory of one process; a cluster reads files"),
        ("c", {"phrases": 2}, "phrases are joined on one machine"),
    ):
        with pytest.raises(ConfigError, match=message):
            wordkit.prepare(text, "x.ids", client=client, **settings)
    with pytest.raises(ConfigError, match="method arpack is for one machine"):
        wordkit.train_counts("a.txt", method="arpack", client=client)
    text = Path("a.txt").read_bytes()
    Path("bad.txt").write_bytes(text + b"a \xff byte\n" + text)
    for where in ({}, {"client": client}):
        with pytest.raises(TextError, match=r"bad.txt: line 3000, byte \d+: not UTF-8 \(0xff\)"):
            wordkit.prepare("bad.txt", "x.ids", **where)
    assert [path.name for path in Path().glob("x.ids*")] == ["x.ids.parts"]

    def told(of_scheduler: dict[str, Any], **changed: Any) -> Any:
        about = client.run(_about, needs)
        worker, first = next(iter(about.items()))
        about[worker] = {**first, **changed}
        scheduler = {**first, **of_scheduler}
        return SimpleNamespace(
            scheduler=client.scheduler, wait_for_workers=client.wait_for_workers,
            status="running", submit=client.submit,
            run=lambda *_, **__: about, run_on_scheduler=lambda *_: scheduler,
            nthreads=client.nthreads,
        )  # fmt: skip

    needs = _Needs.here(os.getcwd(), (*_PACKAGES, "rjieba"))
    ours = dict(needs.versions)
    for name, who in (("wordkit", "worker"), ("Python", "scheduler"), ("rjieba", "worker")):
        theirs = {"versions": {**ours, name: "0.1"}}
        others = told(theirs) if who == "scheduler" else told({}, **theirs)
        with pytest.raises(ConfigError, match=rf"{name} is .* here and 0.1 on the {who} tcp://"):
            Cluster(others, ".", ["rjieba"])
    client.wait_for_workers(2)  # where one has been killed
    assert Cluster(client, ".", ["missing-everywhere"]).slots == 2
    with pytest.raises(StorageError, match=r"the worker tcp://.* on elsewhere cannot write into"):
        Cluster(others := told({}, sees=False, host="elsewhere"), ".")
    others.wait_for_workers = lambda *_, **__: client.wait_for_workers(99, timeout=0.01)
    others.nthreads = dict
    with (
        pytest.warns(WordkitWarning, match=r"^tcp://.* has no worker yet; waiting 30 s for one$"),
        pytest.raises(ResourceError, match=r"no worker has joined tcp://.* within 30 s; start so"),
    ):
        Cluster(others, ".")
    one_host = Cluster(told({}, memory=4 << 20), ".")  # the other worker's is more
    assert one_host.memory == 1 << 20
    other_host = Cluster(told({}, memory=4 << 20, host="elsewhere"), ".")
    assert other_host.memory == 2 << 20
    for no_client in ("tcp://10.0.0.1:8786", SimpleNamespace(status="closed")):
        with pytest.raises(ConfigError, match="client must be a distributed.Client that is open"):
            wordkit.prepare("a.txt", "y.ids", client=no_client)  # type: ignore[arg-type]
    cluster = Cluster(client, ".")
    cluster.client = SimpleNamespace(status="running", nthreads=dict)
    for name in ("NO_WORKER", "LOOK"):
        monkeypatch.setattr(f"wordkit.runtime.cluster._{name}_SECONDS", 0.01)
    never = SimpleNamespace(add_done_callback=lambda _: None)
    with pytest.raises(LostProcessError, match=r"tcp://.* has had no worker for 0.01 s; start the"):
        cluster.result(never)


@pytest.mark.parametrize("there", [True, False])
def test_a_text_that_changes(client: Any, there: bool) -> None:
    run = iter_read_corpus("a.txt", "x.ids", client=client, tokenizer=slowly)
    next(run)
    next(run)
    message = r"^worker tcp://\S+ on \S+: cannot read \S+/a.txt: .*; name files that all workers se"
    if there:
        Path("a.txt").write_text("another text")
        message = "a.txt has changed while it was read; wait until it is"
    else:
        Path("a.txt").unlink()
    with pytest.raises(TextError, match=message):
        run.result()
    assert not Path("x.ids").exists() and list(Path("x.ids.parts").glob("*.part"))


def fill_disk(is_full: bool) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    parts.fsync = fail if is_full else fsync  # type: ignore[attr-defined]


def test_a_full_disk_of_one_worker(client: Any) -> None:
    one = [next(iter(client.nthreads()))]
    client.run(fill_disk, True, workers=one)
    full = rf"worker {one[0]} on \S+: cannot write .*: No space left on device; free some"
    with pytest.raises(StorageError, match=full):
        wordkit.prepare(FILES, "x.ids", client=client)
    assert not Path("x.ids").exists()
    client.run(fill_disk, False, workers=one)
    assert content(wordkit.prepare(FILES, "x.ids", client=client)) == content(
        wordkit.prepare(FILES, "one.ids")
    )
    assert not Path("x.ids.parts").exists()


def test_too_little_memory(client: Any) -> None:
    corpus = wordkit.prepare("a.txt", "a.ids")
    with pytest.raises(ResourceError, match="bytes of memory"):
        iter_train_counts(corpus, CountsConfig(dim=8), memory=1000, client=client).result()


def peaks_of_merges(words: int, memory: int) -> Iterator[int]:
    """The bytes of memory that merging 16 parts of a few entries takes, first into a part."""
    counting = cluster_counts.Counting("", "", words, CountsConfig().cooccurrence(), memory)
    with PartFolder("parts") as folder:
        records, column = [], np.zeros(1, np.int32)
        for number in range(16):
            part = folder.part("counts", number)
            rows = RowsWriter(part, np.int32)
            rows.append(Rows(column, column + 1, np.ones(words, np.int64)))
            records.append(rows.finish({"path": part.path}))
        paths = [record["path"] for record in records]
        block = Block(folder.part("rows"), (0, words), words)
        for merge, *arguments in (
            (cluster_counts._merge, records, counting, folder.path),
            (cluster_counts._merge_block, paths, counting, block),
        ):
            tracemalloc.start()
            merge(*arguments)
            yield tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()


def test_merges_keep_to_the_memory() -> None:
    list(peaks_of_merges(100, 1 << 20))  # what is loaded once
    assert max(peaks_of_merges(50_000, 101 * 50_000)) < 101 * 50_000
