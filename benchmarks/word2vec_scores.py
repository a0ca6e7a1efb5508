"""Scores of trained vectors on the evaluation sets; those that took long to get are kept.

A training is told from others by its settings, its text, and the version of what trained. So a run
that was interrupted resumes with its scores, and what was measured with other code is not mixed in.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from word2vec_text import Text
from word2vec_wordkit import compile_kernels, train, train_in_processes

import wordkit
from wordkit.embeddings import Embeddings
from wordkit.errors import DivergenceError
from wordkit.evaluation import (
    AnalogySection,
    WordPairs,
    evaluate_similarity,
    iter_evaluate_analogies,
)
from wordkit.storage import atomic_write
from wordkit.word2vec import Word2VecConfig
from wordkit_corpora.evaluation_sets import read_analogies, read_word_pairs

__all__ = ["SETS", "EvaluationSets", "Scores", "System", "measured"]

SETS = ("WordSim-353", "SimLex-999", "RG-65", "Google")
"""The names of the sets in tables; the first three are of word pairs."""


@dataclass(frozen=True)
class System:
    """A program with its settings."""

    name: str
    """In tables."""

    config: Word2VecConfig

    device: str
    """``gensim``, or a device of wordkit."""

    threads: int

    processes: int = 1
    """Of so many threads each, under torchrun."""

    def with_seed(self, seed: int) -> System:
        """The same with another seed."""
        return replace(self, config=replace(self.config, seed=seed))

    def key(self, text: Text) -> str:
        """Names this training among all: settings, text and version."""
        facts = [self.device, asdict(self.config), self.threads, text.corpus.fingerprint]
        facts += [self.processes] if self.processes > 1 else []
        if self.device == "gensim":
            facts.append(importlib.metadata.version("gensim"))
        else:
            facts.append(_code_of_word2vec())
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Scores:
    """The scores of the vectors of one training."""

    percent: dict[str, float] | None
    """By set: 100 times Spearman's correlation, or the percentage of analogies answered right,
    and that of the ``semantic`` and ``syntactic`` ones. None where the training diverged."""

    coverage: dict[str, str]
    """By set: how many pairs or questions were used, of how many."""

    seconds: float
    """Of the training."""

    measured: str
    """The day, and where it was a GPU, its name."""

    bytes_per_word: float = 0.0
    """What each of several processes has sent."""


class EvaluationSets:
    """WordSim-353, SimLex-999, RG-65 and Google's analogies, read from shared/data."""

    def __init__(self, data: Path) -> None:
        folder = data / "evaluation"
        files = ("EN-WS-353-ALL.txt", "EN-SIMLEX-999.txt", "EN-RG-65.txt", "questions-words.txt")
        missing = [file for file in files if not (folder / file).is_file()]
        if missing:
            raise SystemExit(
                f"this benchmark needs {', '.join(missing)} in shared/data/evaluation beside the "
                "repository, or in the folder that --data names; not there"
            )
        self._pairs: dict[str, WordPairs] = {
            name: read_word_pairs(folder / file)
            for name, file in zip(SETS, files[:3], strict=False)
        }
        self._questions: tuple[AnalogySection, ...] = read_analogies(folder / files[3])

    def score(self, vectors: Embeddings) -> tuple[dict[str, float], dict[str, str]]:
        """Percentages and coverage; what cannot be told counts as nothing."""
        percent: dict[str, float] = {}
        coverage: dict[str, str] = {}
        for name, pairs in self._pairs.items():
            result = evaluate_similarity(vectors, pairs)
            percent[name] = 100 * (result.spearman or 0.0)
            coverage[name] = f"{result.used:,} of {result.used + result.skipped:,}"
        answers = iter_evaluate_analogies(vectors, self._questions).result()
        total = answers.total
        percent[SETS[3]] = 100 * (total.accuracy or 0.0)
        percent["semantic"] = 100 * (answers.semantic.accuracy or 0.0)
        percent["syntactic"] = 100 * (answers.syntactic.accuracy or 0.0)
        coverage[SETS[3]] = f"{total.used:,} of {total.used + total.skipped:,}"
        return percent, coverage


def measured(
    systems: Iterable[System], text: Text, sets: EvaluationSets, keep: Path | None
) -> list[Scores]:
    """The scores of each, trained now or found among those that were kept."""
    found = []
    for system in systems:
        name = f"{system.device}-{system.config.arch}-seed{system.config.seed}"
        path = keep / f"{name}-{system.key(text)}.json" if keep is not None else None
        if path is not None and path.exists():
            found.append(Scores(**json.loads(path.read_text(encoding="utf-8"))["scores"]))
            continue
        print(f"training {system.name}, seed {system.config.seed} ...", file=sys.stderr, flush=True)
        scores = _trained(system, text, sets)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            record = {"system": asdict(system), "scores": asdict(scores)}
            with atomic_write(path) as temporary:
                temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        found.append(scores)
    return found


def _trained(system: System, text: Text, sets: EvaluationSets) -> Scores:
    when = datetime.date.today().isoformat()
    if system.device == "cuda":
        import torch

        if torch.cuda.is_available():  # wordkit says it, where there is none
            when += f", {torch.cuda.get_device_name()}"
    try:
        vectors, seconds = _train(system, text)
    except DivergenceError:
        return Scores(None, {}, 0.0, when)
    sent = vectors.metadata.get("training", {}).get("bytes_per_word", 0.0)
    return Scores(*sets.score(vectors), seconds, when, sent)


def _train(system: System, text: Text) -> tuple[Embeddings, float]:
    if system.device == "gensim":
        from word2vec_gensim import Gensim

        model = Gensim(text.corpus, system.config, threads=system.threads)
        seconds = model.train(text.tokens(), text.corpus.tokens)
        return model.embeddings(), seconds
    if system.processes > 1:
        return train_in_processes(
            text.corpus, system.config, threads=system.threads, processes=system.processes
        )
    kept = system.config.kept
    vectors, seconds = _trained_last(
        replace(system, config=replace(system.config, vectors="in")), text
    )
    if kept != "in":
        output = vectors.weights["output"]
        matrix = output if kept == "out" else vectors.vectors + output
        vectors = Embeddings(vectors.vocabulary, matrix)
    return vectors, seconds


@functools.lru_cache(maxsize=1)
def _trained_last(system: System, text: Text) -> tuple[Embeddings, float]:
    """Train; the vectors that are kept, of one training, can be chosen afterwards."""
    compile_kernels([system.config], device=system.device)
    return train(text.corpus, system.config, threads=system.threads, device=system.device)


def _code_of_word2vec() -> str:
    """A digest of the code that trains."""
    digest = hashlib.sha256()
    folder = Path(wordkit.__file__).parent / "word2vec"
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
