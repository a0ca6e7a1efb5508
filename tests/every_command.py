"""Every command of ``wordkit`` once: calls of it that work, what they read and what they write.

A new command needs a row here, and has by it the tests of ``cli/test_new_processes.py`` (the same
seed, the same bytes), ``cli/test_damage.py`` (inputs and outputs), ``cli/test_numbers.py``
(options), ``cli/test_kills.py`` (signals) and ``cli/test_help.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from wordkit_cli.commands import cli

__all__ = [
    "COMMANDS",
    "Call",
    "all_calls",
    "command_names",
    "make_files",
    "options",
    "save_royal_vectors",
]


@dataclass(frozen=True)
class Call:
    """A call that works in the folder that :func:`make_files` fills."""

    arguments: tuple[str, ...] = ()
    """What stands behind the name of the command."""

    reads: Mapping[str, str] = field(default_factory=dict)
    """The files that it reads, and the kind of each: a key of ``damage.REFUSED``."""

    writes: tuple[str, ...] = ()
    """The files and folders that it writes; each is one of the arguments."""

    stdin: str = ""
    """What it is given as standard input."""


TEXT, LINES, PAIRS, VECTORS = "text", "lines", "pairs", "vectors"
LM, SEQ2SEQ = "language model", "sequence model"

_W2V = ("--dim", "8", "--epochs", "2", "--min-count", "1", "--threads", "1", "-q")
_OF_4 = ("--dim", "4")
_SMALL = ("--hidden", "8", "--epochs", "1", "--threads", "1", "--device", "cpu", "-q")
_LM = ("--preset", "rnnlm", "--batch", "4", "--steps", "6", *_SMALL)
_CHECKPOINTED = ("--checkpoint", "lm.checkpoint", "--log", "lm.jsonl", *_LM)
_LM_AGAIN = ("--checkpoint", "lm.checkpoint", "--resume", *_LM, "--epochs", "2")
_SEQ2SEQ_AGAIN = ("--checkpoint", "seq2seq.checkpoint", "--resume", *_SMALL, "--epochs", "2")
_HELD_OUT = ("--valid", "valid.txt", "--test", "test.txt", "--embeddings", "vectors.safetensors")

COMMANDS: dict[str, tuple[Call, ...]] = {
    "train-w2v": (
        Call(
            ("corpus.txt", "-o", "v.safetensors", *_W2V), {"corpus.txt": TEXT}, ("v.safetensors",)
        ),
        Call(
            ("old.ids", "-o", "v.bin", "--log", "log", "--init", "vectors.txt", *_W2V, *_OF_4),
            {"old.ids": "corpus", "vectors.txt": VECTORS},
            ("v.bin", "log"),
        ),
        Call(
            ("corpus.txt", "-o", "v.txt", "--checkpoint", "w2v.checkpoint", "--resume", *_W2V),
            {"w2v.checkpoint": "word2vec checkpoint"},
            ("v.txt", "w2v.checkpoint"),
        ),
    ),
    "train-counts": (
        Call(("corpus.txt", "--dim", "4", "-o", "v.txt", "-q"), {"corpus.txt": TEXT}, ("v.txt",)),
        Call(
            ("old.ids", "--dim", "4", "-o", "v.vec.gz", "-q", "--log", "log", "--memory", "1M"),
            {"old.ids": "corpus"},
            ("v.vec.gz", "log"),
        ),
    ),
    "train-lm": (
        Call(("corpus.txt", "-o", "m.safetensors", *_LM), {"corpus.txt": TEXT}, ("m.safetensors",)),
        Call(
            ("old.ids", "-o", "m.safetensors", *_HELD_OUT, "--log", "log", *_LM, *_OF_4),
            {"old.ids": "corpus", "valid.txt": TEXT, "test.txt": TEXT}
            | {"vectors.safetensors": VECTORS},
            ("m.safetensors", "log"),
        ),
        Call(
            ("corpus.txt", "-o", "m.safetensors", *_LM_AGAIN),
            {"lm.checkpoint": "language model checkpoint"},
            ("m.safetensors", "lm.checkpoint"),
        ),
    ),
    "train-seq2seq": (
        Call(("toy.tsv", "-o", "m.safetensors", *_SMALL), {"toy.tsv": PAIRS}, ("m.safetensors",)),
        Call(
            ("toy.tsv", "-o", "m.safetensors", "--valid", "valid.tsv", "--log", "log", *_SMALL),
            {"valid.tsv": PAIRS},
            ("m.safetensors", "log"),
        ),
        Call(
            ("toy.tsv", "-o", "m.safetensors", *_SEQ2SEQ_AGAIN),
            {"seq2seq.checkpoint": "sequence model checkpoint"},
            ("m.safetensors", "seq2seq.checkpoint"),
        ),
    ),
    "similar": (
        Call(("king", "-n", "3"), {"vectors.safetensors": VECTORS}),
        Call(("king", "-m", "vectors.txt", "--json"), {"vectors.txt": VECTORS}),
        Call(("king", "-m", "vectors.bin.gz"), {"vectors.bin.gz": VECTORS}),
        Call(("-",), {"vectors.safetensors": VECTORS}, stdin="king\nqueen\n"),
    ),
    "analogy": (Call(("king", "man", "woman", "--json"), {"vectors.safetensors": VECTORS}),),
    "vector": (Call(("king",), {"vectors.safetensors": VECTORS}),),
    "odd-one-out": (Call(("king", "queen", "man", "car"), {"vectors.safetensors": VECTORS}),),
    "similar-lines": (
        Call(("the king", "corpus.txt"), {"corpus.txt": TEXT, "vectors.safetensors": VECTORS}),
        Call(("a king", "-", "--json"), {"vectors.safetensors": VECTORS}, stdin="the queen\na car"),
    ),
    "synonyms": (Call(("car", "--wordnet", "words"), {"words": "WordNet"}),),
    "hypernyms": (Call(("cars", "snow plough", "--wordnet", "words"), {"words": "WordNet"}),),
    "wordnet-similarity": (Call(("car", "ox", "--wordnet", "words"), {"words": "WordNet"}),),
    "compare": (
        Call(
            ("car", "--wordnet", "words", "--counting", "vectors.txt"),
            {"words": "WordNet", "vectors.txt": VECTORS, "vectors.safetensors": VECTORS},
        ),
    ),
    "plot vectors": (
        Call(
            ("vectors.safetensors", "-o", "map.html"),
            {"vectors.safetensors": VECTORS},
            ("map.html",),
        ),
        Call(
            ("vectors.txt", "king", "queen", "car", "-o", "map.svg"),
            {"vectors.txt": VECTORS},
            ("map.svg",),
        ),
        Call(("king", "queen", "car"), {"vectors.safetensors": VECTORS}),
    ),
    "plot neighbours": (
        Call(("king", "-n", "3"), {"vectors.safetensors": VECTORS}),
        Call(("king", "-o", "k.png"), {"vectors.safetensors": VECTORS}, ("k.png",)),
    ),
    "plot training": (
        Call(("lm.jsonl",), {"lm.jsonl": "training log"}),
        Call(("lm.jsonl", "-o", "curve.png"), {"lm.jsonl": "training log"}, ("curve.png",)),
    ),
    "generate": (Call(("-n", "20", "--seed", "3"), {"lm.safetensors": LM}),),
    "predict": (Call(("the cat",), {"lm.safetensors": LM}),),
    "transform": (
        Call(("-",), {"seq2seq.safetensors": SEQ2SEQ}, stdin="ab\ncde\n"),
        Call(("lines.txt",), {"lines.txt": LINES}),
    ),
    "attention": (
        Call(("ab",), {"seq2seq.safetensors": SEQ2SEQ}),
        Call(("ab", "-o", "map.png"), {"seq2seq.safetensors": SEQ2SEQ}, ("map.png",)),
    ),
    "evaluate": (
        Call(
            ("vectors.safetensors", "--similarity", "pairs.txt"),
            {"vectors.safetensors": VECTORS, "pairs.txt": "evaluation set"},
        ),
        Call(
            ("vectors.txt", "--analogies", "questions.txt", "--log", "log", "-q"),
            {"vectors.txt": VECTORS, "questions.txt": "evaluation set"},
            ("log",),
        ),
    ),
    "perplexity": (
        Call(("corpus.txt",), {"corpus.txt": TEXT, "lm.safetensors": LM}),
        Call(("corpus.txt", "--log", "log", "-q"), {"lm.safetensors": LM}, ("log",)),
    ),
    "score": (
        Call(("-", "--words"), {"lm.safetensors": LM}, stdin="The cat sat.\n"),
        Call(("lines.txt",), {"lines.txt": LINES}),
    ),
    "evaluate-seq2seq": (
        Call(("toy.tsv", "-q"), {"toy.tsv": PAIRS, "seq2seq.safetensors": SEQ2SEQ}),
        Call(("toy.tsv", "--log", "log"), {"toy.tsv": PAIRS}, ("log",)),
    ),
    "prepare": (
        Call(("corpus.txt", "--eos", "-o", "new.ids"), {"corpus.txt": TEXT}, ("new.ids",)),
        Call(
            ("lines.txt", "--vocabulary", "old.ids", "-o", "new.ids", "--log", "log", "-q"),
            {"lines.txt": TEXT, "old.ids": "corpus"},
            ("new.ids", "log"),
        ),
    ),
    "embed": (
        Call(
            ("corpus.txt", "-o", "v.npy"),
            {"corpus.txt": TEXT, "vectors.safetensors": VECTORS},
            ("v.npy",),
        ),
        Call(
            ("lines.txt", "-o", "v.tsv", "-m", "vectors.txt", "--log", "log", "-q"),
            {"lines.txt": LINES, "vectors.txt": VECTORS},
            ("v.tsv", "log"),
        ),
        Call(
            ("-", "-o", "v.safetensors", "--weighting", "sif"),
            {"vectors.safetensors": VECTORS},
            ("v.safetensors",),
            stdin="a king\n\na car\n",
        ),
    ),
    "convert": (
        Call(("vectors.safetensors", "v.txt"), {"vectors.safetensors": VECTORS}, ("v.txt",)),
        Call(("vectors.txt", "v.safetensors"), {"vectors.txt": VECTORS}, ("v.safetensors",)),
        Call(("lm.safetensors", "v.bin.xz"), {"lm.safetensors": LM}, ("v.bin.xz",)),
        Call(
            ("lm.safetensors", "small.safetensors", "--to", "lm", "--precision", "int8"),
            {"lm.safetensors": LM},
            ("small.safetensors",),
        ),
        Call(
            ("vectors.bin.gz", "v.tsv"),
            {"vectors.bin.gz": VECTORS},
            ("v.tsv",),
        ),
    ),
    "info": (
        Call(("vectors.safetensors",), {"vectors.safetensors": VECTORS}),
        Call(("old.ids", "--json"), {"old.ids": "corpus"}),
        Call(("lm.safetensors",), {"lm.safetensors": LM}),
        Call(("seq2seq.safetensors",), {"seq2seq.safetensors": SEQ2SEQ}),
        Call(("w2v.checkpoint",), {"w2v.checkpoint": "word2vec checkpoint"}),
        Call(("lm.checkpoint",), {"lm.checkpoint": "language model checkpoint"}),
    ),
    "corpora": (Call(),),
    "tokenizers": (Call(("It's 5.",)),),
    "doctor": (Call(),),
}
"""The calls of each command; those of a group as ``"group command"``."""

TEXTS = {
    "corpus.txt": """\
The king rules the land. The queen rules the land.
The man walks the dog, and the woman walks the dog.
A king is a man; a queen is a woman.
The cat sat on the mat. The dog sat on the log.
"""
    * 8,
    "valid.txt": "The king is a man.\nThe dog walks the cat.\n",
    "test.txt": "The queen is a woman.\nA cat sat on the log.\n",
    "lines.txt": "the cat sat\nthe dog\n",
    "toy.tsv": "".join(f"{text}\t{text.upper()}\n" for text in ("ab", "cde", "bad", "ace", "bed")),
    "valid.tsv": "dab\tDAB\nec\tEC\n",
    "pairs.txt": "king queen 9\nking car 1\nman woman 7\n",
    "questions.txt": ": family\nking queen man woman\nman woman king queen\n",
}
"""The texts that the calls read."""

_ROWS = {
    "man": [1, 0, 0, 0.1],
    "woman": [0, 1, 0, 0.1],
    "king": [1, 0, 2, 0],
    "queen": [0, 1, 2, 0],
    "car": [0, 0.1, -1, 1],
    "truck": [0.1, 0, -1, 0.9],
}

_MAKING = (
    ("prepare", "corpus.txt", "--eos", "-o", "old.ids", "-q"),
    ("convert", "vectors.safetensors", "vectors.txt", "-q"),
    ("convert", "vectors.safetensors", "vectors.bin.gz", "-q"),
    ("train-w2v", "corpus.txt", "-o", "x.bin", "--checkpoint", "w2v.checkpoint", *_W2V),
    ("train-lm", "corpus.txt", "-o", "x.safetensors", *_CHECKPOINTED),
    ("train-seq2seq", "toy.tsv", "--checkpoint", "seq2seq.checkpoint", *_SMALL),
)


def save_royal_vectors(path: Path) -> None:
    """Write vectors in which king - man + woman is queen."""
    import numpy as np

    from wordkit.embeddings import Embeddings, save_embeddings
    from wordkit.text import Vocabulary

    vocabulary = Vocabulary(_ROWS, [60, 50, 40, 30, 20, 10])
    save_embeddings(Embeddings(vocabulary, np.array(list(_ROWS.values()), np.float32)), path)


def make_files(folder: Path) -> None:
    """Write all that the calls read into a folder."""
    from lm.models import random_model
    from wordnet_files import write_wordnet

    from wordkit.lm import save_language_model

    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    save_royal_vectors(folder / "vectors.safetensors")
    save_language_model(random_model(text={"tokenizer": "basic"}), folder / "lm.safetensors")
    write_wordnet(folder / "words")
    before = os.getcwd()
    os.chdir(folder)
    try:
        for arguments in _MAKING:
            cli.main(arguments, standalone_mode=False)
    finally:
        os.chdir(before)
    for name in ("x.bin", "x.safetensors"):
        (folder / name).unlink()


def command_names() -> list[str]:
    """All commands in the order of the help; those of a group as ``"group command"``."""
    return [name for name, _ in _walk(cli, "")]


def options(name: str) -> list[click.Option]:
    """The options of a command."""
    command = dict(_walk(cli, ""))[name]
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def _walk(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _walk(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def all_calls() -> dict[str, tuple[str, Call]]:
    """All calls by a short title; each is the name of its command and the call."""
    return {
        name if len(calls) == 1 else f"{name} {number}": (name, call)
        for name, calls in COMMANDS.items()
        for number, call in enumerate(calls, 1)
    }
