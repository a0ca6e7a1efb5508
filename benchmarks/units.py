"""Chinese, Japanese, characters and pieces: wordkit's prepare beside the libraries alone.

    python benchmarks/units.py

Chinese is that of the dialogues, eight times; Japanese a few sentences, over and over. The
libraries cut each line to a list and do nothing with it; wordkit makes a corpus of ids, on all
cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import fugashi
import rjieba
import unidic_lite
from machine import alternate, describe, table

from wordkit.text import TextConfig, get_tokenizer, iter_prepare
from wordkit.text.tokenizers import tokenizer_of
from wordkit_corpora import open_text

DATA = Path(__file__).resolve().parents[2] / "shared/data"
JAPANESE = (
    "日本語を勉強します。今日はとても暑いですが、明日は雨が降るでしょう。\n"
    "東京の研究者が新しい論文を発表した。\n"
)
ROUNDS = 5


def main() -> None:
    """Time each pair in turns."""
    print(describe())
    tagger = fugashi.Tagger(f"-d {unidic_lite.DICDIR} -O wakati")
    chinese = (DATA / "dialogues/zh.train.txt").read_text(encoding="utf-8") * 8
    shakespeare = (DATA / "tinyshakespeare/input.txt").read_text(encoding="utf-8") * 8
    compare("chinese", chinese, "rjieba", rjieba.cut)
    compare("japanese", JAPANESE * 50_000, "fugashi", lambda line: tagger.parse(line).split())
    compare("char", shakespeare, "list", list)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "text")
        path.write_text(shakespeare, encoding="utf-8")
        corpus = iter_prepare(open_text([path]), config=TextConfig("bpe")).result()
        pieces = corpus.settings["bpe"]
    known = tokenizer_of({"tokenizer": "bpe", "bpe": pieces})
    compare(known, shakespeare, "tokenizers, line by line", known)


def compare(tokenizer: object, text: str, name: str, cut: Callable[[str], object]) -> None:
    """Time the library alone and wordkit on a text, in turns."""
    config = TextConfig(tokenizer)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text")
        path.write_text(text, encoding="utf-8")
        lines = text.split("\n")

        def alone() -> None:
            for line in lines:
                cut(line)

        def prepare() -> int:
            corpus = iter_prepare(open_text([path]), Path(folder, "corpus"), config).result()
            return corpus.tokens

        tokens = prepare()
        seconds = alternate({name: alone, "wordkit prepare": prepare}, ROUNDS)
    shown = get_tokenizer(tokenizer).name  # type: ignore[arg-type]
    print(f"\n{shown}: {len(text.encode()) / 1e6:.1f} MB, {tokens:,} tokens\n")
    print(table(seconds, reference=name))


if __name__ == "__main__":
    main()
