"""Every reader of files and of text, good files for each, and ways to corrupt them.

A reader returns an object, perhaps with a warning of wordkit's, or raises a WordkitError; never
another exception.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordkit.errors import WordkitError, WordkitWarning

__all__ = ["NAMES", "Reader", "corrupted", "make_readers", "tried"]

NAMES = (
    "vectors",
    "native vectors",
    "fastText models",
    "language model",
    "sequence model",
    "classifier",
    "word2vec checkpoint",
    "GloVe checkpoint",
    "language model checkpoint",
    "sequence model checkpoint",
    "corpus",
    "text",
    "text, replaced",
    "text, utf-16",
    "preparation",
    "pairs",
    "labelled texts",
    "word pairs",
    "analogies",
    "training log",
    "WordNet",
)
"""All readers."""


@dataclass(frozen=True)
class Reader:
    """A reader, and files that it reads without complaint."""

    read: Callable[[Path], Any]
    """Reads a path to its end."""

    files: tuple[Path, ...]
    """Good files; each folder stands for all that is in it, of which one file is corrupted."""


def make_readers(folder: Path) -> Mapping[str, Reader]:
    """All readers by name, with their good files in a folder that ``make_files`` has filled."""
    from fasttext_files import Model
    from wordnet_files import pack_wordnet

    from wordkit.classification import Classifier
    from wordkit.counts import read_glove_checkpoint
    from wordkit.embeddings import load_embeddings, save_embeddings
    from wordkit.lm import load_language_model, save_language_model
    from wordkit.lm import read_checkpoint as read_lm_checkpoint
    from wordkit.plots import read_training_log
    from wordkit.seq2seq import load_seq2seq
    from wordkit.seq2seq import read_checkpoint as read_seq2seq_checkpoint
    from wordkit.text import Corpus
    from wordkit.word2vec import read_checkpoint as read_w2v_checkpoint
    from wordkit_corpora.evaluation_sets import read_analogies, read_word_pairs

    vectors = load_embeddings(folder / "vectors.safetensors")
    for suffix in ("glove", "vec", "bin", "txt.bz2", "bin.xz"):
        save_embeddings(vectors, folder / f"vectors.{suffix}")

    small = [folder / f"vectors-{precision}.safetensors" for precision in ("fp16", "int8")]
    for path, precision in zip(small, ("fp16", "int8"), strict=True):
        save_embeddings(vectors, path, precision=precision)
    model, small_model = load_language_model(folder / "lm.safetensors"), folder / "lm-int8"
    save_language_model(model, small_model, precision="int8")
    small_classifier = folder / "classifier-int8"
    Classifier.load(folder / "classifier.safetensors").save(small_classifier, precision="int8")

    def open_corpus(path: Path) -> None:
        corpus = Corpus.open(path)
        corpus.check()

    labels, kept = ("__label__a", "__label__b"), {7: 1, 11: 0}
    quantized = folder / "quantized.bin"
    quantized.write_bytes(Model(labels=labels, quantized=(2, True), pruned=kept).to_bytes())

    packed = []
    text = (folder / "lines.txt").read_bytes() * 5
    for suffix, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        packed.append(folder / f"packed.txt.{suffix}")
        packed[-1].write_bytes(pack(text))
    archive = pack_wordnet(folder / "words", folder / "words.zip")
    (folder / "wide.txt").write_bytes(text.decode().encode("utf-16"))
    formats = ("txt", "glove", "vec", "bin", "bin.gz", "txt.bz2", "bin.xz")
    return {
        "vectors": Reader(_read_vectors, tuple(folder / f"vectors.{name}" for name in formats)),
        "native vectors": Reader(
            _read_vectors,
            (folder / "vectors.safetensors", folder / "subwords.safetensors", *small),
        ),
        "fastText models": Reader(_read_vectors, (folder / "fasttext.bin", quantized)),
        "language model": Reader(load_language_model, (folder / "lm.safetensors", small_model)),
        "sequence model": Reader(load_seq2seq, (folder / "seq2seq.safetensors",)),
        "classifier": Reader(
            Classifier.load, (folder / "classifier.safetensors", small_classifier)
        ),
        "word2vec checkpoint": Reader(read_w2v_checkpoint, (folder / "w2v.checkpoint",)),
        "GloVe checkpoint": Reader(read_glove_checkpoint, (folder / "glove.checkpoint",)),
        "language model checkpoint": Reader(read_lm_checkpoint, (folder / "lm.checkpoint",)),
        "sequence model checkpoint": Reader(
            read_seq2seq_checkpoint, (folder / "seq2seq.checkpoint",)
        ),
        "corpus": Reader(open_corpus, (folder / "old.ids",)),
        "text": Reader(_read_text("utf-8"), (folder / "lines.txt", *packed)),
        "text, replaced": Reader(_read_text("utf-8", "replace"), (folder / "lines.txt", *packed)),
        "text, utf-16": Reader(_read_text("utf-16"), (folder / "wide.txt",)),
        "preparation": Reader(_prepare, (folder / "lines.txt", *packed)),
        "pairs": Reader(_read_pairs, (folder / "toy.tsv",)),
        "labelled texts": Reader(_read_labelled, (folder / "labelled.tsv",)),
        "word pairs": Reader(read_word_pairs, (folder / "pairs.txt",)),
        "analogies": Reader(read_analogies, (folder / "questions.txt",)),
        "training log": Reader(read_training_log, (folder / "lm.jsonl",)),
        "WordNet": Reader(_look_up, (folder / "words", archive)),
    }


def _read_vectors(path: Path) -> None:
    from wordkit.embeddings import load_embeddings

    load_embeddings(path).check()


def _look_up(path: Path) -> None:
    from wordkit.thesaurus import load_thesaurus

    thesaurus = load_thesaurus(path)
    for word in ("car", "ox", "quick"):
        thesaurus.synonyms(word)
    thesaurus.similarity("car", "ox")


def _read_text(encoding: str, errors: str = "strict") -> Callable[[Path], None]:
    def read(path: Path) -> None:
        from wordkit_corpora.named import iter_open_source

        opened = iter_open_source([str(path)], encoding=encoding, errors=errors).result()
        for _ in opened.source.blocks():
            pass

    return read


def _prepare(path: Path) -> None:
    from wordkit.text import TextConfig, iter_prepare
    from wordkit_corpora.named import iter_open_source

    opened = iter_open_source([str(path)]).result()
    iter_prepare(opened.source, None, TextConfig("basic"), threads=1).result()


def _read_pairs(path: Path) -> None:
    from wordkit.seq2seq.pairs import read_pairs
    from wordkit_corpora.named import iter_open_source

    for _ in read_pairs(iter_open_source([str(path)]).result().source):
        pass


def _read_labelled(path: Path) -> None:
    from wordkit.classification import read_labelled_texts
    from wordkit_corpora.named import iter_open_source

    for _ in read_labelled_texts(iter_open_source([str(path)]).result().source):
        pass


_HUGE = (b"9" * 19, b"-1", b"4294967296", b"1e400", b"nan", b"\xff" * 8, b"\0" * 8, b"[", b"null")


def corrupted(data: bytes, chooser: random.Random, others: bytes = b"") -> bytes:
    """The content of a file after one to three accidents.

    Args:
        data: the good content.
        chooser: draws what happens.
        others: content of another file, pieces of which may get into this one.
    """
    for _ in range(chooser.choice((1, 1, 1, 2, 3))):
        data = _after_accident(data, chooser, others)
    return data


def _after_accident(data: bytes, chooser: random.Random, others: bytes) -> bytes:
    at = _position(data, chooser)
    kinds = ("flip", "flip", "replace", "cut", "drop", "insert", "swap", "number", "number", "all")
    match chooser.choice(kinds):
        case "flip":
            flipped = bytes(byte ^ 1 << chooser.randrange(8) for byte in data[at : at + 1])
            return data[:at] + flipped + data[at + 1 :]
        case "replace":
            size = chooser.choice((1, 2, 8))
            return data[:at] + chooser.randbytes(size) + data[at + size :]
        case "cut":
            return data[:at]
        case "drop":
            return data[:at] + data[at + chooser.choice((1, 4, 30)) :]
        case "insert":
            start, own = _position(others, chooser), chooser.randbytes(chooser.randrange(1, 9))
            return data[:at] + chooser.choice((own, others[start : start + 40])) + data[at:]
        case "swap":
            one, two = sorted((at, _position(data, chooser)))
            return data[two:] + data[one:two] + data[:one]
        case "number":  # one, where there is one, made huge or no number
            digits = [i for i, byte in enumerate(data[:4000]) if 48 <= byte <= 57]
            at = chooser.choice(digits) if digits else 0
            return data[:at] + chooser.choice(_HUGE) + data[at + 1 :]
    return chooser.randbytes(chooser.choice((0, 1, 7, 8, 9, 100, 1000)))


def _position(data: bytes, chooser: random.Random) -> int:
    """A position, in half of the cases near the start, where sizes and names stand."""
    return chooser.randrange(min(len(data), chooser.choice((64, len(data)))) + 1)


def tried(reader: Reader, seed: int, place: Path) -> str:
    """Corrupt a good file of a reader, and tell whether it accepts or refuses that.

    Args:
        reader: what is tried.
        seed: of the accidents.
        place: a folder of its own for the corrupted file.
    """
    chooser = random.Random(seed)
    good = chooser.choice(reader.files)
    bad = place / good.name
    others = chooser.choice([path for path in reader.files if path.is_file()] or [good])
    if good.is_dir():
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)
        file = chooser.choice(sorted(bad.iterdir()))
        others = chooser.choice(sorted(good.iterdir()))
    else:
        file = bad
        shutil.copyfile(good, bad)
    file.write_bytes(corrupted(file.read_bytes(), chooser, others.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", WordkitWarning)
        warnings.simplefilter("ignore", ResourceWarning)  # of temporary folders that have served
        try:
            reader.read(bad)
        except WordkitError as error:
            assert str(error) and len(str(error)) < 2000, error
            return "refused"
        return "accepted"
