"""Make the vectors and the language model that come with wordkit, and their model cards.

    python benchmarks/bundled.py [--only vectors|counts|lm ...] [--work DIR] [--minutes N]

Everything is learnt by wordkit's own commands from the English Wikipedia of ../shared/data. What
has been trained already is taken from DIR, so that an interrupted run can resume. The whole
takes about as long as the language model is given, and five minutes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import describe, heading, in_one_line, row

from wordkit import bundled
from wordkit.errors import StorageError

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TEXT = "enwiki-2018.txt.gz"
SETS = ["EN-WS-353-ALL.txt", "EN-SIMLEX-999.txt", "EN-RG-65.txt"]
WORDS = 20_000
HELD_OUT = 2_500  # of the last lines, which are fewer than those the training leaves out


@dataclass(frozen=True)
class Recipe:
    """The settings of bundled vectors."""

    name: str
    title: str
    command: str
    settings: tuple[str, ...]
    dim: int
    half: int
    """Dimensions that half precision would leave at the same size."""

    target: Path

    def options(self, dim: int) -> list[str]:
        """The options of the command that trains vectors of so many dimensions."""
        return ["--dim", str(dim), *self.settings]


RECIPES = (
    Recipe(
        "vectors", "The bundled vectors: word2vec", "train-w2v",
        ("--window", "8", "--epochs", "20"), 110, 55, bundled.VECTORS,
    ),
    Recipe(
        "counts", "The bundled vectors: counting", "train-counts", (), 48, 24, bundled.COUNTS
    ),
)  # fmt: skip
LM = ["--max-vocabulary", "10000", "--hidden", "352", "--tied", "--hold-out", "0.01"]

ORIGIN = """\
## Text

English Wikipedia, a sample of 58 MB of its prose, {tokens:,} tokens in {lines:,} lines. The file is
called enwiki-2018, and yet its articles tell of later years too.
The text is by the contributors of Wikipedia (https://en.wikipedia.org; each article's history
names them) and stands under the licence CC BY-SA 3.0
(https://creativecommons.org/licenses/by-sa/3.0/). What is learnt from it here is passed on under
the same licence.
"""


def wordkit(*arguments: str, cwd: Path | None = None) -> str:
    """Run a command of wordkit, show it, and return its standard output."""
    print("$ wordkit " + " ".join(arguments), flush=True)
    command = [sys.executable, "-m", "wordkit_cli", *arguments]
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"that ended with status {done.returncode}")
    return done.stdout


def trained(command: str, options: Sequence[str], output: Path) -> str:
    """Train on the text unless that has been done, and return the command as one may type it."""
    if not output.exists():
        # from the folder of the text, so that the file tells its name and not where it lay
        wordkit(command, TEXT, *options, "-o", str(output), cwd=DATA / "enwiki-2018")
    return " ".join(["wordkit", command, TEXT, *options])


def scores(vectors: Path) -> list[str]:
    """Spearman's correlation on the three sets and the accuracy on analogies, in percent."""
    sets = [str(DATA / "evaluation" / name) for name in SETS]
    questions = str(DATA / "evaluation" / "questions-words.txt")
    asked = ["--similarity", *sets, "--analogies", questions]
    known = json.loads(wordkit("evaluate", str(vectors), *asked, "--json", "-q"))
    found = {entry["name"]: entry["spearman"] for entry in known["similarity"]}
    fractions = [found[Path(name).stem] for name in SETS] + [
        known["analogies"]["total"]["accuracy"]
    ]
    return [f"{100 * fraction:.1f}" for fraction in fractions]


def info(path: Path) -> dict[str, Any]:
    """Return the output of wordkit info for a file."""
    known: dict[str, Any] = json.loads(wordkit("info", str(path), "--json"))
    return known


def settings(made: Mapping[str, Any]) -> str:
    """The settings of a training as lines of a list."""
    return "\n".join(f"- `{name}`: {value}" for name, value in made.items())


def make_vectors(work: Path, recipe: Recipe) -> None:
    """Train vectors, round those of the most frequent words, score both, and write the card."""
    name = recipe.name
    whole, fewer = work / f"{name}.safetensors", work / f"{name}-{recipe.half}.safetensors"
    typed = trained(recipe.command, recipe.options(recipe.dim), whole)
    trained(recipe.command, recipe.options(recipe.half), fewer)
    kinds = (
        (whole, "fp32", f"{recipe.dim} dimensions, 4 bytes a number"),
        (whole, "int8", f"**{recipe.dim} dimensions, 8-bit rows with a scale: this file**"),
        (fewer, "fp16", f"{recipe.half} dimensions, half precision"),
    )
    lines = [
        heading(["20,000 words", "bytes", "WordSim-353", "SimLex-999", "RG-65", "Google analogies"])
    ]
    for source, precision, label in kinds:
        small = work / f"{name}-{precision}.safetensors"
        cut = ["--limit", str(WORDS), "--precision", precision, "--vectors-only"]
        wordkit("convert", str(source), str(small), *cut)
        lines.append(row([label, f"{small.stat().st_size:,}", *scores(small)]))
    made = work / f"{name}-int8.safetensors"
    keep(made, recipe.target, vectors_card(recipe, typed, info(made)["made"], "\n".join(lines)))


def vectors_card(recipe: Recipe, typed: str, about: Mapping[str, Any], table: str) -> str:
    """The model card of vectors: how they were made, of what, how good, and what not for."""
    corpus = about["corpus"]
    return f"""\
# {recipe.title}

The {WORDS:,} most frequent words of English Wikipedia, {recipe.dim} dimensions, lower case.

## How they were made

```sh
{typed} -o whole.safetensors
wordkit convert whole.safetensors {recipe.target.name} --limit {WORDS} --precision int8
```

{settings(about["settings"])}

`python benchmarks/bundled.py --only {recipe.name}` does it again, and wrote this card on the
machine below. Threads that learn side by side do not give the same bytes twice, but nearly the same
scores.

```
{describe()}
```

{ORIGIN.format(tokens=corpus["tokens"], lines=corpus["sentences"])}
## Scores

`wordkit evaluate`, in percent: Spearman's correlation with people's judgement of word pairs, and
the accuracy on analogies (3CosAdd), of the pairs and questions whose words are known.

{table}

## Limits

Eleven million words are few: rare words, and rare meanings of frequent ones, are known badly. All
is in lower case, and each word has one vector for all of its meanings. The vectors hold what the
encyclopedia says of people, countries and professions, its gaps and prejudices with it; do not let
them decide about people. For work of your own train on text of your own.
"""


def make_lm(work: Path, minutes: float) -> None:
    """Train the language model, round it, measure both, and write the card."""
    whole, small = work / "lm.safetensors", work / "lm-int8.safetensors"
    options = [*LM, "--max-minutes", f"{minutes:g}", "--seed", "1"]
    typed = trained("train-lm", options, whole)
    held_out = work / "held-out.txt"
    with gzip.open(DATA / "enwiki-2018" / TEXT, "rt", encoding="utf-8") as text:
        held_out.write_text("".join(deque(text, HELD_OUT)), encoding="utf-8")
    half = work / "lm-fp16.safetensors"
    wordkit("convert", str(whole), str(small), "--to", "lm", "--precision", "int8")
    wordkit("convert", str(whole), str(half), "--to", "lm", "--precision", "fp16")
    lines = [heading(["", "bytes", "perplexity", "without oov", "tokens", "oov"])]
    for label, path in (
        ("4 bytes a number", whole),
        ("half precision", half),
        ("**8-bit rows with a scale: this file**", small),
    ):
        found = json.loads(wordkit("perplexity", str(path), str(held_out), "--json", "-q"))
        figures = f"{found['perplexity']:.2f}", f"{found['perplexity_excluding_oov']:.2f}"
        counts = f"{found['tokens']:,}", f"{found['oov']:,}"
        lines.append(row([label, f"{path.stat().st_size:,}", *figures, *counts]))
    keep(small, bundled.LANGUAGE_MODEL, lm_card(typed, minutes, info(small), "\n".join(lines)))


def lm_card(typed: str, minutes: float, known: Mapping[str, Any], table: str) -> str:
    """The model card of the language model."""
    corpus, valid = known["made"]["corpus"], known["made"]["valid"]
    lines_of_text = corpus["sentences"] + valid["sentences"]
    return f"""\
# The bundled language model

An LSTM of {known["network"]["hidden"]} that knows {known["words"]:,} words,
{known["parameters"]:,} parameters, lower case, with punctuation.

## How it was made

```sh
{typed} -o whole.safetensors
wordkit convert whole.safetensors lm.safetensors --to lm --precision int8
```

{settings(known["network"])}

and in training:

{settings(known["made"].get("settings", {}))}

`python benchmarks/bundled.py --only lm --minutes {minutes:g}` does it again; it wrote this card on

```
{describe()}
```

How good a model becomes in so many minutes depends on the machine and on what else it does; this
one learnt beside other work.

{ORIGIN.format(tokens=corpus["settings"]["text_tokens"], lines=lines_of_text)}
## Scores

`wordkit perplexity` on the last {HELD_OUT:,} lines, which no weight was learnt from; they are among
those that the training validated on:

{table}

## Limits

It writes what looks like an encyclopedia, and none of it is true: no fact, name or date that it
prints should be believed. It knows {known["words"]:,} words, in lower case; names it lacks are
`<unk>` to it. What its text says of people, its gaps and prejudices with it, comes through. For
work of your own train on text of your own.
"""


def keep(made: Path, target: Path, card: str) -> None:
    """Copy a model and its card to the bundled files."""
    target.write_bytes(made.read_bytes())
    target.with_suffix(".md").write_text(card, encoding="utf-8")
    print(f"{target.name}: {target.stat().st_size:,} bytes")


def main() -> None:
    """Make what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=["vectors", "counts", "lm"])
    parser.add_argument(
        "--work", type=Path, help="keep what is trained here, and take it from here"
    )
    parser.add_argument("--minutes", type=float, default=60, help="for the language model")
    given = parser.parse_args()
    if not (DATA / "enwiki-2018" / TEXT).exists():
        raise StorageError(f"there is no {DATA / 'enwiki-2018' / TEXT}, which all is learnt from")
    chosen = given.only or ["vectors", "counts", "lm"]
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        for recipe in RECIPES:
            if recipe.name in chosen:
                make_vectors(work, recipe)
        if "lm" in chosen:
            make_lm(work, given.minutes)


if __name__ == "__main__":
    in_one_line(main)
