"""word2vec: speed, quality and memory, beside gensim on the same text with the same settings.

    python benchmarks/word2vec.py speed     training alone, wordkit and gensim in turns
    python benchmarks/word2vec.py command   from raw text to a file of vectors, as a process
    python benchmarks/word2vec.py quality   scores on the evaluation sets over three seeds
    python benchmarks/word2vec.py sweep     scores over the learning rates
    python benchmarks/word2vec.py processes scores and time under torchrun, beside threads
    python benchmarks/word2vec.py scaling   speed and memory as text, dimensions, threads grow
    python benchmarks/word2vec.py table     speed over dimensions and negatives

The text is that of shared/data/enwiki-2018, tokenised by wordkit; gensim reads the same tokens from
a file, a sentence a line, through its fastest way in (corpus_file). Each subcommand tells its
options with --help; with --limit it can be tried on a part of the text.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from subcommands import parsers, positive, run_subcommand
from word2vec_text import DATA

from wordkit.word2vec.engine import DEVICES

MODULES = {
    "speed": "word2vec_speed",
    "command": "word2vec_speed",
    "quality": "word2vec_quality",
    "sweep": "word2vec_quality",
    "processes": "word2vec_processes",
    "scaling": "word2vec_scaling",
    "table": "word2vec_speed",
}


def parse() -> argparse.Namespace:
    """Parse the arguments."""
    parser, commands, shared = parsers(
        __doc__, data=DATA, what="enwiki-2018 lies", part="lines of the text"
    )
    timed = argparse.ArgumentParser(add_help=False)
    timed.add_argument("--rounds", type=positive, default=3, help="times that each is run")
    scored = argparse.ArgumentParser(add_help=False)
    scored.add_argument("--keep", type=Path, metavar="FOLDER", help="keep scores there, to resume")

    commands.add_parser("speed", parents=[shared, timed])
    commands.add_parser("command", parents=[shared, timed])
    quality = commands.add_parser("quality", parents=[shared, scored])
    quality.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    quality.add_argument("--epochs", type=positive, default=5)
    devices = [device for device in DEVICES if device != "cpu"]
    quality.add_argument("--device", choices=devices, help="train there as well")
    quality.add_argument("--only", nargs="+", choices=["gensim", "wordkit", "device"])
    sweep = commands.add_parser("sweep", parents=[shared, scored])
    sweep.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    sweep.add_argument("--epochs", type=positive, nargs="+", default=[1, 5, 15])
    sweep.add_argument("--dim", type=positive, nargs="+", default=[100, 300])
    processes = commands.add_parser("processes", parents=[shared, scored])
    processes.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    processes.add_argument("--epochs", type=positive, default=5)
    processes.add_argument("--counts", type=positive, nargs="+", default=[2, 4])
    processes.add_argument("--arch", nargs="+", choices=["skipgram", "cbow"], help="default: both")
    scaling = commands.add_parser("scaling", parents=[shared, timed])
    scaling.add_argument("--arch", nargs="+", choices=["skipgram", "cbow"], help="default: both")
    scaling.add_argument("--sizes", type=positive, nargs="+", help="default: 1 4 16")
    table = commands.add_parser("table", parents=[shared, timed])
    table.add_argument("--dim", type=positive, nargs="+", help="default: 50 100 200 300 500")
    table.add_argument("--negative", type=positive, nargs="+", help="default: 5 10 15")
    table.add_argument("--part", type=_share, default=0.1, help="of the text, for gensim")
    options = parser.parse_args()
    if options.name == "quality" and "device" in (options.only or ()) and not options.device:
        parser.error("--only device needs --device")
    return options


def _share(text: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0 and at most 1")
    return fraction


def main() -> None:
    """Run a subcommand."""
    options = parse()
    without_gensim = options.name in ("sweep", "processes", "scaling") or (
        options.name == "quality" and options.only and "gensim" not in options.only
    )

    run_subcommand(options, MODULES, needs=None if without_gensim else "gensim")


if __name__ == "__main__":
    main()
