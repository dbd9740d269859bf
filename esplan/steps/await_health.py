"""Wait until every copy of every shard of an index serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import ServerError, StepFailed
from esplan.plan import Step
from esplan.request import index_path, request, there
from esplan.steps.request import index_now

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.run import Run

PATIENCE = 1800
"""Seconds without any progress of the shards after which the wait is given up."""

REPEAT = False


def describe(address: str, index: str) -> Step:
    """An alias is never switched to an index that is not green."""
    return Step(
        kind="await_health",
        phase="switch",
        address=address,
        description=f"wait until {index} is green",
        request=request("GET", f"/_cluster/health{index_path(index)}?wait_for_status=green"),
        arguments={"index": index},
    )


def probe(step: Step, run: Run) -> bool:
    """Green now."""
    return bool(_health(step, run, seconds=0)["status"] == "green")


def execute(step: Step, run: Run) -> JSON:
    """Ask in short waits, so that an interruption is noticed."""
    for _ in range(PATIENCE):
        health = _health(step, run, seconds=1)
        if health["status"] == "green":
            return {"status": "green"}
        shards = health["active_shards"] + health["initializing_shards"]
        total = shards + health["unassigned_shards"]
        run.listener.step_progress(step, health["active_shards"], total)
        if health["initializing_shards"] == 0 and _stuck(step, run):
            break
        run.safe_point()
    raise StepFailed(
        f"{step.arguments['index']} does not become green",
        code="ESP-5301",
        why=_explanation(step, run),
        remedy="lower number_of_replicas in the desired file, or add nodes; then plan again",
    )


def undo(_step: Step, _run: Run) -> None:
    """It changed nothing."""


def _health(step: Step, run: Run, *, seconds: int) -> JSON:
    """`GET _cluster/health/<index>`; a wait that runs out answers 408 with the same body.

    For an index that does not exist the server waits half a minute, and answers 408 too.
    """
    if index_now(step, run) is None:
        raise StepFailed(
            f"the index {step.arguments['index']} is gone",
            code="ESP-3304",
            remedy="the cluster has changed since the plan was made: make a new plan",
        )
    path = f"/_cluster/health{index_path(step.arguments['index'])}"
    try:
        found = run.cluster.read(
            path, {"wait_for_status": "green", "timeout": f"{seconds}s"} if seconds else None
        )
    except ServerError as error:
        if error.status != 408:  # noqa: PLR2004  (HTTP's own number)
            raise
        found = run.cluster.read(path)
    health: JSON = there(found, path)
    return health


def _allocation(step: Step, run: Run) -> JSON:
    """Why a shard of this index is unassigned; {} when none is."""
    path = f"/_cat/shards{index_path(step.arguments['index'])}"
    rows = run.cluster.read(path, {"format": "json", "h": "shard,prirep,state"}) or []
    for row in rows:
        if row["state"] == "UNASSIGNED":
            body = {
                "index": step.arguments["index"],
                "shard": int(row["shard"]),
                "primary": row["prirep"] == "p",
            }
            try:
                return dict(run.cluster.read("/_cluster/allocation/explain", None, body) or {})
            except ServerError:
                return {}  # the shard was assigned in between
    return {}


def _stuck(step: Step, run: Run) -> bool:
    """No node may take the shard: waiting longer cannot help."""
    return _allocation(step, run).get("can_allocate") == "no"


def _explanation(step: Step, run: Run) -> str:
    found = _allocation(step, run)
    reasons = {
        decider["explanation"]
        for node in found.get("node_allocation_decisions", [])
        for decider in node.get("deciders", [])
        if decider.get("decision") == "NO"
    }
    return "; ".join(sorted(reasons)) or str(found.get("allocate_explanation", ""))
