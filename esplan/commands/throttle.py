"""`esplan throttle`: a plan and a rate → its running copies at that rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import state_index, tasks, throttle
from esplan.commands.apply import require_cluster
from esplan.errors import Refused
from esplan.steps import reindex
from esplan.steps.governor import CRAWL

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Plan

GOVERNED = ("reindex", "backfill")


@dataclass(frozen=True)
class Throttled:
    """The rate from now on (-1: no limit), and the tasks that have it.

    `paused`: tasks at a crawl; who applies the plan gives them the rate when the pressure is gone.
    """

    rate: float
    tasks: tuple[str, ...]
    paused: tuple[str, ...] = ()


def set_rate(cluster: Cluster, plan: Plan, rate: float) -> Throttled:
    """Keep the rate for the copies to come, and set it on those that run.

    It takes no lock. Kept first: a copy that starts meanwhile finds it. Raises Refused for a plan
    that copies nothing or has ended, and what the cluster raises.
    """
    require_cluster(cluster, plan)
    if not any(step.kind in GOVERNED for step in plan.steps):
        raise Refused(
            "this plan copies nothing, so there is nothing to throttle",
            code="ESP-4013",
            remedy="`esplan status` shows which copies run",
        )
    records = state_index.load(cluster, plan.digest)
    if records and records[-1].event == "end":
        raise Refused(
            "the apply of this plan has ended: there is nothing to throttle",
            code="ESP-4013",
            remedy="`esplan status` shows which copies run",
        )
    throttle.store(cluster, plan.digest, rate)
    found = _running(cluster, plan)
    paused = tuple(sorted(name for name, now in found.items() if math.isclose(now, CRAWL)))
    others = sorted(found.keys() - set(paused))
    changed = (one for one in others if throttle.rethrottle(cluster, one, rate))
    return Throttled(rate, tuple(changed), paused)


def _running(cluster: Cluster, plan: Plan) -> dict[str, float]:
    """The plan's copies, by the name that each step gives them, and their rates now."""
    ours = {
        name: task
        for name, task in tasks.all_running(cluster, reindex.ACTIONS).items()
        if task.get("headers", {}).get("X-Opaque-Id", "").startswith(f"esplan:{plan.id}:")
    }
    parents = [name for name, task in ours.items() if "parent_task_id" not in task]
    return {name: _rate(name, ours) for name in parents}


def _rate(parent: str, ours: dict[str, JSON]) -> float:
    """A parent's rate is that of its slices together."""
    slices = [task for task in ours.values() if task.get("parent_task_id") == parent]
    each = [
        one.get("status", {}).get("requests_per_second", -1) for one in slices or [ours[parent]]
    ]
    return -1 if min(each) < 0 else float(sum(each))
