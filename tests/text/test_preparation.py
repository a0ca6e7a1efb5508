"""From text to corpus: the fast scanner against the plain Python way, and what can go wrong."""

from __future__ import annotations

import random
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from string_source import StringSource

from wordkit.errors import StorageError, TextError, VocabularyError
from wordkit.text import Block, Corpus, TextConfig, get_tokenizer, iter_prepare
from wordkit.text.normalization import Case, Normalization
from wordkit.text.scanner import BlockIds, Scanner
from wordkit.text.tokenizers import is_number

SCANNED = ["basic", "words", "whitespace"]


def plain_way(text: str, config: TextConfig) -> tuple[list[str], list[int], list[list[str]]]:
    """Words, counts and sentences, the slow and obvious way."""
    tokenizer = get_tokenizer(config.tokenizer, config.normalize, config.case)
    sentences = [list(tokenizer(line)) for line in text.split("\n")]
    if text.endswith("\n"):
        sentences.pop()
    if config.numbers == "N":
        sentences = [["N" if is_number(t) else t for t in s] for s in sentences]
    if config.eos:
        sentences = [[*s, "<eos>"] for s in sentences]
    counts = Counter(token for sentence in sentences for token in sentence)
    kept = [
        (w, n)
        for w, n in counts.most_common()
        if n >= config.min_count or (config.eos and w == "<eos>")
    ]
    words = {w for w, _ in kept}
    cut = [[t for t in s if t in words] for s in sentences]
    return [w for w, _ in kept], [n for _, n in kept], [s for s in cut if s]


def check_equal(corpus: Corpus, expected: tuple[list[str], list[int], list[list[str]]]) -> None:
    words, counts, sentences = expected
    assert list(corpus.vocabulary.words) == words
    assert corpus.vocabulary.counts.tolist() == counts
    assert [corpus.vocabulary.decode(s) for s in corpus] == sentences


# characters of each class and width, the hard ones among them
alphabet = st.sampled_from(
    list("abAB09.,'-’‐ \t\r\n_%é\u0301ΣσÄİ\u00adж中😀\u200d\u200bͅⱥȺ\u2028\x0b")
    + list("H\u0331\u0338=\ufe0f\ufeff❤🏽🇩🇪#\u20e3\U000e0067\u1161가ﬁ")
)
characters = alphabet | st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.lists(characters | st.sampled_from(["<unk>", "<UNK>", "<unk"])).map("".join)


@settings(max_examples=100)
@given(
    texts.filter(lambda t: t.strip()),
    st.sampled_from(SCANNED),
    st.sampled_from(["keep", "N"]),
    st.sampled_from(["nfc", "nfkc", "none"]),
    st.sampled_from([None, "keep", "lower"]),
    st.booleans(),
    st.integers(1, 3),
    st.integers(1, 40),
    st.integers(1, 3),
)
def test_the_scanner_equals_the_plain_way(
    text: str,
    tokenizer: str,
    numbers: str,
    normalize: Normalization,
    case: Case | None,
    eos: bool,
    min_count: int,
    block_size: int,
    threads: int,
) -> None:
    config = TextConfig(
        tokenizer, numbers, eos=eos, min_count=min_count, normalize=normalize, case=case
    )
    expected = plain_way(text, config)
    run = iter_prepare(StringSource(text, block_size), config=config, threads=threads)
    if not set(expected[0]) - {"<eos>"}:
        with pytest.raises((TextError, VocabularyError)):
            run.result()
    else:
        check_equal(run.result(), expected)


@pytest.mark.parametrize("tokenizer", [*SCANNED, "treebank", str.split])
def test_real_text(shared_data: Path, tokenizer: str) -> None:
    import gzip

    with gzip.open(shared_data / "enwiki-2018" / "enwiki-2018.txt.gz", "rt", encoding="utf-8") as f:
        text = f.read(400_000 if tokenizer in SCANNED else 40_000)
    config = TextConfig(tokenizer)
    corpus = iter_prepare(StringSource(text, 1 << 16), config=config).result()
    check_equal(corpus, plain_way(text, config))


def test_many_words_make_the_tables_grow() -> None:
    text = "\n".join(f"w{i} w{i % 777} {i:x}" for i in range(20_000))
    config = TextConfig("whitespace")
    corpus = iter_prepare(StringSource(text, 1 << 18), config=config, threads=2).result()
    check_equal(corpus, plain_way(text, config))
    assert len(corpus.vocabulary) > 1 << 15  # the first rows


def test_words_of_equal_polynomials_are_told_apart() -> None:
    twin = chr(129 * (ord("z") + 1) + ord("a"))  # would have the hash of the two letters
    text = f"za {twin} longwords{twin} longwordsza {twin} za"
    config = TextConfig("whitespace", case="keep")
    check_equal(iter_prepare(StringSource(text), config=config).result(), plain_way(text, config))


def test_unk_and_a_given_vocabulary() -> None:
    config = TextConfig("whitespace", min_count=2, unk=True, eos=True)
    train = iter_prepare(StringSource("a b a c\nb a\n"), config=config).result()
    assert [train.vocabulary.decode(s) for s in train] == [
        ["a", "b", "a", "<unk>", "<eos>"],
        ["b", "a", "<eos>"],
    ]
    assert train.vocabulary.words == ("a", "b", "<eos>", "<unk>")
    valid = iter_prepare(
        StringSource("a z\n\nc b\n"), config=config, vocabulary=train.vocabulary
    ).result()
    assert valid.vocabulary == train.vocabulary
    assert [train.vocabulary.decode(s) for s in valid] == [
        ["a", "<unk>", "<eos>"],
        ["<eos>"],
        ["<unk>", "b", "<eos>"],
    ]
    dropping = iter_prepare(
        StringSource("a z\nb"), vocabulary=Corpus.from_sentences([["a"]]).vocabulary
    )
    corpus = dropping.result()
    assert [s.tolist() for s in corpus] == [[0]] and corpus.settings["oov"] == 2


def test_a_callable_may_make_tokens_with_spaces() -> None:
    def pairs(line: str) -> Sequence[str]:
        return line.split(";")

    corpus = iter_prepare(
        StringSource("New York;is big;\nNew York"), config=TextConfig(pairs)
    ).result()
    assert corpus.vocabulary.words == ("New York", "is big")
    assert corpus.settings["tokenizer"].endswith("pairs")


@pytest.mark.parametrize("tokenizer", ["basic", "whitespace", "toktok"])
@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80"]
)
def test_bad_utf8_is_named_by_line_and_byte(tokenizer: str, bad: bytes) -> None:
    data = b"good line\nbad " + bad + b"here\n"
    config = TextConfig(tokenizer)
    with pytest.raises(TextError, match=r"a string: line 2, byte 14: not UTF-8 \(0x"):
        iter_prepare(StringSource(data), config=config).result()
    corpus = iter_prepare(StringSource(data, replace_errors=True), config=config).result()
    assert any("\ufffd" in word for word in corpus.vocabulary)


@given(st.binary(min_size=1).filter(lambda d: b"\0" not in d), st.sampled_from(SCANNED))
def test_any_bytes_are_valid_or_refused_where_python_refuses(data: bytes, name: str) -> None:
    try:
        data.decode()
        valid = True
    except UnicodeDecodeError as error:
        valid, place = False, error.start
    run = iter_prepare(StringSource(data), config=TextConfig(name), threads=1)
    try:
        run.result()
    except TextError as error:
        if valid:
            assert "no token" in str(error)
        else:
            assert f"byte {place}: not UTF-8" in str(error)
    else:
        assert valid


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        ("", {}, "holds no token"),
        (" \n\t\n", {}, "holds no token"),
        (" \n\n", {"eos": True}, "holds no token"),
        (b"a \xff", {}, "not UTF-8"),
        ("a b", {"min_count": 5}, "no word is left.*lower the minimum count"),
        ("a b", {"tokenizer": lambda line: ["a\nb"]}, "token with a line break"),
        ("a b", {"tokenizer": lambda line: ["\ud800"]}, "not valid Unicode"),
    ],
)
def test_nothing_is_left_when_it_fails(
    tmp_path: Path, text: str | bytes, config: dict[str, Any], message: str
) -> None:
    with pytest.raises((TextError, VocabularyError), match=message):
        iter_prepare(StringSource(text), tmp_path / "c.ids", TextConfig(**config)).result()
    assert list(tmp_path.iterdir()) == []


def test_an_old_corpus_survives_a_failure_and_gives_way_to_a_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "c.ids"
    iter_prepare(StringSource("old text"), folder).result()
    with pytest.raises(TextError):
        iter_prepare(StringSource(b"new \xff text"), folder).result()
    assert Corpus.open(folder).vocabulary.words == ("old", "text")
    run = iter_prepare(StringSource("new text", 4), folder)
    next(run)
    run.close()  # as Ctrl-C does
    assert Corpus.open(folder).vocabulary.words == ("old", "text")
    assert len(list(folder.iterdir())) == 5
    iter_prepare(StringSource("new"), folder).result()
    assert Corpus.open(folder).vocabulary.words == ("new",)
    assert len(list(folder.iterdir())) == 5


def test_a_folder_with_other_content_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StorageError, match="folder with other content"):
        iter_prepare(StringSource("a"), tmp_path).result()
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_reports() -> None:
    reports = list(iter_prepare(StringSource("a b c\n" * 100, 60)))
    reading = [r for r in reports if r.stage == "reading"]
    assert [r.done for r in reading] == sorted(r.done for r in reading)
    assert reading[-1].done == reading[-1].total == 600
    assert reading[-1].figures["tokens"] == 300


@pytest.mark.filterwarnings("error::ResourceWarning")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_temporary_corpus_goes_with_its_last_user() -> None:
    corpus = iter_prepare(StringSource("a b a")).result()
    folder = corpus.folder
    assert folder is not None and folder.is_dir()
    assert np.array_equal(corpus.ids, [0, 1, 0])
    del corpus
    assert not folder.exists()


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may take a block and be late for it; the order of ties must not depend on that."""
    chooser = random.Random(7)
    text = "\n".join(" ".join(chooser.choices("abcdefghijklmnop", k=3)) for _ in range(300))
    expected = iter_prepare(StringSource(text), threads=1).result().fingerprint
    scan = Scanner.scan

    def late(self: Scanner, block: Block, place: int) -> BlockIds:
        time.sleep(0.002 if place >> 32 & 1 else 0)
        return scan(self, block, place)

    monkeypatch.setattr(Scanner, "scan", late)
    for threads in (1, 2, 5):
        assert (
            iter_prepare(StringSource(text, 16), threads=threads).result().fingerprint == expected
        )


def test_an_earlier_block_may_come_later() -> None:
    scanner = Scanner(get_tokenizer("basic"))
    scanner.scan(Block(b"b a\n", "x"), 1 << 32)
    scanner.scan(Block(b"a b\n", "x"), 0)
    assert scanner.table.firsts.tolist() == [1, 0]
    scanner = Scanner(get_tokenizer("basic"))
    scanner.scan(Block(b"cafe ok\n", "x"), 1 << 32)
    scanner.scan(Block("cafe\u0301 ok\U0001f3fd ok-\u0301cafe\n".encode(), "x"), 0)
    words = scanner.table.lines(np.arange(scanner.table.size)).decode().split()
    firsts = dict(zip(words, scanner.table.firsts.tolist(), strict=True))
    assert firsts == {"cafe": 5, "ok": 1, "caf\u00e9": 0, "\U0001f3fd": 2, "-\u0301": 4}


def test_a_tokenizer_is_shared_and_sees_lines_without_their_ends() -> None:
    class Locked:
        """It cannot be copied."""

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.seen: list[str] = []

        def __call__(self, line: str) -> list[str]:
            with self.lock:
                self.seen.append(line)
            return line.split()

    tokenizer = Locked()
    corpus = iter_prepare(
        StringSource("It ends.\r\nNow.\r\n"), config=TextConfig(tokenizer)
    ).result()
    assert tokenizer.seen == ["It ends.", "Now.", ""]
    assert corpus.vocabulary.words == ("It", "ends.", "Now.")


class Lines(StringSource):
    """Blocks of short lines, which have the most boundaries for their bytes."""

    def __init__(self, blocks: int) -> None:
        self.name, self.size, self.replace_errors, self.count = "lines", None, False, blocks
        self.block = b"".join(b"%d x\n" % (i % 1000) for i in range(30_000))

    def blocks(self) -> Generator[Block, None, None]:
        return (Block(self.block, "lines") for _ in range(self.count))


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    peaks = []
    for blocks in (30, 90):
        tracemalloc.start()
        iter_prepare(Lines(blocks), tmp_path / "c.ids", threads=2).result()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 1.8 million more lines: 14 MB if a number were kept for each
    assert peaks[1] - peaks[0] < 8_000_000


# --- scripts without spaces -----------------------------------------------------------------------

ASIAN = {
    "chinese": "我们今天去北京大学玩。\n\nHello\u3000World，ＡＢ他说 \n\ufeff我们\u00a0\n今天\n"
    * 3,
    "japanese": "日本語を勉強します。\n\n今日は\u3000暑い hello world\ncafe\u0301\n" * 3,
}


@pytest.mark.parametrize("name", ASIAN)
@pytest.mark.parametrize("eos", [False, True])
@pytest.mark.parametrize("case", [None, "lower"])
def test_words_without_spaces(name: str, eos: bool, case: Case | None) -> None:
    config = TextConfig(name, eos=eos, case=case)
    corpus = iter_prepare(StringSource(ASIAN[name], 60), config=config, threads=2).result()
    check_equal(corpus, plain_way(ASIAN[name], config))


@pytest.mark.parametrize("python", [sys.executable, "/bin/false"])
def test_segmenters_work_in_processes_that_may_fail(
    monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    config, text = TextConfig("japanese"), ASIAN["japanese"]
    alone = iter_prepare(StringSource(text, 100), config=config, threads=1).result()
    monkeypatch.setattr("wordkit.text.preparation._LARGE", 10)
    monkeypatch.setattr("sys.executable", python)
    run = iter_prepare(StringSource(text, 100), config=config, threads=2)
    assert run.result().fingerprint == alone.fingerprint
