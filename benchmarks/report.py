"""Write all results into one page: benchmarks/RESULTS.md.

    python benchmarks/report.py

Each benchmark's last output, in benchmarks/results, with its command, machine, versions and day.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

__all__ = ["CHAPTERS", "write_report"]

HERE = Path(__file__).resolve().parent
RESULTS, REPORT = HERE / "results", HERE / "RESULTS.md"

CHAPTERS: dict[str, dict[str, str]] = {
    "Text and files": {
        "preparing": "Raw text to word ids, beside plain Python",
        "units": "Chinese, Japanese, characters and pieces, beside the libraries alone",
        "phrases": "Phrases, beside gensim",
        "reading_vectors": "Reading vector files, beside gensim",
        "memory": "Memory for texts of any size",
    },
    "Counting": {
        "counting": "Co-occurrence, PPMI and truncated SVD, beside scikit-learn",
    },
    "GloVe": {
        "glove": "From text to vectors, beside its own program",
    },
    "word2vec": {
        "word2vec_speed": "Speed, beside gensim",
        "word2vec_command": "The whole command, beside gensim",
        "word2vec_quality": "Quality, beside gensim",
        "word2vec_scaling": "More text, more threads",
        "word2vec_processes": "Processes under torchrun, beside threads",
        "word2vec_table": "Dimensions and negatives",
        "word2vec_sweep": "How the defaults were chosen",
        "word2vec_sweep_tenth": "The same on a tenth of the text",
        "word2vec_subwords": "Subwords, beside fastText",
        "word2vec_device": "On a GPU",
    },
    "Methods of word vectors": {
        "methods": "The same text, the same minutes, every method",
    },
    "Text classification": {
        "classification": "Accuracy, sizes and speed",
    },
    "Clusters": {
        "scaling": "Two worker processes, beside two threads",
        "scale": "Larger clusters, on paper",
    },
    "Document vectors": {
        "documents": "Similar sentences, classified lines, and speed",
    },
    "Language models": {
        "lm_goal": "To a perplexity, beside the plain PyTorch loop",
        "lm_speed": "Speed, beside the plain PyTorch loop",
        "lm_minutes": "How good after so many minutes",
        "lm_adaptation": "Models that adapt to what they read, and ensembles",
        "lm_finetuning": "Fine-tuning, beside training from scratch",
        "lm_architectures": "LSTM and Transformer; words, pieces and characters",
        "lm_nanogpt": "Speed of a Transformer, beside a plain one",
        "lm_memory": "Memory, beside the plain PyTorch loop",
        "lm_devices": "On a GPU",
    },
    "Sequence to sequence": {
        "seq2seq_speed": "Speed, beside NumPy",
        "seq2seq_addition": "The textbook's sums",
        "seq2seq_dates": "The textbook's dates",
        "seq2seq_long": "Texts longer than those learnt from",
        "translation_speed": "Sentences by words: speed",
        "translation_bleu": "Sentences by words: BLEU after some minutes",
        "translation_bpe": "Sentences by BPE: BLEU after some minutes",
    },
    "Dialogue": {
        "dialogues_memory": "Answers that were said turns before",
        "dialogues_situations": "Five right answers to a situation",
        "dialogues_everyday": "Everyday dialogues: perplexity of next turns, and variety",
        "dialogues_speed": "Processor time of an epoch, beside pairs of turns",
        "sentence_vae": "The sentence VAE on the Penn Treebank",
    },
    "Asking and starting": {
        "startup": "Query latency and start-up: whole commands",
        "analogies": "The Google analogies, beside gensim",
    },
    "Beside other processes": {
        "busy": "Trainings where the cores are busy",
    },
    "On a GPU": {
        "devices": "word2vec, language models and sequence models",
    },
    "Trust": {
        "reader_cases": "Corrupted files",
        "soak": "Kills",
    },
    "Gradients": {
        "gradient_norms": "How far back gradients reach",
        "binary_addition": "Activations and exploding gradients",
    },
    "Guides": {
        "guides": "Examples of the guides that need data or minutes",
    },
}
"""What the page holds, in its order: titles by the names that run.py knows."""

_HEAD = """\
# Results

What the benchmarks last printed, each with its command, machine, versions and day. `make bench`
runs those that take minutes, and writes this page; `python benchmarks/run.py NAME` runs any. The
machines are shared, and other work ran beside some of them, so ratios within one table say more
than seconds. Each table names the version that it measured; those of language models and sequence
models with 0.1.0 are of its recurrent layers, which torch's replaced in 0.2.0. Texts and evaluation
sets come from `../shared/data`.
"""


def write_report() -> None:
    """Write the page anew from the results that are there."""
    REPORT.write_text("\n".join(_page()) + "\n", encoding="utf-8")


def _page() -> Iterator[str]:
    yield _HEAD
    missing = []
    for chapter, parts in CHAPTERS.items():
        existing = {name: title for name, title in parts.items() if _output(name).exists()}
        missing += [f"{chapter}: {parts[name]}" for name in parts if name not in existing]
        if existing:
            yield f"## {chapter}\n"
        for name, title in existing.items():
            yield f"### {title}\n"
            yield from _rendered(_output(name).read_text(encoding="utf-8").splitlines())
    yield "## Not measured\n"
    missing.append("More than two cores, systems other than Linux")
    yield "\n".join(f"- {what}" for what in missing)


def _output(name: str) -> Path:
    return RESULTS / f"{name}.txt"


def _rendered(lines: list[str]) -> Iterator[str]:
    """An output: its tables as tables, and all else as it stands."""
    for is_table, group in groupby(lines, key=lambda line: line.startswith("|")):
        text = "\n".join(group).strip("\n")
        if is_table:
            yield text + "\n"
        elif text:
            yield f"```\n{text}\n```\n"


if __name__ == "__main__":
    write_report()
