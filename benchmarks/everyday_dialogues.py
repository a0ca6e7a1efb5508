"""Everyday English dialogues: what models of the turns before gain over one of the last turn.

    python benchmarks/everyday_dialogues.py everyday [--minutes 15] [--threads 2]
    python benchmarks/everyday_dialogues.py speed [--rounds 3]

everyday: each model is trained for 10 epochs, or so many minutes, on en.train.txt in
shared/data/dialogues; the best on en.valid.txt is measured on en.test.txt: the perplexity of a
word of all turns but the first, with a latent variable its bound by importance sampling; the KL
divergence; distinct-1, -2 and BLEU of the most probable answers; and the different ones among 10
draws to 200 turns, where but the latent variable is drawn, and where words are drawn by top-p too.
The language model is as wide, and reads the turns of a dialogue as one stream. All know the same
words: those that occur twice.

speed: processor time of an epoch of HRED, and of one of train-seq2seq on the same turns as pairs,
in batches of as many next turns, on one thread; in turns.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from machine import changed_settings, describe, heading, in_turns, row, table

import wordkit
from wordkit.decoding.config import SamplingConfig
from wordkit.decoding.scoring import score_sequences
from wordkit.lm import LanguageModel
from wordkit.runtime import Run
from wordkit.seq2seq import DecodingConfig, iter_train_seq2seq
from wordkit.seq2seq.dialogue import (
    DialogueConfig,
    DialogueModel,
    answers,
    iter_evaluate_dialogues,
    iter_train_dialogue,
    read_dialogues,
)
from wordkit.seq2seq.dialogue.dialogues import Dialogue, turn_pairs
from wordkit.seq2seq.fitting import plan_training
from wordkit_corpora.plaintext import open_text

DATA = Path(__file__).resolve().parents[2] / "shared/data/dialogues"
SHAPE = {"cell": "gru", "hidden": 128, "dim": 128}  # in both directions, so the decoder has 256
STREAM = {"hidden": 256, "dim": 128}
MODELS = {
    "last turn alone": {"arch": "seq2seq"},
    "HRED, attention to the last turn": {"arch": "hred", "attention_to": "turn"},
    "HRED": {"arch": "hred"},
    "VHRED": {"arch": "vhred"},
}
TRAINING = {"epochs": 10, "min_count": 2}  # more are learnt by heart
DRAWS, SITUATIONS = 10, 200
SAMPLINGS: dict[str, dict[str, Any]] = {
    "greedily": {"top_k": 1}, "by top-p 0.5": {"top_p": 0.5},
}  # fmt: skip


def read(options: argparse.Namespace) -> list[list[Dialogue]]:
    """The dialogues of each part: to train, to validate and to test on."""
    files = [options.data / f"en.{part}.txt" for part in ("train", "valid", "test")]
    return [read_dialogues(open_text([file]))[: options.limit] for file in files]


def everyday(options: argparse.Namespace) -> None:
    """Print the scores of each model."""
    train, valid, test = read(options)
    print(
        f"{len(train):,} dialogues, {TRAINING['epochs']} epochs, at most {options.minutes:g} "
        f"minutes, {options.threads} threads\n"
    )
    names = ["perplexity", "KL", "distinct-1", "-2", "BLEU"]
    names += [*(f"different of {DRAWS} {how}" for how in SAMPLINGS), "epochs", "weights"]
    print(heading(["", *names]), flush=True)
    limits = {"max_minutes": options.minutes, "seed": options.seed}
    plans = {
        name: plan_training(
            {**SHAPE, **shape},
            {**TRAINING, **limits, "label_smoothing": 0.0},
            config=DialogueConfig,
        ).fit(turn_pairs(train), "cpu")
        for name, shape in MODELS.items()
    }
    for name, plan in plans.items():
        model = iter_train_dialogue(
            train, plan.model, plan.training, valid=valid, device="cpu", threads=options.threads
        ).result()  # fmt: skip
        print(row([name, *_scores(model, test, options.seed), *_size(model)]), flush=True)
    stream = language_model(train, valid, options)
    assert {*stream.vocabulary} == {*model.vocabulary}
    blank = [""] * (len(names) - 3)
    cells = [f"{next_turns_perplexity(stream, test):.2f}", *blank, *_size(stream)]
    print(row(["LSTM language model", *cells]))
    shown = plans["HRED"].model, plans["HRED"].training
    smoothing = plans["HRED"].training.label_smoothing  # 0.1 is what train-dialogue fits
    print(f"\nof HRED: {', '.join(map(changed_settings, shown))}, label_smoothing {smoothing:g}")


def _scores(model: DialogueModel, test: Sequence[Dialogue], seed: int) -> list[str]:
    score = iter_evaluate_dialogues(
        model, test, DecodingConfig(max_length=50), sampling=SamplingConfig(seed=seed), draws=1,
        situations=1, samples=20,
    ).result()  # fmt: skip
    kl = "" if score.kl is None else f"{score.kl:.2f}"
    bleu = "" if score.translation is None else f"{score.translation.bleu:.2f}"
    shown = [f"{score.perplexity:.2f}", kl, f"{score.distinct_1:.4f}", f"{score.distinct_2:.4f}"]
    histories = [turns[:n] for turns in test for n in range(1, len(turns))]
    asked = histories[:: max(len(histories) // SITUATIONS, 1)]
    for sampling in SAMPLINGS.values():
        config = DecodingConfig(
            sample=True, alternatives=DRAWS, max_length=50, seed=seed, **sampling
        )
        drawn = [{answer.text for answer in found} for found in answers(model, asked, config)]
        shown.append(f"{np.mean([*map(len, drawn)]):.2f}")
    return [*shown[:4], bleu, *shown[4:]]


def _size(model: DialogueModel | LanguageModel) -> list[str]:
    """Return the epochs of a training, and millions of weights."""
    weights = sum(part.numel() for part in model.network.parameters())
    return [f"{model.metadata['training']['epochs']:.1f}", f"{weights / 1e6:.1f} M"]


def language_model(
    train: Sequence[Dialogue], valid: Sequence[Dialogue], options: argparse.Namespace
) -> LanguageModel:
    """Return a model of the turns of all dialogues, one after the other."""
    lines, held_out = ([turn for turns in each for turn in turns] for each in (train, valid))
    return wordkit.train_language_model(
        lines, valid=held_out, tokenizer="whitespace", max_minutes=options.minutes,
        seed=options.seed, device="cpu", threads=options.threads, progress=False,
        **STREAM, **TRAINING,
    )  # fmt: skip


def next_turns_perplexity(model: LanguageModel, dialogues: Sequence[Dialogue]) -> float:
    """Return the perplexity of all turns but the first, each given those before."""
    ids = [model.encode("\n".join([*turns, ""])) for turns in dialogues]
    firsts = [len(model.encode(f"{turns[0]}\n")) for turns in dialogues]
    scores = score_sequences(model.network, ids, first=model.eos_id)
    known = np.concatenate([each[first:] for each, first in zip(scores, firsts, strict=True)])
    return math.exp(-known.mean())


def speed(options: argparse.Namespace) -> None:
    """Print the processor time of an epoch, without validation."""
    train = read(options)[0]
    pairs, given = turn_pairs(train), {**TRAINING, "epochs": 1}
    of_pairs = plan_training({**SHAPE, "unit": "word"}, given).fit(pairs, "cpu")
    given["batch"] = round(of_pairs.training.batch * len(train) / len(pairs))
    plan = plan_training(SHAPE, given, config=DialogueConfig).fit(pairs, "cpu")

    def seconds(run: Run[Any]) -> float:
        start = time.process_time()
        run.result()
        return time.process_time() - start

    on = {"device": "cpu", "threads": 1}
    jobs = {
        "train-seq2seq": lambda: seconds(
            iter_train_seq2seq(pairs, of_pairs.model, of_pairs.training, **on)
        ),
        "train-dialogue": lambda: seconds(
            iter_train_dialogue(train, plan.model, plan.training, **on)
        ),
    }
    tokens = sum(len(pair.target.split()) + 1 for pair in pairs)
    print(
        f"{len(pairs):,} pairs of turns with {tokens:,} target tokens; processor time of an epoch\n"
    )
    print(table(in_turns(jobs, options.rounds), reference="train-seq2seq"))


def main() -> None:
    """Read the dialogues, train, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("everyday", "speed"))
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--limit", type=int, help="dialogues of each part")
    options = parser.parse_args()
    print(describe(), end="\n\n")
    {"everyday": everyday, "speed": speed}[options.what](options)


if __name__ == "__main__":
    main()
