"""`esplan apply`: options → command → view."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esplan.cli.options import Globals, chosen, result
from esplan.cli.saved import PlanPath, show_plan, signed
from esplan.errors import Refused

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.plan import Plan

PATIENCE = 90.0
"""Seconds for which an apply repeats a read: a node that restarts is back within them."""

Phase = Literal["prepare", "switch", "finish"]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask for consent.")]
Approve = Annotated[
    str | None, typer.Option(metavar="DIGEST", help="Consent to the plan of this digest.")
]
AllowMany = Annotated[bool, typer.Option("--allow-many", help="Although it changes many objects.")]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="When an object fails, go on with the others.")
]
Parallel = Annotated[
    int, typer.Option(metavar="N", min=1, max=64, help="So many objects side by side.")
]
Abandon = Annotated[bool, typer.Option("--abandon", help="Take an unfinished apply back instead.")]
Signers = Annotated[
    Path | None,
    typer.Option(metavar="SIGNERS", help="Only if one of these allowed signers signed it."),
]


def apply(
    ctx: typer.Context,
    plan: PlanPath,
    *,
    auto_approve: AutoApprove = False,
    approve: Approve = None,
    through: Annotated[Phase, typer.Option(help="Stop after this phase.")] = "finish",
    allow_many: AllowMany = False,
    keep_going: KeepGoing = False,
    parallel: Parallel = 1,
    abandon: Abandon = False,
    require_signature: Signers = None,
) -> int:
    """Carry out a plan, or go on with it after an interruption.

    Example: esplan apply plans/release.json --approve 3f9a…
    """
    from esplan import privileges, safety
    from esplan.commands import apply as commands
    from esplan.views import text

    given = chosen(ctx)
    made, signed_by = signed(given, plan, require_signature)
    listener = given.listener(made, width=parallel)
    with given.cluster() as cluster:
        with commands.resumable(made, plan):
            commands.require_cluster(cluster, made)
        cluster.patience = PATIENCE
        if not abandon:
            safety.require(made, allow_many=allow_many)
        _consent(given, made, plan, approve, auto_approve=auto_approve)
        try:
            if abandon:
                return _abandoned(given, cluster, made, plan)
            privileges.require_apply(cluster, made)
            how = partial(commands.apply, through=through, allow_many=allow_many)
            how = partial(how, keep_going=keep_going, parallel=parallel, signed_by=signed_by)
            outcome = how(
                cluster, made, plan, listener, connect=partial(given.other, patience=PATIENCE)
            )
        finally:
            listener.close()
    result(given, text.applied(outcome), "applied", vars(outcome))
    return 0


def _abandoned(given: Globals, cluster: Cluster, made: Plan, path: Path) -> int:
    from esplan.commands import apply as commands
    from esplan.views import text

    commands.abandon(cluster, made, path, given.listener())
    result(given, text.abandoned(), "abandoned", {})
    return 0


def _consent(
    given: Globals, plan: Plan, path: Path, approve: str | None, *, auto_approve: bool
) -> None:
    """Refuse unless somebody has said yes to exactly this plan."""
    if approve is not None and approve != plan.digest:
        raise Refused(
            f"--approve names another plan: the digest of {path} is {plan.digest}",
            remedy="review this plan, and approve the digest that `esplan show` prints",
        )
    if auto_approve or approve is not None or not plan.steps:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            "nobody has approved this plan, and there is no terminal to ask on",
            remedy=f"review it with `esplan show {path}`, then pass --approve DIGEST",
        )
    show_plan(given, plan, str(path), "text")
    answer = given.console(stderr=True).input("\nApply this plan? Only 'yes' does it: ")
    if answer.strip() != "yes":
        raise Refused("the plan was not approved", remedy="nothing was changed")
