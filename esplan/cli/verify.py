"""`esplan verify`: options → command → view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.cli.options import chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.views.progress import Work

Method = Literal["checksum", "count"]


def verify(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="An index, or an alias on one.")],
    target: Annotated[str, typer.Argument(help="The one to hold against it.")],
    *,
    method: Annotated[Method, typer.Option(help="Every document, or their number.")] = "checksum",
) -> int:
    """Prove that two indices hold the same documents. Changes nothing.

    Exits 4 when they do not, or when somebody wrote to one of them meanwhile.

    Example: esplan verify flights_green flights_blue
    """
    from esplan import live
    from esplan.commands.verify import verify as command
    from esplan.views.progress import Events
    from esplan.views.verify import text

    given = chosen(ctx)
    with given.cluster() as cluster:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        with given.work() as work:
            found = command(cluster, source, target, method=method, progress=_shown(work))
    if given.json:
        Events(print).emit("verified", **found.to_json())
    else:
        given.show(text(found))
    return found.exit_code


def _shown(work: Work) -> Callable[[int, int], None]:
    """Documents of both sides together."""

    def show(done: int, total: int) -> None:
        work(f"{done:,} of {total:,} documents read", done / total if total else None)

    return show
