"""wordkit analogy: king − man + woman."""

from __future__ import annotations

import click

from wordkit_cli.models import load_vectors, say_composed
from wordkit_cli.options import json_option, model_option, number_option
from wordkit_cli.output import print_answers, print_json

__all__ = ["command"]


@click.command("analogy")
@click.argument("a")
@click.argument("b")
@click.argument("c")
@number_option
@click.option(
    "--method", type=click.Choice(["add", "mul"]), default="add", show_default=True,
    help="3CosAdd, or 3CosMul (Levy and Goldberg 2014).",
)  # fmt: skip
@model_option
@json_option
def command(
    a: str, b: str, c: str, number: int, method: str, model: str | None, as_json: bool
) -> None:
    """Find what is to C as A is to B: the words nearest to A − B + C.

    \b
    Examples:
      wordkit analogy king man woman
      wordkit analogy paris france italy -n 3
    """
    vectors = load_vectors(model)
    say_composed(vectors, (a, b, c))
    found = vectors.analogy(a, b, c, n=number, method=method)
    equation = f"{a} − {b} + {c}"
    if as_json:
        print_json({"equation": equation, "answers": [[word, score] for word, score in found]})
    else:
        print_answers({equation: found}, as_json=False, heading=True)
