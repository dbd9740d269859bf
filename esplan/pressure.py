"""Whether a cluster has more work than it can take: what a copy must not make worse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esplan import disk
from esplan.request import index_path
from esplan.segments import byte_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.live import Reader
    from esplan.model import JSON

HEAP = 92
"""Percent of a node's heap. The server's own breaker ends requests at 95."""

STATS = "/_nodes/stats/thread_pool,breaker,jvm,fs"
PARTS = (
    *disk.NODE_PARTS,
    "thread_pool.write.rejected",
    "breakers.*.tripped",
    "jvm.mem.heap_used_percent",
)


@dataclass(frozen=True)
class Node:
    """One node at one moment. `rejected` and `tripped` count since it was started."""

    name: str
    rejected: int = 0
    tripped: int = 0
    heap: int = 0
    disk: disk.Node | None = None


@dataclass(frozen=True)
class Look:
    """One look at a cluster: nodes by id; the nodes that hold a copy of the target; is it red?"""

    nodes: dict[str, Node] = field(default_factory=dict)
    holders: frozenset[str] = frozenset()
    red: bool = False


def look(cluster: Reader, target: str) -> Look:
    """Three small requests, one of them for the nodes' numbers. Raises what the cluster raises."""
    parts = ",".join(f"nodes.*.{part}" for part in PARTS)
    stats = cluster.read(STATS, {"filter_path": parts}) or {}
    disks = disk.by_id(stats, disk.watermarks(cluster))
    path = f"/_cluster/state/routing_table{index_path(target)}"
    copies = "routing_table.indices.*.shards.*"
    table = cluster.read(path, {"filter_path": copies, "expand_wildcards": "all"}) or {}
    shards = list(_copies(table))
    return Look(
        {id_: _node(raw, disks.get(id_)) for id_, raw in stats.get("nodes", {}).items()},
        frozenset(one["node"] for one in shards if one.get("node")),
        any(one["primary"] and one["state"] not in ("STARTED", "RELOCATING") for one in shards),
    )


def _copies(table: JSON) -> Iterator[JSON]:
    for index in table.get("routing_table", {}).get("indices", {}).values():
        for copies in index["shards"].values():
            yield from copies


def _node(raw: JSON, found: disk.Node | None) -> Node:
    """Whatever a server does not say is 0."""
    return Node(
        raw.get("name", "?"),
        raw.get("thread_pool", {}).get("write", {}).get("rejected", 0),
        sum(one.get("tripped", 0) for one in raw.get("breakers", {}).values()),
        raw.get("jvm", {}).get("mem", {}).get("heap_used_percent", 0),
        found,
    )


def full(now: Look) -> str:
    """A node that holds the target and is past its flood stage: writes there end soon."""
    for node in _holding(now):
        if node.disk and node.disk.flood and node.disk.free <= node.disk.flood:
            return f"{node.name} is past its flood-stage disk watermark ({_free(node)})"
    return ""


def reason(before: Look, now: Look) -> str:
    """Why a copy should wait; empty where nothing is wrong. Counters count since `before`."""
    return next(_reasons(before, now), "")


def _reasons(before: Look, now: Look) -> Iterator[str]:
    if now.red:
        yield "a primary shard of the new index is not there"
    for node in _holding(now):
        if node.disk and node.disk.high and node.disk.free <= node.disk.high:
            yield f"{node.name} is past its high disk watermark ({_free(node)})"
    for id_, node in sorted(now.nodes.items()):
        old = before.nodes.get(id_, node)
        if node.rejected > old.rejected:
            yield f"{node.name} rejected {node.rejected - old.rejected:,} writes: its queue is full"
        if node.tripped > old.tripped:
            yield f"a circuit breaker of {node.name} tripped"
        if node.heap >= HEAP:
            yield f"{node.heap} % of the heap of {node.name} is in use"


def _holding(now: Look) -> list[Node]:
    return [now.nodes[id_] for id_ in sorted(now.holders) if id_ in now.nodes]


def _free(node: Node) -> str:
    return f"{byte_text(node.disk.free)} free" if node.disk else ""
