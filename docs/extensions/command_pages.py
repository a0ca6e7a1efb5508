"""The directive ``commands``: every command of wordkit with all its options, from the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from wordkit_cli.commands import cli
from wordkit_cli.sections import SECTIONS

OTHERS, HELP = "Other options", {"--help", "--help-all"}


class Commands(SphinxDirective):
    """A section for each command, in the order of wordkit --help."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        return [*_sections(cli, click.Context(cli, info_name="wordkit"))]


def _sections(group: click.Group, context: click.Context) -> Iterator[nodes.section]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            raise LookupError(f"{group.name} lists {name}, and does not have it")
        yield _section(command, click.Context(command, context, name))


def _section(command: click.Command, context: click.Context) -> nodes.section:
    """A command as a section, with those of a group inside."""
    path = context.command_path
    section = nodes.section(ids=[path.replace(" ", "-")], names=[path])
    section += nodes.title(path, path.removeprefix("wordkit "))
    usage = " ".join(command.collect_usage_pieces(context))
    section += _literal(f"{path} {usage}")
    section += _prose(command.help or "")
    if isinstance(command, click.Group):
        section += _sections(command, context)
    else:
        section += _options(command, context)
    return section


def _prose(text: str) -> Iterator[nodes.Node]:
    """The paragraphs of a help; a block that keeps its lines begins with \\b."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.split("\n")
        if lines[0].strip() != "\b":
            yield _paragraph(" ".join(lines))
            continue
        yield _paragraph(lines[1].strip())
        yield _literal(inspect.cleandoc("\n".join(["", *lines[2:]])))


def _paragraph(text: str) -> nodes.paragraph:
    """A paragraph in which the names of options are literal, and their dashes stay."""
    parts = re.split(r"(--[a-z][a-z-]+)", text)
    shown = [nodes.literal("", x) if x.startswith("--") else nodes.Text(x) for x in parts]
    return nodes.paragraph("", "", *shown)


def _literal(text: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language="text")


def _options(command: click.Command, context: click.Context) -> Iterator[nodes.Node]:
    """The options as lists of definitions, by section of the help."""
    sections: dict[str, list[tuple[str, str]]] = {title: [] for title in (*SECTIONS, OTHERS)}
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if isinstance(option, click.Option) and record and not HELP & {*option.opts}:
            sections[getattr(option, "section", OTHERS)].append(record)
    for title, records in sections.items():
        if not records:
            continue
        yield nodes.rubric("", title)
        listed = nodes.definition_list(classes=["options"])
        for names, meaning in records:
            term = nodes.term("", "", nodes.literal("", names))
            body = nodes.definition("", _paragraph(" ".join(meaning.split())))
            listed += nodes.definition_list_item("", term, body)
        yield listed


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
