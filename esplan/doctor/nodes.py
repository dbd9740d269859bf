"""Checks of nodes: shards, heap, breakers, queues, clocks, versions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from esplan.doctor.model import Finding, check, listed, request
from esplan.segments import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Breaker, Facts, Node

NEAR = 0.8
PER_GIB = 20
HEAP = 0.75
HEAP_FULL = 0.9
BREAKER = 0.9
SKEW = 5_000
"""Milliseconds between two clocks from which it is reported."""

SINCE_START = "a count since the node started: esplan cannot know when it happened"


@check(
    "shard-limit",
    "There is room for more shards",
    why="At the limit no index can be created, so no plan with a new index can be applied.",
    needs=("health", "settings", "shards"),
    thresholds=(
        f"warning: from {NEAR:.0%} of cluster.max_shards_per_node times the data nodes",
        "error: at the limit",
    ),
)
def shard_limit(facts: Facts) -> Iterator[Finding]:
    """All shards of the cluster, primaries and replicas, assigned or not.

    The limit of frozen nodes is another one and is not looked at.
    """
    each = int(facts.settings.get("cluster.max_shards_per_node", 1000))
    limit, shards = each * facts.data_nodes, len(facts.shards)
    if limit and shards >= NEAR * limit:
        yield Finding(
            "error" if shards >= limit else "warning",
            "cluster",
            f"{shards:,} of {limit:,} shards are taken",
            f"cluster.max_shards_per_node: {each:,}, {facts.data_nodes} data nodes",
            "delete old indices, or plan fewer shards; raising the limit costs heap",
            request("GET", "/_cat/indices?v&s=pri:desc"),
        )


@check(
    "shards-per-heap",
    "The heap fits the number of shards",
    why="Each shard, and each field in it, takes heap; too many of them make the node slow, then "
    "stop it.",
    needs=("nodes", "shards"),
    thresholds=(
        f"info: more than {PER_GIB} shards a GB of heap on a node",
        "Elastic's rule up to 8.2; later versions need less, so it is no warning",
    ),
)
def shards_per_heap(facts: Facts) -> Iterator[Finding]:
    """The shards on each node, against its heap."""
    shards = Counter(shard.node for shard in facts.shards if shard.node)
    for node in facts.nodes:
        heap = node.heap / GIB
        if heap and shards[node.name] > PER_GIB * heap:
            yield Finding(
                "info",
                node.name,
                f"{node.name} has {shards[node.name] / heap:.0f} shards a GB of heap",
                f"{shards[node.name]:,} shards, {heap:.1f} GB of heap",
                "fewer shards or indices, or more heap (up to 31 GB)",
                request("GET", "/_cat/nodes?v&h=name,heap.max,heap.percent"),
            )


@check(
    "heap-pressure",
    "No heap is full",
    why="A full heap makes the node pause for garbage collection, trip its breakers, and leave.",
    needs=("nodes",),
    thresholds=(
        f"warning: the old generation takes {HEAP:.0%} of the heap",
        f"error: {HEAP_FULL:.0%}",
        "one moment only, perhaps just before a collection: look again",
    ),
)
def heap_pressure(facts: Facts) -> Iterator[Finding]:
    """The old generation of each node's heap: what garbage collections did not free so far."""
    for node in facts.nodes:
        part = node.old / node.heap if node.heap else 0
        if part >= HEAP:
            yield Finding(
                "error" if part >= HEAP_FULL else "warning",
                node.name,
                f"{part:.0%} of the heap of {node.name} is in use",
                f"old generation {node.old / GIB:.2f} of {node.heap / GIB:.2f} GB",
                "look again in a minute; if it stays, fewer shards and fields, or more heap",
                request(
                    "GET", "/_nodes/stats/jvm?filter_path=nodes.*.name,nodes.*.jvm.mem.pools.old"
                ),
            )


@check(
    "circuit-breakers",
    "No circuit breaker has tripped",
    why="A tripped breaker refuses requests with HTTP 429, those of a copy and its proof too.",
    needs=("nodes",),
    thresholds=(
        f"warning: tripped before, and now at {BREAKER:.0%} of its limit",
        f"info: tripped before ({SINCE_START})",
    ),
)
def circuit_breakers(facts: Facts) -> Iterator[Finding]:
    """How often each breaker of each node has tripped since the node started."""
    for node in facts.nodes:
        tripped = [one for one in node.breakers if one.tripped]
        if tripped:
            is_near = any(one.limit and one.estimated >= BREAKER * one.limit for one in tripped)
            yield Finding(
                "warning" if is_near else "info",
                node.name,
                f"circuit breakers of {node.name} have tripped",
                f"{'; '.join(map(_breaker, tripped))}; up for {_uptime(node)}",
                "look in the node's log when; smaller requests or more heap help",
                request("GET", "/_nodes/stats/breaker"),
            )


def _breaker(one: Breaker) -> str:
    now = f"{one.estimated:,} of {one.limit:,} bytes now"
    return f"{one.name}: {one.tripped} times, {now}"


def _uptime(node: Node) -> str:
    return f"{node.uptime / 3_600_000:.1f} h"


@check(
    "rejections",
    "No work was refused for a full queue",
    why="A write or search that finds the queue full is refused with HTTP 429. Clients that do "
    "not try again lose it.",
    needs=("nodes",),
    thresholds=(
        "warning: refused before, and work waits in the queue now",
        f"info: refused before ({SINCE_START})",
    ),
)
def rejections(facts: Facts) -> Iterator[Finding]:
    """What the thread pools of each node have refused since the node started, writes above all."""
    for node in facts.nodes:
        refused = [pool for pool in node.pools if pool.rejected]
        if refused:
            said = [f"{p.name}: {p.rejected:,} refused, {p.queue:,} waiting" for p in refused]
            yield Finding(
                "warning" if any(pool.queue for pool in refused) else "info",
                node.name,
                f"{node.name} has refused work",
                f"{'; '.join(said)}; up for {_uptime(node)}",
                "send less at once, or set requests_per_second on copies; do not lengthen queues",
                request("GET", "/_cat/thread_pool?v&h=node_name,name,active,queue,rejected"),
            )


@check(
    "clocks",
    "The clocks agree",
    why="Times in plans, journals and run ids come from this machine, ages and run ids of "
    "loaders from others: a run id in the future is refused.",
    needs=("nodes",),
    thresholds=(f"warning: {SKEW // 1000} s or more, beyond what the round trip can explain",),
)
def clocks(facts: Facts) -> Iterator[Finding]:
    """The time that each node puts into its statistics, against this machine's clock.

    This machine's clock is read before and after that request: the difference is at least what
    is shown, and known to within the time that the request took.
    """
    for node in facts.nodes:
        ahead, behind = node.timestamp - facts.answered, facts.asked - node.timestamp
        if max(ahead, behind) >= SKEW:
            seconds = f"{max(ahead, behind) / 1000:.1f} s"
            word = "ahead of" if ahead > behind else "behind"
            yield Finding(
                "warning",
                node.name,
                f"the clock of {node.name} is {seconds} {word} this machine",
                f"known to within {facts.answered - facts.asked} ms (the request's round trip)",
                "let both follow a time server (NTP)",
                request("GET", "/_nodes/stats/jvm?filter_path=nodes.*.timestamp"),
            )


@check(
    "node-versions",
    "All nodes run the same version",
    why="A shard cannot go from a newer node to an older one: in a half-done upgrade indices may "
    "stay yellow.",
    needs=("versions",),
)
def node_versions(facts: Facts) -> Iterator[Finding]:
    """The version of each node."""
    by_version: dict[str, list[str]] = {}
    for name, version in sorted(facts.versions.items()):
        by_version.setdefault(version, []).append(name)
    if len(by_version) > 1:
        yield Finding(
            "warning",
            "cluster",
            f"the nodes run {len(by_version)} versions",
            "; ".join(f"{v}: {listed(names)}" for v, names in sorted(by_version.items())),
            "finish the upgrade before you apply a plan",
            request("GET", "/_cat/nodes?v&h=name,version"),
        )
