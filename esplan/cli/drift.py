"""`esplan drift`: options → command → view."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from esplan.cli.options import chosen

Format = Literal["text", "json", "markdown", "junit", "github"]


def drift(
    ctx: typer.Context,
    desired: Annotated[list[Path], typer.Option("-d", "--desired", help="Desired file or folder.")],
    *,
    target: Annotated[list[str] | None, typer.Option(help="Only this address.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not this address.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to show it.")] = "text",
) -> int:
    """Say where the cluster is not as the desired files say. Changes nothing.

    Exits 2 when there is drift.

    Examples:
        esplan drift -d desired/ --env prod
        esplan drift -d desired/ --format junit > drift.xml
    """
    from esplan import desired as files
    from esplan import live, privileges
    from esplan.commands.drift import drift as command
    from esplan.commands.plan import chosen as chosen_objects
    from esplan.views import drift as views

    given = chosen(ctx)
    settings = given.settings()
    wanted = files.read(desired, settings.variables)
    with given.cluster() as cluster:
        live.require_cluster(cluster, settings.cluster_uuid)
        privileges.require_plan(cluster, chosen_objects(wanted.state, target or (), exclude or ()))
        report = command(cluster, wanted, target=target or (), exclude=exclude or ())
    form = "json" if given.json else format_
    if form == "text":
        given.show(views.text(report))
    else:
        sys.stdout.write(views.FORMATS[form](report))
    return report.exit_code
