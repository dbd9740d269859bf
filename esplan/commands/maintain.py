"""`esplan maintain`: the advice of `sizing`, and leftovers, as a plan."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from esplan import activity, estimates, live, planfile, route
from esplan.commands.plan import assembled, with_templates
from esplan.commands.sizing import sizing
from esplan.errors import UsageError
from esplan.leftovers import leftovers
from esplan.plan import digest
from esplan.route import maintain as routes
from esplan.route import protection
from esplan.steps import draining

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from esplan.cluster import Cluster
    from esplan.commands.sizing import Report
    from esplan.plan import Plan
    from esplan.route import Routed
    from esplan.sizing.model import Goals

MERGES = ("force_merge", "expunge_deletes")


def maintain(
    cluster: Cluster,
    pattern: str | None = None,
    goals: Goals | None = None,
    *,
    only: Sequence[str] = (),
    allow_delete: Sequence[str] = (),
) -> Plan:
    """The plan that follows the advice for the indices of `pattern`, of the kinds in `only`.

    `allow_delete` are addresses, `index.NAME`: of leftovers, and of indices that another one
    takes the place of. Raises UsageError for an address that this plan has no delete for.
    """
    now, plan_id = datetime.now(UTC), secrets.token_hex(8)
    kinds = frozenset(only or routes.KINDS)
    info = live.cluster_info(cluster)
    report = sizing(cluster, pattern, goals, sort="name")
    state = live.read_state(cluster)
    left = {one.index.name: one for one in leftovers(state)}
    merged = _merging(report) if "force-merge" in kinds else []
    observed = sorted({*merged, *_deleted(report, left, allow_delete)})
    seen = activity.observe(cluster, observed)
    closed = {
        name: draining.version(cluster, name)
        for name, one in left.items()
        if f"index.{name}" in allow_delete and not one.index.is_open
    }
    allowed = frozenset(allow_delete)
    context = route.Context(plan_id, state, now.date(), seen, allowed, closed=closed)
    kept = [row for row in report.rows if row.name not in left]
    routed = [one for row in kept if (one := routes.maintained(row, kinds, context))]
    if "leftovers" in kinds:
        named = [left[row.name] for row in report.rows if row.name in left]
        routed += [routes.leftover(one, context) for one in named]
    _refuse_unused(allow_delete, routed)
    asked = digest([pattern, sorted(kinds), sorted(allow_delete)])
    routed = with_templates(cluster, routed, state.aliases)
    needs = protection.needs(routed, state)
    made = assembled(info, routed, plan_id=plan_id, now=now, desired_digest=asked, needs=needs)
    return planfile.sealed(estimates.estimated(cluster, made, state))


def _merging(report: Report) -> list[str]:
    return [row.name for row in report.rows if any(a.kind in MERGES for a in row.advice)]


def _deleted(report: Report, left: Container[str], allow_delete: Sequence[str]) -> list[str]:
    """The leftovers to delete that can be asked whether somebody writes to them."""
    return [
        row.name
        for row in report.rows
        if row.name in left and f"index.{row.name}" in allow_delete
        if row.is_open and not row.missing
    ]


def _refuse_unused(allow_delete: Sequence[str], routed: list[Routed]) -> None:
    """A consent that nothing needs is a mistake: most likely a misspelt name."""
    deleted = {
        f"index.{step.arguments['index']}"
        for one in routed
        for step in one.steps
        if step.kind == "delete_index"
    }
    unused = [address for address in allow_delete if address not in deleted]
    if unused:
        raise UsageError(
            f"--allow-delete {', '.join(unused)}: this plan would delete no such index",
            code="ESP-1005",
            remedy="the plan without --allow-delete names what is left over: index.NAME",
        )
