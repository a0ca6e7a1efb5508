"""synonyms, hypernyms, wordnet-similarity, compare: what they print and what they refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import Wordkit
from wordnet_files import pack_wordnet, write_wordnet

from wordkit.embeddings import Embeddings, save_embeddings
from wordkit.embeddings.composition import Subwords
from wordkit.text.subwords import NGrams


@pytest.fixture
def words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The WordNet of a few words, which the environment names."""
    monkeypatch.setenv("WORDKIT_WORDNET", "words")
    return write_wordnet(folder / "words")


@pytest.fixture
def ways(words: Path, vectors: Path) -> Path:
    """All that compare asks: also ./counts.safetensors, in which bus is next to car."""
    rows = {"car": [1, 0], "bus": [1, 0.1], "king": [0, 1]}
    made = {"made_by": "wordkit train-counts"}
    save_embeddings(
        Embeddings(rows, np.array(list(rows.values()), np.float32), metadata=made),
        "counts.safetensors",
    )
    return words


def test_synonyms(wordkit: Wordkit, words: Path) -> None:
    done = wordkit("synonyms", "Cars", "--wordnet", words)
    assert done.stdout.splitlines() == [
        "1  noun  auto, motor car",
        "         it has a motor",
        '         "a fast car"',
        '         "by car"',
        "2  noun  wagon",
        "         it is pulled",
    ]
    assert done.stderr == "Cars: car\n"


def test_synonyms_of_several_words(wordkit: Wordkit, words: Path) -> None:
    lines = wordkit("synonyms", "ox", "auto", "--pos", "noun").stdout.splitlines()
    assert lines[:3] == ["ox", "  1  noun  -", "           it pulls wagons"]
    assert lines[3:5] == ["", "auto"]
    assert lines[5] == "  1  noun  car, motor car"
    both = wordkit("synonyms", "auto").stdout.splitlines()
    assert both[-2:] == ["2  verb  -", "         go by auto"]


def test_synonyms_json(wordkit: Wordkit, words: Path) -> None:
    found = json.loads(wordkit("synonyms", "tool", "quick", "--json").stdout)
    assert found["tool"] == [
        {
            "synonyms": ["implement"],
            "sense": "tool.n.01",
            "part_of_speech": "noun",
            "words": ["tool", "implement"],
            "definition": "what work is done with",
            "examples": ["a tool of the trade"],
        }
    ]
    assert [(each["synonyms"], each["examples"]) for each in found["quick"]] == [([], [])]


def test_hypernyms(wordkit: Wordkit, words: Path) -> None:
    assert wordkit("hypernyms", "snow plough").stdout.splitlines() == [
        "1  noun  snow plough",
        "         it clears roads",
        "         → tool → thing",
        "         → vehicle → thing",
    ]
    assert "a root: nothing lies above it" in wordkit("hypernyms", "thing").stdout
    (found,) = json.loads(wordkit("hypernyms", "herbie", "--json").stdout)["herbie"]
    assert found["paths"] == [["car.n.01", "vehicle.n.01", "thing.n.01"]]
    assert "not as noun or verb" in wordkit("hypernyms", "quick", status=1).stderr
    assert "'adverb'" in wordkit("hypernyms", "quickly", "--pos", "adverb", status=2).stderr


def test_similarity(wordkit: Wordkit, words: Path) -> None:
    assert wordkit("wordnet-similarity", "car", "oxen").stdout.splitlines() == [
        "path              0.2500  car.n.01  ox.n.01",
        "Wu-Palmer         0.4000  car.n.01  ox.n.01",
        "Leacock-Chodorow  0.4055  car.n.01  ox.n.01",
        "",
        "car.n.01  it has a motor",
        "ox.n.01   it pulls wagons",
    ]
    asked = ("wordnet-similarity", "auto", "drive", "--measure", "wup", "--json")
    assert json.loads(wordkit(*asked).stdout) == {
        "wup": {"score": pytest.approx(4 / 5), "senses": ["auto.v.01", "drive.v.01"]}
    }
    error = wordkit("wordnet-similarity", "ox", "think", status=1).stderr
    assert "nouns lie under another one than verbs" in error


def test_which_wordnet(
    wordkit: Wordkit, words: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wordkit("synonyms", "ox").stderr == "WordNet: words ($WORDKIT_WORDNET)\n"
    monkeypatch.delenv("WORDKIT_WORDNET")
    monkeypatch.setattr("wordkit.thesaurus.files._nltk_data_folders", lambda: [str(folder)])
    archive = pack_wordnet(words, folder / "corpora" / "wordnet.zip")
    done = wordkit("synonyms", "wagon")
    assert done.stderr == f"WordNet: {archive}\n"
    assert "car" in done.stdout


def test_the_others_are_answered_beside_unknown_words(wordkit: Wordkit, words: Path) -> None:
    done = wordkit("synonyms", "ox", "wagn", "--pos", "noun", status=1)
    assert done.stdout.splitlines() == ["ox", "  1  noun  -", "           it pulls wagons"]
    assert done.stderr.splitlines()[1:] == [
        "wordkit: 'wagn' is not in WordNet; did you mean wagon?"
    ]
    done = wordkit("hypernyms", "quick", "herbie", "wagn", "--json", status=1)
    assert list(json.loads(done.stdout)) == ["herbie"]
    (line,) = done.stderr.splitlines()[1:]
    assert "'quick'" in line and "'wagn' is not in WordNet" in line
    assert wordkit("hypernyms", "quick", "wagn", "--json", status=1).stdout == ""


def test_no_wordnet(wordkit: Wordkit, words: Path) -> None:
    error = wordkit("synonyms", "ox", "--wordnet", "none", status=1).stderr
    assert "apt-get install wordnet-base" in error and "python -m nltk.downloader" in error
    assert "is no WordNet" in wordkit("synonyms", "ox", "--wordnet", ".", status=1).stderr


def test_compare(wordkit: Wordkit, ways: Path) -> None:
    done = wordkit("compare", "car", "-n", "2")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["thesaurus", "counting", "inference"],
        ["auto", "bus", "0.9950", "truck", "0.9934"],
        ["motor", "car", "king", "0.0000", "woman", "0.1404"],
    ]
    assert done.stderr.splitlines() == [
        "WordNet: words ($WORDKIT_WORDNET)",
        "counted vectors: counts.safetensors in this folder",
        "vectors: vectors.safetensors in this folder",
    ]


def test_compare_shows_what_there_is(wordkit: Wordkit, ways: Path) -> None:
    made = {"made_by": "wordkit train-glove"}
    near = Embeddings(["car", "lorry"], np.eye(2, dtype=np.float32) + 1, metadata=made)
    save_embeddings(near, "glove.safetensors")
    subwords = Subwords(NGrams(3, 4, 10), np.ones((10, 2), np.float32))
    save_embeddings(Embeddings(["cart", "ox"], np.eye(2), subwords=subwords), "n_grams.safetensors")
    done = wordkit("compare", "car", "-n", "1", "--subwords", "n_grams.safetensors")
    names, *_ = (line.split() for line in done.stdout.splitlines())
    assert names == ["thesaurus", "counting", "inference", "glove", "subwords"]
    assert "lorry" in done.stdout and "cart" in done.stdout
    assert "GloVe vectors: glove.safetensors in this folder" in done.stderr
    assert "composed of character n-grams, as it is no word of these vectors: car" in done.stderr
    assert "n_grams.safetensors" not in done.stderr and "subwords:" not in done.stderr


def test_compare_several_words(wordkit: Wordkit, ways: Path) -> None:
    done = wordkit("compare", "king", "car", "-n", "1")
    lines = done.stdout.splitlines()
    assert (lines[0], lines[3], lines[4]) == ("king", "", "car")
    assert lines[2].startswith("  (none)")
    found = json.loads(wordkit("compare", "king", "car", "-n", "1", "--json").stdout)
    assert found["king"]["thesaurus"] == [] and found["car"]["thesaurus"] == ["auto"]
    assert found["car"]["counting"] == [["bus", pytest.approx(0.995, abs=1e-4)]]
    assert found["king"]["inference"][0][0] == "queen"


def test_compare_tells_of_words_that_ways_lack(wordkit: Wordkit, ways: Path) -> None:
    done = wordkit("compare", "car", "zzqx", "kng", "-n", "1", status=1)
    assert done.stdout.splitlines()[0] == "car" and "zzqx" not in done.stdout
    assert done.stderr.splitlines()[-1] == (
        "wordkit: 'zzqx' is not in WordNet, nor in the vectors, and nothing is spelt nearly so; "
        "ask another word; 'kng' is not in WordNet, nor in the vectors; did you mean king?"
    )
    assert wordkit("compare", "zzqx", "--json", status=1).stdout == ""
    assert "thesaurus: 'king' is not in WordNet" in wordkit("compare", "king").stderr


def test_compare_goes_on_without_a_wordnet(
    monkeypatch: pytest.MonkeyPatch, ways: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from wordkit_cli import compare

    monkeypatch.setattr(compare, "default_wordnet", lambda: None)
    monkeypatch.delenv("WORDKIT_WORDNET")
    compare.command.main(["car", "-n", "3"], standalone_mode=False)
    out, err = capsys.readouterr()
    assert "apt-get install wordnet-base" in out and "python -m nltk.downloader wordnet" in out
    assert "bus" in out and "thesaurus: no WordNet is installed" in err
    compare.command.main(["car", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["car"]["thesaurus"] is None


def test_an_installed_wordnet_that_is_corrupted_is_not_missing(
    wordkit: Wordkit, ways: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORDKIT_WORDNET")
    monkeypatch.setattr("wordkit.thesaurus.files._nltk_data_folders", lambda: [str(folder)])
    installed = shutil.copytree(ways, folder / "corpora" / "wordnet")
    for harm in (lambda path: path.write_text("junk\n"), Path.unlink):
        harm(installed / "index.noun")
        done = wordkit("compare", "car", status=1)
        assert done.stdout == "" and "index.noun" in done.stderr
        asked = json.loads(wordkit("doctor", "--json", status=1).stdout)["asks"]["wordnet"]
        assert asked["path"] == str(installed) and "index.noun" in asked["fault"]


def test_compare_asks_what_is_bundled(wordkit: Wordkit, words: Path) -> None:
    done = wordkit("compare", "car", "--json")
    found = json.loads(done.stdout)["car"]
    for way in ("counting", "inference"):
        assert {word for word, _ in found[way]} >= {"truck", "motor"}
    assert done.stderr.count("bundled with wordkit") == 2 and "warning" not in done.stderr


def test_compare_tells_of_swapped_files(wordkit: Wordkit, ways: Path) -> None:
    swapped = ("--counting", "vectors.safetensors", "--inference", "counts.safetensors")
    error = wordkit("compare", "car", *swapped).stderr
    assert "vectors.safetensors does not say that it was made by wordkit train-counts" in error
    assert "counts.safetensors was made by wordkit train-counts, not by wordkit train-w2v" in error
    shutil.copy("counts.safetensors", "other.safetensors")
    right = ("--counting", "other.safetensors", "--inference", "vectors.safetensors")
    assert "made by" not in wordkit("compare", "car", *right).stderr
