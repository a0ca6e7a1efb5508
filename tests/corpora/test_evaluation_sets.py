"""Readers of evaluation sets."""

from __future__ import annotations

import gzip
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from wordkit.errors import TextError
from wordkit.evaluation import AnalogySection, WordPair, WordPairs
from wordkit_corpora.evaluation_sets import find_sets, read_analogies, read_word_pairs


def test_the_real_sets_are_read_whole(shared_data):
    folder = shared_data / "evaluation"
    sizes = {"EN-RG-65": 65, "EN-SIMLEX-999": 999, "EN-WS-353-ALL": 353}
    for name, size in sizes.items():
        pairs = read_word_pairs(folder / f"{name}.txt")
        assert pairs.name == name
        assert len(pairs.pairs) == size
    assert pairs.pairs[1] == WordPair("tiger", "cat", 7.35)
    sections = read_analogies(folder / "questions-words.txt")
    assert len(sections) == 14
    assert sum(len(section.questions) for section in sections) == 19_544
    assert sections[0].name == "capital-common-countries"
    assert sections[0].questions[0] == ("Athens", "Greece", "Baghdad", "Iraq")


@pytest.mark.parametrize(
    "content",
    [
        "tiger  cat 7.35 1 2 3\n new_york city 5e0 1 2 3 4\n",
        "tiger\tcat\t7.35\nnew york\tcity\t5\n",
        "tiger,cat,7.35\nnew york,city,5",
        "# comment\nWord 1,Word 2,Human (mean)\r\ntiger,cat,7.35\r\nnew york,city,5\r\n",
        "\ufeffword1\tword2\tscore\tsd\n\ntiger\tcat\t7.35\t1\nnew york\tcity\t5\t2\n",
    ],
)
def test_columns_in_their_common_forms(tmp_path, content):
    path = tmp_path / "set.csv"
    path.write_bytes(content.encode())
    read = read_word_pairs(path)
    assert read.name == "set"
    york = "new_york" if "_" in content else "new york"
    assert read.pairs == (WordPair("tiger", "cat", 7.35), WordPair(york, "city", 5))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no word pairs"),
        (b"a\tb\n", "no word pairs"),
        (b"a\tb\t1\nc\td\n", "line 2: expected two words and a number"),
        (b"a\tb\t1\nc\td\tx\n", "line 2"),
        (b"a\tb\t1\nc\td\tnan\n", "line 2"),
        (b"a\tb\t1\n\tb\t1\n", "line 2"),
        (b"a\tb\t1\na\tb\xff\t1\n", "line 2, byte 9: not UTF-8"),
        ("tiger\tcat\t7\n".encode("utf-16"), "is not UTF-8; read it with encoding utf-16"),
        (b"a" * 70_000, "line 1 is longer"),
    ],
)
def test_bad_pairs_are_named(tmp_path, content, message):
    path = tmp_path / "pairs"
    path.write_bytes(content)
    with pytest.raises(TextError, match=message) as caught:
        read_word_pairs(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_sets_come_compressed_encoded_and_through_pipes(tmp_path, pack, encoding):
    pairs, questions = "a\tb\t1\rc\td\t2\r", ": s\r1 2 3 4\r:) happy :( sad\r"
    path = tmp_path / "set.txt.gz"
    for text, read in ((pairs, read_word_pairs), (questions, read_analogies)):
        path.write_bytes(data := pack(text.encode(encoding)))
        found = read(path, encoding=encoding)
        os.mkfifo(pipe := tmp_path / "set")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(pipe.write_bytes, data)
            assert read(pipe, encoding=encoding) == found
        pipe.unlink()
        if text is pairs:
            assert found == WordPairs("set", (WordPair("a", "b", 1), WordPair("c", "d", 2)))
        else:
            expected = (("1", "2", "3", "4"), (":)", "happy", ":(", "sad"))
            assert found == (AnalogySection("s", expected),)


@pytest.mark.parametrize(
    "content",
    [
        b"\x10\0\0\0\0\0\0\0{}" + bytes(40),  # as safetensors
        b"the 0.1 0.2 0.3\nof -1 2e-3 4\n",
        b"\x1f\x8b\x08" + bytes(40),
        b"the" + b" 0.5" * 20_000,
    ],
)
def test_a_file_of_vectors_in_the_place_of_a_set_is_recognised(tmp_path, content):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(TextError, match="no list of word pairs; name the vectors first"):
        read_word_pairs(path)
    with pytest.raises(TextError, match="no list of analogy questions; name the vectors first"):
        read_analogies(path)


def test_sections_of_questions(tmp_path):
    path = tmp_path / "questions"
    path.write_text("# comment\n: one\na b c d\n\n:two words\ne f g h\n: empty\n")
    assert read_analogies(path) == (
        AnalogySection("one", (("a", "b", "c", "d"),)),
        AnalogySection("two words", (("e", "f", "g", "h"),)),
        AnalogySection("empty", ()),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no questions"),
        (b": a\n", "no questions"),
        (b": a\nb c d\n", "line 2: expected four words"),
        (b": a\na b c d e\n", "line 2"),
        (b"a b c d\n", "line 1: a question stands before the first section"),
    ],
)
def test_bad_questions_are_named(tmp_path, content, message):
    path = tmp_path / "questions"
    path.write_bytes(content)
    with pytest.raises(TextError, match=message):
        read_analogies(path)


@pytest.mark.parametrize("read", [read_word_pairs, read_analogies])
def test_missing_files_and_folders(tmp_path, read):
    with pytest.raises(TextError, match="there is no such file"):
        read(tmp_path / "missing")
    with pytest.raises(TextError, match="it is a folder"):
        read(tmp_path)
    with pytest.raises(TextError, match="null"):
        read("a\0b")


def test_sets_are_found_in_a_folder_of_data(tmp_path, monkeypatch):
    monkeypatch.delenv("WORDKIT_DATA", raising=False)
    with pytest.raises(TextError, match="no evaluation sets"):
        find_sets()
    with pytest.raises(TextError, match="holds no evaluation sets"):
        find_sets(tmp_path)
    with pytest.raises(TextError, match="cannot read .*File name too long; check data_dir"):
        find_sets("x" * 5000)
    with pytest.raises(TextError, match=r"holds no evaluation sets|null"):  # as Python has it
        find_sets("a\0b")
    inner = tmp_path / "evaluation"
    inner.mkdir()
    names = ("EN-B.txt", "EN-A.txt", "questions-words.txt", "other.txt")
    for name in names:
        (inner / name).touch()
    expected = ([inner / "EN-A.txt", inner / "EN-B.txt"], [inner / "questions-words.txt"])
    assert find_sets(tmp_path) == expected
    assert find_sets(inner) == expected
    monkeypatch.setenv("WORDKIT_DATA", str(tmp_path))
    assert find_sets() == expected
