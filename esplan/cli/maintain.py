"""`esplan maintain`: options → command → view."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from esplan.cli.options import chosen
from esplan.cli.saved import FormatOption, save_and_show
from esplan.cli.sizing import goals_of


class Kind(StrEnum):
    """What maintenance is made of (Typer takes no list of literals)."""

    FORCE_MERGE = "force-merge"
    REPLICAS = "replicas"
    SHARDS = "shards"
    LEFTOVERS = "leftovers"


def maintain(
    ctx: typer.Context,
    pattern: Annotated[
        str | None,
        typer.Argument(help="An index, an alias, a wildcard, or a list with commas; all without."),
    ] = None,
    *,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Save the plan (plans/… without a path).")
    ] = None,
    only: Annotated[
        list[Kind] | None, typer.Option(help="Only this kind of maintenance; more than once.")
    ] = None,
    allow_delete: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Delete this leftover: index.NAME; more than once."),
    ] = None,
    format_: FormatOption = "text",
    segment_size: Annotated[
        str, typer.Option(metavar="SIZE", help="Of a segment after a force merge: 2gb, or bytes.")
    ] = "2gb",
    shard_size: Annotated[
        str, typer.Option(metavar="SIZE", help="Of a shard: 25gb, or bytes.")
    ] = "25gb",
) -> int:
    """Plan what `esplan sizing` advises: merges, replicas, shards, leftovers. Changes nothing.

    Examples:
        esplan maintain 'classes*' -o plans/maintenance.json
        esplan maintain --only force-merge --segment-size 5gb -o
    """
    from esplan import live
    from esplan.commands.maintain import maintain as command

    given = chosen(ctx)
    goals = goals_of(segment_size, shard_size)
    with given.cluster() as cluster:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        kinds = [str(kind) for kind in only or ()]
        made = command(cluster, pattern, goals, only=kinds, allow_delete=allow_delete or ())
    save_and_show(given, made, output, format_)
    return 0
