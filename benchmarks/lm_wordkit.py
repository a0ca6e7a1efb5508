"""wordkit's training of a language model, timed; as a script, in a process of its own.

    python benchmarks/lm_wordkit.py FOLDER SETTINGS

The script trains on a prepared corpus. SETTINGS is a JSON object with fields of ``model``, of
``training``, and the numbers of ``windows`` to time, of those before them, ``warm_up``, and of
``threads``. It prints another one: the ``tokens`` of those windows and the ``seconds`` they took.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice

from wordkit.lm import ModelConfig, TrainingConfig, iter_train_language_model
from wordkit.text import Corpus

__all__ = ["measure"]


def measure(
    corpus: Corpus,
    model: ModelConfig,
    config: TrainingConfig,
    *,
    windows: int,
    warm_up: int,
    threads: int,
) -> tuple[int, float]:
    """Tokens of some windows of a training, and the seconds that they took.

    Args:
        corpus: the text.
        model, config: what is trained, and how; with epochs enough for all windows.
        windows: how many are timed, at least 1.
        warm_up: windows before them, at least 1.
        threads: of the CPU.
    """
    run = iter_train_language_model(corpus, model, config, device="cpu", threads=threads)
    done = (report.done for report in run if report.stage == "training")  # one for each window
    *_, before = islice(done, warm_up)
    began = time.perf_counter()
    *_, after = islice(done, windows)
    seconds = time.perf_counter() - began
    run.close()
    return after - before, seconds


def main() -> None:
    """Train once."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    settings = json.loads(sys.argv[2])
    model, config = ModelConfig(**settings["model"]), TrainingConfig(**settings["training"])
    numbers = {name: settings[name] for name in ("windows", "warm_up", "threads")}
    tokens, seconds = measure(Corpus.open(sys.argv[1]), model, config, **numbers)
    print(json.dumps({"tokens": tokens, "seconds": seconds}))


if __name__ == "__main__":
    main()
