"""`esplan show`: a saved plan with what became of it, or a journal by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esplan.cli.options import chosen
from esplan.cli.saved import Format, FormatOption, read, show_plan
from esplan.errors import JournalError

if TYPE_CHECKING:
    from esplan.cli.options import Globals
    from esplan.commands.show import Applied
    from esplan.plan import Plan
    from esplan.timeline import Timeline

Shown = Annotated[
    Path, typer.Argument(metavar="PLAN", help="A plan file, or a journal (….journal.jsonl).")
]


def show(
    ctx: typer.Context,
    plan: Shown,
    *,
    format_: FormatOption = "text",
) -> int:
    """Show a saved plan, also when it has gone stale, and what its journal says was done.

    The journal lies beside the plan once it was applied: what was done when, how long, how much,
    by whom, what was taken back, and how to go on. Given by itself, only it is shown. As JSON a
    plan is always the plan file as it is; a journal is one object.

    Examples:
        esplan show plans/release.json
        esplan show plans/release.json --format html > report.html
    """
    from esplan.commands import show as command

    given = chosen(ctx)
    format_ = "json" if given.json else format_
    if command.is_journal(plan):
        found = command.of_journal(plan, lambda path: read(path, format_))
        _show(given, found, format_)
        return 0
    made = read(plan, format_)
    if format_ == "json":
        show_plan(given, made, str(plan), format_)
        return 0
    try:
        done = command.of_plan(made, plan)
    except JournalError:
        show_plan(given, made, str(plan), format_)
        raise
    _show_plan(given, made, str(plan), done, format_)
    return 0


def _show_plan(
    given: Globals, plan: Plan, path: str, done: Timeline | None, format_: Format
) -> None:
    """The plan, and behind it what was done."""
    from esplan.views import html, journal, markdown

    if done is None:
        show_plan(given, plan, path, format_)
    elif format_ == "html":
        print(html.page(plan, path, done), end="")
    elif format_ == "markdown":
        print(markdown.plan(plan, path, f"\n{journal.markdown(done, path)}"), end="")
    else:
        show_plan(given, plan, path, format_)
        given.show(journal.text(done, path))


def _show(given: Globals, found: Applied, format_: Format) -> None:
    """Only what was done; a page has the plan, too, where it is there."""
    import json

    from esplan.views import html, journal

    done = found.timeline
    if format_ == "html":
        print(html.page(found.plan, found.path, done), end="")
    elif format_ == "json":
        print(json.dumps(journal.json(done, found.path), indent=2, ensure_ascii=False))
    elif format_ == "markdown":
        print(journal.markdown(done, found.path), end="")
    else:
        given.show(journal.text(done, found.path))
