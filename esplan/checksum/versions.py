"""The versions of documents, in numbers: whether clients set them, whether a copy has the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import ServerError
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON

UNKNOWN = (400, 403)
"""A server without this aggregation; a user who may not search."""

LOOK = {"size": 0, "aggs": {"versions": {"stats": {"field": "_version"}}}}
CLOSE = 1e-9
"""How far two sums of floating numbers may be apart, relatively: the order of adding differs."""


def look(cluster: Cluster, index: str) -> JSON | None:
    """Count, least, greatest and sum of `_version`; None where that cannot be found out."""
    params = {"allow_partial_search_results": "false"}
    try:
        found = cluster.read(index_path(index, "/_search"), params, LOOK)
    except ServerError as error:
        if error.status not in UNKNOWN:
            raise
        return None
    stats: JSON | None = found and found["aggregations"]["versions"]
    return stats if stats and stats["count"] else None


def are_set(stats: JSON, marks: dict[str, int]) -> bool:
    """Whether they are more than the writes account for. `marks`: highest numbers by shard.

    The server adds one to a version with each write, and each write takes a sequence number.
    """
    return bool(stats["sum"] > sum(mark + 1 for mark in marks.values()))


def same(one: JSON | None, other: JSON | None) -> bool:
    """Whether two sides agree, as far as both are known."""
    if one is None or other is None:
        return one is other
    exact = all(one[name] == other[name] for name in ("count", "min", "max"))
    return exact and abs(one["sum"] - other["sum"]) <= CLOSE * abs(one["sum"])
