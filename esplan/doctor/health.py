"""Checks of the cluster as a whole: its answers, its colour, its shards, its master."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.doctor.model import Finding, check, listed, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Explanation, Facts
    from esplan.doctor.model import Severity

WAITING = 30_000
"""Milliseconds after which a change of the cluster state waits too long."""


@check(
    "answers",
    "The server answers what it is asked",
    why="A request that times out or ends in a server error is a symptom by itself, and the "
    "checks that need it say nothing.",
)
def answers(facts: Facts) -> Iterator[Finding]:
    """Every request of the diagnosis that failed, other than for a missing privilege or API."""
    for name, lacking in facts.unreadable.items():
        if lacking.kind == "failed":
            yield Finding(
                "error",
                "cluster",
                f"the server does not answer: the fact `{name}` could not be read",
                lacking.why,
                "look at the master's log and at the load of the nodes",
                request("GET", "/_cluster/health"),
            )


@check(
    "cluster-health",
    "The cluster is green",
    why="Red: documents cannot be read or written now. Yellow: the loss of one node may lose "
    "documents, and a plan that waits for green may wait in vain.",
    needs=("health",),
    uses=("indices", "shards"),
    thresholds=(
        "error: red",
        "warning: yellow",
        "info: yellow only for replicas that the cluster has too few data nodes for",
    ),
)
def cluster_health(facts: Facts) -> Iterator[Finding]:
    """The colour of the cluster, and how many shards are on no node or still starting."""
    health = facts.health
    if health is None or health.status == "green":
        return
    missing = [shard for shard in facts.shards if shard.state == "UNASSIGNED"]
    is_known = len(missing) == health.unassigned and not health.initializing
    harmless = is_known and all(map(facts.is_surplus, missing))
    severity: Severity = "info" if harmless else "warning"
    yield Finding(
        "error" if health.status == "red" else severity,
        "cluster",
        f"the cluster is {health.status}",
        f"{health.unassigned} shards on no node, {health.initializing} starting, "
        f"{health.data_nodes} data nodes",
        "see the findings of unassigned-shards",
        request("GET", "/_cluster/health?level=indices"),
    )


REMEDIES = {
    "same_shard": "add a data node, or ask for fewer replicas",
    "max_retry": "cure the cause in the server's words, then let it try again: "
    "POST /_cluster/reroute?retry_failed=true",
    "disk_threshold": "free disk space on the nodes, or add one",
    "filter": "correct the allocation filter of the index, or give a node that attribute",
    "enable": "allocation is switched off: set cluster.routing.allocation.enable to all",
    "shards_limit": "raise total_shards_per_node, or add a node",
    "data_tier": "add a node of that tier, or change _tier_preference",
    "node_version": "finish the upgrade: a replica cannot go to an older node",
}
"""By the decider that says no."""


@check(
    "unassigned-shards",
    "Every shard is on a node",
    why="A primary on no node: its documents cannot be read or written. A replica on no node: "
    "the loss of one more node may lose documents.",
    needs=("health", "indices", "shards", "explanations"),
    thresholds=(
        "error: a primary",
        "warning: a replica",
        "info: a replica that the cluster has too few data nodes for",
        "at most 5 groups of shards are explained by the server",
    ),
)
def unassigned_shards(facts: Facts) -> Iterator[Finding]:
    """The shards that are on no node, in groups of one reason.

    The server is asked to explain one of each group (`_cluster/allocation/explain`).
    """
    for group in facts.explanations:
        role = "primary" if group.primary else "replica"
        severity: Severity = "info" if facts.is_surplus(group) else "warning"
        shard = {"index": group.index, "shard": group.shard, "primary": group.primary}
        yield Finding(
            "error" if group.primary else severity,
            listed(list(group.indices)),
            f"{group.count} {role} shard{'' if group.count == 1 else 's'} on no node "
            f"({group.reason})",
            _explanation(group),
            _remedy(group),
            request("POST", "/_cluster/allocation/explain", shard),
        )


def _explanation(group: Explanation) -> str:
    said = [f"{name}: {words}" for name, words in group.deciders] or [group.summary]
    return f"shard {group.shard} of {group.index}: " + "; ".join(said)


def _remedy(group: Explanation) -> str:
    found = [REMEDIES[name] for name, _ in group.deciders if name in REMEDIES]
    return found[0] if found else "ask for the explanation of each shard, and cure what it names"


@check(
    "allocation",
    "Shards may be allocated and moved",
    why="It is switched off for a rolling restart, and forgotten: then no new index gets its "
    "shards, and a lost node is not made up for.",
    needs=("settings",),
)
def allocation(facts: Facts) -> Iterator[Finding]:
    """The settings cluster.routing.allocation.enable and cluster.routing.rebalance.enable."""
    for name in ("cluster.routing.allocation.enable", "cluster.routing.rebalance.enable"):
        value = facts.settings.get(name, "all")
        if value != "all":
            yield Finding(
                "warning",
                "cluster",
                f"{name} is {value}",
                f"{name}: {value}; all is the default",
                "set it back when the maintenance is over",
                request("PUT", "/_cluster/settings", {"persistent": {name: None}}),
            )


@check(
    "pending-tasks",
    "The master keeps up",
    why="Every change of an index or alias is a task of the master: a switch would wait as long.",
    needs=("pending",),
    thresholds=(f"warning: a task waits for more than {WAITING // 1000} s",),
)
def pending_tasks(facts: Facts) -> Iterator[Finding]:
    """The changes of the cluster state that wait for the master, at this moment."""
    waiting = sorted(one.waiting for one in facts.pending)
    if waiting and waiting[-1] > WAITING:
        longest = max(facts.pending, key=lambda one: one.waiting)
        yield Finding(
            "warning",
            "cluster",
            f"changes of the cluster state wait for {waiting[-1] / 1000:.0f} s",
            f"{len(waiting)} waiting; the longest is {longest.source}",
            "look at the master's load; fewer indices, fields and alias changes relieve it",
            request("GET", "/_cluster/pending_tasks"),
        )


@check(
    "master-nodes",
    "The loss of one node leaves a master",
    why="A master is elected by a majority: of two nodes that vote, or of one, none may be lost.",
    needs=("nodes",),
    thresholds=("warning: more than one node, and fewer than three that vote",),
)
def master_nodes(facts: Facts) -> Iterator[Finding]:
    """How many nodes have the role master. A cluster of one node is not reported."""
    voters = [node.name for node in facts.nodes if node.is_voter]
    if len(facts.nodes) > 1 and len(voters) < 3:  # noqa: PLR2004  (the smallest majority to spare)
        yield Finding(
            "warning",
            "cluster",
            f"{len(voters)} of {len(facts.nodes)} nodes can be master: none of them may be lost",
            f"with the role master: {listed(voters)}",
            "give a third node the role master (voting_only is enough)",
            request("GET", "/_cat/nodes?v&h=name,node.role,master"),
        )
