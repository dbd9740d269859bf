"""Whether a step, or a command, sees the whole of the indices that it reads.

Looked at just before a copy and just before a proof, whatever the plan saw: rights change. The
server is asked for the rights of the user, and the numbers are looked at by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import limits
from esplan.checksum import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.cluster import Cluster
    from esplan.plan import Step
    from esplan.run import Run

COPIES = frozenset({"reindex", "remote_copy", "remote_reindex"})
"""Kinds that read all of their source. Their target is reached through an alias of the plan."""

READS = frozenset({"backfill", "catch_up", "verify"})
"""Kinds that read their target, too, or their only index."""


def require(step: Step, run: Run) -> None:
    """Raises Refused where something of what the step reads is hidden."""
    if step.kind not in COPIES | READS:
        return
    own = [step.arguments[n] for n in ("index", "target") if n in step.arguments]
    here = list(own) if step.kind in READS else []
    there = step.arguments.get("origin")
    if there:
        other = run.other(there["environment"])
        require_all(other, [there["index"]], label=there["environment"])
    elif "source" in step.arguments:
        here.append(step.arguments["source"])
    require_all(run.cluster, here)


def require_whole(step: Step, run: Run) -> None:
    """Raises Refused where a definition differs only because fields are hidden by now."""
    names = [one["index"] for one in step.preconditions if one["check"] == "whole"]
    limits.require(run.cluster, names)
    for name in names:
        visible.require_fields(run.cluster, name)


def require_all(cluster: Cluster, indices: Sequence[str], *, label: str = "") -> None:
    """Raises Refused where documents or fields of one of these indices are hidden.

    `label`: the environment, where the cluster is not the one of the command.
    """
    if not indices:
        return
    limits.require(cluster, indices, label=label)
    for index in indices:
        visible.require(cluster, index, f"{label}:{index}" if label else index)
