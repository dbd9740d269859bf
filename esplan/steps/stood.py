"""What an index held when a release has taken its alias off: a way back leads to that, or nowhere.

A loader has made both indices, so nothing can be compared. But the old one must still be the very
index that served, with no document less. The journal of the switch has its identity, its highest
sequence numbers and its number of documents; one of an older esplan has none of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, live
from esplan.steps import heirs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run

STOOD = "stood"
"""The key in the evidence of a switch: `look` of each index that a release leaves, by its name."""

REMEDY = (
    "if it is right as it is, put the alias back by hand (POST /_aliases); otherwise let the "
    "loader make that run again, and release it with `runs.run`"
)


def left(step: Step, run: Run) -> JSON:
    """Evidence, just before the call that takes the alias off; empty where nothing is released."""
    found = live.read_indices(run.cluster, names) if (names := [*_left(step, run)]) else {}
    known = {name: look(run.cluster, name, closed=not one.is_open) for name, one in found.items()}
    return {STOOD: known} if known else {}


def _left(step: Step, run: Run) -> Iterator[str]:
    members = step.arguments.get("members") or (step.address,)
    changes = {one.address: one for one in run.plan.changes}
    for change in (changes[one] for one in members if one in changes):
        if change.route == "release" and change.index:
            yield change.index


def look(cluster: Cluster, name: str, *, closed: bool = False) -> JSON:
    """Of a closed index only its identity."""
    known: JSON = {"identity": heirs.identity(cluster, name)}
    if closed:
        return known
    checksum.refresh(cluster, [name])
    marks = checksum.marks(cluster, [name])[name]
    return {**known, "marks": marks, "documents": heirs.counted(cluster, name)}


def fallen(check: JSON, cluster: Cluster) -> str:
    """Why an open index is not what it was when its alias left it; empty where it is."""
    name, found = check["index"], heirs.identity(cluster, check["index"])
    if found is None:
        return f"the index {name} is gone"
    if check.get("identity") not in (None, found):
        return f"{name} is another index than the one that served, or a snapshot was restored to it"
    now = look(cluster, name)
    if "documents" not in check:
        unknown = f"{name} has no document, and nobody knows whether it had any when it served"
        return "" if now["documents"] else unknown
    if any(now["marks"].get(shard, -1) < mark for shard, mark in check["marks"].items()):
        return f"{name} has lost writes that it had: was it restored?"
    if now["documents"] < check["documents"]:
        had = f"{check['documents']:,} when it was looked at before"
        return f"{name} has {now['documents']:,} documents, and had {had}"
    return ""
