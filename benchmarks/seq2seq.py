"""Sequence to sequence models: what each part of them is good for, and how fast they train.

    python benchmarks/seq2seq.py addition   reversed input and a peeky decoder, over 25 epochs
    python benchmarks/seq2seq.py dates      plain, peeky and attention, epoch by epoch
    python benchmarks/seq2seq.py speed      training beside a NumPy program of the same models
    python benchmarks/seq2seq.py long       texts longer than those that were trained on

The pairs of the first three are those of shared/data/seq2seq, of the sizes of the textbook: 50,000
sums (hidden 128, embedding 16, batch 128) and 50,000 dates (hidden 256). A tenth of the sources is
held out, and no pair of those is trained on. The NumPy program is benchmarks/seq2seq_numpy.py,
which goes step by step and takes BLAS for its products.

addition draws benchmarks/results/seq2seq_addition.png, dates a map of attention beside it.
"""

from __future__ import annotations

import argparse
import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from machine import describe, heading, in_one_line, in_turns, row
from subcommands import parsers

from wordkit.plots import attention_map, learning_curves
from wordkit.seq2seq import (
    Pair,
    Seq2SeqConfig,
    Seq2SeqModel,
    Seq2SeqTrainingConfig,
    align,
    iter_evaluate_pairs,
    iter_train_seq2seq,
    read_pairs,
    split_pairs,
)
from wordkit.seq2seq.batches import PairBatch, encode, epoch_batches, pad
from wordkit.seq2seq.config import AttentionKind
from wordkit.seq2seq.network import Seq2SeqNetwork, initialize
from wordkit.seq2seq.pairs import vocabulary_of
from wordkit.seq2seq.task import Seq2SeqTask
from wordkit.training.run import chosen_precision
from wordkit.training.trainer import Trainer
from wordkit_corpora import open_text

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared/data/seq2seq"
RESULTS = HERE / "results"
SHOWN_DATE = "september 27, 1994"
BUCKETS = (10, 100)  # batches of dates that are sorted together

SUMS = Seq2SeqConfig(hidden=128, dim=16, attention="none")
DATES = Seq2SeqConfig(hidden=256, dim=16, attention="none")


def changed(base: Seq2SeqConfig, **settings: object) -> Seq2SeqConfig:
    """A configuration with some settings changed."""
    return Seq2SeqConfig(**{**vars(base), **settings})  # type: ignore[arg-type]


def attending(config: Seq2SeqConfig) -> dict[str, Seq2SeqConfig]:
    """The same model with each kind of attention, by its name."""
    return {
        kind: changed(config, attention=kind) for kind in get_args(AttentionKind) if kind != "none"
    }


@dataclass
class Trained:
    """A training: its model, and how much was right after each epoch."""

    model: Seq2SeqModel
    right: list[float]
    """Fraction of the first thousand held-out pairs that are right."""

    seconds: float
    """Of training alone, an epoch."""


def train(
    pairs: tuple[list[Pair], list[Pair]], config: Seq2SeqConfig, training: Seq2SeqTrainingConfig
) -> Trained:
    """Train a model, and look after each epoch how much is right."""
    run = iter_train_seq2seq(pairs[0], config, training, valid=pairs[1])
    right: list[float] = []
    for report in run:
        epoch = int(report.figures.get("epoch", 1))
        if "valid_exact" in report.figures and len(right) < epoch - 1:
            right.append(report.figures["valid_exact"])
    model = run.result()
    assert run._trainer is not None
    state = run._trainer.state
    right.append(state.figures["valid_exact"])
    seconds = state.seconds - sum(each["seconds"] for each in state.validations[:-1])
    return Trained(model, right, seconds / (training.epochs or 1))


def read(name: str, options: argparse.Namespace) -> tuple[list[Pair], list[Pair]]:
    """The pairs to train on and those held out."""
    pairs = list(read_pairs(open_text([options.data / f"{name}.txt"]), "_"))
    return split_pairs(pairs[: options.limit], 0.1, seed=1)


def percent(fraction: float) -> str:
    """Format a fraction as a table shows it."""
    return f"{fraction:.2%}"


# --- what the parts are good for ------------------------------------------------------------------


def addition(options: argparse.Namespace) -> None:
    """Reversed input and a peeky decoder, alone and together."""
    pairs = read("addition", options)
    kinds = {
        "plain": SUMS,
        "reversed": changed(SUMS, reverse=True),
        "peeky": changed(SUMS, peeky=True),
        "reversed + peeky": changed(SUMS, reverse=True, peeky=True),
    }
    introduce(
        f"{options.epochs} epochs; right: fraction of {len(pairs[1]):,} held-out sums", options
    )
    marks = sorted({mark for mark in (1, 3, 5, 10, 15, 20) if mark < options.epochs})
    columns = [f"after {mark}" for mark in marks]
    print(heading(["", *columns, f"after {options.epochs}, all", "error rate", "s an epoch"]))
    curves = {}
    for name, config in kinds.items():
        done = train(pairs, config, learning(options))
        curves[name] = range(1, options.epochs + 1), [100 * right for right in done.right]
        score = iter_evaluate_pairs(done.model, pairs[1]).result()
        shown = [percent(done.right[mark - 1]) for mark in marks]
        shown += [percent(score.exact_match), percent(score.error_rate), f"{done.seconds:.1f}"]
        print(row([name, *shown]), flush=True)
    RESULTS.mkdir(exist_ok=True)
    learning_curves(
        curves, RESULTS / "seq2seq_addition.png", x="epoch", y="held-out sums that are right, %"
    )


def dates(options: argparse.Namespace) -> None:
    """Plain, peeky and attention, with the map of one date; and batches sorted by length."""
    pairs = read("date", options)
    configs = {
        "plain": DATES,
        "peeky": changed(DATES, peeky=True),
        **attending(DATES),
    }
    kinds = {name: (config, 1) for name, config in configs.items()}
    kinds |= {f"dot, --bucket {bucket}": (configs["dot"], bucket) for bucket in BUCKETS}
    introduce(f"right: fraction of {len(pairs[1]):,} held-out dates", options)
    columns = [f"after {epoch}" for epoch in range(1, options.epochs)]
    print(heading(["", *columns, f"after {options.epochs}, all", "error rate", "s an epoch"]))
    for name, (config, bucket) in kinds.items():
        done = train(pairs, config, replace(learning(options), bucket=bucket))
        score = iter_evaluate_pairs(done.model, pairs[1]).result()
        shown = [*map(percent, done.right[:-1]), percent(score.exact_match)]
        print(row([name, *shown, percent(score.error_rate), f"{done.seconds:.1f}"]), flush=True)
        if name == "dot":
            RESULTS.mkdir(exist_ok=True)
            found = align(done.model, SHOWN_DATE)
            attention_map(
                found.weights, found.source, found.written, RESULTS / "seq2seq_attention.png"
            )


def long(options: argparse.Namespace) -> None:
    """Texts longer than those that were trained on, with attention and without.

    The text is copied, or each character is put in upper case: what a decoder with attention
    can do at any length.
    """
    generator = random.Random(1)
    lengths = {"as trained": options.longest, "half more": options.longest * 3 // 2}
    lengths["twice"] = options.longest * 2

    def pair(length: int) -> Pair:
        text = "".join(generator.choices(string.ascii_lowercase, k=length))
        return Pair(text, text.upper())

    some = [pair(generator.randint(1, options.longest)) for _ in range(options.pairs)]
    some = list(dict.fromkeys(some))
    tests = {name: [pair(length) for _ in range(1000)] for name, length in lengths.items()}
    kinds = {
        "plain": DATES,
        "plain, reversed": changed(DATES, reverse=True),
        "peeky": changed(DATES, peeky=True),
        **attending(DATES),
        "dot, both ways": changed(DATES, attention="dot", directions="sum"),
        "dot, fed into the next step": changed(DATES, attention="dot", context_to="input"),
    }
    introduce(
        f"characters put in upper case; trained on {len(some):,} texts of 1 to {options.longest} "
        f"characters; fraction of 1,000 texts that are right, of the characters that are wrong",
        options,
    )
    columns = [f"{name}: {length} characters" for name, length in lengths.items()]
    print(heading(["", *(part for column in columns for part in (column, "wrong"))]))
    for name, config in kinds.items():
        done = train((some, tests["as trained"]), config, learning(options))
        shown = []
        for test in tests.values():
            score = iter_evaluate_pairs(done.model, test).result()
            shown += [percent(score.exact_match), percent(score.error_rate)]
        print(row([name, *shown]), flush=True)


# --- speed ----------------------------------------------------------------------------------------


def speed(options: argparse.Namespace) -> None:
    """Training alone, in turns with the NumPy program, on the same batches."""
    introduce(
        f"ms for a batch of 128 pairs, and s for an epoch at that speed; medians of "
        f"{options.rounds} rounds of {options.batches} batches, in turns",
        options,
    )
    print(heading(["", "NumPy", "wordkit", "NumPy, epoch", "wordkit, epoch", "times as fast"]))
    sums = {"addition, plain": SUMS, "addition, peeky": changed(SUMS, peeky=True)}
    days = {
        "dates, plain": DATES,
        "dates, peeky": changed(DATES, peeky=True),
        **{f"dates, {kind}": changed(DATES, attention=kind) for kind in ATTENTIONS},
    }
    for name, kinds in (("addition", sums), ("date", days)):
        pairs = read(name, options)[0]
        for title, config in kinds.items():
            jobs, epoch = both(pairs, config, options)
            taken = in_turns(jobs, options.rounds)
            times = [taken[who].median / options.batches for who in ("NumPy", "wordkit")]
            shown = [f"{1000 * t:.1f} ms" for t in times] + [f"{epoch * t:.1f} s" for t in times]
            print(row([title, *shown, f"{times[0] / times[1]:.1f} x"]), flush=True)


ATTENTIONS = ("dot", "general", "additive")


def both(
    pairs: Sequence[Pair], config: Seq2SeqConfig, options: argparse.Namespace
) -> tuple[dict[str, Callable[[], float]], int]:
    """Trainings of some batches that tell their seconds, and the batches of an epoch."""
    import time

    from seq2seq_numpy import Batch, TwinConfig, TwinNetwork

    sides = [[p.source for p in pairs], [p.target for p in pairs]]
    source, target = (vocabulary_of(texts, "char") for texts in sides)
    config_of_training = Seq2SeqTrainingConfig(precision=chosen_precision("auto", "cpu"))
    network = Seq2SeqNetwork(config, len(source), len(target))
    initialize(network, torch.Generator().manual_seed(1))
    train = encode(pairs, source, target, "char")
    task = Seq2SeqTask(network, (source, target), train, train, config_of_training, {})
    trainer = Trainer(task)
    twin = TwinNetwork(
        {_old_name(name): p.detach().numpy().copy() for name, p in network.named_parameters()},
        TwinConfig("lstm", config.hidden, peeky=config.peeky, attention=config.attention),
    )
    batches = epoch_batches(train, 128, seed=1, epoch=0)
    some = list(task.batches(0, 0))[: options.batches]

    def numpy_job() -> float:
        given = [_padded_in_front(pad(train, rows, reverse=config.reverse))
                 for rows in batches[: options.batches]]  # fmt: skip
        began = time.perf_counter()
        twin.fit_epoch([Batch(*arrays) for arrays in given], 1e-3, 5.0)
        return time.perf_counter() - began

    def wordkit_job() -> float:
        began = time.perf_counter()
        for batch in some:
            trainer._step(batch, 0.5)
        return time.perf_counter() - began

    wordkit_job()
    return {"NumPy": numpy_job, "wordkit": wordkit_job}, len(batches)


def _old_name(name: str) -> str:
    """The name of a parameter in the NumPy program."""
    name = name.replace("recurrent.", "").replace("decoder.attention", "attention")
    return name.replace("output.weight", "output").replace("output.", "")


def _padded_in_front(batch: PairBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources with −1 in front, inputs and targets, as the NumPy program takes them."""
    sources = np.full(batch.sources.shape, -1)
    for column, length in enumerate(batch.lengths.tolist()):
        sources[len(sources) - length :, column] = batch.sources[:length, column]
    return sources, batch.inputs.numpy(), batch.targets.numpy()


# --- the command ----------------------------------------------------------------------------------


def learning(options: argparse.Namespace) -> Seq2SeqTrainingConfig:
    """Return the settings of training: the defaults, for some epochs."""
    return Seq2SeqTrainingConfig(epochs=options.epochs)


def introduce(what: str, options: argparse.Namespace) -> None:
    """Print the measurement and the machine."""
    torch.set_num_threads(options.threads)
    print(f"{describe()}\n{what}\n", flush=True)


def parse() -> argparse.Namespace:
    """Parse the arguments."""
    parser, commands, shared = parsers(__doc__, data=DATA, what="the pairs lie", part="pairs")
    for job, epochs in ((addition, 25), (dates, 3), (long, 10), (speed, None)):
        text = (job.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(job.__name__, parents=[shared], help=text)
        command.set_defaults(job=job)
        if epochs is not None:
            command.add_argument("--epochs", type=int, default=epochs)
        if job is long:
            command.add_argument("--longest", type=int, default=12, help="characters in training")
            command.add_argument("--pairs", type=int, default=20_000)
        if job is speed:
            command.add_argument("--rounds", type=int, default=3)
            command.add_argument("--batches", type=int, default=30)
    return parser.parse_args()


def main() -> None:
    """Run the job that is named."""
    options = parse()
    options.job(options)


if __name__ == "__main__":
    in_one_line(main)
