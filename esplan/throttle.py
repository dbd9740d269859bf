"""The rate that somebody has asked for while a plan is carried out, in esplan's hidden index.

It is written without the lock, since the apply holds that, and read whenever a copy is started and
every few seconds while it runs. It counts for this one plan, and goes when that has ended.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from esplan import state_index
from esplan.errors import EsplanError, ServerError, UsageError
from esplan.plan import STATE_INDEX

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON

UNLIMITED = -1.0

NOT_FOUND = 404


def parse(text: str) -> float:
    """`500`, `0.5`; `off` and `-1` are without limit. Raises UsageError."""
    try:
        rate = UNLIMITED if text.strip().lower() == "off" else float(text)
    except ValueError:
        rate = math.nan
    if rate == UNLIMITED or (rate > 0 and math.isfinite(rate)):
        return rate
    raise UsageError(
        f'"{text}" is not a rate',
        code="ESP-1003",
        remedy="give documents a second (500, or 0.5), or off for no limit",
    )


def _name(plan_digest: str) -> str:
    return f"throttle-{plan_digest[:32]}"


def store(cluster: Cluster, plan_digest: str, rate: float) -> None:
    """Keep the rate for this plan, in the place of the one before."""
    state_index.ensure(cluster)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    body = {"kind": "throttle", "plan": plan_digest, "at": now, "rate": rate}
    state_index.remember(cluster, _name(plan_digest), body)


def load(cluster: Cluster, plan_digest: str) -> float | None:
    """The rate that was asked for; None where nobody has, and where nobody can say."""
    try:
        return float(state_index.recall(cluster, _name(plan_digest))["rate"])
    except (EsplanError, KeyError, TypeError, ValueError):
        return None


def forget(cluster: Cluster, plan_digest: str) -> None:
    """The plan is done. A rate that stays is no harm: no other plan ever reads it."""
    if load(cluster, plan_digest) is None:
        return
    try:
        cluster.change("DELETE", f"/{STATE_INDEX}/_doc/{_name(plan_digest)}")
    except EsplanError:
        return


def rethrottle(cluster: Cluster, task: str, rate: float) -> bool:
    """Set the rate of a running copy, and of its slices. False where it runs no more.

    The server lets a slower rate begin behind the batch that it is in, a faster one at once.
    """
    parameters: JSON = {"requests_per_second": f"{rate:g}"}
    try:
        answer = cluster.change("POST", f"/_reindex/{task}/_rethrottle", parameters)
    except ServerError as error:
        if error.status != NOT_FOUND:
            raise
        return False
    return any(node["tasks"] for node in answer.get("nodes", {}).values())
