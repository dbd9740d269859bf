"""`esplan show`: a saved plan with what became of it, or a journal by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esplan.cli.options import chosen
from esplan.cli.saved import Format, read, show_plan

if TYPE_CHECKING:
    from esplan.cli.options import Globals
    from esplan.commands.show import Applied

Shown = Annotated[
    Path, typer.Argument(metavar="PLAN", help="A plan file, or a journal (….journal.jsonl).")
]


def show(
    ctx: typer.Context,
    plan: Shown,
    *,
    format_: Annotated[Format, typer.Option("--format", help="How to show it.")] = "text",
) -> int:
    """Show a saved plan, also when it has gone stale, and what its journal says was done.

    The journal lies beside the plan once it was applied: what was done when, how long, how much,
    by whom, what was taken back, and how to go on. Given by itself, only it is shown. As JSON a
    plan is always the plan file as it is; a journal is one object.

    Example: esplan show plans/release.json
    Example: esplan show plans/release.json --format html > report.html
    Example: esplan show plans/release.json.journal.jsonl --json
    """
    from esplan.commands import show as command

    given = chosen(ctx)
    format_ = "json" if given.json else format_
    if command.is_journal(plan):
        _show(given, command.of_journal(plan, read), format_)
        return 0
    made = read(plan)
    found = command.of_plan(made, plan)
    if format_ == "html":
        _show(given, found, format_)
    else:
        show_plan(given, made, str(plan), format_)
        if found.timeline and format_ != "json":
            _show(given, found, format_)
    if found.trouble:
        raise found.trouble
    return 0


def _show(given: Globals, found: Applied, format_: Format) -> None:
    """What was done; as HTML with the plan."""
    import json

    from esplan.views import html, journal

    done = found.timeline
    if format_ == "html":
        print(html.page(found.plan, found.path, done))
    elif done and format_ == "json":
        print(json.dumps(journal.json(done, found.path), indent=2, ensure_ascii=False))
    elif done and format_ == "markdown":
        print(journal.markdown(done, found.path), end="")
    elif done:
        given.show(journal.text(done, found.path))
