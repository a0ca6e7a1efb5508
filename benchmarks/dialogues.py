"""Dialogues that are made by rules: what a model remembers, and how many answers it has.

    python benchmarks/dialogues.py memory [--epochs 10] [--seed 1]
    python benchmarks/dialogues.py situations [--epochs 16] [--seed 1]

memory: the last answer of each dialogue is a name, a number or a colour that was said 3 to 8 turns
before; other facts, of which some have names, numbers and colours too, stand before and between. So
a model that knows the last turn alone can but guess. Trained by wordkit train-dialogue's library
function; the epoch is chosen on validation dialogues, and the last answers of others are compared
exactly. For some thousand batches all models but guess: one word in thirty depends on an earlier
turn. Of 3,000 dialogues instead of 10,000 the others were learnt by heart before.

situations: someone speaks of a thing, and five answers are equally right, each of which is heard
equally often. Counted are the different right answers of a model in 20 draws with greedy decoding:
one where nothing is drawn. The perplexity and the KL divergence on validation dialogues, over the
training, go to benchmarks/results/dialogues_situations.png.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from machine import changed_settings, describe, heading, row

from wordkit.plots import curve_panels, read_training_log, training_panels
from wordkit.seq2seq import DecodingConfig
from wordkit.seq2seq.dialogue import (
    DialogueConfig,
    DialogueModel,
    DialogueTrainingConfig,
    answers,
    iter_train_dialogue,
)
from wordkit_cli.progress import Progress

RESULTS = Path(__file__).resolve().parent / "results"
NAMES = ["anna", "ben", "clara", "david", "emma", "felix", "greta", "henry", "ida", "jonas"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
COLOURS = ["red", "blue", "green", "black", "white", "yellow", "brown", "grey", "pink", "purple"]
FACTS = {
    "name": (NAMES, "my name is {}", "what is my name ?", "your name is {}"),
    "number": (NUMBERS, "my number is {}", "what is my number ?", "your number is {}"),
    "colour": (COLOURS, "my colour is {}", "what is my colour ?", "your colour is {}"),
}
OTHERS = (
    (NAMES, "my dog is called {}"), (NAMES, "do you know {} ?"), (NAMES, "{} is late today"),
    (NUMBERS, "i have {} brothers"), (NUMBERS, "the train leaves at {}"),
    (COLOURS, "the sky is {}"), (COLOURS, "i never wear {}"),
    ((), "i see"), ((), "that is nice"), ((), "how are you ?"), ((), "fine , thank you"),
    ((), "it is raining again"),
)  # fmt: skip
TRAIN, VALID, TEST = 10_000, 500, 1_000
DISTANCES = range(3, 9)  # turns from what was said to the answer

PEOPLE, THINGS = (
    NAMES,
    ["tea", "snow", "chess", "trains", "jazz", "bread", "cats", "rain", "paris", "maths"],
)
ANSWERS = ("i love {}", "{} is not for me", "who needs {} ?", "tell me more of {}", "{} again ?")
SITUATIONS, DRAWS = 3_000, 20

Dialogue = tuple[str, ...]


def memory_dialogue(chooser: random.Random) -> Dialogue:
    """Facts and other turns, a question, and the fact that it asks for."""

    def other() -> str:
        words, text = chooser.choice(OTHERS)
        return text.format(chooser.choice(words)) if words else text

    asked = chooser.choice([*FACTS])
    told = {kind: chooser.choice(words) for kind, (words, *_) in FACTS.items()}
    between = [other() for _ in range(chooser.choice(DISTANCES) - 2)]
    more = [kind for kind in FACTS if kind != asked and chooser.random() < 0.5]
    for kind in more[: len(between)]:  # other facts of the speaker, before or after
        between[chooser.randrange(len(between))] = FACTS[kind][1].format(told[kind])
    before = [other() for _ in range(chooser.randint(0, 2))]
    _, says, asks, answers = FACTS[asked]
    fact, answer = says.format(told[asked]), answers.format(told[asked])
    return (*before, fact, *between, asks, answer)


def situation(chooser: random.Random) -> tuple[str, list[str]]:
    """Return what is said, and the five answers."""
    thing = chooser.choice(THINGS)
    return f"{chooser.choice(PEOPLE)} speaks of {thing}", [each.format(thing) for each in ANSWERS]


def memory_parts(seed: int) -> list[list[Dialogue]]:
    """Return dialogues to train on, to validate on and to test on, all different."""
    chooser, found = random.Random(seed), dict[Dialogue, None]()
    while len(found) < TRAIN + VALID + TEST:
        found[memory_dialogue(chooser)] = None
    listed = [*found]
    return [listed[:TRAIN], listed[TRAIN : TRAIN + VALID], listed[TRAIN + VALID :]]


def training_settings(seed: int, epochs: int) -> DialogueTrainingConfig:
    """The settings of each training."""
    return DialogueTrainingConfig(
        batch=16, epochs=epochs, lr=4e-3, seed=seed,
        schedule="exponential", decay_after=max(epochs - 2, 0),
    )  # fmt: skip


def shown_settings(seed: int, epochs: int) -> str:
    """The settings of each training that are not the defaults, in two lines."""
    model = ", ".join(f"{name} {value}" for name, value in SHAPE.items())
    return f"model: {model}\ntraining: {changed_settings(training_settings(seed, epochs))}"


def train(
    parts: Sequence[Sequence[Dialogue]], seed: int, epochs: int, log: str | None = None,
    **shape: object,
) -> tuple[DialogueModel, float]:  # fmt: skip
    """Return a model, and the seconds that its training took; it is logged as commands do it."""
    model = DialogueConfig(**{**SHAPE, **shape})  # type: ignore[arg-type]
    config = training_settings(seed, epochs)
    start = time.perf_counter()
    run = iter_train_dialogue(parts[0], model, config, valid=parts[1], device="cpu", threads=1)
    with Progress(quiet=True, log=log) as progress:
        return progress.finish(run), time.perf_counter() - start


def memory(seed: int, epochs: int) -> None:
    """Print the exact matches of last answers, of each model and by what is asked for."""
    parts = memory_parts(seed)
    test = parts[2]
    turns = sum(map(len, parts[0]))
    print(f"{TRAIN:,} dialogues of {turns:,} turns, {epochs} epochs; tested on {len(test):,}")
    print("by chance: 10.0%, as there are ten of each kind")
    print(f"{shown_settings(seed, epochs)}\n")
    print(heading(["", "last answers right", "of names", "of numbers", "of colours", "seconds"]))
    for name, shape in SHAPES.items():
        model, seconds = train(parts, seed, epochs, **shape)
        found = model.answer([dialogue[:-1] for dialogue in test])
        right = [a == dialogue[-1] for a, dialogue in zip(found, test, strict=True)]
        cells = [f"{sum(right) / len(right):.1%}"]
        for _, _, asks, _ in FACTS.values():
            of_kind = [r for r, d in zip(right, test, strict=True) if d[-2] == asks]
            cells.append(f"{sum(of_kind) / len(of_kind):.1%}")
        print(row([name, *cells, f"{seconds:.0f}"]), flush=True)


SHAPE: dict[str, object] = {
    "cell": "gru", "hidden": 128, "dim": 32, "attention": "none", "peeky": True,
}  # fmt: skip
SHAPES: dict[str, dict[str, object]] = {
    "last turn alone": {"arch": "seq2seq"},
    "HRED": {"arch": "hred"},
    "HRED, attention over turns": {"arch": "hred", "attention": "dot", "attention_to": "turns"},
}
"""The models that are compared."""


def situations(seed: int, epochs: int) -> None:
    """Print the different right answers of each model in 20 draws of its latent variable."""
    chooser = random.Random(seed)
    dialogues = []
    for _ in range(SITUATIONS):
        said, right = situation(chooser)
        dialogues.append((said, chooser.choice(right)))
    parts = [dialogues[VALID:], dialogues[:VALID]]
    asked = dict(situation(chooser) for _ in range(50))
    print(f"{len(parts[0]):,} dialogues, {epochs} epochs; {len(asked)} situations asked")
    print(f"{shown_settings(seed, epochs)}\n")
    print(
        heading(["", f"right answers in {DRAWS} draws, mean", "least", "wrong answers", "KL, nats"])
    )
    drawing = DecodingConfig(sample=True, top_k=1, alternatives=DRAWS, seed=seed)
    logs = {}
    with TemporaryDirectory(prefix="wordkit-benchmark-") as folder:
        for name, arch in {"HRED": "hred", "VHRED": "vhred"}.items():
            log = f"{folder}/{arch}.jsonl"
            model, _ = train(parts, seed, epochs, log, arch=arch)
            logs[name] = read_training_log(log)
            counts, wrong = [], 0
            drawn = answers(model, ([said] for said in asked), drawing)
            for right, found in zip(asked.values(), drawn, strict=True):
                wrong += sum(answer.text not in right for answer in found)
                counts.append(len({answer.text for answer in found} & {*right}))
            mean = f"{sum(counts) / len(counts):.2f}"
            cells = [mean, str(min(counts)), f"{wrong / DRAWS / len(asked):.1%}"]
            kl = [f"{value:.2f}" for value in logs[name].curve("valid_kl", "epochs")[1][-1:]]
            print(row([name, *cells, *(kl or [""])]), flush=True)
    panels, x = training_panels(logs)
    panels = [panel for panel in panels if re.search("perplexity|KL", panel.y)]
    curve_panels(panels, RESULTS / "dialogues_situations.png", x=x)


def main() -> None:
    """Make the dialogues, train, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("memory", "situations"))
    parser.add_argument("--epochs", type=int, help="10 for memory, 16 for situations")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(describe(), end="\n\n")
    run, epochs = {"memory": (memory, 10), "situations": (situations, 16)}[options.what]
    run(options.seed, options.epochs or epochs)


if __name__ == "__main__":
    main()
