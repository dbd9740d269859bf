"""`esplan privileges`: options → command → view."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from esplan.cli.commands import JobPath, Paths, wanted
from esplan.cli.options import chosen


def privileges(
    ctx: typer.Context,
    desired: Paths = None,
    *,
    job: JobPath = None,
    role: Annotated[
        Literal["plan", "apply"] | None,
        typer.Option(help="The body of this role alone: PUT /_security/role/NAME."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="PLAN", help="What this plan is about, too.")
    ] = None,
    oracle: Annotated[
        bool, typer.Option("--oracle", help="For plan --oracle cluster, too.")
    ] = False,
) -> int:
    """Print the two roles, plan and apply, that a set of desired files needs. Offline.

    They hold the least that is needed, each privilege with its reason.

    Examples:
        esplan privileges -d desired/
        esplan privileges -d desired/ --role apply > role.json
    """
    from esplan import planfile
    from esplan.commands.privileges import privileges as command
    from esplan.views import privileges as views

    given = chosen(ctx)
    made = planfile.read(plan) if plan else None
    roles = command(wanted(given, desired or [], job), role, plan=made, oracle=oracle)
    if given.json:
        print(views.json(roles))
    elif role:
        print(views.body(roles[0]))
    else:
        sys.stdout.write(views.text(roles))
    return 0
