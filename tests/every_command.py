"""Every command of ``wordkit`` once: calls of it that work, what they read and what they write.

A new command needs a row here, and has by it the tests of ``cli/test_new_processes.py`` (the same
seed, the same bytes), ``cli/test_corruption.py`` (inputs and outputs), ``cli/test_numbers.py``
(options), ``cli/test_kills.py`` (signals) and ``cli/test_help.py``.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from wordkit_cli.commands import cli

__all__ = [
    "COMMANDS", "Call", "all_calls", "command_names", "make_files", "options", "save_royal_vectors",
]  # fmt: skip

KINDS = {
    "corpus.txt": "text", "valid.txt": "text", "test.txt": "text", "lines.txt": "lines",
    "toy.tsv": "pairs", "valid.tsv": "pairs", "old.ids": "corpus",
    "vectors.safetensors": "vectors", "vectors.txt": "vectors", "vectors.bin.gz": "vectors",
    "subwords.safetensors": "vectors", "fasttext.bin": "vectors",
    "pairs.txt": "evaluation set", "questions.txt": "evaluation set", "words": "WordNet",
    "lm.safetensors": "language model", "seq2seq.safetensors": "sequence model",
    "talk.txt": "dialogues", "dialogue.safetensors": "dialogue model",
    "dialogue.checkpoint": "dialogue model checkpoint", "glove.checkpoint": "GloVe checkpoint",
    "autoencoder.safetensors": "sequence model",
    "w2v.checkpoint": "word2vec checkpoint", "lm.checkpoint": "language model checkpoint",
    "seq2seq.checkpoint": "sequence model checkpoint", "lm.jsonl": "training log",
    "labelled.tsv": "labelled texts", "classifier.safetensors": "classifier",
}  # fmt: skip
"""The files of :func:`make_files`, and the kind of each: a key of ``corruption.REFUSED``."""


@dataclass(frozen=True)
class Call:
    """A call that works in the folder that :func:`make_files` fills."""

    arguments: tuple[str, ...] = ()
    """What stands behind the name of the command."""

    writes: tuple[str, ...] = ()
    """The files and folders that it writes; each is one of the arguments."""

    default: str = ""
    """The file that it reads without being told to."""

    stdin: str = ""
    """What it is given as standard input."""

    @property
    def reads(self) -> dict[str, str]:
        """The files that it reads, and the kind of each."""
        return {name: KINDS[name] for name in (*self.arguments, self.default) if name in KINDS}


def _calls(*lines: str, default: str = "", stdin: str = "") -> tuple[Call, ...]:
    """Calls by their command lines, in which > marks what is written."""
    return tuple(
        Call(
            tuple(word.removeprefix(">") for word in shlex.split(line)),
            tuple(word[1:] for word in shlex.split(line) if word.startswith(">")),
            default,
            stdin if "-" in line.split() else "",
        )
        for line in lines
    )


_W2V = "--dim 8 --epochs 2 --min-count 1 --threads 1 -q"
_GLOVE = "--dim 4 --epochs 2 --min-count 1 --threads 1 -q"
_SMALL = "--hidden 8 --epochs 1 --threads 1 --device cpu -q"
_LM = f"--preset rnnlm --batch 4 --steps 6 {_SMALL}"
_CLASSIFIER = "--dim 4 --epochs 2 --threads 1 -q"
_AUTOENCODER = "autoencoder.safetensors"
_VECTORS, _MODEL = "vectors.safetensors", "m.safetensors"

COMMANDS: dict[str, tuple[Call, ...]] = {
    "train-w2v": _calls(
        f"corpus.txt -o >v.safetensors {_W2V}",
        f"old.ids -o >v.bin --log >log --init vectors.txt {_W2V} --dim 4",
        f"corpus.txt -o >v.txt --checkpoint >w2v.checkpoint --resume {_W2V}",
        f"corpus.txt -o >v.safetensors --subwords 2-4 --buckets 999 --arch skipgram {_W2V}",
    ),
    "train-counts": _calls(
        "corpus.txt --dim 4 -o >v.txt -q",
        "old.ids --dim 4 -o >v.vec.gz -q --log >log --memory 1M",
    ),
    "train-glove": _calls(
        f"corpus.txt -o >v.safetensors {_GLOVE}",
        f"old.ids -o >v.txt --log >log --memory 1M {_GLOVE}",
        f"corpus.txt -o >v.bin --checkpoint >glove.checkpoint --resume {_GLOVE}",
    ),
    "train-lm": _calls(
        f"corpus.txt -o >{_MODEL} {_LM}",
        f"corpus.txt -t char -o >{_MODEL} {_LM}",
        f"old.ids -o >{_MODEL} --valid valid.txt --test test.txt --embeddings {_VECTORS} "
        f"--log >log {_LM} --dim 4",
        f"corpus.txt -o >{_MODEL} --checkpoint >lm.checkpoint --resume {_LM} --epochs 2",
        f"corpus.txt -o >{_MODEL} --init lm.safetensors --epochs 1 --batch 4 --threads 1 -q",
    ),
    "train-seq2seq": _calls(
        f"toy.tsv -o >{_MODEL} {_SMALL}",
        f"toy.tsv -o >{_MODEL} --valid valid.tsv --log >log {_SMALL}",
        f"toy.tsv -o >{_MODEL} --checkpoint >seq2seq.checkpoint --resume {_SMALL} --epochs 2",
        f"toy.tsv -o >{_MODEL} --init seq2seq.safetensors --epochs 1 --threads 1 -q",
        f"toy.tsv -o >{_MODEL} --latent 4 --bag-of-words 0.5 {_SMALL}",
        f"--autoencode lines.txt -o >{_MODEL} --hold-out 0 {_SMALL}",
    ),
    "train-classifier": _calls(
        f"labelled.tsv -o >{_MODEL} {_CLASSIFIER}",
        f"labelled.tsv -o >{_MODEL} --embeddings {_VECTORS} --log >log {_CLASSIFIER} --dim 4 "
        "--precision int8",
    ),
    "train-dialogue": _calls(
        f"talk.txt -o >{_MODEL} {_SMALL}",
        f"talk.txt -o >{_MODEL} --valid talk.txt --arch seq2seq --log >log {_SMALL}",
        f"talk.txt -o >{_MODEL} --checkpoint >dialogue.checkpoint --resume {_SMALL} --epochs 2",
        f"talk.txt -o >{_MODEL} --init dialogue.safetensors --epochs 1 --threads 1 -q",
    ),
    "similar": (
        *_calls("king -n 3", "-", default=_VECTORS, stdin="king\nqueen\n"),
        *_calls("king -m vectors.txt --json", "king -m vectors.bin.gz"),
        *_calls("thee -m fasttext.bin", "thee -m subwords.safetensors --json"),
    ),
    "analogy": _calls("king man woman --json", default=_VECTORS),
    "vector": _calls("king", default=_VECTORS),
    "odd-one-out": _calls("king queen man car", default=_VECTORS),
    "similar-lines": (
        *_calls("'the king' corpus.txt", default=_VECTORS),
        *_calls("'a king' - --json", default=_VECTORS, stdin="the queen\na car\n"),
    ),
    "classify": _calls("-", "lines.txt", default="classifier.safetensors", stdin="a king\na car\n"),
    "embed": (
        *_calls("corpus.txt -o >v.npy", default=_VECTORS),
        *_calls("lines.txt -o >v.tsv -m vectors.txt --log >log -q"),
        *_calls("- -o >v.safetensors --weighting sif", default=_VECTORS, stdin="a king\n\na car\n"),
    ),
    "synonyms": _calls("car --wordnet words"),
    "hypernyms": _calls("cars 'snow plough' --wordnet words"),
    "wordnet-similarity": _calls("car ox --wordnet words"),
    "compare": _calls("car --wordnet words --counting vectors.txt", default=_VECTORS),
    "plot vectors": (
        *_calls(f"{_VECTORS} -o >map.html", "vectors.txt king queen car -o >map.svg"),
        *_calls("king queen car", default=_VECTORS),
    ),
    "plot neighbours": _calls("king -n 3", "king -o >k.png", default=_VECTORS),
    "plot training": _calls("lm.jsonl", "lm.jsonl -o >curve.png"),
    "generate": _calls(
        "-n 20 --seed 3", "-n 9 --seed 3 -p 'the cat' --cache 20 --dynamic",
        default="lm.safetensors",
    ),
    "predict": _calls("'the cat'", default="lm.safetensors"),
    "transform": _calls("-", "lines.txt", default="seq2seq.safetensors", stdin="ab\ncde\n"),
    "interpolate": _calls(
        f"{_AUTOENCODER} 'the cat' dog -n 3", f"{_AUTOENCODER} the dog --beam 2 --json"
    ),
    "chat": (
        Call(("--json",), default="dialogue.safetensors", stdin="hello\nwho are you\n\nhello\n"),
        Call(("dialogue.safetensors", "--sample", "--seed", "3"), stdin="hello\n/again\n"),
    ),
    "attention": _calls("ab", "ab -o >map.png", default="seq2seq.safetensors"),
    "evaluate": _calls(
        f"{_VECTORS} --similarity pairs.txt", "vectors.txt --analogies questions.txt --log >log -q"
    ),
    "perplexity": (
        *_calls("corpus.txt", "corpus.txt --log >log -q", default="lm.safetensors"),
        *_calls("corpus.txt --cache 9 --dynamic -m lm.safetensors --valid valid.txt -q"),
    ),
    "score": _calls("- --words", "lines.txt", default="lm.safetensors", stdin="The cat sat.\n"),
    "evaluate-dialogue": _calls(
        "talk.txt -q", "talk.txt --log >log --beam 2 --top-p 0.9 --seed 3",
        default="dialogue.safetensors",
    ),
    "evaluate-seq2seq": _calls("toy.tsv -q", "toy.tsv --log >log", default="seq2seq.safetensors"),
    "evaluate-classifier": _calls("labelled.tsv", default="classifier.safetensors"),
    "prepare": _calls(
        "corpus.txt --eos -o >new.ids",
        "corpus.txt -t bpe --max-vocabulary 300 -o >new.ids",
        "lines.txt --vocabulary old.ids -o >new.ids --log >log -q",
        "corpus.txt --phrases 3 --phrase-score npmi --min-count 2 -o >new.ids --log >log -q",
    ),
    "phrases": _calls(
        "corpus.txt --score npmi --threshold 0.2 -q", "old.ids --threshold 1 -n 3 --json --log >log"
    ),
    "convert": _calls(
        f"{_VECTORS} >v.txt",
        "vectors.txt >v.safetensors",
        "lm.safetensors >v.bin.xz",
        "lm.safetensors >small.safetensors --to lm --precision int8",
        "vectors.bin.gz >v.tsv",
        "fasttext.bin >v.vec",
        "subwords.safetensors >v.safetensors --precision int8",
    ),
    "info": _calls(
        _VECTORS, "old.ids --json", "lm.safetensors", "seq2seq.safetensors", "w2v.checkpoint",
        "lm.checkpoint", "classifier.safetensors", "dialogue.safetensors", "dialogue.checkpoint",
        "glove.checkpoint",
    ),
    "corpora": _calls(""),
    "tokenizers": _calls('"It\'s 5."'),
    "doctor": _calls(""),
}  # fmt: skip
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
    "talk.txt": "a king\na queen\na king\n\nA\ta queen\nB\ta king\n\na king\na king\n",
    "valid.tsv": "dab\tDAB\nec\tEC\n",
    "labelled.tsv": "people\tthe king\nroad\ta car\npeople\tthe queen\nroad\ta truck\n" * 4,
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
    "prepare corpus.txt --eos -o old.ids -q",
    "convert vectors.safetensors vectors.txt -q",
    "convert vectors.safetensors vectors.bin.gz -q",
    f"train-w2v corpus.txt -o x.bin --checkpoint w2v.checkpoint {_W2V}",
    "convert fasttext.bin subwords.safetensors -q",
    f"train-glove corpus.txt -o x.bin --checkpoint glove.checkpoint {_GLOVE}",
    f"train-lm corpus.txt -o x.safetensors --checkpoint lm.checkpoint --log lm.jsonl {_LM}",
    f"train-seq2seq toy.tsv --checkpoint seq2seq.checkpoint {_SMALL}",
    f"train-classifier labelled.tsv {_CLASSIFIER}",
    f"train-dialogue talk.txt --checkpoint dialogue.checkpoint {_SMALL}",
    f"train-seq2seq --autoencode lines.txt -o autoencoder.safetensors --hold-out 0 {_SMALL}",
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
    from fasttext_files import Model
    from lm.models import random_model
    from wordnet_files import write_wordnet

    from wordkit.lm import save_language_model

    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    save_royal_vectors(folder / "vectors.safetensors")
    save_language_model(random_model(text={"tokenizer": "basic"}), folder / "lm.safetensors")
    (folder / "fasttext.bin").write_bytes(Model().to_bytes())
    write_wordnet(folder / "words")
    before = os.getcwd()
    os.chdir(folder)
    try:
        for line in _MAKING:
            cli.main(shlex.split(line), standalone_mode=False)
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
