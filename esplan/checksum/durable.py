"""Whether everything in an index is on the disks of all its copies, and outlives their servers.

A write is acknowledged before that where `index.translog.durability` is `async`; and a replica
that answers late may lag. A flush writes everything down. The global checkpoint of a shard is the
number up to which every copy in sync has written.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan.checksum.side import LONGEST_REQUEST, checkpoints, marks
from esplan.errors import Incomplete

if TYPE_CHECKING:
    from esplan.cluster import Cluster

PATIENCE = 30.0
"""Seconds for which a copy that lags is waited for, after the flush."""

PAUSE = 0.1


def make_durable(cluster: Cluster, index: str) -> None:
    """Flush it, and wait until every copy has what was written before the call.

    Clients may write on: what they write meanwhile does not count. Raises Incomplete where that
    cannot be seen, StepFailed where there is no such index.
    """
    numbers = marks(cluster, [index])[index]
    wanted = [numbers[str(shard)] for shard in range(len(numbers))]
    path = f"/{quote(index, safe='')}/_flush"  # a flush that is repeated does no harm
    answer = cluster.read(path, {"wait_if_ongoing": "true"}, timeout=LONGEST_REQUEST) or {}
    failed = answer.get("_shards", {}).get("failed", 1)
    deadline = time.monotonic() + PATIENCE
    while failed or not _reached(wanted, checkpoints(cluster, index)):
        if failed or time.monotonic() > deadline:
            raise Incomplete(
                f"not all of {index} is on the disks of its servers",
                code="ESP-3306",
                why="the flush failed on a shard"
                if failed
                else f"a copy of a shard has not written everything down in {PATIENCE:.0f} s",
                remedy=f"see GET /_cat/shards/{index} and the server's log",
            )
        time.sleep(PAUSE)


def _reached(wanted: list[int], now: list[int]) -> bool:
    return all(mark <= reached for mark, reached in zip(wanted, now, strict=True))
