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
    from esplan.policy import Policy
    from esplan.run import Listener
    from esplan.watch import Watch

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
Outside = Annotated[
    bool, typer.Option("--outside-window", help="Although a release window is closed.")
]
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
    outside_window: Outside = False,
    require_signature: Signers = None,
) -> int:
    """Carry out a plan, or go on with it after an interruption.

    Examples:
        esplan apply plans/release.json --env prod --approve DIGEST
        esplan apply plans/release.json --auto-approve --through prepare
        esplan apply plans/release.json --auto-approve --abandon
    """
    from esplan import privileges
    from esplan.commands import apply as commands
    from esplan.views import text

    given = chosen(ctx)
    made, signed_by = signed(given, plan, require_signature)
    policy = given.policy(made.cluster["uuid"], outside=outside_window)
    listener = given.listener(made, width=parallel)
    with given.cluster() as cluster:
        with commands.resumable(made, plan):
            commands.require_cluster(cluster, made)
        cluster.patience = PATIENCE
        if abandon:
            _consent(given, made, plan, approve, auto_approve=auto_approve)
            return _abandoned(given, cluster, made, plan)
        watch = _watch(given, cluster, made, plan, policy, through, listener)
        _allowed(made, watch, allow_many=allow_many, said_yes=bool(approve) or not auto_approve)
        _consent(given, made, plan, approve, auto_approve=auto_approve)
        try:
            with commands.resumable(made, plan):
                privileges.require_apply(cluster, made)
            how = partial(commands.apply, through=through, allow_many=allow_many, watch=watch)
            how = partial(how, keep_going=keep_going, parallel=parallel, signed_by=signed_by)
            how = partial(how, connect=partial(given.other, patience=PATIENCE))
            outcome = how(cluster, made, plan, listener)
        finally:
            listener.close()
    result(given, text.applied(outcome), "applied", vars(outcome))
    return 0


def _watch(
    given: Globals,
    cluster: Cluster,
    made: Plan,
    path: Path,
    policy: Policy,
    through: Phase,
    listener: Listener,
) -> Watch:
    """The windows and hooks of this apply."""
    from esplan.views import hooks

    watch = given.watch(made, path, policy, cluster.connection)
    watch.through, watch.tell = through, partial(hooks.told, listener)
    return watch


def _allowed(made: Plan, watch: Watch, *, allow_many: bool, said_yes: bool) -> None:
    """Refuse before anybody is asked what the plan, an environment or its windows do not allow."""
    from esplan import safety
    from esplan.journal import beside, open_journal

    safety.require(made, allow_many=allow_many)
    watch.policy.require(made, allow_many=allow_many, auto_approve=not said_yes)
    watch.require_open(open_journal(beside(watch.path), made.digest))


def _abandoned(given: Globals, cluster: Cluster, made: Plan, path: Path) -> int:
    from esplan.commands import apply as commands
    from esplan.views import text

    stays = commands.abandon(cluster, made, path, given.listener())
    result(given, text.abandoned(stays), "abandoned", {"stays": stays})
    return 0


def _consent(
    given: Globals, plan: Plan, path: Path, approve: str | None, *, auto_approve: bool
) -> None:
    """Refuse unless somebody has said yes to exactly this plan."""
    if approve is not None and approve != plan.digest:
        raise Refused(
            f"--approve names another plan: the digest of {path} is {plan.digest}",
            code="ESP-4006",
            remedy="review this plan, and approve the digest that `esplan show` prints",
        )
    if auto_approve or approve is not None or not plan.steps:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            "nobody has approved this plan, and there is no terminal to ask on",
            code="ESP-4005",
            remedy=f"review it with `esplan show {path}`, then pass --approve DIGEST",
        )
    show_plan(given, plan, str(path), "text")
    answer = given.console(stderr=True).input("\nApply this plan? Only 'yes' does it: ")
    if answer.strip() != "yes":
        raise Refused("the plan was not approved", code="ESP-4007", remedy="nothing was changed")
