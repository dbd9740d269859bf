"""`esplan plan`: desired files and a cluster → a plan."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import esplan
from esplan import diff, live, planfile, route
from esplan.errors import Refused, UsageError
from esplan.plan import Plan, ordered, refuse_overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.desired import Desired
    from esplan.live import Reader
    from esplan.route import Routed


def plan(
    cluster: Reader,
    desired: Desired,
    *,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    now: datetime | None = None,
    plan_id: str | None = None,
) -> Plan:
    """The plan that makes live what the files say, in three requests.

    `target` and `exclude` are addresses. Raises Refused, with every reason, when an object has
    no safe way; UsageError for an address that no file has.
    """
    now = now or datetime.now(UTC)
    plan_id = plan_id or secrets.token_hex(8)
    info = live.cluster_info(cluster)
    state = live.read_state(cluster)
    comparisons = _chosen(diff.compare(desired.state, state), target, exclude)
    context = route.Context(plan_id, state, now.date())
    routed = _route_all(comparisons, context)
    steps = ordered([step for one in routed for step in one.steps])
    refuse_overlap(steps)
    return planfile.sealed(
        Plan(
            id=plan_id,
            created_at=now.isoformat(timespec="seconds"),
            esplan_version=esplan.__version__,
            cluster=asdict(info),
            desired_digest=desired.digest,
            changes=tuple(one.change for one in routed),
            steps=steps,
            warnings=tuple(warning for one in routed for warning in one.warnings),
        )
    )


def _chosen(
    comparisons: list[diff.Comparison], target: Sequence[str], exclude: Sequence[str]
) -> list[diff.Comparison]:
    known = {str(one.address) for one in comparisons}
    unknown = [address for address in (*target, *exclude) if address not in known]
    if unknown:
        raise UsageError(
            f"no desired file has {', '.join(unknown)}",
            remedy=f"addresses here: {', '.join(sorted(known))}",
        )
    wanted = set(target or known) - set(exclude)
    return [one for one in comparisons if str(one.address) in wanted]


def _route_all(comparisons: list[diff.Comparison], context: route.Context) -> list[Routed]:
    """Every object's route; all refusals at once."""
    routed: list[Routed] = []
    refusals: list[Refused] = []
    for comparison in comparisons:
        try:
            routed.append(route.route(comparison, context))
        except Refused as refusal:
            refusals.append(refusal)
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise Refused(
            f"{len(refusals)} objects have no safe way to the desired state",
            why="\n".join(str(refusal) for refusal in refusals),
        )
    return routed
