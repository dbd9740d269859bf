"""`esplan verify`: options → command → view."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.cli.options import chosen
from esplan.errors import Refused, UsageError, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.checksum import Report
    from esplan.cli.options import Globals
    from esplan.cluster import Cluster
    from esplan.commands.repair import Intent
    from esplan.commands.verify import Verified
    from esplan.views.progress import Work

Method = Literal["checksum", "count"]


def verify(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="An index, or an alias on one.")],
    target: Annotated[str, typer.Argument(help="The one to hold against it.")],
    *,
    method: Annotated[Method, typer.Option(help="Every document, or their number.")] = "checksum",
    repair: Annotated[
        bool, typer.Option("--repair", help="Make what differs in the second as in the first.")
    ] = False,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="With --repair: do not ask for consent.")
    ] = False,
) -> int:
    """Prove that two indices hold the same documents. Changes nothing without --repair.

    Exits 4 when they do not, or when somebody wrote to one of them meanwhile.

    Examples:
        esplan verify classes_green classes_blue
        esplan verify classes_green classes_blue --method count
        esplan verify classes_green classes_blue --repair --auto-approve
    """
    from dataclasses import replace

    from esplan import live
    from esplan.checksum.difference import SHOWN
    from esplan.commands.repair import MOST, shown
    from esplan.commands.verify import verify as command

    if repair and method != "checksum":
        raise UsageError(
            "--repair needs to know which documents differ",
            code="ESP-1002",
            remedy="give --method checksum, or leave --method out",
        )
    given = chosen(ctx)
    with given.cluster() as cluster:
        live.require_cluster(cluster, given.settings().cluster_uuid)
        with given.work() as work:
            how, listed = _shown(work), MOST if repair else SHOWN
            found = command(cluster, source, target, method=method, progress=how, listed=listed)
        _show(given, replace(found, report=shown(found.report)))
        if repair and not found.report.equal and not found.report.moved:
            return _repair(given, cluster, found.report, auto_approve=auto_approve)
    return found.exit_code


def _show(given: Globals, found: Verified) -> None:
    from esplan.views.progress import Events
    from esplan.views.verify import text

    if given.json:
        Events(print).emit("verified", **found.to_json())
    else:
        given.show(text(found))


def _repair(given: Globals, cluster: Cluster, report: Report, *, auto_approve: bool) -> int:
    """Ask, carry out, and prove again: the exit code is that of the second proof."""
    from esplan.commands import repair as commands
    from esplan.views.progress import Events
    from esplan.views.verify import repaired

    _consent(given, commands.intent(cluster, report), auto_approve=auto_approve)
    with given.work() as work:
        done, again = commands.repair(cluster, report, lambda said: work(said, None), _shown(work))
    if given.json:
        Events(print).emit("repaired", **commands.to_json(done, again))
    else:
        given.show(repaired(done, again))
    return 0 if again.equal else VerificationFailed.exit_code


def _consent(given: Globals, intent: Intent, *, auto_approve: bool) -> None:
    from esplan.views.verify import wanted

    if auto_approve:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"nobody has approved the repair. {wanted(intent)}",
            code="ESP-4005",
            why="there is no terminal to ask on",
            remedy="if that is right, give --auto-approve",
        )
    console = given.console(stderr=True)
    answer = console.input(f"\n{wanted(intent)}\nRepair it? Only 'yes' does it: ", markup=False)
    if answer.strip() != "yes":
        raise Refused("the repair was not approved", code="ESP-4007", remedy="nothing was changed")


def _shown(work: Work) -> Callable[[int, int], None]:
    """Documents of both sides together."""

    def show(done: int, total: int) -> None:
        work(f"{done:,} of {total:,} documents read", done / total if total else None)

    return show
