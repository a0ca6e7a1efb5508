"""Word analogies: man is to woman as king is to what?

A set has sections of questions (a, b, c, d): a is to b as c is to d, and d is the answer. As the
19,544 questions of Mikolov's set ask about some 900 words only, the cosines of these with all
words are computed once, and a question is a sum of three rows of that table. V is the number of
words, U of different words in the questions, R of words of a chunk.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError
from wordkit.evaluation.matching import WordMatcher
from wordkit.runtime import Report, Run, ThreadPool

__all__ = ["AnalogyScores", "AnalogySection", "SectionScore", "iter_evaluate_analogies"]

Question = tuple[str, str, str, str]
Floats = npt.NDArray[np.float32]

_TABLE = 1 << 24  # cosines held at a time: 64 MiB
_GROUP_BLOCK = 8  # questions scored together: threads wait for each other less than one by one
_EPSILON = 1e-6  # as in Embeddings.analogy


@dataclass(frozen=True)
class AnalogySection:
    """Questions of one kind."""

    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class SectionScore:
    """Number of questions answered right."""

    name: str
    correct: int
    used: int
    """Questions whose four words all have a vector."""

    skipped: int
    """The other questions."""

    @property
    def accuracy(self) -> float | None:
        """Fraction of the used questions that are answered right; None where none is used."""
        return self.correct / self.used if self.used else None


@dataclass(frozen=True)
class AnalogyScores:
    """Number of questions answered right, section by section."""

    method: str
    """"add" or "mul"."""

    sections: tuple[SectionScore, ...]

    @property
    def semantic(self) -> SectionScore:
        """All sections about meaning: those whose name does not begin with "gram"."""
        return self._sum("semantic", [s for s in self.sections if not s.name.startswith("gram")])

    @property
    def syntactic(self) -> SectionScore:
        """All sections about grammar: those whose name begins with "gram"."""
        return self._sum("syntactic", [s for s in self.sections if s.name.startswith("gram")])

    @property
    def total(self) -> SectionScore:
        """All sections."""
        return self._sum("total", self.sections)

    @staticmethod
    def _sum(name: str, sections: Sequence[SectionScore]) -> SectionScore:
        counts = [(section.correct, section.used, section.skipped) for section in sections]
        return SectionScore(name, *np.sum(counts or [(0, 0, 0)], axis=0).tolist())


def iter_evaluate_analogies(
    embeddings: Embeddings,
    sections: Iterable[AnalogySection],
    *,
    method: str = "add",
    restrict_vocab: int | None = None,
    case_insensitive: bool = True,
    threads: int | None = None,
) -> Run[AnalogyScores]:
    """Count the analogies answered right: the best word is d, a, b and c left out.

    Args:
        embeddings: the vectors.
        sections: the questions.
        method: "add", 3CosAdd (Mikolov, Yih and Zweig 2013), or "mul", 3CosMul (Levy and
            Goldberg 2014).
        restrict_vocab: number of words to look among, for questions and answers; None: all.
        case_insensitive: find and compare words whatever their case.
        threads: number of threads; None: all cores.

    Raises:
        ConfigError: an argument is out of its range.
    """
    if method not in ("add", "mul"):
        raise ConfigError(f"method must be 'add' or 'mul', not {method!r}")
    matcher = WordMatcher(
        embeddings, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )
    task = _Task(embeddings, tuple(sections), matcher, method)
    return Run(_evaluate(task, ThreadPool(threads)))


def _evaluate(task: _Task, pool: ThreadPool) -> Generator[Report, None, AnalogyScores]:
    rows = task.matcher.rows
    step = min(max(_TABLE // max(len(task.words), 1), 1), 1 << 14)
    yield Report("answering", 0, rows, "words")
    # more parts than threads, as some take longer
    parts = [task.groups[i :: 8 * pool.threads] for i in range(8 * pool.threads)]
    with pool:
        for start in range(0, rows, step):
            chunk = slice(start, min(start + step, rows))
            table = task.table(chunk)
            pool.for_each(partial(task.answer, chunk, table), parts)
            yield Report("answering", chunk.stop, rows, "words")
    return task.scores()


@dataclass(frozen=True)
class _Group:
    """Questions that share a and b, and with them a row of differences."""

    a: int
    b: int
    members: list[int]


class _Task:
    """The questions that can be answered, and the best answers found so far."""

    def __init__(
        self,
        embeddings: Embeddings,
        sections: Sequence[AnalogySection],
        matcher: WordMatcher,
        method: str,
    ) -> None:
        self.embeddings, self.matcher, self.method = embeddings, matcher, method
        self.forms = matcher.forms(
            word for section in sections for question in section.questions for word in question
        )
        self.questions: list[tuple[str, ...]] = []
        self.coverage: list[tuple[str, int, int]] = []  # section, questions used, skipped
        for section in sections:
            asked_here = [tuple(map(matcher.form, question)) for question in section.questions]
            known = [question for question in asked_here if all(w in self.forms for w in question)]
            self.questions += known
            self.coverage.append((section.name, len(known), len(asked_here) - len(known)))
        asked = sorted({form for question in self.questions for form in question[:3]})
        self.words = np.array([self.forms[form][0] for form in asked], dtype=np.intp)
        index = {form: i for i, form in enumerate(asked)}
        self.c = np.array([index[question[2]] for question in self.questions], dtype=np.intp)
        groups: dict[tuple[int, int], list[int]] = {}
        for i, (a, b, _, _) in enumerate(self.questions):
            groups.setdefault((index[a], index[b]), []).append(i)
        self.groups = [_Group(a, b, members) for (a, b), members in groups.items()]
        self.units = embeddings.unit_vectors(self.words)
        self.best_score = np.full(len(self.questions), -np.inf, dtype=np.float32)
        self.best_word = np.full(len(self.questions), -1, dtype=np.intp)

    def table(self, chunk: slice) -> Floats:
        """Return the cosines of the questions' words with the words of a chunk, shape (U, R).

        For 3CosMul they are moved to the range from 0 to 1.
        """
        cosines: Floats = self.units @ self.embeddings.unit_vectors(chunk).T
        if self.method == "mul":
            cosines += 1
            cosines *= 0.5
            np.maximum(cosines, 0, out=cosines)  # rounding may have gone below
        return cosines

    def answer(self, chunk: slice, table: Floats, groups: Sequence[_Group]) -> None:
        """Look for better answers among the words of a chunk to the questions of some groups."""
        zero = np.flatnonzero(self.embeddings.norms[chunk] == 0)
        buffer = np.empty((_GROUP_BLOCK, table.shape[1]), dtype=np.float32)
        for group in groups:
            if self.method == "add":
                base = table[group.b] - table[group.a]
            else:
                base = table[group.b] / (table[group.a] + np.float32(_EPSILON))
            for first in range(0, len(group.members), _GROUP_BLOCK):
                members = group.members[first : first + _GROUP_BLOCK]
                scores = buffer[: len(members)]
                np.take(table, self.c[members], axis=0, out=scores, mode="clip")
                if self.method == "add":
                    scores += base
                else:
                    scores *= base
                scores[:, zero] = -np.inf
                highest = scores.argmax(axis=1).tolist()
                for question, row, best in zip(members, scores, highest, strict=True):
                    self._take_best(question, row, best, chunk.start)

    def _take_best(self, question: int, scores: Floats, best: int, start: int) -> None:
        """Keep the best word that is not one of the question's, if it beats the best so far."""
        a, b, c, _ = self.questions[question]
        asked = self.forms[a] + self.forms[b] + self.forms[c]
        while scores[best] > self.best_score[question]:
            if start + best not in asked:
                self.best_score[question] = scores[best]
                self.best_word[question] = start + best
                return
            scores[best] = -np.inf
            best = int(scores.argmax())

    def scores(self) -> AnalogyScores:
        """Count the right answers."""
        answers = zip(self.best_word.tolist(), self.questions, strict=True)
        right = iter([word in self.forms[question[3]] for word, question in answers])
        return AnalogyScores(
            self.method,
            tuple(
                SectionScore(name, sum(islice(right, used)), used, skipped)
                for name, used, skipped in self.coverage
            ),
        )
