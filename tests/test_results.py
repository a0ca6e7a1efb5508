"""The page of results is what the results say."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

from examples import ROOT


def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report", ROOT / "benchmarks" / "report.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_of_the_results() -> None:
    made = report()
    assert made.REPORT.read_text(encoding="utf-8") == "\n".join(made._page()) + "\n"


def test_each_result_has_its_command_and_day() -> None:
    made = report()
    for result in made.RESULTS.glob("*.txt"):
        text = result.read_text(encoding="utf-8")
        assert text.startswith("$ python benchmarks/"), result.name
        assert re.search(r"^\d{4}-\d\d-\d\d$", text, re.M), result.name
        assert any(result.stem in parts for parts in made.CHAPTERS.values()), result.name
