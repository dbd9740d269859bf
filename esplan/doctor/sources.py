"""Cluster → Facts: one request a fact, whatever the number of indices.

A request that is refused, or that the distribution does not know, leaves its fact unreadable
with the reason; only a server that does not answer at all, or does not know the credentials,
is an error. The forms of the answers are those of Elasticsearch 8.16.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from esplan import live, lock, state_index
from esplan.doctor.facts import (
    DAY,
    Breaker,
    Explanation,
    Facts,
    FailedTask,
    Health,
    Held,
    Index,
    LifecycleError,
    Node,
    PendingTask,
    Pool,
    Shard,
    Task,
    Unreadable,
)
from esplan.doctor.privileges import read_privileges
from esplan.errors import BLOCKED, FORBIDDEN, ServerError, Unreachable
from esplan.holder import is_dead
from esplan.normalize import is_throwaway

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from esplan.cluster import Cluster
    from esplan.model import JSON

EXPLANATIONS = 5
"""How many groups of unassigned shards the server is asked to explain: each is a request."""

PATIENCE = 20.0
"""Seconds for one answer: a diagnosis is wanted when a cluster is slow, too."""

LONG_WORK = "*data/write/reindex,*byquery*,*forcemerge*,*data/read/search*"
"""The actions that can run for hours. Others (ML, transforms, health) run for ever by design."""

Source = tuple[tuple[str, ...], "Callable[[Cluster, Facts], JSON]"]
"""The facts that a request must have first, and the function that sends it."""


def read(cluster: Cluster, wanted: Collection[str]) -> Facts:
    """The wanted facts (names in `SOURCES`), and those that they depend on.

    Raises Unreachable when the server does not answer at all, and ServerError for credentials
    that it does not know.
    """
    facts = Facts(now=_now())
    for name, (needs, source) in SOURCES.items():
        if name in _closure(wanted) or name == "root":
            lacking = next((facts.unreadable[n] for n in needs if n in facts.unreadable), None)
            facts = (
                _without(facts, name, lacking) if lacking else _with(facts, name, source, cluster)
            )
    return facts


def _closure(wanted: Collection[str]) -> set[str]:
    """With what those need; one step is enough, and a test says so."""
    return {need for name in wanted for need in (name, *SOURCES[name][0])}


def _with(
    facts: Facts, name: str, source: Callable[[Cluster, Facts], JSON], cluster: Cluster
) -> Facts:
    """The facts and one answer, or the reason why there is none."""
    try:
        return replace(facts, **source(cluster, facts))
    except ServerError as error:
        if error.status == 401:  # noqa: PLR2004  (HTTP's own number)
            raise
        return _without(facts, name, _reason(error))
    except Unreachable as error:
        if name == "root":
            raise
        return _without(facts, name, Unreadable("failed", f"{error.what}: {error.why}"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"the answer for `{name}` has a form that this esplan does not know ({error!r})"
        return _without(facts, name, Unreadable("failed", why))


def _without(facts: Facts, name: str, why: Unreadable) -> Facts:
    return replace(facts, unreadable={**facts.unreadable, name: why})


def _reason(error: ServerError) -> Unreadable:
    """Absent APIs answer 400, 405 or, where only the client's half is there, 500."""
    unknown = (
        *("no handler found", "failed to find action", "Incorrect HTTP method"),
        *("unrecognized parameter: [only_errors]", "Invalid index name [_security]"),
    )
    if any(text in error.what for text in unknown):
        path = error.what.removeprefix("the server refused ").split(":")[0]
        return Unreadable("absent", f"this server does not have {path.split('?')[0]}")
    if error.type == BLOCKED:
        return Unreadable("blocked", error.what)
    return Unreadable("forbidden" if error.status == FORBIDDEN else "failed", error.what)


def _ask(cluster: Cluster, path: str, params: JSON | None = None, body: JSON | None = None) -> Any:
    """One read; {} for 404."""
    return cluster.read(path, params, body, timeout=PATIENCE) or {}


# One function a fact


def _root(cluster: Cluster, _facts: Facts) -> JSON:
    found = _ask(cluster, "/")
    if "version" not in found:
        raise ServerError(
            "the server refused GET /: no handler found",
            code="ESP-3004",
            status=404,
            remedy="esplan needs a server with the rest-root module: any ordinary distribution",
        )
    return {"root": found}


def _health(cluster: Cluster, _facts: Facts) -> JSON:
    found = _ask(cluster, "/_cluster/health")
    health = Health(
        found["status"],
        found["number_of_data_nodes"],
        found["unassigned_shards"],
        found["initializing_shards"],
    )
    return {"health": health}


def _settings(cluster: Cluster, _facts: Facts) -> JSON:
    """Transient settings win over persistent ones, and both over the defaults."""
    found = _ask(
        cluster, "/_cluster/settings", {"include_defaults": "true", "flat_settings": "true"}
    )
    layers = ("defaults", "persistent", "transient")
    return {"settings": {k: v for layer in layers for k, v in found.get(layer, {}).items()}}


def _indices(cluster: Cluster, _facts: Facts) -> JSON:
    found = _ask(cluster, live.EVERYTHING, {"expand_wildcards": "all", "flat_settings": "true"})
    read = {name: _index(name, raw) for name, raw in found.items()}
    made = tuple(one for one in read.values() if is_throwaway(one.mappings))
    return {"indices": {n: i for n, i in read.items() if i not in made}, "throwaways": made}


def _index(name: str, raw: JSON) -> Index:
    return Index(name, raw.get("settings", {}), raw.get("mappings", {}), raw.get("aliases", {}))


def _shards(cluster: Cluster, _facts: Facts) -> JSON:
    columns = "index,shard,prirep,state,store,node,unassigned.reason"
    found = _ask(cluster, "/_cat/shards", {"format": "json", "bytes": "b", "h": columns})
    return {"shards": tuple(map(_shard, found))}


def _shard(row: JSON) -> Shard:
    return Shard(
        index=row["index"],
        number=int(row["shard"]),
        primary=row["prirep"] == "p",
        state=row["state"],
        size=int(row["store"]) if row.get("store") else None,
        node=row.get("node") or "",
        reason=row.get("unassigned.reason") or "",
    )


def _explanations(cluster: Cluster, facts: Facts) -> JSON:
    """One question a group of shards that miss for the same reason, primaries first."""
    groups: dict[tuple[bool, bool, str], list[Shard]] = defaultdict(list)
    for one in facts.shards:
        if one.state == "UNASSIGNED":
            groups[not one.primary, facts.is_surplus(one), one.reason].append(one)
    chosen = [shards for _, shards in sorted(groups.items())]
    asked = [_explained(cluster, shards) for shards in chosen[:EXPLANATIONS]]
    return {"explanations": (*asked, *(_group(shards) for shards in chosen[EXPLANATIONS:]))}


def _group(shards: list[Shard]) -> Explanation:
    one = min(shards, key=lambda shard: (shard.index, shard.number))
    names = tuple(sorted({shard.index for shard in shards}))
    return Explanation(one.index, one.number, one.primary, one.reason, len(shards), names)


def _explained(cluster: Cluster, shards: list[Shard]) -> Explanation:
    """A shard that was assigned in the meantime is refused; the group stays unexplained then."""
    group = _group(shards)
    body = {"index": group.index, "shard": group.shard, "primary": group.primary}
    try:
        found = _ask(cluster, "/_cluster/allocation/explain", None, body)
    except ServerError as error:
        return replace(group, summary=error.what)
    nodes = [n for n in found.get("node_allocation_decisions", []) if n.get("deciders")]
    deciders = nodes[0]["deciders"] if nodes else []
    return replace(
        group,
        summary=found.get("allocate_explanation", ""),
        deciders=tuple((one["decider"], one["explanation"]) for one in deciders),
    )


def _lucene(cluster: Cluster, _facts: Facts) -> JSON:
    params = {
        "level": "shards",
        "ignore_unavailable": "true",  # closed indices, as in `live.read_stats`
        "filter_path": "indices.*.shards.*.docs",
    }
    found = _ask(cluster, "/_stats/docs", params).get("indices", {})
    return {"lucene": {name: _most(index["shards"]) for name, index in found.items()}}


def _most(shards: JSON) -> int:
    copies = [one["docs"] for copies in shards.values() for one in copies]
    return max((docs["count"] + docs.get("deleted", 0) for docs in copies), default=0)


NODE_PARTS = (
    "name,timestamp,roles,jvm.uptime_in_millis,jvm.mem.heap_max_in_bytes,jvm.mem.pools.old,fs.total,"
    "breakers,thread_pool.*.queue,thread_pool.*.rejected"
)


def _nodes(cluster: Cluster, _facts: Facts) -> JSON:
    """With this machine's clock before and after, for the comparison with the nodes' clocks."""
    parts = ",".join(f"nodes.*.{part}" for part in NODE_PARTS.split(","))
    asked = _now()
    found = _ask(cluster, "/_nodes/stats/jvm,fs,breaker,thread_pool", {"filter_path": parts})
    nodes = tuple(map(_node, found.get("nodes", {}).values()))
    return {"nodes": nodes, "asked": asked, "answered": _now()}


def _now() -> int:
    return int(time.time() * 1000)


def _node(raw: JSON) -> Node:
    memory, disk = raw["jvm"]["mem"], raw.get("fs", {}).get("total", {})
    breakers, pools = raw.get("breakers", {}), raw.get("thread_pool", {})
    return Node(
        name=raw["name"],
        roles=tuple(raw.get("roles", ())),
        timestamp=raw["timestamp"],
        uptime=raw["jvm"]["uptime_in_millis"],
        heap=memory["heap_max_in_bytes"],
        old=memory.get("pools", {}).get("old", {}).get("used_in_bytes", 0),
        disk=disk.get("total_in_bytes", 0),
        free=disk.get("available_in_bytes", 0),
        breakers=tuple(_breaker(name, one) for name, one in sorted(breakers.items())),
        pools=tuple(Pool(n, p["queue"], p["rejected"]) for n, p in sorted(pools.items())),
    )


def _breaker(name: str, raw: JSON) -> Breaker:
    sizes = (raw["limit_size_in_bytes"], raw["estimated_size_in_bytes"])
    return Breaker(name, *sizes, tripped=raw["tripped"])


def _versions(cluster: Cluster, _facts: Facts) -> JSON:
    params = {"filter_path": "nodes.*.name,nodes.*.version"}
    found = _ask(cluster, "/_nodes/process", params).get("nodes", {}).values()
    return {"versions": {one["name"]: one["version"] for one in found}}


def _pending(cluster: Cluster, _facts: Facts) -> JSON:
    found = _ask(cluster, "/_cluster/pending_tasks").get("tasks", [])
    return {"pending": tuple(PendingTask(o["source"], o["time_in_queue_millis"]) for o in found)}


def _tasks(cluster: Cluster, _facts: Facts) -> JSON:
    found = _ask(cluster, "/_tasks", {"actions": LONG_WORK, "detailed": "true"})
    tasks = {n: t for node in found.get("nodes", {}).values() for n, t in node["tasks"].items()}
    parents = {n: t for n, t in tasks.items() if t.get("parent_task_id") not in tasks}
    return {"tasks": tuple(_task(name, raw) for name, raw in sorted(parents.items()))}


def _task(name: str, raw: JSON) -> Task:
    status = raw.get("status") or {}
    handled = ("created", "updated", "deleted", "noops", "version_conflicts")
    return Task(
        id=name,
        action=raw["action"],
        description=raw.get("description", ""),
        seconds=raw["running_time_in_nanos"] / 1e9,
        cancellable=raw.get("cancellable", False),
        done=sum(int(status.get(key, 0)) for key in handled),
        total=int(status.get("total", 0)),
    )


def _failures(cluster: Cluster, _facts: Facts) -> JSON:
    """What ended badly is not searchable there, so the last day is read: at most 200 tasks.

    Without `ignore_unavailable`: the server would leave out what may not be read, and say nothing.
    """
    since = {"range": {"task.start_time_in_millis": {"gte": _now() - DAY}}}
    body = {"size": 200, "query": since, "sort": [{"task.start_time_in_millis": "desc"}]}
    found = _ask(cluster, "/.tasks/_search", None, body)
    tasks = [_failure(hit["_id"], hit["_source"]) for hit in found.get("hits", {}).get("hits", [])]
    return {"failures": tuple(one for one in tasks if one.reason)}


def _failure(name: str, source: JSON) -> FailedTask:
    response = source.get("response") or {}
    errors = [source.get("error"), *(f.get("cause") for f in response.get("failures") or [])]
    reasons = [str(one.get("reason") or one.get("type")) for one in errors if one]
    task = source["task"]
    reason = reasons[0] if reasons else ""
    return FailedTask(name, task["action"], task.get("description", ""), reason)


def _ilm(cluster: Cluster, _facts: Facts) -> JSON:
    return {"ilm": _ask(cluster, "/_ilm/status")["operation_mode"]}


def _ilm_errors(cluster: Cluster, _facts: Facts) -> JSON:
    found = _ask(cluster, "/*/_ilm/explain", {"only_errors": "true"}).get("indices", {})
    return {"ilm_errors": tuple(_lifecycle(name, one) for name, one in sorted(found.items()))}


def _lifecycle(name: str, raw: JSON) -> LifecycleError:
    reason = str((raw.get("step_info") or {}).get("reason", ""))
    return LifecycleError(name, raw.get("policy", ""), raw.get("failed_step", ""), reason)


def _privileges(cluster: Cluster, facts: Facts) -> JSON:
    return {"privileges": read_privileges(cluster, facts)}


def _lock(cluster: Cluster, _facts: Facts) -> JSON:
    seen = lock.read(cluster)
    return {"lock": Held(seen.holder, is_dead(seen.holder)) if seen else None}


def _journals(cluster: Cluster, _facts: Facts) -> JSON:
    applies, damaged = state_index.unfinished(cluster)
    return {"journals": applies, "damaged": damaged}


SOURCES: dict[str, Source] = {
    "root": ((), _root),
    "health": ((), _health),
    "settings": ((), _settings),
    "indices": ((), _indices),
    "shards": ((), _shards),
    "explanations": (("health", "indices", "shards"), _explanations),
    "lucene": ((), _lucene),
    "nodes": ((), _nodes),
    "versions": ((), _versions),
    "pending": ((), _pending),
    "tasks": ((), _tasks),
    "failures": ((), _failures),
    "ilm": ((), _ilm),
    "ilm_errors": ((), _ilm_errors),
    "privileges": (("indices",), _privileges),
    "lock": ((), _lock),
    "journals": ((), _journals),
}
"""Every fact and its request, in the order in which they are sent."""
