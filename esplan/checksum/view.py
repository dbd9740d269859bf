"""An index as it was at one moment, while clients go on writing to it.

A view is a point in time for every shard, since each shard numbers its own operations, with the
shard's global checkpoint from just before. Every operation up to that checkpoint is in the view,
and no failover takes it back; one after it may be in the view or not.

With `translog.durability: async` that checkpoint lags behind what is in the view. So a view knows,
too, how far the primary had carried out everything just before: if the highest sequence number is
that one later, then the view has everything.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from esplan.checksum.moment import progress
from esplan.checksum.side import (
    KEPT,
    Part,
    Side,
    by_shard,
    highest_marks,
    read_part,
    read_side,
    refresh,
)
from esplan.errors import EsplanError, ServerError
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON

UNKNOWN_PATH = (400, 405)
"""How a server answers a path that it does not have."""

CLOSING = 5
"""Seconds that are given to closing."""


@dataclass(frozen=True)
class View:
    """`marks` and `pits` are by the number of the shard, from 0; `highest` ends its numbers.

    `stands_for`: how far everything was carried out before, by shard. The view holds an index as it
    is for as long as its highest sequence numbers are these.
    """

    cluster: Cluster
    index: str
    marks: tuple[int, ...]
    highest: tuple[int, ...]
    pits: tuple[str, ...]
    opensearch: bool = False
    stands_for: dict[str, int] = field(default_factory=dict)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Where the documents of each shard are, by sequence number."""
        shards = zip(self.highest, self.pits, strict=True)
        return tuple(read_part(self.cluster, self.index, *one) for one in shards)

    @cached_property
    def window(self) -> int:
        """The most documents that the index returns at once."""
        name = "*.settings.index.max_result_window"
        found = self.cluster.read(index_path(self.index), {"filter_path": name}) or {}
        own = (one["settings"]["index"]["max_result_window"] for one in found.values())
        return min(Side.window, int(next(own, Side.window)))

    def ready(self) -> None:
        """Ask for what this view asks only once."""
        _ = self.parts, self.window

    def side(self, query: JSON | None = None) -> Side:
        """The view as one side of a comparison; `query`: of these documents alone."""
        return read_side(self.cluster, self.index, self.parts, query)

    def close(self) -> None:
        """Give the server its files back; it takes them itself where that does not work."""
        for pit in self.pits:
            path, body = "/_pit", dict[str, object](id=pit)
            if self.opensearch:
                path, body = "/_search/point_in_time", {"pit_id": [pit]}
            with suppress(EsplanError):
                self.cluster.change("DELETE", path, None, body, timeout=CLOSING)


def open_view(cluster: Cluster, index: str) -> View:
    """Everything that was acknowledged before the call is in the view.

    Raises StepFailed where a shard is missing, ServerError and Unreachable.
    """
    marks, before = progress(cluster, index)
    refresh(cluster, [index])
    opened = [_open(cluster, index, shard) for shard in range(len(marks))]
    pits = tuple(next(iter(one.values())) for one in opened)
    # After the last point in time: no number in a view is above these.
    now = highest_marks(cluster, [index], {index: len(marks)})[index]
    highest = tuple(by_shard(now))
    opensearch = any("pit_id" in one for one in opened)
    return View(cluster, index, tuple(marks), highest, pits, opensearch, before)


def _open(cluster: Cluster, index: str, shard: int) -> dict[str, str]:
    """`{"id": …}`; OpenSearch calls it `pit_id`."""
    parameters = {"keep_alive": KEPT, "preference": f"_shards:{shard}"}
    try:
        return {"id": cluster.change("POST", index_path(index, "/_pit"), parameters)["id"]}
    except ServerError as error:
        if error.status not in UNKNOWN_PATH:
            raise
    path = index_path(index, "/_search/point_in_time")
    return {"pit_id": cluster.change("POST", path, parameters)["pit_id"]}
