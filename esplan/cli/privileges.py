"""`esplan privileges`: options → command → view."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.cli.commands import JobPath, Paths, wanted
from esplan.cli.options import chosen

if TYPE_CHECKING:
    from esplan.cli.options import Globals
    from esplan.privileges import Name, Role


def privileges(
    ctx: typer.Context,
    desired: Paths = None,
    *,
    job: JobPath = None,
    role: Annotated[
        Literal["plan", "apply", "survey"] | None,
        typer.Option(
            help="The body of this role alone: PUT /_security/role/NAME. "
            "survey: for adopt, sizing, maintain and doctor, which look at every index."
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(metavar="PLAN", help="What this plan is about, too; without files: it alone."),
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
        esplan privileges --role survey
    """
    from esplan.views import privileges as views

    given = chosen(ctx)
    roles = _roles(given, desired or [], job, role, plan, oracle=oracle)
    if given.json:
        print(views.json(roles))
    elif role:
        print(views.body(roles[0]))
    else:
        sys.stdout.write(views.text(roles))
    return 0


def _roles(
    given: Globals,
    paths: list[Path],
    job: Path | None,
    role: Name | None,
    plan: Path | None,
    *,
    oracle: bool,
) -> tuple[Role, ...]:
    """By what was given: files with a plan or without one, a plan alone, or nothing at all."""
    from esplan import planfile
    from esplan.commands import privileges as commands
    from esplan.privileges import SURVEY

    if role == "survey":
        return (SURVEY,)
    made = planfile.read(plan) if plan else None
    if made and not paths and not job:
        return commands.of_plan(made, role)
    return commands.privileges(wanted(given, paths, job).state, role, plan=made, oracle=oracle)
