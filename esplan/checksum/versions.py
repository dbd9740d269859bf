"""The versions of documents, in numbers: whether clients set them, whether a copy has the same."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan.errors import ServerError
from esplan.request import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON

UNKNOWN = (400, 403)
"""A server without this aggregation; a user who may not search."""

STATS = {"versions": {"stats": {"field": "_version"}}}
CLOSE = 1e-9
"""How far two sums of floating numbers may be apart, relatively: the order of adding differs."""


def look(cluster: Cluster, index: str) -> JSON | None:
    """Count, least, greatest and sum of `_version`; None where that cannot be found out."""
    return look_at(cluster, [index]).get(index)


def look_at(cluster: Cluster, indices: Sequence[str]) -> dict[str, JSON]:
    """The same of several, in as few requests as their names fit in; without those not known."""
    found: dict[str, JSON] = {}
    for names in batches(indices):
        found |= _asked(cluster, names)
    return found


def _asked(cluster: Cluster, names: Sequence[str]) -> dict[str, JSON]:
    params = {"allow_partial_search_results": "false"}
    each = {"terms": {"field": "_index", "size": len(names)}, "aggs": STATS}
    body = {"size": 0, "track_total_hits": False, "aggs": {"indices": each}}
    path = f"/{','.join(quote(name, safe='') for name in names)}/_search"
    try:
        answer = cluster.read(path, params, body) or {}
    except ServerError as error:
        if error.status not in UNKNOWN:
            raise
        return {}
    buckets = answer.get("aggregations", {}).get("indices", {}).get("buckets", [])
    return {one["key"]: one["versions"] for one in buckets if one["versions"]["count"]}


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
