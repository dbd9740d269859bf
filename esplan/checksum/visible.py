"""Whether searches see the whole of an index, found out by numbers and not by rights.

A search may leave out documents: by document level security, and whatever else a server has. The
statistics of an index are about its shards, and leave out nothing. Each nested object is a document
of its own there, so these are counted, too. In the same way the state of the cluster has every
field of a mapping, and `GET` of the index those that this user is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import kept
from esplan.checksum.shards import present
from esplan.checksum.side import marks, refresh, search, whole
from esplan.errors import BLOCKED, FORBIDDEN, Refused, ServerError
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON

UNCOUNTED = frozenset({"semantic", "semantic_text"})
"""Types whose fields are stored as nested documents that no search shows as such."""

TRIES = 3
"""How often it is counted where clients write meanwhile. Under a write block once is enough."""

SHOWN = 10


def require(cluster: Cluster, index: str, label: str = "") -> None:
    """Raises Refused where documents or fields of an index are hidden; StepFailed as `search`.

    `label`: how messages name the index. Where clients write all the time, documents are not
    compared: the proof does it under the write block.
    """
    mappings = require_fields(cluster, index, label)
    numbers = _numbers(cluster, index, mappings)
    if numbers and numbers[0] > numbers[1]:
        why = f"its shards have {numbers[0]:,} documents, and searches see {numbers[1]:,} of them"
        raise _refused(label or index, "documents", f"{why} (both with nested ones)")


def require_fields(cluster: Cluster, index: str, label: str = "") -> JSON:
    """The mappings, of which all fields are shown; raises Refused otherwise."""
    mappings = _mappings(cluster, index)
    fields = sorted(_hidden_fields(cluster, index, mappings))
    if fields:
        said = ", ".join(fields[:SHOWN]) + " …" * (len(fields) > SHOWN)
        raise _refused(
            label or index, "fields", f"the cluster has fields that are not shown: {said}"
        )
    return mappings


def _refused(index: str, what: str, why: str) -> Refused:
    return Refused(
        f"some {what} of {index} are hidden from these credentials",
        code="ESP-4118",
        why=why,
        remedy="use credentials that are shown the whole index: no document level security, no "
        "field level security (`esplan privileges` prints such roles)",
    )


def _mappings(cluster: Cluster, index: str) -> JSON:
    answer = present(cluster.read(index_path(index), {"filter_path": "*.mappings"}), index)
    found: list[JSON] = [one.get("mappings", {}) for one in answer.values()]
    return found[0] if found else {}


# Documents


def _numbers(cluster: Cluster, index: str, mappings: JSON) -> tuple[int, int] | None:
    """Lucene's documents in the shards, and those that searches see; None where nobody can tell.

    The marks say whether both were counted at the same state.
    """
    paths = dict(kept.types(mappings))
    if not UNCOUNTED.isdisjoint(paths.values()):
        return None
    nested = [path for path, kind in paths.items() if kind == "nested"]
    for _ in range(TRIES):
        before = marks(cluster, [index])
        refresh(cluster, [index])
        there_are, seen = _stored(cluster, index), _seen(cluster, index, nested)
        if marks(cluster, [index]) == before:
            return there_are, seen
    return None


def _stored(cluster: Cluster, index: str) -> int:
    path = index_path(index, "/_stats/docs")
    parts = "_shards,_all.primaries.docs.count"
    answer = whole(present(cluster.read(path, {"filter_path": parts}), index), index)
    return int(answer["_all"]["primaries"]["docs"]["count"])


def _seen(cluster: Cluster, index: str, nested: list[str]) -> int:
    body: JSON = {"size": 0, "track_total_hits": True, "query": {"match_all": {}}}
    if nested:
        body["aggs"] = {str(n): {"nested": {"path": path}} for n, path in enumerate(nested)}
    answer = search(cluster, index, body)
    inner = answer.get("aggregations", {}).values()
    return int(answer["hits"]["total"]["value"]) + sum(int(one["doc_count"]) for one in inner)


# Fields


def _hidden_fields(cluster: Cluster, index: str, shown: JSON) -> set[str]:
    """Fields of the mapping that are not shown; none where the cluster's state is not, either.

    A field that was added after `shown` was read looks hidden once.
    """
    known = _all_fields(cluster, index)
    hidden = known - {path for path, _ in kept.types(shown)}
    if not hidden:
        return set()
    return hidden - {path for path, _ in kept.types(_mappings(cluster, index))}


def _all_fields(cluster: Cluster, index: str) -> set[str]:
    path = f"/_cluster/state/metadata{index_path(index)}"
    try:
        answer = cluster.read(path, {"filter_path": "metadata.indices.*.mappings"}) or {}
    except ServerError as error:
        if error.status != FORBIDDEN or error.type == BLOCKED:
            raise
        return set()
    found = answer.get("metadata", {}).get("indices", {}).values()
    mappings = (one.get("mappings", {}) for one in found)
    return {path for one in mappings for path, _ in kept.types(one.get("_doc", one))}
