"""Logs of trainings: what is read of them, what is drawn, and which are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wordkit.errors import ConfigError, FormatError, StorageError, WordkitWarning
from wordkit.plots import read_training_log, training_panels
from wordkit.plots.training_log import named_logs


def line(stage: str = "training", done: int = 0, **figures: Any) -> str:
    known = {"seconds": done * 6.0, "stage": stage, "done": done, "total": None, "unit": "tokens"}
    return json.dumps({**known, **figures}) + "\n"


LOG = (
    line("reading", 5, tokens=50)
    + line(done=0, epochs=0.0, loss=None)
    + line(done=5, epochs=0.5, loss=4.0)
    + line(done=10, epochs=1.0, loss=3.5)
    + line("validating", 0)
    + line("validating", 7, epochs=1.0, loss=3.5, valid_perplexity=40.0, seen=10.0)
    + line(done=20, epochs=2.0, loss=3.0, valid_perplexity=40.0)
    + line("validating", 7, epochs=2.0, loss=3.0, valid_perplexity=30.0, seen=20.0)
)


def panels_of(tmp_path: Path, text: str, by: str = "epochs") -> tuple[dict[str, Any], str]:
    (tmp_path / "lm.jsonl").write_text(text)
    panels, x = training_panels(named_logs([read_training_log(tmp_path / "lm.jsonl")]), by)
    return {panel.y: panel.curves["lm"] for panel in panels}, x


@pytest.mark.parametrize(
    ("by", "x", "along", "of_validations"),
    [
        ("epochs", "epochs", [0.5, 1.0, 2.0], [1.0, 2.0]),
        ("minutes", "minutes", [0.5, 1.0, 2.0], [0.7, 0.7]),
        ("seen", "tokens seen", [5, 10, 20], [10, 20]),
    ],
)
def test_losses_and_perplexities_along_the_way(
    tmp_path: Path, by: str, x: str, along: list[float], of_validations: list[float]
) -> None:
    curves, named = panels_of(tmp_path, LOG, by)
    assert named == x
    assert list(curves) == ["training loss, nats", "validation perplexity"]
    loss, perplexity = curves.values()
    assert loss == (pytest.approx(along), [4.0, 3.5, 3.0])
    assert perplexity == (pytest.approx(of_validations), [40.0, 30.0])


def test_the_axis_of_a_divergence_begins_at_0(tmp_path: Path) -> None:
    for values, limits in (([2.0, 1.5], (0, 2)), ([0.0], (0, 1))):
        lines = [line("validating", 7, epochs=1.0, loss=3.5, valid_kl=kl) for kl in values]
        (tmp_path / "kl.jsonl").write_text("".join(lines))
        [*_, kl], _ = training_panels({"vhred": read_training_log(tmp_path / "kl.jsonl")})
        assert kl.limits == limits


def test_a_resumed_training_counts_as_it_went_last(tmp_path: Path) -> None:
    resumed = line(done=10, epochs=1.0, loss=3.6) + line(done=20, epochs=2.0, loss=2.5)
    loss, _ = panels_of(tmp_path, LOG + resumed)[0].values()
    assert loss == (pytest.approx([0.5, 1.0, 1.0, 2.0]), [4.0, 3.5, 3.6, 2.5])


def test_what_came_out_right_is_in_per_cent(tmp_path: Path) -> None:
    text = LOG + line("validating", 7, epochs=3, valid_perplexity=2.0, valid_exact=0.25)
    assert panels_of(tmp_path, text)[0]["validation texts right, %"] == ([3], [25.0])


def test_a_last_line_that_is_cut_short(tmp_path: Path) -> None:
    with pytest.warns(WordkitWarning, match=r"lm.jsonl, line 9, is cut short"):
        curves, _ = panels_of(tmp_path, LOG + line(done=30, epochs=3.0, loss=2.5)[:-20])
    assert curves["training loss, nats"][1] == [4.0, 3.5, 3.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("king 0.1 0.2\n", "line 1, is not JSON; expected the log"),
        ("king 0.1 0.2", "line 1, is not JSON"),
        (LOG + "{\n" + LOG, "line 9, is not JSON"),
        (LOG + "\n", "line 9, is not JSON"),
        (LOG + "[1]\n", "line 9, is no report on a stage"),
        ('{"stage": 5}\n', "line 1, is no report on a stage"),
        (LOG + '{"stage": "training", "done": 3}\n', "line 9, has seconds None, which is no num"),
        (LOG + line(done=3, loss="low"), "line 9, has loss 'low', which is no number"),
        (LOG + line(done=3, loss=True), "line 9, has loss True, which is no number"),
        (LOG + line(done=3, loss=float("nan")), "line 9, has loss nan, which is no number"),
        (LOG + line(done=3, loss=10**400), "line 9, has loss 1000000"),
        ("[" * 100_000 + "\n", "line 1, is not JSON"),
    ],
)
def test_logs_of_other_things(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=f"lm.jsonl, {message}"):
        panels_of(tmp_path, text)


def test_what_can_be_drawn_by_something_else(tmp_path: Path) -> None:
    """As logs can that were written before the fraction of an epoch was in them."""
    with pytest.raises(ConfigError, match="nothing to draw: .*; draw them by minutes or seen"):
        panels_of(tmp_path, line(done=5, loss=4.0) + line(done=9, loss=3.0))


@pytest.mark.parametrize("text", ["", line("decomposing", 3, change=0.1), line(done=5, loss=None)])
def test_nothing_to_draw(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"nothing to draw: no loss and no validation by epochs in"
    ):
        panels_of(tmp_path, text)


def test_one_log_of_two_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(LOG)
    (tmp_path / "b.jsonl").write_text(line("counting", 3))
    logs = [read_training_log(tmp_path / f"{name}.jsonl") for name in "ab"]
    with pytest.warns(WordkitWarning, match=r"no loss and no validation by epochs in .*b.jsonl"):
        panels, _ = training_panels(named_logs(logs))
    assert all(list(panel.curves) == ["a"] for panel in panels)


def test_names_of_curves(tmp_path: Path) -> None:
    paths = [tmp_path / "one" / "lm.jsonl", tmp_path / "two" / "lm.jsonl"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(LOG)
    assert list(named_logs([read_training_log(path) for path in paths])) == [str(p) for p in paths]
    assert list(named_logs([read_training_log(paths[0])])) == ["lm"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read .*: there is no such file"):
        read_training_log(tmp_path / "none.jsonl")
    with pytest.raises(StorageError, match="cannot read .*: it is a folder"):
        read_training_log(tmp_path)
    with pytest.raises(ConfigError, match="by must be one of epochs, minutes, seen"):
        panels_of(tmp_path, LOG, "years")
