"""The sentence VAE on the lines of the Penn Treebank, beside the figures of Bowman et al. (2016).

    python benchmarks/sentence_vae.py [--minutes 15] [--free-bits 2 8] [--word-dropout 0.25 0.6]

For each number of free bits and each word dropout, an autoencoder by word with 32 dimensions is
trained for 15 minutes on the lines of ptb.train.txt in shared/data/ptb, with the settings of
train-seq2seq --autoencode but for its size; the best on the first lines of ptb.valid.txt is
measured on ptb.test.txt: the negative ELBO and in it the KL divergence, nats a line, and the
bound of the perplexity, by the ELBO and by importance sampling. Beside it stand the published
figures, of table 2 there: their encoder and decoder are LSTMs of one layer, their latent variable
is the initial state of the decoder (here an input of every step), and word dropout was tuned.
Below, of the last autoencoder, lines that are drawn from the prior, and lines between two lines.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
from pathlib import Path

from machine import describe, heading, row

from wordkit.seq2seq import (
    DecodingConfig,
    Pair,
    iter_evaluate_pairs,
    iter_train_seq2seq,
)
from wordkit.seq2seq.fitting import plan_training

DATA = Path(__file__).resolve().parents[2] / "shared/data/ptb"
PUBLISHED = {"VAE, Bowman et al. 2016": ("101", "2", "119")}  # −ELBO, KL, perplexity
SHAPE = {"autoencode": True, "hidden": 256, "dim": 128, "directions": "one"}
VALIDATED = 1000  # lines, each of which is decoded after each epoch
ENDS = (
    ("the company said it will close the plant", "he was named president and chief executive"),
    ("prices rose in september", "i do n't know what will happen"),
)


def read(folder: Path, part: str, limit: int | None) -> list[Pair]:
    """The lines of a part, each as its source and target."""
    text = (folder / f"ptb.{part}.txt").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [Pair(line, line) for line in lines[:limit]]


def main() -> None:
    """Train, measure, and show lines."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, help="lines of each part")
    parser.add_argument("--samples", type=int, default=5, help="draws for the bound")
    parser.add_argument("--free-bits", type=float, nargs="+", default=[2, 8], help="nats")
    parser.add_argument("--word-dropout", type=float, nargs="+", default=[0.25, 0.6])
    options = parser.parse_args()
    train, valid, test = (read(options.data, name, options.limit)
                          for name in ("train", "valid", "test"))  # fmt: skip
    print(f"{describe()}\n{len(train):,} lines; {options.minutes:g} minutes each, "
          f"{options.threads} threads\n")  # fmt: skip
    columns = ["-ELBO", "KL", "perplexity", f"by {options.samples} draws", "epochs"]
    print(heading(["", *columns]))
    for name, (loss, kl, perplexity) in PUBLISHED.items():
        print(row([name, loss, kl, perplexity, "", ""]))
    for free_bits, word_dropout in itertools.product(options.free_bits, options.word_dropout):
        given = {"max_minutes": options.minutes, "free_bits": free_bits,
                 "word_dropout": word_dropout}  # fmt: skip
        chosen = plan_training(SHAPE, given).fit(train)
        run = iter_train_seq2seq(
            train, chosen.model, chosen.training, valid=valid[:VALIDATED], threads=options.threads
        )
        model = run.result()
        score = iter_evaluate_pairs(
            model, test, DecodingConfig(max_length=1), samples=options.samples
        ).result().likelihood  # fmt: skip
        assert score is not None
        assert score.elbo is not None
        assert score.kl is not None
        by_elbo = math.exp(-score.elbo * score.targets / score.tokens)
        epochs = model.metadata["training"]["epochs"]
        figures = [-score.elbo, score.kl, by_elbo, score.perplexity, epochs]
        shown = [f"{figure:.1f}" for figure in figures]
        name = f"wordkit, free bits {free_bits:g}, word dropout {word_dropout:g}"
        print(row([name, *shown]), flush=True)
    print(f"\nof the last: {chosen.model.shape}, dropout {chosen.model.dropout:g}\n\n"
          "drawn from the prior")  # fmt: skip
    for text in model.sample(5):
        print(f"  {text}")
    for first, second in ENDS:
        print(f"\nfrom: {first}\nto:   {second}")
        for text in model.interpolate(first, second, 6):
            print(f"  {text}")


if __name__ == "__main__":
    main()
