"""Phrases of English Wikipedia: found and joined, by wordkit and by gensim's Phrases in turns.

Both begin with the same tokens, at the same settings, and find the same phrases. gensim's program
reads a file of tokens and writes one; wordkit reads and writes a corpus of ids. gensim counts words
and pairs in one table, by their spelling. The word formula_1 of the text would be counted with the
pair formula 1, so a character that the text lacks stands between the words of its pairs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gensim.models.phrases import Phrases
from gensim.models.word2vec import LineSentence
from machine import counted, heading, in_turns, row
from word2vec_text import DATA, Text, enwiki, introduction

from wordkit.text import Corpus, PhraseConfig, iter_find_phrases, iter_join_phrases

__all__ = ["main"]

GOAL = 10  # times as fast as gensim
THRESHOLD, MIN_COUNT = 0.5, 5
DELIMITER = "\x1f"


def main() -> None:
    """Measure both, and check that they agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="shared/data")
    parser.add_argument("--limit", type=int, default=None, help="number of lines; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with enwiki(options.data, options.limit) as text:
        facts = "NPMI", f"threshold {THRESHOLD}", counted(options.threads, "thread")
        print(introduction(text, "phrases found and joined", *facts), flush=True)
        text.tokens()
        found = _wordkit_phrases(text.corpus, options.threads)  # compiles, where that is to do
        list(iter_join_phrases(Corpus.from_sentences([["a", "b"]]), threads=1))
        results: dict[str, dict[str, float]] = {}
        jobs = {
            "wordkit": lambda: _wordkit(text, options.threads),
            "gensim": lambda: _gensim(text, results),
        }
        timings = in_turns(jobs, options.rounds)
    print(heading(["", "best", "median", "tokens/s"]))
    for name, timing in timings.items():
        rate = f"{text.corpus.tokens / timing.median:,.0f}"
        print(row([name, f"{timing.best:.2f} s", f"{timing.median:.2f} s", rate]))
    theirs = results["gensim"]
    same = sum(abs(found.get(each, -9) - score) < 1e-6 for each, score in theirs.items())
    ratio = timings["gensim"].median / timings["wordkit"].median
    print(f"\n{len(found):,} phrases, gensim {len(theirs):,}, {same:,} of them with the same score")
    reached = "reached" if ratio >= GOAL else "missed"
    print(f"{ratio:.1f} x as fast as gensim (goal {GOAL} x: {reached})")


def _config() -> PhraseConfig:
    return PhraseConfig(score="npmi", threshold=THRESHOLD, min_count=MIN_COUNT)


def _wordkit_phrases(corpus: Corpus, threads: int) -> dict[str, float]:
    found = iter_find_phrases(corpus, _config(), threads=threads).result()
    return {each.phrase: each.score for each in found}


def _wordkit(text: Text, threads: int) -> float:
    began = time.perf_counter()
    iter_join_phrases(text.corpus, text.folder / "joined.ids", _config(), threads=threads).result()
    return time.perf_counter() - began


def _gensim(text: Text, results: dict[str, dict[str, float]]) -> float:
    began = time.perf_counter()
    sentences = LineSentence(text.tokens(), max_sentence_length=1 << 30)
    model = Phrases(
        sentences, min_count=MIN_COUNT, threshold=THRESHOLD, scoring="npmi", delimiter=DELIMITER
    )
    frozen = model.freeze()
    with open(text.folder / "joined.txt", "w", encoding="utf-8") as file:
        for sentence in sentences:
            file.write(" ".join(frozen[sentence]) + "\n")
    seconds = time.perf_counter() - began
    found = model.export_phrases()
    results["gensim"] = {pair.replace(DELIMITER, "_"): score for pair, score in found.items()}
    return seconds


if __name__ == "__main__":
    main()
