"""`esplan rollback`: options → command → view."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from esplan.cli.options import chosen
from esplan.cli.saved import FormatOption, save_and_show


def rollback(
    ctx: typer.Context,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan that was applied.")],
    *,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Save the plan (plans/… without a path).")
    ] = None,
    allow_delete: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Delete the index that alias.NAME leaves."),
    ] = None,
    allow_drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="What clients wrote may lack fields that were dropped."
        ),
    ] = None,
    format_: FormatOption = "text",
) -> int:
    """Plan the way back: to the old index, with what clients wrote since. Changes nothing.

    Examples:
        esplan rollback plans/release.json -o plans/back.json
        esplan rollback plans/release.json --allow-delete alias.classes -o
    """
    from esplan import live, planfile
    from esplan.commands import seen
    from esplan.commands.rollback import rollback as command

    given = chosen(ctx)
    applied = planfile.read(plan)
    with given.cluster() as cluster:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        made = command(
            cluster, applied, plan, allow_delete=allow_delete or (), allow_drop=allow_drop or ()
        )
        made = seen.tried(cluster, made)
    save_and_show(given, made, output, format_)
    return 0
