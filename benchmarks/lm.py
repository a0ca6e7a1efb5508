"""Language models: time to a perplexity, speed and memory, beside a plain PyTorch loop.

    python benchmarks/lm.py goal       seconds to test perplexity 135.3, in turns
    python benchmarks/lm.py speed      training alone, tokens a second, in turns
    python benchmarks/lm.py minutes    perplexity that wordkit train-lm gets to in some minutes
    python benchmarks/lm.py adaptation a cache, dynamic evaluation and ensembles
    python benchmarks/lm.py finetuning the bundled model trained on, beside one from scratch
    python benchmarks/lm.py architectures   LSTM and Transformer; words, pieces and characters
    python benchmarks/lm.py characters nats per character of Shakespeare after some minutes
    python benchmarks/lm.py nanogpt    training alone, beside a plain Transformer, in turns
    python benchmarks/lm.py memory     peak memory at vocabularies of 10,000 and 100,000
    python benchmarks/lm.py devices    presets of papers on a GPU, minute by minute

The text is that of shared/data/ptb, beside it enwiki-2018 and tinyshakespeare; the plain loop is
benchmarks/lm_plain.py, the program people copy, that of a Transformer lm_nanogpt_plain.py. Each
subcommand tells its options with --help; with --limit it can be tried on a part of the texts.
"""

from __future__ import annotations

import argparse
import math

from lm_text import DATA
from subcommands import parsers, positive, run_subcommand

MODULES = {
    "goal": "lm_goal",
    "speed": "lm_speed",
    "minutes": "lm_minutes",
    "adaptation": "lm_adaptation",
    "finetuning": "lm_finetuning",
    "architectures": "lm_architectures",
    "characters": "lm_characters",
    "nanogpt": "lm_nanogpt",
    "memory": "lm_memory",
    "devices": "lm_devices",
}


def parse() -> argparse.Namespace:
    """Parse the arguments."""
    parser, commands, shared = parsers(
        __doc__, data=DATA, what="ptb lies", part="lines of each text"
    )

    goal = commands.add_parser("goal", parents=[shared])
    goal.add_argument("--rounds", type=positive, default=2, help="times that each is run")
    goal.add_argument("--epochs", type=positive, default=4, help="of the plain loop")
    goal.add_argument(
        "--minutes", type=_above_zero, nargs="+", help="default: 0.25 0.35 0.5 0.75 1"
    )
    speed = commands.add_parser("speed", parents=[shared])
    speed.add_argument("--rounds", type=positive, default=3, help="times that each is run")
    speed.add_argument("--windows", type=positive, default=100, help="that are timed")
    speed.add_argument("--warm-up", type=positive, default=20, help="windows before them")
    speed.add_argument("--only-two-layers", action="store_true", help="leave out the second table")
    minutes = commands.add_parser("minutes", parents=[shared])
    minutes.add_argument("--minutes", type=_above_zero, nargs="+", help="default: 1 2 6 20")
    adaptation = commands.add_parser("adaptation", parents=[shared])
    adaptation.add_argument("--minutes", type=_above_zero, default=20.0, help="for each model")
    adaptation.add_argument("--models", type=positive, default=3, help="of the ensemble")
    adaptation.add_argument("--cache", type=positive, default=2000, help="words of the cache")
    finetuning = commands.add_parser("finetuning", parents=[shared])
    finetuning.add_argument("--minutes", type=_above_zero, default=1.0, help="of fine-tuning")
    finetuning.add_argument(
        "--scratch-minutes", type=_above_zero, default=5.0, help="of training from scratch"
    )
    architectures = commands.add_parser("architectures", parents=[shared])
    architectures.add_argument("--minutes", type=_above_zero, nargs="+", default=[1.0, 5.0, 20.0])
    architectures.add_argument(
        "--unit-minutes", type=_above_zero, default=20.0, help="by words, pieces and characters"
    )
    parts = ["architectures", "units"]
    architectures.add_argument("--parts", nargs="+", choices=parts, default=parts)
    characters = commands.add_parser("characters", parents=[shared])
    characters.add_argument(
        "--minutes", type=_above_zero, help="default: 3 and 15 of the LSTM, 3 of the Transformer"
    )
    nanogpt = commands.add_parser("nanogpt", parents=[shared])
    nanogpt.add_argument("--rounds", type=positive, default=3, help="times that each is run")
    nanogpt.add_argument("--windows", type=positive, default=200, help="batches that are timed")
    nanogpt.add_argument("--warm-up", type=positive, default=30, help="batches before them")
    memory = commands.add_parser("memory", parents=[shared])
    memory.add_argument("--words", type=positive, nargs="+", default=[100_000], help="made-up")
    memory.add_argument("--seconds", type=_above_zero, default=20.0, help="that wordkit trains")
    memory.add_argument("--windows", type=positive, default=10, help="that the plain loop trains")
    devices = commands.add_parser("devices", parents=[shared])
    devices.add_argument("--device", choices=["cuda", "mps", "cpu"], default="cuda")
    devices.add_argument("--presets", nargs="+", default=["awd-lstm", "zaremba-medium"])
    devices.add_argument("--minutes", type=_above_zero, default=25.0, help="for each, at most")
    devices.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    return parser.parse_args()


def _above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def main() -> None:
    """Run a subcommand."""
    options = parse()

    run_subcommand(options, MODULES, needs="torch")


if __name__ == "__main__":
    main()
