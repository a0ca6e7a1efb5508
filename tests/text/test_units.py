"""Characters and byte-pair encoding: nothing of a text is lost, and nothing is unknown to bpe."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from string_source import StringSource

from wordkit.errors import ConfigError, FormatError, VersionError
from wordkit.lm.data import hold_out, words_to_model
from wordkit.text import Corpus, TextConfig, Tokenizer, get_tokenizer, iter_prepare
from wordkit.text.bpe import BytePairEncoding
from wordkit.text.detokenizer import detokenize, piece_text, token_texts
from wordkit.text.graphemes import graphemes
from wordkit.text.normalization import normalized
from wordkit.text.sizes import TextSizes, measure_text
from wordkit.text.tokenizers import tokenizer_of, unit_of

TEXT = "Am Tag, da der Hund kam, kam der Hund.\n\n  Der Tag war 日本 warm.\n" * 9

# characters that join others, of each width, and white space of many kinds
CHARACTERS = st.sampled_from(
    list(
        "abAB \t\n\né\u0301e\u0308ΣİKﬁ日本가\u1161\u11a8ก\u0e33नि\u200d😀🏽🇩🇪❤\ufe0f\ufeff"
        "\u00a0\u2000\u3000\x0b"
    )
) | st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
TEXTS = st.lists(CHARACTERS).map("".join)


def prepared(text: str, config: TextConfig, block_size: int = 1 << 20, threads: int = 2) -> Corpus:
    return iter_prepare(StringSource(text, block_size), config=config, threads=threads).result()


def learnt(lines: Iterable[str] = TEXT.split("\n"), size: int = 280) -> Tokenizer:
    record = BytePairEncoding.learn(lines, size).record()
    return tokenizer_of({"tokenizer": "bpe", "normalize": "nfc", "bpe": record})


def words_of(corpus: Corpus) -> list[str]:
    return corpus.vocabulary.decode(corpus.ids)


BPE = learnt()


@given(TEXTS, st.sampled_from(["char", "bpe"]), st.sampled_from(["nfc", "nfkc", "none"]))
def test_tokens_put_together_are_the_text(text: str, unit: str, form: str) -> None:
    tokenizer = get_tokenizer(BPE if unit == "bpe" else "char", form)  # type: ignore[arg-type]
    for line in text.split("\n"):
        tokens = tokenizer(line)
        assert detokenize(tokens, tokenizer.unit) == normalized(line, form)  # type: ignore[arg-type]
        assert "".join(token_texts(tokens, tokenizer.unit)) == detokenize(tokens, tokenizer.unit)


@given(
    TEXTS.filter(lambda text: text.strip("\n")), st.sampled_from(["char", "bpe"]),
    st.sampled_from(["nfc", "none"]), st.integers(1, 40), st.integers(1, 3),
)  # fmt: skip
def test_a_corpus_holds_the_whole_text(
    text: str, unit: str, form: str, block_size: int, threads: int
) -> None:
    config = TextConfig(unit, normalize=form, max_size=300)  # type: ignore[arg-type]
    corpus = prepared(text, config, block_size, threads)
    ended = normalized(text if text.endswith("\n") else text + "\n", form)  # type: ignore[arg-type]
    words = words_of(corpus)
    assert detokenize(words, unit) == ended  # type: ignore[arg-type]
    assert corpus.sentences == ended.count("\n") and corpus.settings["eos"]
    counts = Counter(words)
    seen = {w: n for w, n in zip(corpus.vocabulary, corpus.vocabulary.counts, strict=True) if n}
    assert seen == counts
    assert list(seen) == [word for word, _ in counts.most_common()], "ties by first appearance"
    sizes = TextSizes.of_settings(corpus.settings)
    assert sizes == TextSizes(
        len(ended), len(ended.encode()), len(ended.split()), ended.count("\n")
    )


@given(TEXTS, st.sampled_from(["nfc", "nfkc", "none"]))
def test_sizes(text: str, form: str) -> None:
    for ends in ("\n", "\r\n"):
        data = (text.replace("\n", ends) + ends).encode()
        text_as_read = normalized(text + "\n", form)  # type: ignore[arg-type]
        assert measure_text(data, form) == TextSizes(  # type: ignore[arg-type]
            len(text_as_read), len(text_as_read.encode()), len(text_as_read.split()),
            text_as_read.count("\n"),
        )  # fmt: skip


@pytest.mark.parametrize("tokenizer", ["char", "bpe"])
def test_windows_line_ends_are_line_feeds(tokenizer: str) -> None:
    corpus = prepared("ab\r\n\r\nc\r\n", TextConfig(tokenizer))
    assert words_of(corpus) == ["a", "b", "<eos>", "<eos>", "c", "<eos>"]


def test_graphemes() -> None:
    clusters = ["e\u0301", "x", "🇩🇪", "🇫🇷", "👩\u200d👧", "❤\ufe0f", "각", "नि", "กำ", " "]
    assert graphemes("".join(clusters)) == clusters
    assert graphemes("日本 é") == list("日本 é")


def test_case() -> None:
    line = "Ein HAUS, ΑΣ İ"
    assert get_tokenizer("basic", case="keep")(line) == ["Ein", "HAUS", ",", "ΑΣ", "İ"]
    assert get_tokenizer("basic")(line)[:2] == ["ein", "haus"]
    assert get_tokenizer("whitespace", case="lower")(line) == line.lower().split()
    assert "".join(get_tokenizer("char", case="lower")(line)) == line.lower()
    with pytest.raises(ConfigError, match="case must be one of keep, lower, not 'upper'"):
        get_tokenizer("basic", case="upper")  # type: ignore[arg-type]


# --- byte-pair encoding ---------------------------------------------------------------------------


def test_pieces_are_learnt_by_how_often_they_come() -> None:
    bpe = BytePairEncoding.learn(["aaab aaab", "aab"], 258)
    assert len(bpe.merges) == 2 and ("a", "a") in bpe.merges
    assert len(bpe.pieces) == 258 and len(set(bpe.pieces)) == 258
    assert BytePairEncoding.learn(["aaab aaab", "aab"], 258) == bpe
    assert len(BytePairEncoding.learn(["abcd"], 1000).pieces) == 256, "no pair comes twice"
    ids, lengths = bpe.encode_batch(["aaab", "", "é"])
    assert lengths.sum() == len(ids) and lengths[1] == 0 and lengths[2] == 2
    assert [bpe.pieces[i] for i in ids[: lengths[0]]] == bpe.tokens("aaab")


def test_text_of_pieces() -> None:
    tokens = BytePairEncoding(()).tokens("é日")
    assert len(tokens) == 5 and token_texts([*tokens, "<eos>"], "bpe") == [
        "", "é", "", "", "日", "<eos>",
    ]  # fmt: skip
    assert piece_text(tokens[0]) == "\\xc3" and piece_text("Ġa") == " a"
    assert detokenize(tokens[:-1], "bpe") == "é\ufffd", "an incomplete character"


def test_a_record_is_json_and_is_checked() -> None:
    bpe = BytePairEncoding.learn(TEXT.split("\n"), 290)
    record = json.loads(json.dumps(bpe.record()))
    assert BytePairEncoding.from_record(record) == bpe
    with pytest.raises(VersionError, match="format 2, and this wordkit reads 1; update wordkit"):
        BytePairEncoding.from_record({**record, "format_version": 2})
    for broken in (None, [], {}, {**record, "merges": "a b"}, {**record, "format_version": "1"}):
        with pytest.raises(FormatError, match="missing or corrupted"):
            BytePairEncoding.from_record(broken)
    for merge in (3, "", "a", "zz a", "a zz", "a b c"):
        with pytest.raises(FormatError, match="merge 1 cannot be"):
            BytePairEncoding.from_record({**record, "merges": [merge]})


def test_all_bytes_are_pieces_and_the_limit_holds() -> None:
    corpus = prepared(TEXT, TextConfig("bpe", max_size=270))
    assert len(corpus.vocabulary) == 269, "with <eos>; a model adds <unk>"
    known = tokenizer_of(corpus.settings)
    assert known.bpe is not None and set(known.bpe.pieces) < set(corpus.vocabulary)
    assert len(words_to_model(corpus)) == 270
    with pytest.raises(ConfigError, match="cut into 269 pieces by bpe"):
        words_to_model(corpus, max_size=100)


def test_other_text_is_cut_into_the_same_pieces(tmp_path: Path) -> None:
    train = iter_prepare(StringSource(TEXT), tmp_path / "c", TextConfig("bpe")).result()
    reopened = Corpus.open(tmp_path / "c")
    tokenizer = tokenizer_of(reopened.settings)
    other = "Neuer Text: ひらがな\n\n"
    corpus = iter_prepare(
        StringSource(other), config=TextConfig(tokenizer), vocabulary=train.vocabulary
    ).result()
    assert corpus.settings["oov"] == 0 and detokenize(words_of(corpus), "bpe") == other


@pytest.mark.parametrize("block_size", [40, 1 << 20])
def test_what_is_held_out_is_not_learnt_from(block_size: int) -> None:
    text = TEXT + "zyxw zyxw zyxw\n" * 20
    config = TextConfig("bpe", learnt_fraction=len(TEXT.encode()) / len(text.encode()))
    corpus = prepared(text, config, block_size)
    train, held_out = hold_out(corpus, 0.4)
    assert detokenize(words_of(train), "bpe") == TEXT
    assert detokenize(words_of(held_out), "bpe") == text.removeprefix(TEXT)
    assert tokenizer_of(corpus.settings).bpe == learnt(TEXT.split("\n"), 7998).bpe
    rest = text.removeprefix(TEXT)
    assert TextSizes.of_settings(held_out.settings) == TextSizes(
        len(rest), len(rest.encode()), len(rest.split()), rest.count("\n")
    )
    assert TextSizes.of_settings(train.settings) is None
    assert len(train.vocabulary) == len(corpus.vocabulary), "the pieces are all kept"


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"tokenizer": "bpe", "max_size": 200}, "at least 258: 256 bytes, <unk> and <eos>"),
        ({"tokenizer": "bpe", "min_count": 2}, "min_count has no effect with bpe"),
        ({"tokenizer": "char", "numbers": "N"}, "numbers N has no effect with the tokenizer char"),
    ],
)
def test_settings_without_effect(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TextConfig(**config)  # type: ignore[arg-type]


def test_bpe_without_pieces() -> None:
    with pytest.raises(ConfigError, match="learns its pieces from a text"):
        get_tokenizer("bpe")("a line")
    vocabulary = prepared("a b", TextConfig("char")).vocabulary
    run = iter_prepare(StringSource("a b"), config=TextConfig("bpe"), vocabulary=vocabulary)
    with pytest.raises(ConfigError, match="bpe needs its pieces"):
        run.result()


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("chinese", "rjieba", "rjieba"),
        ("japanese", "fugashi", "fugashi with unidic-lite"),
        ("bpe", "tokenizers", "tokenizers"),
    ],
)
def test_a_package_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, package: str
) -> None:
    from wordkit.text import segmenters

    segmenters._japanese.cache_clear()
    segmenters._IDLE.clear()
    monkeypatch.setitem(sys.modules, module, None)
    message = f"{name} needs {package}, which is not installed: pip install 'wordkit.{name}.'"
    with pytest.raises(ConfigError, match=message):
        prepared("a text", TextConfig(name))


def test_units_of_settings() -> None:
    assert unit_of({"tokenizer": "char"}) == "char" and unit_of({"tokenizer": "bpe"}) == "bpe"
    assert unit_of({}) == unit_of({"tokenizer": "my.function"}) == "word"


def test_numpy_and_clusters_agree() -> None:
    text = "".join(map(chr, np.random.default_rng(0).integers(0x20, 0x3000, 2000)))
    text = unicodedata.normalize("NFC", text.replace("\u0300", "\n"))
    corpus = prepared(text, TextConfig("char"))
    expected = [c for line in text.split("\n") for c in [*graphemes(line), "<eos>"]]
    assert words_of(corpus) == expected
