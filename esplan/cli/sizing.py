"""`esplan sizing`: options → command → view."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.cli.options import chosen
from esplan.errors import UsageError
from esplan.sizing.order import Sort  # noqa: TC001  (Typer reads annotations while it runs)

if TYPE_CHECKING:
    from esplan.sizing.model import Goals

Format = Literal["text", "json", "csv", "markdown"]


def sizing(
    ctx: typer.Context,
    pattern: Annotated[
        str | None,
        typer.Argument(help="An index, an alias, a wildcard, or a list with commas; all without."),
    ] = None,
    *,
    format_: Annotated[Format, typer.Option("--format", help="How to show it.")] = "text",
    sort: Annotated[Sort, typer.Option(help="Largest first; names and severity ascend.")] = "size",
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    segment_size: Annotated[
        str, typer.Option(metavar="SIZE", help="Of a segment after a force merge: 2gb, or bytes.")
    ] = "2gb",
    shard_size: Annotated[
        str, typer.Option(metavar="SIZE", help="Of a shard, in proposals: 25gb, or bytes.")
    ] = "25gb",
) -> int:
    """Show how large each index is, what is off, and the request that cures it. Changes nothing.

    Examples:
        esplan sizing 'classes*' --sort segments
        esplan sizing --shard-size 50gb --format csv > sizing.csv
    """
    from esplan.commands.sizing import sizing as command
    from esplan.views import sizing as views

    given = chosen(ctx)
    goals = goals_of(segment_size, shard_size)
    with given.cluster() as cluster:
        report = command(cluster, pattern, goals, sort=sort, reverse=reverse)
    if given.json or format_ == "json":
        sys.stdout.write(views.json(report))
    elif format_ != "text":
        sys.stdout.write(views.csv(report) if format_ == "csv" else views.markdown(report))
    else:
        given.show(views.text(report))
    return 0


def goals_of(segment_size: str, shard_size: str) -> Goals:
    """What the two options say. Raises UsageError."""
    from esplan.sizing.model import Goals

    return Goals(_size("--segment-size", segment_size), _size("--shard-size", shard_size))


def _size(option: str, text: str) -> int:
    from esplan.sizing import byte_size

    try:
        return byte_size(text)
    except ValueError as error:
        raise UsageError(
            f"{option}: {error}", code="ESP-1003", remedy="write it as 2gb, or a number of bytes"
        ) from None
