"""The thesaurus: the same answers as NLTK's reader, from any place; corruption is noticed."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nltk.data
import pytest
from nltk.corpus.reader.wordnet import WordNetCorpusReader
from wordnet_files import SYNSETS, pack_wordnet, write_wordnet

from wordkit.embeddings import Embeddings
from wordkit.errors import (
    ConfigError,
    FormatError,
    StorageError,
    UnknownWordError,
    VocabularyError,
    WordkitError,
)
from wordkit.thesaurus import MEASURES, Thesaurus, compare, load_thesaurus
from wordkit.thesaurus.files import _nltk_data_folders, installed_wordnet

WORDS = sorted({word for synset in SYNSETS for word in synset.words.split()})


class PlainReader(WordNetCorpusReader):
    """NLTK's reader without the second WordNet that it maps languages with."""

    def map_wn(self, version: str = "wordnet") -> None:
        pass

    map_wn30 = map_wn


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The WordNet of a few words."""
    return write_wordnet(tmp_path_factory.mktemp("few") / "words")


@pytest.fixture(scope="module")
def few(folder: Path) -> Thesaurus:
    return load_thesaurus(folder)


@pytest.fixture(scope="module")
def real() -> Thesaurus:
    """WordNet itself, where it is installed."""
    try:
        thesaurus = load_thesaurus()
    except StorageError:
        pytest.skip("no WordNet is installed: apt-get install wordnet-base")
    if thesaurus.version != "3.0":
        pytest.skip(f"the figures are those of WordNet 3.0, not {thesaurus.version}")
    return thesaurus


@pytest.fixture(scope="module")
def nltk_reader(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Path], WordNetCorpusReader]]:
    """Make NLTK's reader of a copy that has all that NLTK asks for."""
    root = tmp_path_factory.mktemp("nltk_data")
    nltk.data.path.insert(0, str(root))

    def make(folder: Path) -> WordNetCorpusReader:
        copy = root / "corpora" / folder.name
        shutil.copytree(folder, copy)
        (copy / "lexnames").write_text("".join(f"{n:02}\tn.{n}\t1\n" for n in range(45)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return PlainReader(nltk.data.find(f"corpora/{folder.name}"), None)

    yield make
    nltk.data.path.remove(str(root))


def names(synsets: list[Any]) -> list[str]:
    return [synset.name() for synset in synsets]


def check_same(thesaurus: Thesaurus, reader: WordNetCorpusReader, words: list[str]) -> None:
    """Check that the thesaurus says of the words what NLTK's reader says."""
    parts = {"n": "noun", "v": "verb", "r": "adverb"}
    for word in words:
        synsets = list(dict.fromkeys(reader.synsets(word)))  # well comes by good, too
        senses = thesaurus.senses(word)
        assert [
            (parts.get(s.pos(), "adjective"), s.definition(), tuple(s.examples())) for s in synsets
        ] == [(s.part_of_speech, s.definition, s.examples) for s in senses]
        for synset, sense in zip(synsets, senses, strict=True):
            # older NLTK counts satellites among all adjectives of the word
            if synset.pos() != "s" or hasattr(reader, "satellite_offsets"):
                assert synset.name() == sense.name
        words_of = [tuple(name.replace("_", " ") for name in s.lemma_names()) for s in synsets]
        assert words_of == [sense.words for sense in senses]
        if taxonomic := [s for s in synsets if s.pos() in "nv"]:
            found = thesaurus.hypernyms(word)
            assert [sense.name for sense in found] == names(taxonomic)
            for synset, ups in zip(taxonomic, found.values(), strict=True):
                paths = sorted(names(path[-2::-1]) for path in synset.hypernym_paths())
                assert sorted([sense.name for sense in up] for up in ups) == paths
                assert [len(up) for up in ups] == sorted(map(len, paths))


def check_same_similarities(
    thesaurus: Thesaurus, reader: WordNetCorpusReader, a: str, b: str, measures: tuple[str, ...]
) -> None:
    """Check for the highest score that NLTK gives to two senses of a part of speech."""
    pairs = [
        (first, second)
        for letter in "nv"
        for first in reader.synsets(a, letter)
        for second in reader.synsets(b, letter)
    ]
    for measure in measures:
        if not pairs:
            with pytest.raises(VocabularyError):
                thesaurus.similarity(a, b, measure)
            continue
        near = thesaurus.similarity(a, b, measure)
        scores = [getattr(first, f"{measure}_similarity")(second) for first, second in pairs]
        assert near.score == max(scores)
        nearest = [names(list(pair)) for pair in pairs][scores.index(max(scores))]
        assert [sense.name for sense in near.senses] == nearest


# --- the WordNet of a few words ----------------------------------------------------------------


def test_it_says_what_nltk_says(
    folder: Path, few: Thesaurus, nltk_reader: Callable[[Path], WordNetCorpusReader]
) -> None:
    reader = nltk_reader(folder)
    check_same(few, reader, WORDS)
    for a, b in itertools.product(WORDS, repeat=2):
        check_same_similarities(few, reader, a, b, MEASURES)


def test_synonyms(few: Thesaurus) -> None:
    found = few.synonyms("car")
    assert [(sense.name, others) for sense, others in found.items()] == [
        ("car.n.01", ("auto", "motor car")),
        ("wagon.n.01", ("wagon",)),
    ]
    first = next(iter(found))
    assert first.definition == "it has a motor"
    assert first.examples == ("a fast car", "by car")
    assert few.synonyms("auto", "verb") == {few.senses("auto")[1]: ()}
    assert list(few.synonyms("fast").values()) == [("speedy",)]


def test_roots_and_instances(few: Thesaurus) -> None:
    assert list(few.hypernyms("thing").values()) == [[()]]
    (ways,) = few.hypernyms("herbie").values()  # an instance, not a kind
    assert [sense.name for sense in ways[0]] == ["car.n.01", "vehicle.n.01", "thing.n.01"]
    near = few.similarity("ox", "car")  # the deepest noun is three steps below its root
    assert [sense.name for sense in near.senses] == ["ox.n.01", "car.n.01"] and near.score == 1 / 4


@pytest.mark.parametrize(
    ("asked", "lemmas"),
    [
        ("car", ("car",)),
        ("CARS", ("car",)),
        ("oxen", ("ox",)),
        ("went", ("go",)),
        ("motor car", ("motor car",)),
        ("Motor-Cars", ("motor car",)),
        (" snow  plough ", ("snow plough",)),
        ("zebra", ()),
    ],
)
def test_forms_of_words(few: Thesaurus, asked: str, lemmas: tuple[str, ...]) -> None:
    assert few.lemmas(asked) == lemmas
    if lemmas:
        assert few.senses(asked) == few.senses(lemmas[0])
        assert not {*lemmas, asked.lower()} & {o for s in few.synonyms(asked).values() for o in s}


def test_names_of_senses(few: Thesaurus) -> None:
    for word in WORDS:
        for sense in few.senses(word):
            assert few.senses(sense.name) == [sense]
    for name in ("car.n.00", "car.n.03", "car.v.01", "zebra.n.01", "car.n"):
        with pytest.raises(UnknownWordError):
            few.senses(name)


def test_unknown_words(few: Thesaurus) -> None:
    with pytest.raises(UnknownWordError, match="'wagn' is not in WordNet; did you mean wagon?"):
        few.senses("wagn")
    with pytest.raises(UnknownWordError, match="did you mean motor car?"):
        few.senses("motor cat")
    for word in ("", " ", "_", "é", "\0", "x" * 999, "\udc80"):
        with pytest.raises(UnknownWordError):
            few.senses(word)


@pytest.mark.parametrize(
    ("method", "arguments", "error", "message"),
    [
        ("synonyms", ("ox", "verb"), VocabularyError, "has 'ox' as noun, not as verb"),
        ("hypernyms", ("quick",), VocabularyError, "'quick' as adjective, not as noun or verb"),
        ("similarity", ("ox", "think"), VocabularyError, "under one root"),
        ("senses", ("ox", "n"), ConfigError, "noun, verb, adjective, adverb, not 'n'"),
        ("hypernyms", ("quickly", "adverb"), ConfigError, "which have hypernyms, not 'adverb'"),
        ("hypernyms", ("ox", "n"), ConfigError, "noun, verb, adjective, adverb, not 'n'"),
        ("similarity", ("ox", "car", "lin"), ConfigError, "one of path, wup, lch, not 'lin'"),
    ],
)
def test_wrong_questions(
    few: Thesaurus, method: str, arguments: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(few, method)(*arguments)


# --- where it lies -----------------------------------------------------------------------------


def test_an_archive_says_the_same(folder: Path, few: Thesaurus, tmp_path: Path) -> None:
    ask_everything(folder)
    packed = load_thesaurus(pack_wordnet(folder, tmp_path / "wordnet.zip"))
    for word in WORDS:
        assert packed.senses(word) == few.senses(word)


def test_the_order_of_places(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordkit.thesaurus.files._DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "none"), str(tmp_path / "data")])
    corpora = tmp_path / "data" / "corpora"
    with pytest.raises(StorageError, match=r"apt-get install wordnet-base .* nltk.downloader"):
        load_thesaurus()
    shutil.copytree(folder, tmp_path / "debian")
    assert load_thesaurus().path == tmp_path / "debian"
    for name in ("wordnet31.zip", "wordnet.zip"):
        pack_wordnet(folder, corpora / name)
        assert load_thesaurus().path == corpora / name
    (corpora / "wordnet").mkdir()  # empty: not what is sought
    assert installed_wordnet() == corpora / "wordnet.zip"
    shutil.copytree(folder, corpora / "wordnet", dirs_exist_ok=True)
    assert load_thesaurus().path == corpora / "wordnet"
    assert load_thesaurus(folder).path == folder


def test_data_folders_are_those_of_nltk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NLTK_DATA", raising=False)
    monkeypatch.delitem(sys.modules, "nltk.data")  # NLTK need not be imported
    folders = _nltk_data_folders()
    assert len(folders) > 3
    assert [folder for folder in nltk.data.path if folder in folders] == folders


def test_nothing_is_left_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before, known = sorted(folder.iterdir()), list(nltk.data.path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_thesaurus(folder).similarity("car", "ox", "lch")
    assert sorted(folder.iterdir()) == before
    assert not list(tmp_path.iterdir())
    assert nltk.data.path == known


def test_places_that_are_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no such file or folder"):
        load_thesaurus(tmp_path / "none")
    (tmp_path / "text").write_text("no archive")
    for path in (tmp_path, tmp_path / "text", "/dev/null"):
        with pytest.raises(FormatError, match="is no WordNet"):
            load_thesaurus(path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("wordnet/README", "no data")
    with pytest.raises(FormatError, match="is no WordNet"):
        load_thesaurus(tmp_path / "a.zip")


# --- corrupted files ---------------------------------------------------------------------------


def ask_everything(path: Path) -> None:
    """Ask all questions, and raise the first error."""
    thesaurus = load_thesaurus(path)
    for word, question in itertools.product(WORDS, (thesaurus.synonyms, thesaurus.hypernyms)):
        with contextlib.suppress(VocabularyError):  # as adjectives have no hypernyms
            question(word)
    for measure, words in itertools.product(MEASURES, (("car", "wagon"), ("auto", "think"))):
        with contextlib.suppress(VocabularyError):
            thesaurus.similarity(*words, measure)


@pytest.mark.parametrize("name", ["data.noun", "data.adj", "index.verb", "noun.exc"])
def test_missing_files(folder: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / name).unlink()
    with pytest.raises(WordkitError, match=name):
        ask_everything(copy)
    (copy / name).mkdir()
    with pytest.raises(StorageError, match=f"cannot read .*{name}"):
        ask_everything(copy)


Harm = Callable[[bytes], bytes]


def replacing(old: bytes, new: bytes) -> Harm:
    return lambda data: data.replace(old, new)


FOUND_WHEN_ASKED: dict[str, tuple[str, Harm]] = {
    "cut": ("data.noun", lambda data: data[: len(data) // 2]),
    "shifted": ("data.verb", lambda data: b" " + data),
    "empty": ("data.noun", lambda data: b""),
    "not UTF-8": ("data.noun", replacing(b"motor", b"m\xf6tor")),
    "no gloss": ("data.noun", replacing(b"|", b"/")),
    "words that are not there": ("data.noun", replacing(b" n 03", b" n ff")),
    "no number": ("data.noun", replacing(b" n 03", b" n xx")),
    "unknown kind": ("data.noun", replacing(b" 06 n", b" 06 q")),
    "pointers to nowhere": ("data.noun", replacing(b"@ 0000", b"@ 9999")),
    "pointers to nothing": ("data.noun", replacing(b" n 0000", b" q 0000")),
    "few pointers": ("data.noun", replacing(b" 001 @", b" 009 @")),
    "billions of pointers": ("data.noun", replacing(b" 001 @", b" 9000000001 @")),
    "another lemma": ("data.noun", replacing(b"tool", b"tuul")),
    "index cut": ("index.noun", lambda data: data[: len(data) // 2 - 3]),
    "index without numbers": ("index.noun", replacing(b" n ", b" n x")),
    "index elsewhere": ("index.noun", replacing(b" 000000", b" 000001")),
}
FOUND_AT_ONCE: dict[str, tuple[str, Harm]] = {  # else its words would pass for unknown ones
    "index of something else": ("index.noun", lambda data: b"junk\n"),
    "empty index": ("index.noun", lambda data: b""),
    "index not UTF-8": ("index.verb", lambda data: data + b"\xff\n"),
    "index of the licence alone": ("index.adv", lambda data: data[: data.index(b"\n") + 1]),
    "junk in the index": ("index.noun", replacing(b"\nox n", b"\njunk\nox n")),
    "index of verbs": ("index.noun", replacing(b" n ", b" v ")),
    "blank exception": ("noun.exc", lambda data: b"\n" + data),
}


@pytest.mark.parametrize("title", [*FOUND_WHEN_ASKED, *FOUND_AT_ONCE])
def test_corruption_is_noticed(folder: Path, tmp_path: Path, title: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    name, harm = (FOUND_WHEN_ASKED | FOUND_AT_ONCE)[title]
    (copy / name).write_bytes(harm((copy / name).read_bytes()))
    ask, place = (load_thesaurus, name) if title in FOUND_AT_ONCE else (ask_everything, "")
    with pytest.raises(FormatError, match=f"(?s){copy}.*{place} is corrupted") as caught:
        ask(copy)
    assert "\n" not in str(caught.value)


def test_circles_are_noticed(folder: Path, tmp_path: Path) -> None:
    """vehicle is made a kind of snow plough, which is one of tool and of vehicle."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    data = (copy / "data.noun").read_bytes()
    places = {line.split()[4]: line[:8] for line in data.splitlines()[1:]}
    thing, plough = places[b"thing"], places[b"snow_plough"]
    harmed = [
        line.replace(b"@ " + thing, b"@ " + plough) if line.split()[4:5] == [b"vehicle"] else line
        for line in data.splitlines(keepends=True)
    ]
    (copy / "data.noun").write_bytes(b"".join(harmed))
    thesaurus = load_thesaurus(copy)
    with pytest.raises(FormatError, match="is corrupted"):
        thesaurus.hypernyms("car")
    with pytest.raises(WordkitError, match="under one root|is corrupted"):
        thesaurus.similarity("car", "wagon", "wup")
    with pytest.raises(FormatError, match="noun is corrupted.*round in a circle"):
        thesaurus.similarity("ox", "thing", "lch")


def test_a_corrupted_archive(folder: Path, tmp_path: Path) -> None:
    path = pack_wordnet(folder, tmp_path / "w.zip")
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        inside = archive.getinfo("wordnet/data.noun").header_offset + 100
    for harmed, message in (
        (content[:-30], "is no WordNet"),
        (content[:inside] + b"xxxx" + content[inside + 4 :], "is corrupted at data.noun"),
        (
            content.replace(b"\x11\0\0\0wordnet/", b"\xff\x0f\0\0wordnet/", 1),
            "at data.noun: File name",
        ),
    ):
        path.write_bytes(harmed)
        with pytest.raises(FormatError, match=message) as refused:
            ask_everything(path)
        assert len(str(refused.value)) < 300
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dict/data.noun", b"")
    with pytest.raises(StorageError, match="lacks the file index.noun of a WordNet"):
        ask_everything(path)


# --- WordNet itself ----------------------------------------------------------------------------


def test_the_car_of_wordnet(real: Thesaurus) -> None:
    (sense, others), *more = real.synonyms("car").items()
    assert others == ("auto", "automobile", "machine", "motorcar") and len(more) == 4
    assert sense.definition.startswith("a motor vehicle with four wheels")
    ways = real.hypernyms("car.n.01")[sense]
    assert [way[0].name for way in ways] == ["motor_vehicle.n.01"] * 2
    assert {way[-1].name for way in ways} == {"entity.n.01"}
    for other, measure, score in (
        ("novel.n.01", "path", 0.0556),
        ("automobile", "wup", 1),
        ("automobile", "lch", 3.6376),  # log 38: the taxonomy of nouns is 19 deep
    ):
        assert real.similarity("car.n.01", other, measure).score == pytest.approx(score, abs=5e-5)


def test_real_words_as_nltk_has_them(
    real: Thesaurus, nltk_reader: Callable[[Path], WordNetCorpusReader]
) -> None:
    if real.path.is_file():
        pytest.skip("NLTK's own reader is tried on unpacked files")
    reader = nltk_reader(real.path)
    words = ["car", "run", "good", "well", "oxen", "went", "better", "ice_cream", "living_thing"]
    words += ["Paris", "happiness", "quickly", "man", "women", "set", "o'clock", "24/7", "saw"]
    check_same(real, reader, words)
    for a, b in [("car", "run"), ("man", "women"), ("walk", "think"), ("realize", "imagine")]:
        check_same_similarities(real, reader, a, b, ("path", "wup"))
    assert set(reader.all_lemma_names()) == set(real._database.lemmas())


# --- beside vectors ------------------------------------------------------------------------------


def test_three_ways_side_by_side(few: Thesaurus) -> None:
    counted = Embeddings(["car", "bus", "king"], [[1, 0], [1, 0.1], [0, 1]])
    inferred = Embeddings(["king", "queen"], [[1, 0.0], [0.9, 0.1]])
    vectors = {"counted": counted, "inferred": inferred}
    found = compare("car", 1, thesaurus=few, **vectors)
    assert found.thesaurus == ["auto"]
    assert found.counting == counted.most_similar("car", n=1) and found.inference == []
    assert compare("king", thesaurus=few, **vectors).thesaurus == []
    assert compare("king", thesaurus=None, **vectors).thesaurus is None
    for thesaurus in (few, None):
        with pytest.raises(VocabularyError, match="is not in (WordNet, nor in )?the vectors"):
            compare("zzzq", thesaurus=thesaurus, **vectors)
