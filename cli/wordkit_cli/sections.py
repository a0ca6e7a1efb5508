"""Commands whose help has sections; of many options --help shows the main ones, --help-all all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["SECTIONS", "Option", "SectionedCommand", "option"]

F = TypeVar("F", bound=Callable[..., Any])

SECTIONS = (
    "Decoding", "Draws", "Phrases", "Text", "Adaptation", "Model", "Regularization",
    "Latent variable", "Training", "Output layer", "Checkpoints", "Running",
)  # fmt: skip
"""The sections of options, in their order."""
_OTHERS = "Other options"
_MANY = 24  # options, from which on --help shows the main ones alone


class Option(click.Option):
    """An option of a command with sections.

    Args:
        names: as for :class:`click.Option`.
        section: its section of the help.
        main: show it in the short help.
        settings: as for :class:`click.Option`.
    """

    def __init__(
        self, *names: Any, section: str = _OTHERS, main: bool = False, **settings: Any
    ) -> None:
        super().__init__(*names, **settings)
        self.section, self.is_main = section, main


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """Return an :class:`Option` as a decorator."""
    return click.option(*names, cls=Option, **settings)


class SectionedCommand(click.Command):
    """A command whose options stand in sections."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, with --help, and --help-all where there are many."""
        params = super().get_params(ctx)
        return [*params, _help_all] if len(params) > _MANY else params

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, with the sections in the same columns."""
        from cloup import HelpFormatter  # takes as long to import as Click; only help needs it

        formatter = HelpFormatter(width=ctx.terminal_width, max_width=ctx.max_content_width)
        self.format_help(ctx, formatter)
        return formatter.getvalue().rstrip("\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, in each of them the main options first."""
        from cloup.formatting import HelpSection, ensure_is_cloup_formatter

        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        shows_all = ctx.meta.get(_SHOWS_ALL) or _help_all not in options
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in (*SECTIONS, _OTHERS)}
        for option in sorted(options, key=lambda option: not _is_main(option)):
            title, record = getattr(option, "section", _OTHERS), option.get_help_record(ctx)
            if record and (shows_all or _is_main(option) or title == _OTHERS):
                sections[title].append(record)
        ensure_is_cloup_formatter(formatter).write_many_sections(
            [HelpSection(title, records) for title, records in sections.items() if records]
        )


def _is_main(option: click.Option) -> bool:
    return isinstance(option, Option) and option.is_main


_SHOWS_ALL = "wordkit.help-all"


def _show_all(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the help with all options, and exit."""
    if wanted and not ctx.resilient_parsing:
        ctx.meta[_SHOWS_ALL] = True
        click.echo(ctx.get_help())
        ctx.exit()


_help_all = click.Option(
    ["--help-all"], is_flag=True, is_eager=True, expose_value=False, callback=_show_all,
    help="Show all options and exit.",
)  # fmt: skip
