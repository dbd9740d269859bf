"""`esplan doctor`: what is wrong with a cluster, and what to do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from esplan.cli.options import Globals, chosen

if TYPE_CHECKING:
    from esplan.doctor import Check


def doctor(
    ctx: typer.Context,
    *,
    only: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Only this check.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="Not this check.")] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="CHECK", help="Say what a check looks at, and why.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name every check.")] = False,
) -> int:
    """Say what is wrong with a cluster, and what to do about it. Changes nothing.

    Exits 2 when there is an error or a warning.

    Examples:
        esplan doctor --url http://localhost:9200
        esplan doctor --only disk-watermarks --only lock
        esplan doctor --explain disk-watermarks
    """
    from esplan.commands import doctor as commands
    from esplan.views import doctor as views

    given = chosen(ctx)
    if explain is not None:
        return _explain(given, commands.find(explain))
    checks = commands.chosen(only or (), skip or ())
    if list_:
        return _list(given, checks)
    with given.cluster() as cluster:
        found = commands.diagnose(cluster, only or (), skip or ())
    if given.json:
        print(json.dumps(views.diagnosis_json(found), ensure_ascii=False))
    else:
        given.show(views.diagnosis(found))
    return found.exit_code


def _explain(given: Globals, check: Check) -> int:
    from esplan.views import doctor as views

    if given.json:
        print(json.dumps(views.explanation_json(check), ensure_ascii=False))
    else:
        given.show(views.explanation(check))
    return 0


def _list(given: Globals, checks: tuple[Check, ...]) -> int:
    from esplan.views import doctor as views

    if given.json:
        parts = [views.explanation_json(one) for one in checks]
        print(json.dumps({"format_version": parts[0]["format_version"], "checks": parts}))
    else:
        given.show(views.names(checks))
    return 0
