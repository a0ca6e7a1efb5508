"""How far it goes: measured constants, larger clusters on paper, and checks of the formulas.

    python benchmarks/scale.py [--data FOLDER] [--limit LINES]

The constants are processor seconds of one thread, on sentences of English Wikipedia, of the very
tasks that a cluster runs. The formulas multiply them out for texts and clusters that nobody has
tried here. They are checked by a tree of tasks and a ring of processes whose links are simulated
(by waiting), and by preparing and counting on 1, 2, 4 and 8 local workers.
"""

from __future__ import annotations

import argparse
import gzip
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from unittest.mock import patch

import numpy as np
from machine import describe, heading, in_one_line, row
from scaling import count_on, do_nothing, warm
from word2vec_text import DATA, enwiki
from word2vec_wordkit import compile_kernels, train

import wordkit
from wordkit.counts import CountsConfig, cluster_counts, cluster_svd, iter_truncated_svd
from wordkit.counts.cluster_counts import Counting
from wordkit.counts.cooccurrence import MemoryPlan
from wordkit.counts.ppmi import biases_of
from wordkit.counts.stored_rows import Block
from wordkit.runtime import Run
from wordkit.runtime.cluster import Cluster
from wordkit.runtime.scheduler import connected
from wordkit.storage.parts import Part, PartFolder
from wordkit.text import Corpus, cluster_preparation
from wordkit.text.blocks import parts_of
from wordkit.text.corpus_folder import CorpusWriter
from wordkit.text.numbering import write_renumbered
from wordkit.text.scanner import WordTable
from wordkit.text.tokenizers import get_tokenizer
from wordkit.word2vec import Word2VecConfig, cpu, exchange
from wordkit.word2vec.engine import chunk_tokens
from wordkit_corpora import open_text

CORES, LINK = 32, 25e9 / 8  # of a machine: cores, and bytes a second
LATENCY = 50e-6  # assumed: seconds from a program on one machine to that on the next, by TCP
ALL_REDUCES = 2  # of a round of training: of the changes of rows, and of the loss
TOKENS, MACHINES = (10**9, 10**10, 10**11, 10**12), (1, 16, 256)
WORDS, DIM, WINDOW, EPOCHS = 400_000, 100, 5, 5
MEMORY = 4 << 30  # that a task may take
WORKERS, PARTS, COUNTED = (1, 2, 4, 8), 16, 4
SKIPGRAM = Word2VecConfig(arch="skipgram", dim=DIM, window=WINDOW, epochs=1)

Terms = dict[str, float]  # seconds by what takes them
Law = tuple[float, float]  # a, b of a·n^b


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """The processor seconds of a call, and its value."""
    began = time.process_time()
    value = function(*arguments)
    return time.process_time() - began, value


def power(few: float, many: float, of_few: float, of_many: float) -> Law:
    """The power law through two points."""
    exponent = math.log(of_many / of_few) / math.log(many / few)
    return of_few / few**exponent, exponent


def grown(law: Law, tokens: float) -> float:
    """What a power law gives, as many pairs as there are words by words at most."""
    return float(min(law[0] * tokens ** law[1], WORDS**2))


# --- constants ---------------------------------------------------------------------------------


def preparing(text: Path, folder: Path) -> dict[str, Any]:
    """What the tasks of prepare take."""
    tokenizer, size = get_tokenizer("basic", "nfc", None), text.stat().st_size
    with PartFolder(folder / "text.parts") as parts:
        jobs = [
            cluster_preparation._Scan(each, tokenizer, False, parts.part("text", each.version))
            for each in parts_of(open_text(text), -(-size // PARTS))
        ]
        seconds, records = timed(lambda: [cluster_preparation._scan(job) for job in jobs])
        tokens = sum(record["tokens"] for record in records)
        words = [len(job.part.read().tensor("counts", np.int64, 1)) for job in jobs]
        merging, merged = timed(cluster_preparation._merge_words, records, parts.path)
        root, table = Part(merged["path"]), WordTable()
        numbers = cluster_preparation._add_words(table, root, 0)
        blocks = cluster_preparation._blocks(root, numbers)
        with CorpusWriter(folder / "numbered.ids") as writer:
            numbering, _ = timed(Run(write_renumbered(writer, blocks, tokens)).result)
        memory = sum(array.nbytes for array in table.arrays)
    return {
        "bytes of text per token": size / tokens,
        "scan, tokens/s": tokens / seconds,
        "words of n tokens": power(tokens / PARTS, tokens, sum(words) / PARTS, table.size),
        "merge, words/s": sum(words) / merging,
        "bytes of memory per word": memory / table.size,
        "number, tokens/s": tokens / numbering,
    }


def counting(corpus: Corpus, folder: Path) -> dict[str, Any]:
    """What the tasks of counting take, and the singular value decomposition."""
    words, config = corpus.vocabulary.size_at(min_count=5), CountsConfig(window=WINDOW, dim=DIM)
    job = Counting(str(corpus.folder), corpus.fingerprint, words, config.cooccurrence(), MEMORY)
    place, size = folder / "counts.parts", -(-corpus.tokens // COUNTED)
    with PartFolder(place) as parts:
        spans = [(n, min(n + size, corpus.tokens)) for n in range(0, corpus.tokens, size)]
        made = [parts.part("counts", span) for span in spans]
        seconds, records = timed(
            lambda: [cluster_counts._count(job, *each) for each in zip(spans, made, strict=True)]
        )
        read = sum(len(part.array("columns")) for part in made)
        taken = sum(path.stat().st_size for path in place.iterdir())
        merging, merged = timed(cluster_counts._merge, records, job, parts.path)
        counts = Block(parts.part("rows"), (0, words), words)
        cluster_counts._merge_block([merged["path"]], job, counts)
        pairs = len(counts.part.array("columns"))
        sums = [counts.part.read().tensor(n, np.float64, 1) for n in ("row_sums", "column_sums")]
        rows, columns, constant = biases_of(*sums, config.shift, config.smoothing)
        biases, block = parts.part("biases"), Block(parts.part("ppmi"), (0, words), words)
        biases.write({}, {"rows": rows, "columns": columns, "constant": np.array([constant])})
        weighing, _ = timed(cluster_counts._weigh, counts, block, biases)
        panel = str(folder / "panel")
        np.random.default_rng(1).random((words, 16), np.float32).tofile(panel)
        multiplying, _ = timed(cluster_svd._multiply, block, panel)
        began = time.process_time()
        done = [report.done for report in iter_truncated_svd(
            cluster_svd._whole([block]), DIM, threads=1) if report.unit == "blocks"]  # fmt: skip
        svd = time.process_time() - began
        kept = len(block.part.array("columns"))
    return {
        "count, tokens/s": corpus.tokens / seconds,
        "pairs of n tokens": power(size, corpus.tokens, read / COUNTED, pairs),
        "bytes per pair of a part": taken / read,
        "merge, pairs/s": read / merging,
        "weigh, pairs/s": pairs / weighing,
        "multiply by 16 columns, pairs/s": kept / multiplying,
        "products of 16 columns": 2 * max(done),
        "SVD beside the products, words/s": words / (svd - 2 * max(done) * multiplying),
    }


def training(corpus: Corpus) -> dict[str, Any]:
    """What an epoch of skip-gram takes, and what its exchange sends on a ring of many."""
    compile_kernels([SKIPGRAM])
    seconds, _ = timed(lambda: train(corpus, SKIPGRAM, threads=1))
    tokens, sent = round_of(256)
    return {
        "train, tokens/s": corpus.tokens / seconds,
        "bytes sent per token": sent / tokens,
        "s of latency per message (assumed)": LATENCY,
    }


def round_of(machines: int) -> tuple[float, float]:
    """Tokens that a machine trains on between exchanges, and the bytes that it sends for them."""
    whole = chunk_tokens(cpu._CHUNK_PRODUCTS, cpu._MAX_CHUNK_TOKENS, words=WORDS, config=SKIPGRAM)
    chunk = whole / min(machines**2 / 2, exchange._MAX_PARTS)
    rows = len(exchange.rows_of_round(WORDS, 0))  # of each matrix in two chunks a thread
    return 2 * CORES * chunk, 2 * (1 - 1 / machines) * 2 * rows * 4 * DIM


# --- the model ---------------------------------------------------------------------------------


def tree(leaves: int, fan_in: int, slots: int, seconds: Callable[[int, int], float]) -> float:
    """Seconds of a tree of merges, each level in as many rounds as its tasks need.

    Args:
        leaves, fan_in, slots: parts, parts of a merge, and merges at a time.
        seconds: of a merge, by the parts it reads and the leaves below each.
    """
    total, below = 0.0, 1
    while leaves > 1:
        groups = -(-leaves // fan_in)
        total += -(-groups // slots) * seconds(min(leaves, fan_in), below)
        leaves, below = groups, below * fan_in
    return total


def prepare_terms(c: dict[str, Any], n: float, slots: int, link: float, parts: int) -> Terms:
    """Seconds of prepare."""

    def merge(tables: int, leaves: int) -> float:
        a, b = c["words of n tokens"]
        return float(tables * a * (leaves * n / parts) ** b / c["merge, words/s"])

    return {
        "scan": -(-parts // slots) * n / parts / c["scan, tokens/s"],
        "read the text": n * (c["bytes of text per token"] + 4) / link,
        "merge words": tree(parts, cluster_preparation._FAN_IN, slots, merge),
        "write the ids": n / c["number, tokens/s"],
        "tasks": parts * 8 / 7 * c["s per task"],
    }


def count_terms(c: dict[str, Any], n: float, slots: int, link: float, parts: int) -> Terms:
    """Seconds of counting and weighting, whose parts go to a shared disk and back."""
    fan_in, whole = cluster_counts._FAN_IN, grown(c["pairs of n tokens"], n)
    blocks, pairs, merging, left = blocks_of(whole, slots), 0.0, 0.0, parts
    while True:  # a tree of merges, which ends in at most so many parts, and that of the blocks
        is_last, width = left <= fan_in, min(fan_in, -(-left // fan_in))
        read, merges = left * grown(c["pairs of n tokens"], n / left), -(-left // width)
        pairs, merging = pairs + read, merging + read / min(blocks if is_last else merges, slots)
        if is_last:
            break
        left = merges
    return {
        "count": -(-parts // slots) * n / parts / c["count, tokens/s"],
        "merge counts": merging / c["merge, pairs/s"],
        "weigh": whole / c["weigh, pairs/s"] / min(blocks, slots),
        "move pairs": (2 * pairs * c["bytes per pair of a part"] + 24 * whole) / link,
        "tasks": (parts * 16 / 15 + 2 * blocks) * c["s per task"],
    }


def blocks_of(pairs: float, slots: int) -> int:
    """Ranges of rows that a matrix is divided into."""
    return math.ceil(pairs / cluster_counts._entries_of_a_block(int(pairs), slots))


def svd_terms(c: dict[str, Any], n: float, slots: int, link: float, parts: int) -> Terms:
    """Seconds of the singular value decomposition."""
    products, whole = c["products of 16 columns"], grown(c["pairs of n tokens"], n)
    blocks, machines = blocks_of(whole, slots), slots // CORES
    rounds = -(-blocks // slots)
    return {
        "multiply": products * rounds * whole / blocks / c["multiply by 16 columns, pairs/s"],
        "move panels": products * -(-blocks // machines) * WORDS * 64 / (link / machines),
        "basis": WORDS / c["SVD beside the products, words/s"],
        "tasks": products * 7 / 6 * blocks * c["s per task"],
    }


def train_terms(c: dict[str, Any], n: float, slots: int, link: float, parts: int) -> Terms:
    """Seconds of five epochs of skip-gram; half of each round the exchange runs beside it."""
    machines = slots // CORES
    tokens, sent = round_of(machines)
    compute = tokens / c["train, tokens/s"] / CORES
    exchanging = sent * machines / link + ALL_REDUCES * 2 * (machines - 1) * LATENCY
    rounds = EPOCHS * n / machines / tokens
    return {"train": rounds * compute, "exchange": rounds * max(exchanging - compute / 2, 0)}


def paper(c: dict[str, Any]) -> Iterable[str]:
    """The table of clusters that nobody has tried here."""
    jobs = {"prepare": prepare_terms, "counts": count_terms, "SVD": svd_terms, "train": train_terms}
    yield heading(
        ["tokens, machines", *(f"{job}, h" for job in jobs), "slowest of each", "command", "disk"]
    )
    a, b = c["words of n tokens"]
    for n in TOKENS:
        plan = MemoryPlan.make(MEMORY, tokens=n, words=WORDS, threads=1, window=WINDOW)
        memory = max(a * n**b * c["bytes of memory per word"], 35 * WORDS * DIM)
        for machines in MACHINES:
            slots, link = CORES * machines, LINK * machines
            texts = math.ceil(n * c["bytes of text per token"] / cluster_preparation._PART_BYTES)
            parts = math.ceil(n / min(plan.segment, cluster_counts._wanted_tokens(n, slots)))
            found = [
                job(c, n, slots, link, texts if job is prepare_terms else parts)
                for job in jobs.values()
            ]
            pairs = parts * grown(c["pairs of n tokens"], n / parts)
            kept = 16 * grown(c["pairs of n tokens"], n)
            disk = 4 * n + max(4 * n, pairs * c["bytes per pair of a part"] + kept)
            yield row([
                f"10^{math.log10(n):.0f}, {machines}",
                *(f"{sum(terms.values()) / 3600:.2g}" for terms in found),
                "; ".join(max(terms, key=terms.__getitem__) for terms in found),
                f"{memory / 1e9:,.0f} GB",
                f"{disk / machines / 1e9:,.0f} GB",
            ])  # fmt: skip


# --- checks ------------------------------------------------------------------------------------


def ring(processes: int) -> None:
    """Sum an array, for which a link takes a second, over a ring of threads.

    Each sends a piece of it to the next, and adds what it gets; then the sums go round.
    """
    links: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(processes)]
    arrays = [np.full((processes, 100), float(p)) for p in range(processes)]

    def run(p: int) -> None:
        for step in range(2 * (processes - 1)):
            piece = (p - step) % processes
            time.sleep(1 / processes)
            links[(p + 1) % processes].put((piece, arrays[p][piece].copy()))
            which, values = links[p].get()
            arrays[p][which] = values + (arrays[p][which] if step < processes - 1 else 0)

    threads = [threading.Thread(target=run, args=[p]) for p in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((array == sum(range(processes))).all() for array in arrays)


def checks(c: dict[str, Any], text: Path, corpus: Corpus, folder: Path) -> Iterable[str]:
    """Seconds by the formulas, and taken, by the number of local workers."""
    jobs = ("tree of 64", "ring", "prepare", "counts")
    yield heading(["workers", *(f"{job}{what}" for job in jobs for what in ("", ", taken"))])
    words, fan_in, n = (
        corpus.vocabulary.size_at(min_count=5),
        cluster_preparation._FAN_IN,
        corpus.tokens,
    )
    for workers in WORKERS:
        waits = tree(64, fan_in, workers, lambda parts, _: 0.05 * parts) + 73 * c["s per task"]
        formulas = [waits, 2 * (1 - 1 / workers)]
        for terms in (
            prepare_terms(c, n, 1, math.inf, PARTS),
            count_terms(c, n, 1, math.inf, -(-n // cluster_counts._wanted_tokens(n, workers))),
        ):
            formulas.append(sum(terms.values()))
        with connected("local", workers) as client:
            client.run(warm, str(folder / "some.txt"))

            def busy() -> float:
                return time.process_time() + sum(client.run(time.process_time).values())

            began = time.perf_counter()
            merge_waiting(Cluster(client, folder), fan_in)
            taken = [time.perf_counter() - began]
            began = time.perf_counter()
            ring(workers)
            taken.append(time.perf_counter() - began)
            began = busy()
            with patch.object(cluster_preparation, "_PART_BYTES", -(-text.stat().st_size // PARTS)):
                prepared = wordkit.prepare(text, folder / "m.ids", client=client)
            taken.append(busy() - began)
            began = busy()
            count_on(client, prepared, words)
            taken.append(busy() - began)
        yield row(
            [workers, *(f"{s:.2f} s" for pair in zip(formulas, taken, strict=True) for s in pair)]
        )


def merge_waiting(cluster: Cluster, fan_in: int) -> None:
    """Merge 64 tables of one size, of which a link passes 20 in a second."""
    leaves = [cluster.submit("leaf", int) for _ in range(64)]
    _, (root,) = cluster.tree("wait", wait, leaves, fan_in)
    cluster.result(root)


def wait(values: list[Any]) -> int:
    """Wait for tables."""
    time.sleep(0.05 * len(values))
    return 0


def main() -> None:
    """Print the constants, the table and the checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of enwiki-2018")
    parser.add_argument("--limit", type=int, help="take so many lines from the start")
    options = parser.parse_args()
    with enwiki(options.data, options.limit) as given:
        folder, corpus = given.folder, given.corpus
        text, some = folder / "text.txt", folder / "some.txt"
        with gzip.open(given.raw) as packed, open(text, "wb") as file:
            shutil.copyfileobj(packed, file)
        with open(text, "rb") as file:
            some.write_bytes(b"".join(file.readlines(2_000_000)))
        warm(str(some))
        (folder / "x").mkdir()
        warming = wordkit.prepare(some, folder / "x" / "some.ids", threads=1)
        preparing(some, folder / "x"), counting(warming, folder / "x")
        constants = {**preparing(text, folder), **counting(corpus, folder), **training(corpus)}
        with connected("local", 1) as client:
            cluster = Cluster(client, folder)
            do_nothing(cluster)
            constants["s per task"] = timed(do_nothing, cluster)[0] / 500
        print(f"{describe()}\n\n{given}\n{heading(['constant of one core', ''])}")
        for name, value in constants.items():
            shown = f"{value[0]:.3g}·n^{value[1]:.2f}" if isinstance(value, tuple) else (
                f"{value:,.0f}" if value >= 1000 else f"{value:.3g}")  # fmt: skip
            print(row([name, shown]))
        print(f"\n{CORES} cores and 25 Gb/s a machine; {WORDS:,} words, {DIM} dimensions, window "
              f"{WINDOW}, {EPOCHS} epochs, {MEMORY >> 30} GB a task\n")  # fmt: skip
        for line in paper(constants):
            print(line)
        print("\nby the formulas, and taken: links by waiting, the rest in processor seconds of "
              "all processes\n")  # fmt: skip
        for line in checks(constants, text, corpus, folder):
            print(line, flush=True)


if __name__ == "__main__":
    in_one_line(main)
