"""What is off with an index, and what to do about it: one function a rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.request import index_path, request
from esplan.sizing import GIB, max_num_segments
from esplan.sizing.model import SEVERITIES, Advice, Goals, Sizing
from esplan.sizing.shards import DOCUMENTS, is_huge, is_tiny, proposal

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 5
"""As many tiny shards are worth a change: what an index had by default before version 7. Fewer
may be meant, for indexing on several nodes at once."""

MARGIN = 2
"""A force merge rewrites the whole index: fewer than this many times the wanted segments are not
worth it."""

PER_TIER = 10
"""So many segments of about a size the server leaves unmerged (`index.merge.policy.
segments_per_tier`): an index with this many above the wanted has not been merged down."""

DELETED = 0.2
"""The share of deleted documents that the server's own merges allow (`index.merge.policy.
deletes_pct_allowed`, 20 since 8.0): beyond it they have not kept up."""


def advised(one: Sizing, goals: Goals, data_nodes: int) -> Sizing:
    """The same index with its `max_num_segments`, and its advice, the worst first."""
    found = sorted(_rules(one, goals, data_nodes), key=lambda a: SEVERITIES.index(a.severity))
    return replace(one, max_num_segments=_target(one, goals), advice=tuple(found))


def _target(one: Sizing, goals: Goals) -> int | None:
    if one.primary_bytes is None:
        return None
    return max_num_segments(one.primary_bytes, one.shards, goals.segment)


def _rules(one: Sizing, goals: Goals, data_nodes: int) -> Iterator[Advice]:
    """A closed index serves nobody, and one that lacks a primary is not all there to measure."""
    if not one.is_open:
        return
    yield from replicas(one, data_nodes)
    if one.missing:
        yield from missing(one)
    elif not one.documents and not one.deleted:
        yield from empty(one)
    else:
        yield from shards(one, goals)
        yield from segments(one, goals)
        yield from deleted(one, goals)


def missing(one: Sizing) -> Iterator[Advice]:
    """Primaries that are on no node: red, and the numbers of the row are not whole."""
    asked = {"index": one.name, "shard": one.missing[0], "primary": True}
    yield Advice(
        kind="allocation",
        problem="red",
        severity="critical",
        reason=f"{len(one.missing)} of {_shards(one.shards)} have no primary: the numbers of this "
        "index are not whole",
        remedy="ask the server why, and cure that first",
        requests=(request("POST", "/_cluster/allocation/explain", asked),),
    )


def replicas(one: Sizing, data_nodes: int) -> Iterator[Advice]:
    """Two copies of a shard are never on one node: more replicas than other nodes stay yellow."""
    possible = max(0, data_nodes - 1)
    if one.expands or one.replicas <= possible:
        return
    settings = {"index.number_of_replicas": possible}
    nodes = "is one data node" if data_nodes == 1 else f"are {data_nodes} data nodes"
    most = f"at most {possible} can have a place" if possible else "none can have a place"
    yield Advice(
        kind="replicas",
        problem="replicas",
        severity="warning",
        reason=f"each shard wants {_number(one.replicas, 'replica')}, and there {nodes}: two "
        f"copies are never on one node, so {most}",
        remedy="add data nodes, or want fewer replicas",
        arguments={"replicas": possible},
        requests=(request("PUT", index_path(one.name, "/_settings"), settings),),
    )


def empty(one: Sizing) -> Iterator[Advice]:
    """No documents. Its shards and segments say nothing then."""
    yield Advice(
        kind="empty",
        problem="empty",
        severity="info",
        reason=f"it has no documents, and {_shards(one.shards)}",
        remedy="fill it, or delete it when nobody needs it",
    )


def shards(one: Sizing, goals: Goals) -> Iterator[Advice]:
    """Many tiny shards cost heap and time for nothing; a huge one recovers and merges slowly.

    The requests come later (`requests.of_shards`): they need the index's definition.
    """
    tiny = is_tiny(one, goals)
    if not (tiny or is_huge(one, goals)):
        return
    count, route = proposal(one, goals)
    if count == one.shards:
        return
    limit = f"{gb(goals.shard)} desired" if tiny else f"{gb(goals.shard)} and {DOCUMENTS:,} desired"
    documents = "" if tiny else f" and {(one.documents or 0) // one.shards:,} documents"
    yield Advice(
        kind="shards",
        problem="tiny shards" if tiny else "huge shards",
        severity="info" if tiny and one.shards < MANY else "warning",
        reason=f"{_shards(one.shards)} of {gb((one.primary_bytes or 0) / one.shards)}{documents} "
        f"each ({limit})",
        remedy=f"{_shards(count)} of {gb((one.primary_bytes or 0) / count)}, by {HOW[route]}",
        arguments={"shards": count, "route": route},
    )


HOW = {
    "shrink": "shrink: hard links, seconds, no writes meanwhile",
    "split": "split: hard links, seconds, no writes meanwhile",
    "reindex": "reindex: no factor of the present count fits; no writes meanwhile",
}


def segments(one: Sizing, goals: Goals) -> Iterator[Advice]:
    """More than twice the wanted segments. Only for an index that is no longer written to."""
    target = _target(one, goals) or 1
    count = one.searchable or 0
    if count <= MARGIN * target * one.shards:
        return
    grave = count > (target + PER_TIER) * one.shards
    query = f"/_forcemerge?max_num_segments={target}"
    each = "" if one.shards == 1 else " each"
    yield Advice(
        kind="force_merge",
        problem="segments",
        severity="warning" if grave else "info",
        reason=f"{_number(count, 'segment')} in {_shards(one.shards)}, where {target}{each} would "
        f"do ({gb(goals.segment)} a segment)",
        remedy="force merge it once nobody writes to it any more",
        arguments={"max_num_segments": target},
        requests=(request("POST", index_path(one.name, query)),),
    )


def deleted(one: Sizing, goals: Goals) -> Iterator[Advice]:
    """Deleted documents take disk and time until their segments are merged.

    The server keeps those of the last half minute for replicas that may come back, and all that
    came after the last flush (seen on 8.16): hence the flush.
    """
    share = one.deleted_share or 0
    if share <= DELETED:
        return
    merged = any(segments(one, goals))
    requests = (
        request("POST", index_path(one.name, "/_flush")),
        request("POST", index_path(one.name, "/_forcemerge?only_expunge_deletes=true")),
    )
    yield Advice(
        kind="expunge_deletes",
        problem="deleted",
        severity="warning",
        reason=f"{share:.0%} of its documents are deleted ones ({one.deleted:,}) that still take "
        "space",
        remedy="the force merge to fewer segments drops them"
        if merged
        else "merge them away once nobody writes to it any more (those of the last minute stay)",
        requests=() if merged else requests,
    )


def gb(size: float) -> str:
    """`25 GB`, `1.3 GB`; small sizes in MB or KB."""
    for unit, step in (("GB", GIB), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= step:
            return f"{size / step:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size:.0f} B"


def _shards(count: int) -> str:
    return _number(count, "shard")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
