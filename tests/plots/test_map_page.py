"""A map as a page: what the file holds, and what a real browser makes of it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from plots.words import HOSTILE, embeddings_of, numbered

from wordkit.embeddings import Embeddings
from wordkit.errors import ConfigError, StorageError
from wordkit.plots import map_words, neighbours_of, write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")


def page_of(vectors: Embeddings, path: Path, **options: object) -> Path:
    drawn = map_words(vectors, top=len(vectors), **options)  # type: ignore[arg-type]
    write_page(drawn, path, neighbours=neighbours_of(vectors, drawn.words, 5), title="A <b> map")
    return path


def data_of(path: Path) -> dict:
    """The data of a page, found as a browser finds them: up to the first end of the element."""
    page = path.read_text(encoding="utf-8")
    return json.loads(page.split('id="data">')[1].split("</script")[0])


def shown(path: Path, tmp_path: Path, fragment: str = "", script: str = "") -> str:
    """What a browser has made of a page, after a script that a test puts behind its own."""
    page = path.read_text(encoding="utf-8").replace("</body>", f"<script>{script}</script></body>")
    copy = path.with_name("copy.html")
    copy.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,700",
            "--virtual-time-budget=3000", f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom", copy.as_uri() + fragment,
        ],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout.decode()


def logged(page: Path, tmp_path: Path, script: str) -> list:
    """What a script has left in the data of a page."""
    found = re.search(r'data-log="([^"]*)"', shown(page, tmp_path, script=script))
    assert found is not None
    return json.loads(html.unescape(found[1]))


def about(dom: str) -> str:
    """What is said of a word, without tags."""
    said = re.search(r'<div id="about"[^>]*>(.*?)</div>', dom, re.DOTALL)
    assert said is not None
    return html.unescape(re.sub("<[^>]*>", " ", said[1]))


def test_the_data_are_those_of_the_map(tmp_path: Path) -> None:
    vectors = embeddings_of(HOSTILE)
    known = data_of(page_of(vectors, tmp_path / "map.html"))
    assert tuple(known["words"]) == HOSTILE
    assert known["title"] == "A <b> map"
    assert known["counts"] == vectors.vocabulary.counts.tolist()
    assert min(known["x"]) == min(known["y"]) == 0
    assert max(known["x"] + known["y"]) == 10_000
    for word, near in zip(HOSTILE, known["near"], strict=True):
        found = [(HOSTILE[n], cosine) for n, cosine in near]
        expected = vectors.most_similar(word, n=5)
        assert [w for w, _ in found] == [w for w, _ in expected]
        assert [c for _, c in found] == pytest.approx([c for _, c in expected], abs=1e-3)


def test_neighbours_that_are_not_on_the_map_are_words(tmp_path: Path) -> None:
    vectors = numbered(30)
    drawn = map_words(vectors, ["w3", "w9"])
    write_page(drawn, tmp_path / "m.html", neighbours=neighbours_of(vectors, drawn.words, 29))
    near = [[other for other, _ in found] for found in data_of(tmp_path / "m.html")["near"]]
    assert 1 in near[0] and 0 in near[1]
    assert {other for other in near[0] if other != 1} == set(vectors.words) - {"w3", "w9"}


def test_the_file_names_nothing_outside_of_itself(tmp_path: Path) -> None:
    page = page_of(embeddings_of(HOSTILE), tmp_path / "map.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\bsrc=|<link|fetch\(|XMLHttp", page)
    assert page.count("<script") == page.count("</script>") == 2
    assert "<!--" not in page and "\u2028" not in page


def test_what_is_refused(tmp_path: Path) -> None:
    drawn = map_words(numbered(5), top=5)
    with pytest.raises(ConfigError, match=r"expected \.html"):
        write_page(drawn, tmp_path / "map.txt")
    with pytest.raises(ConfigError, match="5 words need as many lists of neighbours, not 1"):
        write_page(drawn, tmp_path / "map.html", neighbours=[[]])
    with pytest.raises(StorageError, match="there is no folder"):
        write_page(drawn, tmp_path / "none" / "map.html")
    assert not list(tmp_path.iterdir())


@needs_browser
@pytest.mark.parametrize(("fragment", "word"), [("#word=a+b", "a+b"), ("#word=100%25", "100%")])
def test_a_fragment_opens_a_word(tmp_path: Path, fragment: str, word: str) -> None:
    vectors = embeddings_of(HOSTILE)
    dom = shown(page_of(vectors, tmp_path / "map.html"), tmp_path, fragment)
    said = about(dom).split()
    assert said[0] == word
    seen = vectors.vocabulary.counts[vectors.vocabulary.id(word)]  # type: ignore[index]
    assert f"{seen:,}" in said
    nearest, cosine = vectors.most_similar(word, n=1)[0]
    assert f"{cosine:.2f}" in said
    assert nearest.split()[0] in about(dom)


@needs_browser
def test_a_fragment_of_no_word_says_so(tmp_path: Path) -> None:
    """Also where a word was shown before."""
    page = page_of(numbered(9), tmp_path / "map.html")
    assert about(shown(page, tmp_path, "#word=zzzq")).strip() == "no such word on this map"
    assert about(shown(page, tmp_path, "#other=zzzq")).strip() == ""
    script = """
    select(3);
    location.hash = "#word=zzzq";
    addEventListener("hashchange", () => { document.body.dataset.selected = String(selected); });
    """
    dom = shown(page, tmp_path, script=script)
    assert about(dom).strip() == "no such word on this map"
    assert 'data-selected="null"' in dom


@needs_browser
def test_no_word_runs_as_a_script_and_nothing_is_fetched(tmp_path: Path) -> None:
    page = page_of(embeddings_of(HOSTILE), tmp_path / "map.html")
    script = """
    for (const word of words) {
      search.value = word;
      search.dispatchEvent(new Event("input"));
      select(numbers.get(word));
    }
    window.requests = performance.getEntriesByType("resource").length;
    document.body.dataset.scripts = document.scripts.length;
    document.body.dataset.requests = window.requests;
    document.addEventListener("securitypolicyviolation",
      event => { document.body.dataset.forbidden = event.effectiveDirective; });
    document.body.append(Object.assign(new Image(), { src: "other.png" }));
    """
    dom = shown(page, tmp_path, script=script)
    assert "<title>A &lt;b&gt; map</title>" in dom
    assert 'data-scripts="3"' in dom, "those of the page, and this one"
    assert 'data-requests="0"' in dom
    assert 'data-forbidden="img-src"' in dom, "it forbids even its own script to ask for anything"


@needs_browser
def test_search_by_keyboard(tmp_path: Path) -> None:
    """It offers what begins like it, arrows choose, Enter takes, Escape clears."""
    script = """
    const press = key => (document.activeElement ?? document.body).dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const log = [];
    press("/");
    log.push(document.activeElement.id);
    search.value = "W1";
    search.dispatchEvent(new Event("input"));
    log.push([...list.children].map(item => item.textContent).join(","));
    press("ArrowDown");
    log.push(search.getAttribute("aria-activedescendant"));
    press("Enter");
    log.push(document.querySelector("#about h2").textContent, location.hash, list.hidden);
    const middle = room();
    log.push(Math.round(shownX(selected) - middle.x - middle.width / 2),
             Math.round(shownY(selected) - middle.height / 2));
    press("Escape");
    log.push(about.textContent, location.hash, selected);
    search.value = "zzz";
    search.dispatchEvent(new Event("input"));
    log.push(about.textContent);
    document.body.dataset.log = JSON.stringify(log);
    """
    assert logged(page_of(numbered(15), tmp_path / "map.html"), tmp_path, script) == [
        "search", "w1,w10,w11,w12,w13,w14", "option1", "w10", "#word=w10", True, 0, 0,
        "", "", None, "no such word on this map",
    ]  # fmt: skip


@needs_browser
def test_the_mouse_hovers_clicks_drags_and_zooms(tmp_path: Path) -> None:
    script = """
    const at = (type, x, y, more = {}) => canvas.dispatchEvent(new (
      type === "wheel" ? WheelEvent : PointerEvent)(type, { clientX: x, clientY: y, pointerId: 1,
      bubbles: true, cancelable: true, ...more }));
    const log = [], spot = () => [shownX(4), shownY(4)];
    const said = () => document.querySelector("#about h2")?.textContent ?? "";
    at("pointermove", ...spot());
    log.push(said(), selected);
    at("pointermove", 990, 690);
    log.push(said());
    at("pointerdown", ...spot());
    at("pointerup", ...spot());
    log.push(said(), selected, words[hovered ?? selected]);
    let before = spot();
    at("pointerdown", 500, 500);
    at("pointermove", 530, 480);
    at("pointerup", 530, 480);
    log.push(Math.round(spot()[0] - before[0]), Math.round(spot()[1] - before[1]), selected);
    before = [...spot(), scale];
    at("wheel", before[0], before[1], { deltaY: -200 });
    log.push(scale > before[2]);
    log.push(Math.round(spot()[0] - before[0]), Math.round(spot()[1] - before[1]));
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "0" }));
    log.push(scale === whole);
    document.body.dataset.log = JSON.stringify(log);
    """
    assert logged(page_of(numbered(15), tmp_path / "map.html"), tmp_path, script) == [
        "w4", None, "", "w4", 4, "w4", 30, -20, 4, True, 0, 0, True,
    ]  # fmt: skip


CAUGHT = """
    const boxes = [], write = pen.fillText.bind(pen);
    pen.fillText = (text, x, y) => {
      boxes.push([x, y - 6, x + pen.measureText(text).width, y + 6]);
      write(text, x, y);
    };
    paint();
    const hit = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    const hits = boxes.filter((box, n) => boxes.slice(0, n).some(other => hit(box, other)));
    const { left: l, top: t, right: r, bottom: b } =
      document.getElementById("panel").getBoundingClientRect();
    const lost = boxes.filter(box => hit(box, [l, t, r, b]) || box[0] < 0 || box[1] < 0
      || box[2] > canvas.clientWidth || box[3] > canvas.clientHeight);
    document.body.dataset.log = JSON.stringify([boxes.length, hits.length, lost.length]);
"""


def labels_of(page: Path, tmp_path: Path, before: str = "") -> list[int]:
    """How many labels are written, lie on others, and run out of the window or under the panel.

    What is written to the canvas is caught on the way.
    """
    return logged(page, tmp_path, before + CAUGHT)


@needs_browser
def test_labels_do_not_lie_on_each_other(tmp_path: Path) -> None:
    """Nor are they cut off, also where the map is moved about."""
    page = page_of(numbered(2000), tmp_path / "map.html", method="pca")
    for before in ("", "zoom(2, 600, 350); left += 123;"):
        written, hits, lost = labels_of(page, tmp_path, before)
        assert written > 50
        assert (hits, lost) == (0, 0)


@needs_browser
@pytest.mark.parametrize("words", [("w" * 35, "on"), ("on", "w" * 20, "at")])
def test_a_small_map_shows_all_labels_whole(tmp_path: Path, words: tuple[str, ...]) -> None:
    page = page_of(embeddings_of(words), tmp_path / "map.html")
    assert labels_of(page, tmp_path) == [len(words), 0, 0]
    chosen = "".join(f"select({n}, false); paint();" for n in range(len(words)))
    assert labels_of(page, tmp_path, f"showAll(); {chosen}") == [len(words), 0, 0]
