"""The directive ``result``: what a benchmark last printed, from benchmarks/results.

::

    ```{result} word2vec_speed
    ```

Tables are shown as tables, all else as it stands; the command, the machine, the versions and the
day stand below. With ``:tables: 1`` only that table is shown, counted from 1, and with
``:tables: 0`` none.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


class Result(SphinxDirective):
    """A kept output of a benchmark."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"tables": directives.positive_int_list}

    def run(self) -> list[nodes.Node]:
        """Return the tables and texts of the output, then where it is from."""
        path = RESULTS / f"{self.arguments[0]}.txt"
        self.env.note_dependency(str(path))
        command, *lines = path.read_text(encoding="utf-8").splitlines()
        machine, versions, day = lines[:3]
        chosen, number, shown = self.options.get("tables"), 0, []
        for is_table, group in groupby(lines[3:], key=lambda line: line.startswith("|")):
            text = "\n".join(group).strip("\n")
            number += is_table
            if chosen is None and text and not is_table:
                shown.append(nodes.literal_block(text, text, language="text"))
            elif is_table and (chosen is None or number in chosen):
                shown += self.parse_text_to_nodes(re.sub(r"(--[a-z][a-z-]*)", r"`\1`", text))
        origin = f"`{command.removeprefix('$ ')}`, {day}, {machine}; {versions}."
        note = nodes.container("", *self.parse_text_to_nodes(origin), classes=["origin"])
        return [nodes.container("", *shown, note, classes=["result"])]


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("result", Result)
    return {"parallel_read_safe": True}
