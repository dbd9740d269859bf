"""`esplan sandbox`: a real throwaway cluster on localhost."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from esplan.cli.options import chosen, result

sandbox = typer.Typer(
    name="sandbox",
    help="A real Elasticsearch on localhost, to try esplan and to test it.\n\n"
    "Examples:\n    esplan sandbox start\n    esplan sandbox status",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@sandbox.callback()
def main(ctx: typer.Context) -> None:
    """Without a command: the help."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@sandbox.command()
def start(
    ctx: typer.Context,
    *,
    engine: Annotated[
        str, typer.Option(help="Or elasticsearch-9.4, elasticsearch-7.17, opensearch-2.19.")
    ] = "elasticsearch-8.16",
) -> int:
    """Start the server; the first time it is downloaded by Maven (800 MB; the others 50 to 950).

    Examples:
        esplan sandbox start
    """
    from esplan.commands import sandbox as commands
    from esplan.views import sandbox as view

    given = chosen(ctx)
    with given.work() as progress:
        started = commands.start(engine, progress)
    result(given, view.started(started), "started", asdict(started))
    return 0


@sandbox.command()
def stop(
    ctx: typer.Context,
    *,
    purge: Annotated[bool, typer.Option("--purge", help="Delete its data too.")] = False,
) -> int:
    """Stop the server. Its data stays, unless --purge.

    Examples:
        esplan sandbox stop
        esplan sandbox stop --purge
    """
    from esplan.commands import sandbox as commands
    from esplan.views import sandbox as view

    given = chosen(ctx)
    with given.work() as progress:
        ended = commands.stop(purge, progress)
    result(given, view.stopped(ended), "stopped", asdict(ended))
    return 0


@sandbox.command()
def status(ctx: typer.Context) -> int:
    """Say whether the server runs, and where.

    Examples:
        esplan sandbox status
    """
    from esplan.commands import sandbox as commands
    from esplan.views import sandbox as view

    found = commands.status()
    parts: dict[str, Any] = {**asdict(found), "cache": str(found.cache)}
    result(chosen(ctx), view.status(found), "status", parts)
    return 0


@sandbox.command()
def seed(
    ctx: typer.Context,
    *,
    reset: Annotated[
        bool, typer.Option("--reset", help="Delete flights_* first, and load them anew.")
    ] = False,
) -> int:
    """Load 336,776 real flights into flights_green, behind the alias flights.

    Examples:
        esplan sandbox seed
        esplan sandbox seed --reset
    """
    from esplan.commands import sandbox as commands
    from esplan.views import sandbox as view

    given = chosen(ctx)
    with given.work() as progress:
        seeded = commands.seed(progress, reset)
    result(given, view.seeded(seeded), "seeded", asdict(seeded))
    return 0
