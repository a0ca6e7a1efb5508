"""German to English by words: pairs per second, and BLEU after so many minutes.

    python benchmarks/translation.py speed
    python benchmarks/translation.py bleu --minutes 5 20
    python benchmarks/translation.py bleu --minutes 20 --unit bpe --arch recurrent transformer

The 29,000 pairs of Multi30k (Elliott et al. 2016) in shared/data/multi30k, in lower case, words and
punctuation apart. bleu trains each architecture with the settings that train-seq2seq fits to the
pairs and the minutes, and translates test_2016_flickr by a beam of 5; BLEU is on these tokens, and
<unk> counts the translations that hold one.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import torch
from machine import describe, heading, in_turns, row
from subcommands import parsers, positive, run_subcommand

from wordkit.config import change
from wordkit.seq2seq import (
    DecodingConfig,
    Pair,
    Seq2SeqConfig,
    Seq2SeqModel,
    Seq2SeqTrainingConfig,
    iter_evaluate_pairs,
    iter_train_seq2seq,
)
from wordkit.seq2seq.batches import encode
from wordkit.seq2seq.fitting import plan_training
from wordkit.seq2seq.network import Seq2SeqNetwork, initialize
from wordkit.seq2seq.pairs import vocabulary_of
from wordkit.seq2seq.presets import Preset
from wordkit.seq2seq.task import Seq2SeqTask
from wordkit.training.run import chosen_precision
from wordkit.training.trainer import Trainer

DATA = Path(__file__).resolve().parents[2] / "shared/data/multi30k"
NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
WORDS = Seq2SeqConfig(unit="word", directions="concat", dim=256, dropout=0.3)


def read(options: argparse.Namespace, part: str) -> list[Pair]:
    """The pairs of a part, tokenized."""
    sides = []
    for language in ("de", "en"):
        path = options.data / f"{NAMES[part]}.{language}.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = [" ".join(re.findall(r"\w+|[^\w\s]", line.lower())) for line in file]
        sides.append(lines[: options.limit])
    return [Pair(*texts) for texts in zip(*sides, strict=True) if all(texts)]


def speed(options: argparse.Namespace) -> None:
    """Training alone, in turns; with one thread in processor time, for machines that are shared."""
    pairs = read(options, "train")
    kinds = {
        "batches of 128 as they come": Preset("", WORDS, Seq2SeqTrainingConfig(min_count=2)),
        "the same, additive": Preset(
            "", change(WORDS, attention="additive"), Seq2SeqTrainingConfig(min_count=2)
        ),
        "fitted": plan_training({"unit": "word"}, {}).fit(pairs),
        "fitted, additive": plan_training({"unit": "word", "attention": "additive"}, {}).fit(pairs),
    }
    torch.set_num_threads(options.threads)
    print(
        f"{describe()}\n{len(pairs):,} pairs of words, "
        + (f"{options.threads} threads" if options.threads > 1 else "one thread, processor time")
        + f"; medians of {options.rounds} rounds of {options.seconds:g} s, in turns\n",
        flush=True,
    )
    clock = time.perf_counter if options.threads > 1 else time.process_time
    jobs = {name: job(pairs, kind, options.seconds, clock) for name, kind in kinds.items()}
    taken = in_turns(jobs, options.rounds)
    rates = {name: 1 / timing.median for name, timing in taken.items()}
    print(heading(["", "pairs/s", "times as fast"]))
    for name, rate in rates.items():
        print(row([name, f"{rate:.0f}", f"{rate / next(iter(rates.values())):.1f} x"]))


def job(
    pairs: list[Pair], chosen: Preset, seconds: float, clock: Callable[[], float]
) -> Callable[[], float]:
    """A training for some seconds that tells the seconds for a pair."""
    config = change(chosen.training, precision=chosen_precision("auto", "cpu"))
    sides = [[pair.source for pair in pairs], [pair.target for pair in pairs]]
    vocabularies = [vocabulary_of(side, "word", min_count=config.min_count) for side in sides]
    network = Seq2SeqNetwork(chosen.model, *map(len, vocabularies))
    initialize(network, torch.Generator().manual_seed(1))
    source, target = vocabularies
    train = encode(pairs, source, target, "word")
    task = Seq2SeqTask(network, (source, target), train, train, config, {})
    trainer = Trainer(task)
    batches = task.batches(0, 0)

    def run() -> float:
        nonlocal batches
        began, done = clock(), 0
        while clock() - began < seconds:
            batch = next(batches, None)
            if batch is None:
                batches = task.batches(1, 0)
                continue
            trainer._step(batch, 0.5)
            done += batch.size
        return (clock() - began) / done

    run()
    return run


def bleu(options: argparse.Namespace) -> None:
    """Train for so many minutes with fitted settings, and translate the test set."""
    train, valid, test = (read(options, part) for part in NAMES)
    print(f"{describe()}\n{options.threads} threads")
    rows = []
    for arch, minutes in product(options.arch, options.minutes):
        model, training = {"unit": options.unit, "arch": arch}, {"max_minutes": minutes}
        chosen = plan_training(model, training).fit(train)
        before = os.getloadavg()[0]
        run = iter_train_seq2seq(
            train, chosen.model, chosen.training, valid=valid, threads=options.threads
        )
        trained = run.result()
        load = f"load of the machine {before:.1f} before, {os.getloadavg()[0]:.1f} after"
        print(f"{arch}, {minutes:g} minutes: {chosen.description}; {load}", flush=True)
        epochs = trained.metadata["training"]["epochs"]
        shown = [f"{minutes:g}", f"{run.rate or 0:.0f}", f"{epochs:.1f}"]
        rows += [[f"{arch}, {name}", *shown, *scores] for name, scores in _scores(trained, test)]
    columns = ["minutes", "pairs/s", "epochs", "BLEU", "BLEU, detokenized, 13a", "chrF", "<unk>"]
    print(f"\n{heading(['', *columns])}", *map(row, rows), sep="\n")


def _scores(model: Seq2SeqModel, test: list[Pair]) -> Iterator[tuple[str, list[str]]]:
    decodings = {"greedy": DecodingConfig(), "beam 5": DecodingConfig(beam=5)}
    if model.config.unit == "word":
        decodings["beam 5, --copy-unknown"] = DecodingConfig(beam=5, copy_unknown=True)
    for name, config in decodings.items():
        found = iter_evaluate_pairs(model, test, config, examples=len(test)).result()
        score = found.translation
        assert score is not None, "sacrebleu is not installed"
        examples = found.examples_right + found.examples_wrong
        unknown = sum("<unk>" in example.written for example in examples)
        scores = (score.bleu, score.bleu_detokenized, score.chrf)
        yield name, [*(f"{value:.2f}" for value in scores), f"{unknown}"]


def main() -> None:
    """Run the subcommand that is named."""
    parser, commands, shared = parsers(__doc__, data=DATA, what="the pairs lie", part="pairs")
    command = commands.add_parser("speed", parents=[shared], help=speed.__doc__)
    command.add_argument("--rounds", type=positive, default=3)
    command.add_argument("--seconds", type=float, default=10.0)
    command = commands.add_parser("bleu", parents=[shared], help=bleu.__doc__)
    command.add_argument("--minutes", type=float, nargs="+", default=[5.0])
    command.add_argument("--unit", choices=["word", "bpe"], default="word")
    archs = ["recurrent", "transformer"]
    command.add_argument("--arch", nargs="+", choices=archs, default=archs[:1])
    run_subcommand(
        parser.parse_args(), dict.fromkeys(("speed", "bleu"), __name__), needs="sacrebleu"
    )


if __name__ == "__main__":
    main()
