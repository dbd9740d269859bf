"""Cluster → what a split or a shrink needs to know of an index: its routing shards, and places."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan.request import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.live import Reader
    from esplan.model import JSON

FILTER = ",".join(
    (
        "metadata.indices.*.routing_num_shards",
        *(f"routing_table.indices.*.shards.*.{name}" for name in ("node", "shard", "state")),
    )
)


@dataclass(frozen=True)
class Layout:
    """`routing_shards`: a split must divide them. `together`: a node has a copy of every shard."""

    routing_shards: int
    together: bool


def path(names: Sequence[str]) -> str:
    """The cluster state of some indices."""
    listed = ",".join(quote(name, safe="") for name in names)
    return f"/_cluster/state/metadata,routing_table/{listed}"


def read(cluster: Reader, names: Sequence[str]) -> dict[str, Layout]:
    """The layout of each index, in one request for as many names as fit into it."""
    found: dict[str, Layout] = {}
    for some in batches(names):
        answer = cluster.read(path(some), {"filter_path": FILTER}) or {}
        tables = answer.get("routing_table", {}).get("indices", {})
        for name, one in answer.get("metadata", {}).get("indices", {}).items():
            together = _is_together(tables.get(name, {}).get("shards", {}))
            found[name] = Layout(one["routing_num_shards"], together)
    return found


def _is_together(shards: JSON) -> bool:
    """A shrink needs a started copy of every shard on one node."""
    on: dict[str, set[int]] = defaultdict(set)
    for copies in shards.values():
        for copy in copies:
            if copy["state"] == "STARTED":
                on[copy["node"]].add(copy["shard"])
    return any(len(there) == len(shards) for there in on.values())
