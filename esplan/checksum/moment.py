"""How far an index is written at one moment, so that what is read after it stands for that moment.

A write gets its sequence number before it is carried out, so the highest number alone may name a
write that no search shows yet. What is read counts as the state of one moment where everything up
to a number was carried out before the refresh, and the highest number afterwards is that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.checksum import shards as counted
from esplan.checksum.side import by_shard, numbers
from esplan.request import batches, index_path, there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.checksum.report import Marks
    from esplan.live import Reader

IN_FLIGHT = ("index_current", "delete_current")
"""Writes that a shard has begun and not ended, as `_stats` counts them."""


def reached(cluster: Reader, indices: Sequence[str]) -> Marks:
    """Return the sequence number up to which every primary has carried out everything.

    A refresh after it shows all of that to searches. It is behind `marks` while a write is in
    flight. Raises as `marks` does.
    """
    found: Marks = {}
    for names in batches(indices):
        shards = counted.of(cluster, names)
        synced, highest = numbers(cluster, names, shards, "local_checkpoint", "max_seq_no")
        found |= _carried_out(cluster, synced, highest)
    return found


def progress(cluster: Reader, index: str) -> tuple[list[int], dict[str, int]]:
    """Return `checkpoints` and `reached` of one index, both of the same moment."""
    wanted = ("global_checkpoint", "local_checkpoint", "max_seq_no")
    safe, synced, highest = numbers(cluster, [index], counted.of(cluster, [index]), *wanted)
    return by_shard(safe[index]), _carried_out(cluster, synced, highest)[index]


def _carried_out(cluster: Reader, synced: Marks, highest: Marks) -> Marks:
    """The checkpoint counts what is on the disk: `translog.durability: async` lets it lag behind.

    Where nothing is in flight after the highest number was read, everything up to it is done.
    """
    lagging = [name for name, shards in synced.items() if shards != highest[name]]
    if not lagging:
        return highest
    busy = _busy(cluster, lagging)
    return {
        name: {
            shard: synced[name][shard] if (name, shard) in busy else number
            for shard, number in shards.items()
        }
        for name, shards in highest.items()
    }


def _busy(cluster: Reader, names: Sequence[str]) -> set[tuple[str, str]]:
    """The shards, with their index, that carry out a write now, or do not say so."""
    path = index_path(",".join(names), "/_stats/indexing")
    answer = there(cluster.read(path, {"level": "shards"}), path)
    return {
        (name, shard)
        for name in names
        for shard, copies in answer["indices"][name]["shards"].items()
        if any(copy["indexing"][kind] for copy in copies for kind in IN_FLIGHT)
    }
